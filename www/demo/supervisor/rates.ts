/** How many events come, by type and by stream: over the last seconds, and second by second for the last minute. Memory is constant. */

export type StreamKey = "latency" | "conversations" | "interactions" | "presence";
/** Those that tell of events. */
export type EventStream = Exclude<StreamKey, "latency">;
export const EVENT_STREAMS: readonly EventStream[] = ["conversations", "interactions", "presence"];

const BUCKET_MS = 500;
/** A rate is that of so many buckets: long enough to be steady, short enough to follow. */
const BUCKETS = 8;
/** The curve goes this far back, in seconds. */
export const HISTORY_S = 60;
/** So many types are told apart; what comes on top is counted together, so that a service that makes up types fills no memory. */
const MOST_TYPES = 40;
const OTHER = "other types";

export interface TypeRate { readonly stream: EventStream; readonly type: string; readonly perSecond: number; readonly total: number; readonly late: number }

interface Counter { readonly stream: EventStream; readonly type: string; readonly buckets: Float64Array; total: number; late: number }

export class Rates {
  readonly #counters = new Map<string, Counter>();
  readonly #seconds = new Map<EventStream, Float64Array>(EVENT_STREAMS.map((stream) => [stream, new Float64Array(HISTORY_S + 1)]));
  #began: number | undefined;
  /** The newest bucket and second that were written to, counted from the epoch. */
  #bucket = 0;
  #second = 0;
  readonly #lastAt = new Map<EventStream, number>();
  total = 0;
  late = 0;

  /** Counts one event at `now`; gives the name under which it counts. */
  count(stream: EventStream, type: string, isLate: boolean, now: number): string {
    this.#began ??= now;
    this.#advance(now);
    const counter = this.#counter(stream, type);
    counter.total += 1;
    this.total += 1;
    this.#lastAt.set(stream, now);
    if (isLate) {
      counter.late += 1;
      this.late += 1;
    }
    const bucket = this.#bucket % BUCKETS;
    counter.buckets[bucket] = (counter.buckets[bucket] ?? 0) + 1;
    const seconds = this.#seconds.get(stream) as Float64Array;
    const second = this.#second % seconds.length;
    seconds[second] = (seconds[second] ?? 0) + 1;
    return counter.type;
  }

  /** By stream and then by name, so that a row stays where it is. */
  types(now: number): TypeRate[] {
    this.#advance(now);
    const seconds = this.#window(now);
    return [...this.#counters.values()]
      .map(({ stream, type, total, late, buckets }) => ({ stream, type, total, late, perSecond: buckets.reduce((sum, n) => sum + n, 0) / seconds }))
      .sort((a, b) => EVENT_STREAMS.indexOf(a.stream) - EVENT_STREAMS.indexOf(b.stream) || (a.type < b.type ? -1 : 1));
  }

  /** When the last event of a stream came. */
  lastAt(stream: EventStream): number | undefined {
    return this.#lastAt.get(stream);
  }

  /** Events a second of one stream, or of all. */
  perSecond(now: number, stream?: EventStream): number {
    this.#advance(now);
    let sum = 0;
    for (const counter of this.#counters.values()) if (stream === undefined || counter.stream === stream) for (const n of counter.buckets) sum += n;
    return sum / this.#window(now);
  }

  /** Whole seconds, oldest first, without the one that is under way. */
  history(stream: EventStream, now: number): number[] {
    this.#advance(now);
    const ring = this.#seconds.get(stream) as Float64Array;
    return Array.from({ length: HISTORY_S }, (_, index) => ring[(this.#second + 1 + index) % ring.length] ?? 0);
  }

  #counter(stream: EventStream, type: string): Counter {
    const key = `${stream} ${type}`;
    const known = this.#counters.get(key);
    if (known !== undefined) return known;
    if (this.#counters.size >= MOST_TYPES && type !== OTHER) return this.#counter(stream, OTHER);
    const made = { stream, type, buckets: new Float64Array(BUCKETS), total: 0, late: 0 };
    this.#counters.set(key, made);
    return made;
  }

  /** So many seconds lie in the buckets: fewer at first, and the last one is not full. */
  #window(now: number): number {
    const whole = ((BUCKETS - 1) * BUCKET_MS + (now % BUCKET_MS)) / 1000;
    const lived = this.#began === undefined ? whole : (now - this.#began) / 1000;
    return Math.max(BUCKET_MS / 1000, Math.min(whole, lived));
  }

  /** Empties what time has passed over. A clock that goes back stands still here. */
  #advance(now: number): void {
    const bucket = Math.floor(now / BUCKET_MS);
    for (let at = Math.max(this.#bucket + 1, bucket - BUCKETS + 1); at <= bucket; at += 1) for (const { buckets } of this.#counters.values()) buckets[at % BUCKETS] = 0;
    this.#bucket = Math.max(this.#bucket, bucket);
    const second = Math.floor(now / 1000);
    for (const ring of this.#seconds.values()) {
      for (let at = Math.max(this.#second + 1, second - ring.length + 1); at <= second; at += 1) ring[at % ring.length] = 0;
    }
    this.#second = Math.max(this.#second, second);
  }
}
