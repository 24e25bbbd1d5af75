import assert from "node:assert/strict";
import { test } from "node:test";
import { Herald, SETTLE_MS } from "./herald.js";

test("a state is said when it has stood for a moment, once", () => {
  const herald = new Herald();
  herald.note("Presence", "line lost", 0);
  herald.settle(SETTLE_MS - 1);
  assert.equal(herald.text, "");
  herald.note("Presence", "line lost", SETTLE_MS);
  herald.settle(SETTLE_MS);
  assert.equal(herald.text, "Presence: line lost.");
  herald.note("Presence", "line lost", 9000);
  herald.settle(20_000);
  assert.equal(herald.version, 1);
});

test("a line that is back before it was told to be away is not spoken of", () => {
  const herald = new Herald();
  herald.assume("Presence", "ready");
  herald.note("Presence", "line lost", 0);
  herald.note("Presence", "ready", 1000);
  herald.settle(10_000);
  assert.equal(herald.version, 0);
});

test("four that break at once are one sentence", () => {
  const herald = new Herald();
  for (const title of ["A", "B", "C", "D"]) herald.note(title, "line lost", 0);
  herald.settle(SETTLE_MS);
  assert.deepEqual([herald.text, herald.version], ["A: line lost. B: line lost. C: line lost. D: line lost.", 1]);
});
