// The soak's schedule: a seed is a schedule, nothing is left out, and what is asked for in part is that part.

import assert from "node:assert/strict";
import { test } from "node:test";
import { kinds } from "./faults.mjs";
import { expected, line, schedule } from "./schedule.mjs";

const MINUTE = 60_000;
const all = Object.keys(kinds);

test("the same seed is the same schedule, another seed another one", () => {
  const plan = (seed) => schedule({ seed, ms: 5 * MINUTE, tabs: 3 });
  assert.deepEqual(plan(7), plan(7));
  assert.notDeepEqual(plan(7).faults, plan(8).faults);
  assert.notDeepEqual(plan(7).guest, plan(8).guest);
});

test("half an hour deals every kind often enough to expect it, in every tab, and a minute expects none", () => {
  for (const seed of [1, 2, 3]) {
    const plan = schedule({ seed, ms: 30 * MINUTE, tabs: 3 });
    assert.deepEqual(expected(plan).sort(), [...all].sort());
    assert.deepEqual([...new Set(plan.faults.map(({ tab }) => tab))].sort(), [0, 1, 2]);
    assert.deepEqual(expected(schedule({ seed, ms: MINUTE, tabs: 1 })), []);
  }
});

test("in the middle third of a long run no page ends, and what had to wait comes afterwards", () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const { faults } = schedule({ seed, ms: 12 * MINUTE, tabs: 1 });
    const ends = faults.filter(({ kind }) => kinds[kind].ends).map(({ at }) => at);
    assert.ok(ends.length > 8, `${ends.length}`);
    assert.deepEqual(ends.filter((at) => at > 4 * MINUTE && at < 8 * MINUTE), []);
    assert.ok(ends.some((at) => at < 4 * MINUTE) && ends.some((at) => at > 8 * MINUTE));
  }
});

test("a part of the kinds comes when it would have come among all", () => {
  const options = { seed: 3, ms: 5 * MINUTE, tabs: 2 };
  const only = ["freeze", "stall-up"];
  assert.deepEqual(schedule({ ...options, only }).faults, schedule(options).faults.filter(({ kind }) => only.includes(kind)));
});

test("the two sides write at a pace that a connection takes: on average less than thirty messages a minute", () => {
  for (const seed of [1, 2, 3]) {
    const { guest } = schedule({ seed, ms: 30 * MINUTE, tabs: 1 });
    const written = guest.reduce((sum, { count }) => sum + count, 0);
    assert.ok(written / 30 > 10 && written / 30 < 30, `${written / 30} a minute`);
  }
});

test("a fault is a line with its time, tab, length and particulars", () => {
  assert.equal(line({ at: 12_340, kind: "kill", ms: 500, tab: 1, writing: "before" }), "   +12.3 s · kill · tab 2 · 0.5 s · writing before");
  assert.equal(line({ at: 2_000, kind: "close", ms: 250, tab: 0, code: 1011 }), "    +2.0 s · close · 0.3 s · code 1011");
});
