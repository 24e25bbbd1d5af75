/** The visitor's line as the strip shows it: the state now, and the last minute and a half of states and round trips. */
import type { ConnectionState, GuestClient } from "../client/index.js";
import { type Tone, describe } from "./describe.js";

/** How far back the strip's picture goes, in ms. */
export const WINDOW_MS = 90_000;

export interface Span { readonly from: number; readonly tone: Tone }
export interface RoundTrip { readonly at: number; readonly ms: number }

export class Line {
  state: ConnectionState = { name: "loading" };
  /** Tone changes, oldest first; the first may begin before the window. */
  spans: readonly Span[] = [{ from: Date.now(), tone: "quiet" }];
  roundTrips: readonly RoundTrip[] = [];
  outbox = 0;
  /** The conversation was ended for good; it can be read and a new one begun. */
  readOnly = false;
  readonly #listeners = new Set<() => void>();

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  changed(): void {
    for (const listener of this.#listeners) listener();
  }

  follow(client: GuestClient): void {
    this.#enter(client.state);
    this.outbox = client.outbox.length;
    this.readOnly = client.session?.readOnly ?? false;
    client.on("state", (state) => { this.#enter(state); this.changed(); });
    client.on("session", ({ readOnly }) => { this.readOnly = readOnly; this.changed(); });
    client.on("outbox", ({ length }) => { this.outbox = length; this.changed(); });
    client.on("metric", ({ kind, ms }) => {
      if (kind !== "rtt") return;
      const at = Date.now();
      this.roundTrips = [...this.roundTrips.filter((trip) => at - trip.at < WINDOW_MS), { at, ms: Math.round(ms) }];
      this.changed();
    });
    this.changed();
  }

  #enter(state: ConnectionState): void {
    this.state = state;
    const now = Date.now();
    const { tone } = describe(state, now);
    if (tone === this.spans.at(-1)?.tone) return;
    const isInWindow = (_: Span, index: number): boolean => (this.spans[index + 1]?.from ?? now) > now - WINDOW_MS;
    this.spans = [...this.spans.filter(isInWindow), { from: now, tone }];
  }
}
