/** The latency monitor: round trips over a connection of its own, or those of another client. */

import { StreamCall, Kind } from "../client/generated/streams/enums.js";
import type { Provide } from "../client/load.js";
import { silent } from "../client/tickets.js";
import type { AttachedLatencyOptions, LatencyEvents, LatencyOptions, MetricSource, Sample, StreamOptions } from "./api.js";
import { bare, type OwnEvent } from "./core-event.js";
import type { StreamGlue } from "./glue.js";
import { checkLatency, PLAIN, plainOptions } from "./options.js";
import { Stream } from "./stream.js";

/** How samples are called among the entries of `performance`. */
const MARK = "guestwire:rtt";
/** So many round trips are kept for a module that is not there yet. */
const EARLY = 256;
/** What the module takes for a probe that was not answered. */
const TIMEOUT = -1;

export abstract class Latency extends Stream<LatencyEvents> {
  readonly #options: LatencyOptions | AttachedLatencyOptions;
  readonly #source: MetricSource | undefined;
  #detach: (() => void) | undefined;
  #early: number[] = [];

  constructor(options: LatencyOptions | AttachedLatencyOptions, provide: Provide<StreamGlue>) {
    checkLatency(options);
    super(options as Partial<StreamOptions>, { kind: Kind.Latency, provide });
    this.#options = options;
    this.#source = "source" in options ? options.source : undefined;
    const { apm, marks = true } = options;
    if (apm !== undefined) this.on("probe", apm);
    if (marks) this.on("probe", mark);
    this.begin();
  }

  /** Resolves when first ready; attached, when it listens. Rejects as every stream's does. */
  override start(): Promise<void> {
    const started = super.start();
    if (this.#source === undefined || this.disposed) return started;
    this.#detach ??= this.#source.on("metric", ({ kind, ms }) => {
      if (kind === "rtt") this.#sample(ms);
      else if (kind === "detect") this.#sample(TIMEOUT);
    });
    // There is no connection whose state would be told.
    return silent(started.then(() => this.become({ name: this.#detach === undefined ? "stopped" : "ready" })));
  }

  override async stop(): Promise<void> {
    this.#leave();
    await super.stop();
    if (this.#source !== undefined && this.#detach === undefined) this.become({ name: "stopped" });
  }

  override dispose(): void {
    this.#leave();
    super.dispose();
  }

  protected override plain(): string {
    const attached = this.#source === undefined ? undefined : true;
    return plainOptions({ ...this.#options, attached }, PLAIN.latency);
  }

  protected override prepare(): void {
    for (const ms of this.#early.splice(0)) this.#sample(ms);
  }

  protected override hear(event: OwnEvent): void {
    if (event.type === "probe") this.emit("probe", bare(event));
    if (event.type === "threshold") this.emit("threshold", { what: event.latency ? "latency" : "jitter", value: event.value, limit: event.limit, over: event.over });
  }

  protected override admit(): void {
    if (this.#source === undefined) super.admit();
  }

  #leave(): void {
    this.#detach?.();
    this.#detach = undefined;
    this.#early = [];
  }

  #sample(ms: number): void {
    if (this.loaded) this.ask(StreamCall.Sample, "", ms);
    else if (this.#early.push(ms) > EARLY) this.#early.shift();
  }
}

/** An entry for whoever observes measures. It is cleared at once: observers have it all the same, and the page's list of them does not grow. */
function mark(sample: Sample): void {
  if (typeof performance.measure !== "function") return;
  const end = performance.now();
  performance.measure(MARK, { start: Math.max(0, end - (sample.latencyMs ?? 0)), end, detail: sample });
  performance.clearMeasures(MARK);
}
