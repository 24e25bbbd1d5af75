/** The interactions that were seen lately: which there are, how each stands, and which one is looked at. */
import type { Timeline } from "../../streams/index.js";
import { timeOf } from "./lanes.js";

/** So many are listed; over it the oldest goes, unless it is looked at. */
export const MOST = 40;
/** So many timelines are read in one go; what is left has its turn in the next. */
const READ_AT_ONCE = 24;
/** One that is over stays in sight so long before another is followed, in ms. */
const LINGER_MS = 4000;

export interface Summary {
  readonly id: string;
  readonly channel: string;
  readonly queue: string | undefined;
  readonly from: number;
  /** Its beginning was not seen: it lasts longer than it seems. */
  readonly isOlder: boolean;
  /** When the last one left; `undefined` as long as somebody is there. */
  readonly until: number | undefined;
  /** How many took part, and how many are there. */
  readonly participants: number;
  readonly present: number;
}

export class Board {
  version = 0;
  /** Newest first; who is listed keeps its place. */
  rows: readonly Summary[] = [];
  chosen: string | undefined;
  /** The page looks for a live one by itself. */
  follows = true;
  readonly #dirty = new Set<string>();
  readonly #queues = new Map<string, string>();
  /** Of a day that is over: nobody will say how they end. */
  #gone: ReadonlySet<string> = new Set();
  #held = false;
  /** What came while the list was held. */
  #waiting: Summary[] = [];

  /** Its timeline has changed. */
  note(id: string): void {
    if (!this.#gone.has(id)) this.#dirty.add(id);
  }

  /** The queue it came in by, as another stream tells. */
  place(id: string, queue: string): void {
    if (this.#queues.has(id)) return;
    this.#queues.set(id, queue);
    if (this.rows.some((row) => row.id === id)) this.#dirty.add(id);
    if (this.#queues.size > 20 * MOST) this.#queues.delete(this.#queues.keys().next().value as string);
  }

  /** While somebody is in the list nothing new is put in, so that nothing moves away under the pointer. */
  hold(isHeld: boolean): void {
    if (this.#held === isHeld) return;
    this.#held = isHeld;
    if (!isHeld) this.#insert(this.#waiting.splice(0));
    this.version += 1;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  choose(id: string): void {
    this.chosen = id;
    this.follows = false;
    this.version += 1;
  }

  follow(follows: boolean, now: number): void {
    this.follows = follows;
    if (follows) this.#lookOn(now);
    this.version += 1;
  }

  /** A new day begins. `ids`: what was heard of until now. */
  clear(ids: readonly string[]): void {
    this.#gone = new Set(ids);
    this.rows = [];
    this.#waiting = [];
    this.#dirty.clear();
    this.chosen = undefined;
    this.version += 1;
  }

  /** Reads what has changed, and looks on where the one looked at is over. */
  settle(read: (id: string) => Timeline, now: number): void {
    const fresh: Summary[] = [];
    let count = 0;
    for (const id of this.#dirty) {
      if (count === READ_AT_ONCE) break;
      count += 1;
      this.#dirty.delete(id);
      const summary = summaryOf(read(id), this.#queues.get(id));
      if (summary === undefined) continue;
      const [listed, waits] = [this.rows.findIndex((row) => row.id === id), this.#waiting.findIndex((row) => row.id === id)];
      if (listed >= 0) this.rows = this.rows.map((row, index) => (index === listed ? summary : row));
      else if (waits >= 0) this.#waiting[waits] = summary;
      else fresh.push(summary);
    }
    if (this.#held) this.#waiting.push(...fresh);
    else this.#insert(fresh);
    const before = this.chosen;
    if (this.follows && !this.#held) this.#lookOn(now);
    if (count > 0 || before !== this.chosen) this.version += 1;
  }

  #insert(fresh: readonly Summary[]): void {
    if (fresh.length === 0) return;
    const all = [...[...fresh].sort((a, b) => b.from - a.from), ...this.rows];
    this.rows = all.filter(({ id }, index) => index < MOST || id === this.chosen);
  }

  /** To the newest with company, else the newest live one, unless the one looked at is still worth it. */
  #lookOn(now: number): void {
    const current = this.rows.find(({ id }) => id === this.chosen);
    if (current !== undefined && (current.until === undefined || now - current.until < LINGER_MS)) return;
    const live = this.rows.filter(({ until }) => until === undefined);
    this.chosen = (live.find(({ present }) => present > 1) ?? live[0] ?? current ?? this.rows[0])?.id;
  }
}

/** `undefined` for one that nothing is known of. */
export function summaryOf({ interaction, entries, participants }: Timeline, queue?: string): Summary | undefined {
  const times = entries.map(({ timestamp }) => timeOf(timestamp)).filter((time) => time !== undefined);
  if (entries.length === 0 || times.length === 0) return undefined;
  const present = participants.filter((one) => one.present).length;
  return {
    id: interaction,
    channel: entries[0]?.channel ?? "",
    queue,
    from: Math.min(...times),
    isOlder: participants.some(({ intervals }) => intervals[0]?.joined === undefined),
    until: present > 0 ? undefined : Math.max(...times),
    participants: participants.length,
    present,
  };
}
