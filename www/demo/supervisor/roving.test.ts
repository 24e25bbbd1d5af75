import assert from "node:assert/strict";
import { test } from "node:test";
import { moved } from "./roving.js";

test("arrows go one on and stop at the ends", () => {
  assert.deepEqual([moved("ArrowDown", 0, 3), moved("ArrowDown", 2, 3), moved("ArrowUp", 0, 3), moved("ArrowUp", 2, 3)], [1, 2, 0, 1]);
  assert.deepEqual([moved("Home", 2, 3), moved("End", 0, 3), moved("PageDown", 0, 30), moved("PageUp", 4, 30)], [0, 2, 10, 0]);
});

test("from nowhere any of them leads into the list", () => {
  assert.deepEqual([moved("ArrowDown", -1, 3), moved("ArrowUp", -1, 3), moved("End", -1, 3)], [0, 0, 2]);
});

test("other keys and empty lists lead nowhere", () => {
  assert.equal(moved("a", 0, 3), undefined);
  assert.equal(moved("ArrowDown", -1, 0), undefined);
});
