import assert from "node:assert/strict";
import { test } from "node:test";
import type { Timeline } from "../../streams/api.js";
import { Board, MOST, summaryOf } from "./board.js";

const iso = (seconds: number): string => new Date(1000 * seconds).toISOString();

/** A customer from second `from`, an agent a second later where there is company, and both gone at `until`. */
function call(interaction: string, from: number, { until, company = true }: { until?: number; company?: boolean } = {}): Timeline {
  const who = company ? ["customer", "Ada"] : ["customer"];
  const joined = who.map((participant, index) => ({ timestamp: iso(from + index), type: "ParticipantJoined" as const, participant, channel: "voice", parsed: true }));
  const left = until === undefined ? [] : who.map((participant) => ({ timestamp: iso(until), type: "ParticipantLeft" as const, participant, channel: "voice", parsed: true }));
  return {
    interaction,
    entries: [...joined, ...left],
    participants: who.map((participant, index) => ({ participant, present: until === undefined, intervals: [{ joined: iso(from + index), ...(until === undefined ? {} : { left: iso(until) }) }] })),
  };
}

/** A board that has seen these, at second `now`. */
function seen(board: Board, timelines: readonly Timeline[], now: number): Board {
  const byId = new Map(timelines.map((timeline) => [timeline.interaction, timeline]));
  for (const id of byId.keys()) board.note(id);
  for (let left = byId.size; left > 0; left -= 24) board.settle((id) => byId.get(id) as Timeline, 1000 * now);
  return board;
}

const ids = (board: Board): string[] => board.rows.map(({ id }) => id);

test("a summary tells since when, how many, and whether it is over", () => {
  assert.deepEqual(summaryOf(call("a", 10), "sales"), { id: "a", channel: "voice", queue: "sales", from: 10_000, isOlder: false, until: undefined, participants: 2, present: 2 });
  assert.equal(summaryOf(call("a", 10, { until: 30 }))?.until, 30_000);
  assert.equal(summaryOf({ interaction: "a", entries: [], participants: [] }), undefined);
});

test("one of which only the end was seen is older than it seems", () => {
  const end: Timeline = { interaction: "a", entries: [{ timestamp: iso(5), type: "ParticipantLeft", participant: "x", parsed: true }], participants: [{ participant: "x", present: false, intervals: [{ left: iso(5) }] }] };
  assert.equal(summaryOf(end)?.isOlder, true);
});

test("the newest stands first, and who is listed keeps its place when it changes", () => {
  const board = seen(new Board(), [call("a", 1), call("b", 2)], 3);
  assert.deepEqual(ids(board), ["b", "a"]);
  seen(board, [call("c", 3), call("a", 1, { until: 4 })], 4);
  assert.deepEqual(ids(board), ["c", "b", "a"]);
  assert.equal(board.rows[2]?.until, 4_000);
});

test("while it is held nothing is put in, and what is listed still changes", () => {
  const board = seen(new Board(), [call("a", 1)], 2);
  board.hold(true);
  seen(board, [call("b", 2), call("a", 1, { until: 3 })], 3);
  assert.deepEqual([ids(board), board.waiting, board.rows[0]?.until], [["a"], 1, 3_000]);
  board.hold(false);
  assert.deepEqual([ids(board), board.waiting], [["b", "a"], 0]);
});

test("no more than the newest are kept, and the one looked at", () => {
  const board = seen(new Board(), [call("old", 0)], 1);
  board.choose("old");
  seen(board, Array.from({ length: 3 * MOST }, (_, index) => call(`n${index}`, 10 + index)), 200);
  assert.equal(board.rows.length, MOST + 1);
  assert.deepEqual([ids(board)[0], ids(board).at(-1)], [`n${3 * MOST - 1}`, "old"]);
});

test("it follows a live one with company, stays with it, and looks on a moment after its end", () => {
  const board = seen(new Board(), [call("alone", 3, { company: false }), call("pair", 2), call("over", 1, { until: 2 })], 4);
  assert.equal(board.chosen, "pair");
  seen(board, [call("newer", 5)], 6);
  assert.equal(board.chosen, "pair");
  seen(board, [call("pair", 2, { until: 7 })], 8);
  assert.equal(board.chosen, "pair", "who looked at it wants to see how it ended");
  board.settle(() => call("pair", 2), 11_000);
  assert.equal(board.chosen, "newer");
});

test("what was chosen by hand stays chosen until it is to follow again", () => {
  const board = seen(new Board(), [call("a", 1, { until: 2 }), call("b", 1)], 3);
  board.choose("a");
  board.settle(() => call("a", 1), 60_000);
  assert.deepEqual([board.chosen, board.follows], ["a", false]);
  board.follow(true, 60_000);
  assert.equal(board.chosen, "b");
});

test("a queue that becomes known later is shown", () => {
  const board = seen(new Board(), [call("a", 1)], 2);
  board.place("a", "billing");
  board.settle(() => call("a", 1), 3_000);
  assert.equal(board.rows[0]?.queue, "billing");
});

test("another day forgets them all, also what is told of them late", () => {
  const board = seen(new Board(), [call("a", 1)], 2);
  board.clear(["a"]);
  assert.deepEqual([ids(board), board.chosen], [[], undefined]);
  seen(board, [call("a", 1), call("b", 3)], 4);
  assert.deepEqual(ids(board), ["b"]);
});
