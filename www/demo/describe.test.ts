import assert from "node:assert/strict";
import { test } from "node:test";
import { describe, secondsUntil } from "./describe.js";

test("seconds are rounded up and never negative", () => {
  assert.equal(secondsUntil(1_001, 0), 2);
  assert.equal(secondsUntil(1_000, 0), 1);
  assert.equal(secondsUntil(0, 5_000), 0);
});

test("waiting counts down and says why", () => {
  const state = { name: "waiting", attempt: 2, retryAt: 10_000, reason: { kind: "closed", code: 1006 } } as const;
  assert.deepEqual(describe(state, 6_500), { tone: "busy", title: "Next try in 4 s", detail: "the line broke without a goodbye (1006)" });
});

test("paused without an end promises none", () => {
  assert.equal(describe({ name: "paused", reason: "evicted" }, 0).title, "Paused");
  assert.equal(describe({ name: "paused", reason: "rateLimited", until: 60_000 }, 0).title, "Paused for 60 s");
});

test("attempts are counted from one", () => {
  assert.equal(describe({ name: "connecting", attempt: 1 }, 0).detail, "first attempt");
  assert.equal(describe({ name: "connecting", attempt: 2 }, 0).detail, "attempt 2");
});

test("only ready is good", () => {
  assert.equal(describe({ name: "ready" }, 0).tone, "good");
  assert.equal(describe({ name: "suspect" }, 0).tone, "busy");
  assert.equal(describe({ name: "offline" }, 0).tone, "bad");
  assert.equal(describe({ name: "ended", reason: "sessionExpired" }, 0).tone, "bad");
  assert.equal(describe({ name: "stopped" }, 0).tone, "quiet");
});
