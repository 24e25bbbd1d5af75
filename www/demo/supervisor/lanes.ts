/** From a timeline to lanes: where each bar begins and ends, as shares of the picture, and what stands beside it. Pure. */
import type { Timeline } from "../../streams/index.js";

/** The picture is as long as one of these, in seconds, so that the scale stands while its live edge moves. */
const SPANS_S = [5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 450, 600, 900, 1800, 3600];
/** A live edge is never closer to the right than this share, so that what is new has room. */
const ROOM = 0.06;
/** Distances of the marks of the scale, in seconds; at most `MOST_TICKS` fit. */
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
const MOST_TICKS = 6;

export interface Bar {
  /** Shares of the width, 0 to 1. */
  readonly from: number;
  readonly to: number;
  /** Still there. */
  readonly live: boolean;
  /** The join or the leave was not seen: the end is open on that side. */
  readonly unseenFrom: boolean;
  readonly unseenTo: boolean;
  readonly reason?: string;
  /** For those who do not see the bar. */
  readonly words: string;
}
export interface Lane { readonly participant: string; readonly present: boolean; readonly bars: readonly Bar[] }
export interface Lanes {
  /** Somebody is there. */
  readonly live: boolean;
  /** Where now is, while it is live. */
  readonly edge: number | undefined;
  /** From the first join to the last leave, or to now, in ms. */
  readonly lastedMs: number;
  readonly ticks: readonly { readonly at: number; readonly label: string }[];
  readonly lanes: readonly Lane[];
}

const EMPTY: Lanes = { live: false, edge: undefined, lastedMs: 0, ticks: [], lanes: [] };

/** Time as the service wrote it, in ms; `undefined` if it cannot be read. */
export function timeOf(timestamp: string | undefined): number | undefined {
  const time = timestamp === undefined ? Number.NaN : Date.parse(timestamp);
  return Number.isNaN(time) ? undefined : time;
}

/** `now`: by the service's clock, in ms. */
export function layOut({ participants }: Timeline, now: number): Lanes {
  const times = participants.flatMap(({ intervals }) => intervals.flatMap(({ joined, left }) => [timeOf(joined), timeOf(left)])).filter((time) => time !== undefined);
  if (times.length === 0) return EMPTY;
  const start = Math.min(...times);
  const live = participants.some(({ present }) => present);
  const last = live ? Math.max(now, ...times) : Math.max(...times);
  const length = live ? spanFor(last - start) : Math.max(last - start, 1);
  const share = (time: number): number => Math.min(1, Math.max(0, (time - start) / length));
  return {
    live,
    edge: live ? share(last) : undefined,
    lastedMs: last - start,
    ticks: ticksOf(length).map((ms) => ({ at: ms / length, label: durationWords(ms) })),
    lanes: participants.map(({ participant, present, intervals }) => ({
      participant,
      present,
      bars: intervals.map((interval, index): Bar => {
        const [joined, left] = [timeOf(interval.joined), timeOf(interval.left)];
        const isOpen = interval.left === undefined;
        const stays = isOpen && present && index === intervals.length - 1;
        const from = share(joined ?? start);
        return {
          from,
          to: Math.max(from, share(left ?? last)),
          live: stays,
          unseenFrom: joined === undefined,
          unseenTo: !stays && left === undefined,
          ...(interval.reason === undefined ? {} : { reason: interval.reason }),
          words: intervalWords(interval, stays),
        };
      }),
    })),
  };
}

function intervalWords({ joined, left, reason }: { readonly joined?: string; readonly left?: string; readonly reason?: string }, stays: boolean): string {
  const began = joined === undefined ? "joined before this page looked" : `joined at ${clockWords(joined)}`;
  if (stays) return `${began}, still there`;
  return `${began}, ${left === undefined ? "left unseen" : `left at ${clockWords(left)}`}${reason === undefined ? "" : ` (${reason})`}`;
}

/** The time of day in UTC, as in the timestamp; what cannot be read stays as it is. */
export function clockWords(timestamp: string): string {
  const time = timeOf(timestamp);
  return time === undefined ? timestamp : new Date(time).toISOString().slice(11, 19);
}

/** How long the picture is for something that lasted so long, in ms. */
export function spanFor(lastedMs: number): number {
  const needed = lastedMs / (1 - ROOM) / 1000;
  const fits = SPANS_S.find((seconds) => seconds >= needed);
  return 1000 * (fits ?? Math.ceil(needed / 3600) * 3600);
}

/** The marks of a scale of this length, in ms from its beginning. */
export function ticksOf(lengthMs: number): number[] {
  const step = 1000 * (STEPS_S.find((seconds) => lengthMs / 1000 / seconds <= MOST_TICKS) ?? Math.ceil(lengthMs / 1000 / MOST_TICKS / 3600) * 3600);
  return Array.from({ length: Math.floor(lengthMs / step) + 1 }, (_, index) => index * step);
}

/** "0:07", "12:30", "1:02:03". */
export function durationWords(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number): string => String(n).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}
