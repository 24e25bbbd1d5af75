/**
 * Lays the transcript out for reading: days, groups of one sender, and what is written under a bubble. Rows come in the
 * client's order and keep it; nothing here sorts, joins or drops a message.
 */

import { readable, type Row } from "./chat-client.js";

/** A pause longer than this starts a new group, so that the time under a group is true of all of it. */
export const GROUP_PAUSE_MS = 5 * 60_000;

export interface Gap {
  readonly from?: string;
  readonly to?: string;
}

export interface MessageItem {
  readonly type: "message";
  readonly key: string;
  readonly row: Row;
  /** First and last of a group. */
  readonly first: boolean;
  readonly last: boolean;
  /** The line under the bubble is visible; it is always there for a screen reader. */
  readonly line: boolean;
  /** The line says the status, not only the time. */
  readonly status: boolean;
}
export type Item =
  | MessageItem
  | { readonly type: "event"; readonly key: string; readonly row: Row }
  | { readonly type: "gap"; readonly key: string }
  | { readonly type: "marker"; readonly key: string };

export interface Day {
  readonly key: string;
  /** Local midnight, milliseconds since the epoch. */
  readonly start: number;
  readonly items: readonly Item[];
}

export interface LayoutOptions {
  readonly gap?: Gap | undefined;
  /** The first new message: a line is drawn above it. */
  readonly markerId?: string | undefined;
}

export function layout(rows: readonly Row[], { gap, markerId }: LayoutOptions = {}): Day[] {
  const shown = rows.filter((row) => row.kind !== "event" || readable(row) !== undefined);
  const newestSent = shown.filter((row) => row.direction === "inbound" && row.status === "sent").at(-1)?.id;
  const days: { key: string; start: number; items: Item[] }[] = [];

  // A gap is drawn after the row it starts at, else before the row it ends at, else at the top.
  const named = (id: string | undefined): Row | undefined => shown.find((row) => id !== undefined && (row.id === id || row.serverId === id));
  const after = named(gap?.from);
  const before = gap && !after ? (named(gap.to) ?? shown[0]) : undefined;
  const cutBefore = (row: Row, previous: Row | undefined): boolean =>
    row.id === markerId || row === before || (previous !== undefined && previous === after);

  shown.forEach((row, index) => {
    const previous = shown[index - 1];
    const next = shown[index + 1];
    let day = days.at(-1);
    const start = midnight(row.time);
    // An unsent row keeps its time of acceptance but stands last: it never opens an earlier day below a later one.
    if (day === undefined || start > day.start) {
      day = { key: `day-${start}`, start, items: [] };
      days.push(day);
    }
    if (row === before) day.items.push({ type: "gap", key: `gap-${row.id}` });
    if (row.id === markerId) day.items.push({ type: "marker", key: "marker" });
    if (row.kind === "event") {
      day.items.push({ type: "event", key: row.id, row });
    } else {
      const first = previous === undefined || !together(previous, row) || cutBefore(row, previous);
      const last = next === undefined || !together(row, next) || cutBefore(next, row);
      const status = saysStatus(row, last ? undefined : next, newestSent);
      day.items.push({ type: "message", key: row.id, row, first, last, line: last || status, status });
    }
    if (row === after) day.items.push({ type: "gap", key: `gap-${row.id}` });
  });
  return days;
}

function together(a: Row, b: Row): boolean {
  return (
    a.kind !== "event" &&
    b.kind !== "event" &&
    a.direction === b.direction &&
    a.from?.name === b.from?.name &&
    a.from?.entity === b.from?.entity &&
    Math.abs(b.time - a.time) < GROUP_PAUSE_MS &&
    midnight(a.time) === midnight(b.time)
  );
}

/** A failure says so under its own bubble; the rest once, under the last bubble it is true of. */
function saysStatus(row: Row, nextInGroup: Row | undefined, newestSent: string | undefined): boolean {
  if (row.direction === "outbound") return false;
  switch (row.status) {
    case "failed":
    case "expired":
      return true;
    case "queued":
    case "sending":
      return nextInGroup?.status !== row.status;
    case "sent":
      return row.id === newestSent;
  }
}

export function midnight(time: number): number {
  return new Date(time).setHours(0, 0, 0, 0);
}
