import assert from "node:assert/strict";
import { test } from "node:test";
import type { StreamState } from "../../streams/api.js";
import { describeStream, rateWords, remedyOf, spanWords, spoken } from "./words.js";

test("a line that waits counts down and says why", () => {
  const state: StreamState = { name: "waiting", attempt: 2, retryAt: 10_000, reason: { kind: "service", code: 503 } };
  assert.deepEqual(describeStream(state, "presence", 6_500), { tone: "busy", title: "Next try in 4 s", detail: "the service said 503" });
});

test("a line that is up and silent says for how long", () => {
  const detail = (now: number, heardAt?: number): string => describeStream({ name: "ready" }, "presence", now, heardAt).detail;
  assert.deepEqual([detail(99_000), detail(14_999, 10_000), detail(22_400, 10_000)], ["events arrive as they happen", "events arrive as they happen", "no event for 12 s"]);
});

test("each end has words of its own, and none of the visitor's", () => {
  const reasons = ["gaveUp", "notAllowed", "policy"] as const;
  const said = reasons.map((reason) => describeStream({ name: "ended", reason }, "interactions", 0));
  assert.deepEqual(said.map(({ title, tone }) => [title, tone]), [["Gave up", "bad"], ["Ended", "bad"], ["Ended", "bad"]]);
  assert.equal(new Set(said.map(({ detail }) => detail)).size, 3);
  assert.doesNotMatch(describeStream({ name: "ready" }, "latency", 0).detail, /message|session|visitor/);
});

test("what would be tried later can be tried now, what has ended can be started", () => {
  const reason = { kind: "network" } as const;
  assert.equal(remedyOf({ name: "waiting", attempt: 1, retryAt: 0, reason }), "reconnect");
  assert.equal(remedyOf({ name: "ended", reason: "gaveUp" }), "start");
  assert.equal(remedyOf({ name: "ready" }), undefined);
  assert.equal(remedyOf({ name: "connecting", attempt: 1 }), undefined);
});

test("what passes by is not spoken of, and no countdown is", () => {
  assert.equal(spoken({ name: "connecting", attempt: 1 }), undefined);
  assert.doesNotMatch(spoken({ name: "waiting", attempt: 1, retryAt: 5, reason: { kind: "network" } }) ?? "", /\d/);
});

test("figures have as many digits as say something", () => {
  assert.deepEqual([0, 0.34, 9.96, 10.4, 2004.4].map(rateWords), ["0", "0.3", "10.0", "10", "2,004"]);
  assert.deepEqual([340, 999, 1000, 2_430].map(spanWords), ["340 ms", "999 ms", "1.0 s", "2.4 s"]);
});
