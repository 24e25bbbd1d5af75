// The counting itself: nothing that went wrong may look green.

import assert from "node:assert/strict";
import { test } from "node:test";
import { cargo, check, judge, lastLine, node, own } from "./counts.mjs";

const green = "running 3 tests\ntest result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";
const nodeGreen = "✔ a\nℹ tests 2\nℹ pass 2\nℹ fail 0\nℹ cancelled 0\nℹ skipped 0\nℹ todo 0\n";
const result = (code, output, count) => {
  const { passed, failed, skipped } = judge([{ name: "it", code, output, count }]);
  return [passed, failed, skipped];
};

test("cargo's lines are added up", () => {
  const output = `${green}test result: FAILED. 4 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out\n`;
  assert.deepEqual(cargo(output), { passed: 7, failed: 2, skipped: 1 });
});
test("node's cancelled tests are failures and its todos are skipped", () => {
  assert.deepEqual(node("ℹ pass 5\nℹ fail 1\nℹ cancelled 2\nℹ skipped 3\nℹ todo 1\n"), { passed: 5, failed: 3, skipped: 4 });
});
test("our own last line is read", () => assert.deepEqual(own("x\n4 passed, 1 failed\n"), { passed: 4, failed: 1, skipped: 0 }));
test("why tests were skipped is told beside their number", () => {
  const output = "skipped: there is no tool\n0 passed, 0 failed, 5 skipped\n";
  assert.deepEqual(own(output), { passed: 0, failed: 0, skipped: 5, why: "skipped: there is no tool" });
  const judged = judge([{ name: "it", code: 0, output, count: own, mayBeEmpty: true }]);
  assert.deepEqual([judged.failed, judged.skipped, judged.notes], [0, 5, ["skipped: there is no tool"]]);
});
test("all green is green", () => {
  assert.deepEqual(result(0, green, cargo), [3, 0, 0]);
  assert.deepEqual(result(0, nodeGreen, node), [2, 0, 0]);
  assert.deepEqual(result(0, "", check), [1, 0, 0]);
});
test("a check that fails is one failure and no pass", () => assert.deepEqual(result(1, "", check), [0, 1, 0]));
test("a runner that compiles nothing is a failure", () => assert.deepEqual(result(101, "error: could not compile", cargo), [0, 1, 0]));
test("a runner that says nothing and ends well is a failure", () => assert.deepEqual(result(0, "", node), [0, 1, 0]));
test("a runner with no tests is a failure", () => assert.deepEqual(result(0, "test result: ok. 0 passed; 0 failed; 0 ignored; 0", cargo), [0, 1, 0]));
test("a runner that may have no tests still has to say so", () => {
  const empty = (code, output) => judge([{ name: "it", code, output, count: cargo, mayBeEmpty: true }]).failed;
  assert.equal(empty(0, "test result: ok. 0 passed; 0 failed; 0 ignored; 0"), 0);
  assert.equal(empty(0, ""), 1);
  assert.equal(empty(101, "test result: ok. 0 passed; 0 failed; 0 ignored; 0"), 1);
});
test("only skipped tests are a failure", () => assert.deepEqual(result(0, "test result: ok. 0 passed; 0 failed; 2 ignored; 0", cargo), [0, 1, 2]));
test("a crash after green tests is a failure", () => assert.deepEqual(result(139, green, cargo), [3, 1, 0]));
test("a run that took too long is a failure", () => assert.deepEqual(result(null, green, cargo), [3, 1, 0]));
test("failures reported with exit code 0 are failures", () => assert.deepEqual(result(0, "ℹ pass 5\nℹ fail 1\nℹ cancelled 0\n", node).slice(0, 2), [5, 1]));
test("one silent program among several is a failure", () => {
  const { passed, failed, notes } = judge([{ name: "a", code: 0, output: green, count: cargo }, { name: "b", code: 0, output: "", count: cargo }]);
  assert.deepEqual([passed, failed, notes], [3, 1, ["b did not start its tests"]]);
});
test("the last line names skipped tests only when there are some", () => {
  assert.equal(lastLine({ passed: 3, failed: 0, skipped: 0 }), "3 passed, 0 failed");
  assert.equal(lastLine({ passed: 3, failed: 1, skipped: 2 }), "3 passed, 1 failed, 2 skipped");
});
