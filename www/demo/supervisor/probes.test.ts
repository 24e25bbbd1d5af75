import assert from "node:assert/strict";
import { test } from "node:test";
import type { Sample } from "../../streams/api.js";
import { PLOT_MS, Probes, along, scaleOf } from "./probes.js";

const sample = (at: number, latencyMs?: number): Sample => ({ ...(latencyMs === undefined ? {} : { latencyMs }), jitterMs: 0, smoothedJitterMs: 0, stability: 1, timedOut: latencyMs === undefined, at });

test("only the last minute is drawn, and timeouts are counted for ever", () => {
  const probes = new Probes();
  probes.push(sample(0));
  probes.push(sample(1000, 5));
  probes.push(sample(PLOT_MS + 500, 7));
  assert.deepEqual(probes.since(PLOT_MS + 1000).map(({ at }) => at), [1000, PLOT_MS + 500]);
  assert.equal(probes.timeouts, 1);
  assert.equal(probes.last?.latencyMs, 7);
});

test("memory is constant, however often it is probed", () => {
  const probes = new Probes();
  for (let at = 0; at < 100_000; at += 1) probes.push(sample(at, 1));
  const seen = probes.since(100_000);
  assert.equal(seen.length, 1200);
  assert.equal(seen.at(-1)?.at, 99_999);
});

test("the limit is in the picture however good the line is", () => {
  assert.deepEqual(scaleOf([], 100), { top: 150, ticks: [0, 50, 100, 150] });
  assert.deepEqual(scaleOf([1, 2], 30), { top: 40, ticks: [0, 10, 20, 30, 40] });
});

test("values over the limit stretch the scale, to round marks", () => {
  assert.deepEqual(scaleOf([860], 100), { top: 1000, ticks: [0, 250, 500, 750, 1000] });
  assert.deepEqual(scaleOf([215], 100), { top: 300, ticks: [0, 100, 200, 300] });
});

test("whatever comes, all of it fits below the top, with few marks", () => {
  for (const value of [0, 0.4, 3, 99, 101, 1234, 86_400_000]) {
    for (const limit of [1, 4, 30, 100]) {
      const { top, ticks } = scaleOf([value], limit);
      assert.ok(top >= 1.15 * Math.max(value, limit) && ticks.length <= 5 && ticks.at(-1) === top, `${value} ${limit}: ${ticks.join()}`);
    }
  }
});

test("a place along the scale stays within it", () => {
  const scale = scaleOf([], 100);
  assert.deepEqual([0, 75, 150, 400, -3].map((value) => along(scale, value)), [0, 0.5, 1, 1, 0]);
});
