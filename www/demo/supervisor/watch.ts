/** One stream as its card shows it: where it stands and stood, its figures, and what went wrong last. */
import type { StreamState } from "../../streams/index.js";
import type { Tone } from "../describe.js";
import { type Span, WINDOW_MS } from "../line.js";
import type { StreamKey } from "./rates.js";
import { describeStream } from "./words.js";

/** A lag that is not told again is over after so long, in ms. */
const LAG_STANDS_MS = 3000;

/** What all four have in common, as far as it is watched. */
export interface Watched {
  readonly state: StreamState;
  readonly metrics: Readonly<Record<string, number>>;
  on(event: "state", listener: (state: StreamState) => void): unknown;
  on(event: "error", listener: (error: { readonly message: string }) => void): unknown;
  on(event: "lag", listener: (lag: { readonly ms: number }) => void): unknown;
  on(event: "warning", listener: (warning: { readonly message: string; readonly detail?: string }) => void): unknown;
  start(): Promise<void>;
  stop(): Promise<void>;
  reconnect(): void;
}

export class Watch {
  readonly key: StreamKey;
  version = 0;
  state: StreamState = { name: "idle" };
  /** Changes of tone, oldest first; the first may lie before the picture. */
  spans: readonly Span[];
  figures: Readonly<Record<string, number>> = {};
  /** Since when it is not up, in ms: what is known by it is as old as that. `undefined` while it is up, and before it first was. */
  lostAt: number | undefined;
  /** What went wrong last, until the line is good again. */
  trouble: string | undefined;
  readonly #stream: Watched;
  #lag = { ms: 0, at: -Infinity };

  constructor(key: StreamKey, stream: Watched, now = Date.now()) {
    this.key = key;
    this.#stream = stream;
    this.spans = [{ from: now, tone: "quiet" }];
    this.#enter(stream.state, now);
    stream.on("state", (state) => this.#enter(state, Date.now()));
    stream.on("lag", ({ ms }) => { this.#lag = { ms, at: Date.now() }; });
    stream.on("error", ({ message }) => this.#say(message));
    stream.on("warning", ({ message, detail }) => this.#say(detail === undefined ? message : `${message} (${detail})`));
  }

  /** Asks the stream for its figures. */
  look(): void {
    this.figures = this.#stream.metrics;
    this.version += 1;
  }

  figure(name: string): number {
    return this.figures[name] ?? 0;
  }

  /** How many connections are up now, not when its figures were looked at last. */
  get connections(): number {
    return isUp(this.state) ? Math.max(1, this.#stream.metrics["connections"] ?? 0) : 0;
  }

  /** By how much this page is behind, in ms; 0 if it keeps up. */
  lag(now: number): number {
    return now - this.#lag.at < LAG_STANDS_MS ? this.#lag.ms : 0;
  }

  /** What it ends by is told by its state. */
  start(): void {
    this.#stream.start().catch(() => undefined);
  }

  reconnect(): void {
    this.#stream.reconnect();
  }

  #say(trouble: string): void {
    this.trouble = trouble;
    this.version += 1;
  }

  #enter(state: StreamState, now: number): void {
    this.version += 1;
    const wasUp = isUp(this.state);
    this.state = state;
    if (isUp(state)) this.lostAt = undefined;
    else if (wasUp) this.lostAt = now;
    if (state.name === "ready") this.trouble = undefined;
    const { tone } = describeStream(state, this.key, now);
    if (tone !== this.spans.at(-1)?.tone) this.spans = added(this.spans, tone, now);
  }
}

/** A line that is doubted still brings what comes. */
export function isUp({ name }: StreamState): boolean {
  return name === "ready" || name === "suspect";
}

function added(spans: readonly Span[], tone: Tone, now: number): readonly Span[] {
  const isInPicture = (_: Span, index: number): boolean => (spans[index + 1]?.from ?? now) > now - WINDOW_MS;
  return [...spans.filter(isInPicture), { from: now, tone }];
}
