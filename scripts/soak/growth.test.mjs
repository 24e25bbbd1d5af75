// The bound on what a page grows by in a soak.

import assert from "node:assert/strict";
import { test } from "node:test";
import { growth } from "./growth.mjs";

const before = { script: 800_000, buffers: 100_000, module: 1_300_000, listeners: 40, rows: 100, leads: true, life: 3 };

test("rows may have their bytes, and the engine its own", () => {
  assert.deepEqual(growth(before, before), []);
  assert.deepEqual(growth(before, { ...before, rows: 600, script: 1_600_000, buffers: 300_000, module: 1_824_288, listeners: 56 }), []);
  assert.deepEqual(growth(before, { ...before, rows: 0, script: 500_000 }), [], "storage was cleared, and the list began anew");
  // Who takes the lead takes all rows into its module.
  const followed = { ...before, leads: false };
  assert.deepEqual(growth(followed, { ...before, module: before.module + 700 * 1024 }), []);
  assert.equal(growth(followed, { ...followed, module: before.module + 700 * 1024 }).length, 1);
});

test("what no row accounts for is said, wherever it is held", () => {
  for (const where of ["script", "buffers", "module"]) {
    assert.deepEqual(growth(before, { ...before, [where]: before[where] + 600 * 1024 }), ["tab 1 takes 0.6 MiB more, with 0 rows more, for which 0.5 MiB would do"]);
  }
  assert.deepEqual(growth(before, { ...before, rows: 50, script: before.script + 600 * 1024 }).length, 1, "rows that went allow nothing");
});

test("listeners are not left behind by lines that were lost", () => {
  assert.deepEqual(growth(before, { ...before, listeners: 57 }), ["tab 1 has 57 listeners, and had 40"]);
});

test("what could not be compared is no success", () => {
  assert.deepEqual(growth(undefined, before), ["tab 1 could not be weighed"]);
  assert.deepEqual(growth(before, { ...before, life: 4 }), ["tab 1 was not the same page when it was weighed again"]);
});
