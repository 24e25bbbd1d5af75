// The bench itself: its arithmetic, and that a quick run of the streams has every figure and loses nothing on the way to it. Needs `dist/`.

import assert from "node:assert/strict";
import { test } from "node:test";
import { percentile } from "../../scripts/bench/figures.mjs";
import { run } from "../../scripts/process.mjs";

test("p50 and p99 of a hundred values are the 50th and the 99th", () => {
  const values = Array.from({ length: 100 }, (_, n) => 100 - n);
  assert.deepEqual([percentile(values, 50), percentile(values, 99), percentile(values, 100)], [50, 99, 100]);
});

test("of few values the p99 is the largest, and of one it is that", () => {
  assert.deepEqual([percentile([3, 1, 2], 99), percentile([3, 1, 2], 50), percentile([7], 50)], [3, 2, 7]);
});

test("a quick run of the streams prints every figure, and everything that was sent arrived, in its order", async () => {
  const { code, output } = await run(process.execPath, ["scripts/bench.mjs", "--no-build", "--quick", "--only", "streams", "--json"], { quiet: true, timeoutMs: 6 * 60_000 });
  assert.equal(code, 0, output);
  const rows = JSON.parse(output.slice(output.indexOf("\n[") + 1, output.lastIndexOf("]") + 1));
  const windowed = (name, ms) => [name, `${name} with its window of ${ms} ms`];
  const all = [...windowed("ConversationEvents", 250), "InteractionStream", ...windowed("PresenceMultiplexer", 500), "LatencyMonitor (attached)"];
  assert.deepEqual(rows.map(({ name }) => name), [
    ...all.map((name) => `${name}, as fast as it goes`),
    ...all.map((name) => `${name}, 2,000 events/s`),
    "LatencyMonitor, own probes",
    ...all.filter((name) => !name.includes("window")).map((name) => `${name}, memory after 20,000 events`),
  ]);
  for (const { name, figure, note, value } of rows) {
    assert.match(figure, /\d/, name);
    assert.doesNotMatch(figure + note, /NaN|undefined|Infinity|missing|out of order|dropped/, name);
    assert.ok(value.sent > 0, name);
    assert.deepEqual([value.arrived, value.disordered, value.dropped], [value.sent, 0, 0], name);
    for (const number of numbersOf(value)) assert.ok(Number.isFinite(number), name);
  }
});

const numbersOf = (value) => (typeof value === "object" ? Object.values(value).flatMap(numbersOf) : [value]);
