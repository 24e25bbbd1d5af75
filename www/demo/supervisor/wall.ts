/** The agents as the presence multiplexer tells of them. An update that is older than what is known changes nothing. */
import type { PresenceUpdate } from "../../streams/index.js";
import { timeOf } from "./lanes.js";

/** In the order in which they are counted. What the service may say besides stands behind them. */
export const PRESENCES = ["online", "busy", "away", "meeting", "lunch", "training", "other", "offline"] as const;

export interface Agent {
  readonly id: string;
  readonly name: string;
  /** `undefined` as long as nothing was said. */
  readonly presence: string | undefined;
  readonly routing: string | undefined;
  /** When the presence began, in ms. */
  readonly since: number | undefined;
}

interface Known extends Agent { readonly presenceAt: number; readonly routingAt: number }

export class Wall {
  version = 0;
  #agents = new Map<string, Known>();

  /** These are expected, by their ids; what is known of others is forgotten. */
  expect(ids: readonly string[]): void {
    this.#agents = new Map(ids.map((id) => [id, this.#agents.get(id) ?? blank(id)]));
    this.version += 1;
  }

  /** Nothing is known of anybody. */
  clear(): void {
    this.#agents = new Map([...this.#agents.keys()].map((id) => [id, blank(id)]));
    this.version += 1;
  }

  take({ payload, timestamp, type }: PresenceUpdate): void {
    const { userId, name, presence, routingStatus } = payload as Partial<Record<string, unknown>>;
    if (typeof userId !== "string" || type === "message") return;
    const known = this.#agents.get(userId);
    const at = timeOf(timestamp) ?? 0;
    if (known === undefined) return;
    const named = typeof name === "string" ? name : known.name;
    if (typeof presence === "string" && at >= known.presenceAt) {
      const since = presence === known.presence ? known.since : at;
      this.#agents.set(userId, { ...known, name: named, presence, presenceAt: at, since });
    } else if (typeof routingStatus === "string" && at >= known.routingAt) {
      this.#agents.set(userId, { ...known, name: named, routing: routingStatus, routingAt: at });
    } else return;
    this.version += 1;
  }

  /** In the order in which they were expected. */
  get agents(): readonly Agent[] {
    return [...this.#agents.values()];
  }

  /** How many there are of each presence, also where nobody has it. Agents that nothing was said of are left out. */
  get counts(): readonly { readonly presence: string; readonly count: number }[] {
    const counts = new Map<string, number>(PRESENCES.map((presence) => [presence, 0]));
    for (const { presence } of this.#agents.values()) if (presence !== undefined) counts.set(presence, (counts.get(presence) ?? 0) + 1);
    return [...counts].map(([presence, count]) => ({ presence, count }));
  }
}

function blank(id: string): Known {
  return { id, name: id, presence: undefined, routing: undefined, since: undefined, presenceAt: -Infinity, routingAt: -Infinity };
}
