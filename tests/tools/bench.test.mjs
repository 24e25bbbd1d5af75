// The arithmetic of the bench: nearest-rank percentiles, as the figures name them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { percentile } from "../../scripts/bench.mjs";

test("p50 and p99 of a hundred values are the 50th and the 99th", () => {
  const values = Array.from({ length: 100 }, (_, n) => 100 - n);
  assert.deepEqual([percentile(values, 50), percentile(values, 99), percentile(values, 100)], [50, 99, 100]);
});

test("of few values the p99 is the largest, and of one it is that", () => {
  assert.deepEqual([percentile([3, 1, 2], 99), percentile([3, 1, 2], 50), percentile([7], 50)], [3, 2, 7]);
});
