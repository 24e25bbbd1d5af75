/** Breaks the line of one stream and of no other: rules of the simulator that match its path, in this page's own deployment. */
import { type Rule, addRules, removeAllRules, removeRules, sendOnStream } from "../simulator.js";
import type { StreamKey } from "./rates.js";

export const PATHS: Readonly<Record<StreamKey, string>> = {
  latency: "/v2/analytics/events/realtime",
  conversations: "/api/v2/analytics/conversations/events",
  interactions: "/api/v2/analytics/conversations/stream",
  presence: "/api/v2/user/websocket",
};
/** Older than anything: no replay begins so early, and nobody's newest update is this one. */
const LONG_AGO = "1970-01-01T00:00:00.000Z";

/** What lasts until it is lifted. */
export type Hold = "stall" | "refuse";

export function rulesOf(hold: Hold, key: StreamKey, deploymentId: string): readonly Rule[] {
  const match = { deploymentId, path: PATHS[key] };
  if (hold === "stall") {
    return [
      { on: "frame-in", match, count: 0, do: "stall", direction: "both" },
      { on: "frame-out", match, count: 0, do: "stall", direction: "both" },
      { on: "connect", match, count: 0, do: "blackhole" },
    ];
  }
  return [
    { on: "connect", match, count: 0, do: "refuse", status: 503 },
    // Who asks why hears the same.
    { on: "http", match, count: 0, do: "status", status: 503 },
  ];
}

/** What is said to have a line tell something. */
export interface Nudge { readonly to: string; readonly what: object }

/**
 * Faults are met by frames, so something has to be told over each connection. It meets the fault and goes down with the line; what the
 * service tells again later must not be news. `last`: the newest conversation event that is known here. `channels`: a presence channel of each
 * connection. The latency monitor asks so often that it needs none.
 */
export function nudgeOf(key: StreamKey, last: object | undefined, channels: readonly string[]): Nudge | undefined {
  switch (key) {
    case "latency": return undefined;
    case "conversations": return { to: key, what: { events: [last ?? { id: "line-tested", timestamp: new Date().toISOString(), type: "LineTested", data: {} }] } };
    case "interactions": return { to: key, what: { events: [{ timestamp: LONG_AGO, type: "LineTested", participant: "", interaction: "", channel: "voice" }] } };
    case "presence": return { to: key, what: { updates: channels.map((channelId) => ({ channelId, type: "presence", timestamp: LONG_AGO, eventType: "line.tested", payload: {} })) } };
  }
}

export class Breaking {
  version = 0;
  failure: string | undefined;
  readonly #deploymentId: string;
  readonly #nudge: (key: StreamKey) => Nudge | undefined;
  readonly #held = new Map<string, readonly number[]>();

  constructor(deploymentId: string, nudge: (key: StreamKey) => Nudge | undefined) {
    this.#deploymentId = deploymentId;
    this.#nudge = nudge;
  }

  isOn(hold: Hold, key: StreamKey): boolean {
    return this.#held.has(`${hold} ${key}`);
  }

  get anyOn(): boolean {
    return this.#held.size > 0;
  }

  /** Cuts the connections of a stream that is up, without a goodbye. */
  drop(key: StreamKey, connections: number): Promise<void> {
    return this.#attempt(() => this.#cut(key, connections));
  }

  toggle(hold: Hold, key: StreamKey, connections: number): Promise<void> {
    return this.#attempt(async () => {
      const name = `${hold} ${key}`;
      const ids = this.#held.get(name);
      if (ids !== undefined) {
        this.#held.delete(name);
        await removeRules(ids);
      } else {
        this.#held.set(name, await addRules(rulesOf(hold, key, this.#deploymentId)));
        // The line that is up would never notice; it breaks once, so that the next attempt meets the refusal.
        if (hold === "refuse" && connections > 0) await this.#cut(key, connections);
      }
    });
  }

  /** Takes all of it back. What was held is delivered. */
  heal(): Promise<void> {
    return this.#attempt(async () => {
      this.#held.clear();
      await removeAllRules(this.#deploymentId);
    });
  }

  async #cut(key: StreamKey, connections: number): Promise<void> {
    const ids = await addRules([{ on: "frame-out", match: { deploymentId: this.#deploymentId, path: PATHS[key] }, count: connections, do: "drop" }]);
    const nudge = this.#nudge(key);
    if (nudge === undefined) return;
    await sendOnStream(this.#deploymentId, nudge.to, nudge.what);
    // What was not there to be cut is not to be cut later.
    await removeRules(ids);
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.failure = undefined;
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error);
    }
    this.version += 1;
  }
}
