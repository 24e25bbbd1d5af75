import assert from "node:assert/strict";
import { test } from "node:test";
import { HISTORY_S, Rates } from "./rates.js";

const START = 1_000_000_000_000;

/** `perSecond` events of a type for so many seconds, evenly; gives back the time after. */
function flow(rates: Rates, type: string, perSecond: number, seconds: number, from: number): number {
  for (let n = 0; n < perSecond * seconds; n += 1) rates.count("conversations", type, false, from + (1000 * n) / perSecond);
  return from + 1000 * seconds;
}

const about = (actual: number | undefined, expected: number): void => assert.ok(actual !== undefined && Math.abs(actual - expected) <= expected * 0.03 + 0.01, `${actual} is not about ${expected}`);

test("a steady flow reads as its rate, from the first second on", () => {
  const rates = new Rates();
  const after = flow(rates, "a", 100, 1, START);
  about(rates.perSecond(after), 100);
  about(rates.perSecond(flow(rates, "a", 100, 20, after)), 100);
});

test("two thousand a second are counted one by one", () => {
  const rates = new Rates();
  const after = flow(rates, "a", 2000, 10, START);
  assert.equal(rates.total, 20_000);
  about(rates.types(after)[0]?.perSecond, 2000);
});

test("what has ended is at zero four seconds later", () => {
  const rates = new Rates();
  const after = flow(rates, "a", 50, 10, START);
  assert.ok(rates.perSecond(after + 1000) > 0);
  assert.equal(rates.perSecond(after + 4000), 0);
  assert.equal(rates.types(after + 4000)[0]?.total, 500);
});

test("types are counted apart, late ones too, and stand by stream and name", () => {
  const rates = new Rates();
  rates.count("presence", "b", false, START);
  rates.count("conversations", "z", true, START);
  rates.count("conversations", "a", false, START);
  rates.count("conversations", "z", false, START);
  assert.deepEqual(rates.types(START).map(({ stream, type, total, late }) => [stream, type, total, late]), [["conversations", "a", 1, 0], ["conversations", "z", 2, 1], ["presence", "b", 1, 0]]);
  assert.deepEqual([rates.total, rates.late], [4, 1]);
});

test("a service that makes up types fills no memory", () => {
  const rates = new Rates();
  const names = Array.from({ length: 1000 }, (_, n) => rates.count("presence", `type-${n}`, false, START));
  assert.ok(rates.types(START).length <= 41);
  assert.equal(names[999], "other types");
  assert.equal(rates.types(START).reduce((sum, { total }) => sum + total, 0), 1000);
});

test("the history has whole seconds, oldest first, and goes a minute back", () => {
  const rates = new Rates();
  flow(rates, "a", 10, 2, START);
  flow(rates, "a", 30, 1, START + 2000);
  const history = rates.history("conversations", START + 3500);
  assert.equal(history.length, HISTORY_S);
  assert.deepEqual(history.slice(-4), [0, 10, 10, 30]);
  assert.deepEqual(rates.history("presence", START + 3500).filter((n) => n > 0), []);
  assert.deepEqual(rates.history("conversations", START + 3500 + 120_000).filter((n) => n > 0), []);
});

test("a second without an event is one with zero", () => {
  const rates = new Rates();
  flow(rates, "a", 10, 1, START);
  flow(rates, "a", 20, 1, START + 3000);
  assert.deepEqual(rates.history("conversations", START + 4000).slice(-4), [10, 0, 0, 20]);
});
