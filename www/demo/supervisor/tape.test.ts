import assert from "node:assert/strict";
import { test } from "node:test";
import { KEPT_OF_A_TYPE, Tape, aboutOf, keyOf } from "./tape.js";

const told = (type: string, n: number, raw: object = {}): Parameters<Tape["push"]>[0] => ({ stream: "conversations", type, at: n, timestamp: new Date(n).toISOString(), late: false, raw });

test("the newest come first, whatever their type", () => {
  const tape = new Tape();
  ["a", "b", "a", "c"].forEach((type, n) => tape.push(told(type, n)));
  assert.deepEqual(tape.newest(3).map(({ type, number }) => [type, number]), [["c", 4], ["a", 3], ["b", 2]]);
});

test("a flood pushes out its own, and what is rare is still there", () => {
  const tape = new Tape();
  tape.push(told("rare", 0));
  for (let n = 1; n <= 100_000; n += 1) tape.push(told("flood", n));
  assert.deepEqual(tape.newest(10, new Set(["conversations flood"])).map(({ type }) => type), ["rare"]);
  const all = tape.newest(Infinity);
  assert.equal(all.length, KEPT_OF_A_TYPE + 1);
  assert.deepEqual([all[0]?.number, all.at(-2)?.number, all.at(-1)?.number], [100_001, 100_001 - KEPT_OF_A_TYPE + 1, 1]);
});

test("types of the same name on two streams are two", () => {
  const tape = new Tape();
  tape.push(told("ParticipantLeft", 0));
  tape.push({ ...told("ParticipantLeft", 1), stream: "interactions" });
  assert.deepEqual(tape.newest(5, new Set([keyOf({ stream: "conversations", type: "ParticipantLeft" })])).map(({ stream }) => stream), ["interactions"]);
});

test("what an event is about is read off any of the three kinds", () => {
  const about = (raw: object): string => aboutOf({ ...told("x", 0, raw), number: 1 });
  assert.equal(about({ data: { participant: "customer", queue: "sales", conversationId: "0123456789", reason: "hangup" } }), "customer · sales · 01234567 · hangup");
  assert.equal(about({ participant: "Ada Park (agent)", interaction: "0123456789", reason: "transfer" }), "Ada Park (agent) · 01234567 · transfer");
  assert.equal(about({ payload: { name: "Ada Park", presence: "busy" } }), "Ada Park · busy");
  assert.equal(about({ data: { queue: 7 } }), "");
});
