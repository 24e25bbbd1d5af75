/**
 * The newest events of each type. A type that floods the page pushes out its own, never those of others, so that what is rare is found
 * when the flood is filtered away. Memory is constant.
 */
import type { EventStream } from "./rates.js";

/** So many of one type are kept. */
export const KEPT_OF_A_TYPE = 400;

/** An event as it came. What is read off it is read when it is shown. */
export interface Told {
  /** Counted over all, from 1. */
  readonly number: number;
  readonly stream: EventStream;
  /** As it is counted. */
  readonly type: string;
  /** When it came, ms. */
  readonly at: number;
  readonly timestamp: string;
  readonly late: boolean;
  /** As the service sent it. */
  readonly raw: object;
}

export class Tape {
  readonly #rings = new Map<string, { readonly stream: EventStream; readonly type: string; readonly kept: (Told | undefined)[]; next: number }>();
  version = 0;

  push(told: Omit<Told, "number">): void {
    this.version += 1;
    const key = keyOf(told);
    let ring = this.#rings.get(key);
    if (ring === undefined) this.#rings.set(key, (ring = { stream: told.stream, type: told.type, kept: new Array<Told | undefined>(KEPT_OF_A_TYPE).fill(undefined), next: 0 }));
    // Spread would make it a copy of another shape; this is the busiest line of the page.
    ring.kept[ring.next] = { number: this.version, stream: told.stream, type: told.type, at: told.at, timestamp: told.timestamp, late: told.late, raw: told.raw };
    ring.next = (ring.next + 1) % KEPT_OF_A_TYPE;
  }

  /** The newest of the types that are not hidden, newest first. */
  newest(most: number, hidden: ReadonlySet<string> = new Set()): Told[] {
    const found: Told[] = [];
    for (const [key, ring] of this.#rings) {
      if (hidden.has(key)) continue;
      for (let back = 1; back <= Math.min(most, KEPT_OF_A_TYPE); back += 1) {
        const told = ring.kept[(ring.next - back + KEPT_OF_A_TYPE) % KEPT_OF_A_TYPE];
        if (told === undefined) break;
        found.push(told);
      }
    }
    return found.sort((a, b) => b.number - a.number).slice(0, most);
  }
}

/** Names a type of a stream. */
export function keyOf({ stream, type }: { readonly stream: EventStream; readonly type: string }): string {
  return `${stream} ${type}`;
}

/** What an event is about, in a few words. */
export function aboutOf({ raw }: Told): string {
  const { data, payload, participant, interaction, reason } = raw as Partial<Record<string, unknown>>;
  const inside = (data ?? payload ?? {}) as Partial<Record<string, unknown>>;
  const words = [
    inside["name"] ?? inside["participant"] ?? participant,
    inside["presence"] ?? inside["routingStatus"],
    inside["queue"],
    shortId(inside["conversationId"] ?? interaction),
    inside["reason"] ?? reason,
  ];
  return words.filter((word): word is string => typeof word === "string" && word !== "").join(" · ");
}

/** The beginning of an id, as far as people read it. */
export function shortId(id: unknown): string {
  return typeof id === "string" ? id.slice(0, 8) : "";
}
