import assert from "node:assert/strict";
import { test } from "node:test";
import type { Participant, Timeline } from "../../streams/api.js";
import { clockWords, durationWords, layOut, spanFor, ticksOf, timeOf } from "./lanes.js";

const at = (seconds: number): string => new Date(Date.UTC(2026, 0, 1, 10) + 1000 * seconds).toISOString();
const ms = (seconds: number): number => Date.UTC(2026, 0, 1, 10) + 1000 * seconds;
const timeline = (...participants: Participant[]): Timeline => ({ interaction: "i", entries: [], participants });

test("nobody yet is an empty picture", () => {
  assert.deepEqual(layOut(timeline(), ms(0)), { live: false, edge: undefined, lastedMs: 0, ticks: [], lanes: [] });
});

test("what is over fills the picture from the first join to the last leave", () => {
  const { live, edge, lastedMs, lanes } = layOut(
    timeline(
      { participant: "customer", present: false, intervals: [{ joined: at(0), left: at(20), reason: "hangup" }] },
      { participant: "Ada", present: false, intervals: [{ joined: at(5), left: at(10), reason: "transfer" }, { joined: at(15), left: at(20) }] },
    ),
    ms(500),
  );
  assert.deepEqual({ live, edge, lastedMs }, { live: false, edge: undefined, lastedMs: 20_000 });
  assert.deepEqual(lanes.map(({ participant, present, bars }) => [participant, present, bars.map(({ from, to, reason }) => [from, to, reason])]), [
    ["customer", false, [[0, 1, "hangup"]]],
    ["Ada", false, [[0.25, 0.5, "transfer"], [0.75, 1, undefined]]],
  ]);
});

test("a live edge moves over a scale that stands", () => {
  const call = timeline({ participant: "customer", present: true, intervals: [{ joined: at(0) }] });
  const [early, later] = [layOut(call, ms(6)), layOut(call, ms(9))];
  assert.deepEqual([early.edge, later.edge], [0.6, 0.9]);
  assert.deepEqual(early.ticks, later.ticks);
  assert.deepEqual(later.lanes[0]?.bars.map(({ from, to, live }) => [from, to, live]), [[0, 0.9, true]]);
  assert.equal(layOut(call, ms(10)).edge, 10 / 15, "where it would touch the end the scale is the next longer one");
});

test("a clock behind the service's does not put the edge before what has happened", () => {
  const call = timeline({ participant: "customer", present: true, intervals: [{ joined: at(0), left: at(2) }, { joined: at(4) }] });
  assert.equal(layOut(call, ms(1)).edge, 4 / 5);
});

test("a join or a leave that was not seen is open on its side, and said so", () => {
  const { lanes } = layOut(
    timeline(
      { participant: "customer", present: false, intervals: [{ left: at(10), reason: "hangup" }] },
      { participant: "Ada", present: true, intervals: [{ joined: at(0) }] },
    ),
    ms(12),
  );
  const [customer, ada] = [lanes[0]?.bars[0], lanes[1]?.bars[0]];
  assert.deepEqual([customer?.unseenFrom, customer?.unseenTo, customer?.from, customer?.to], [true, false, 0, 10 / 15]);
  assert.equal(customer?.words, "joined before this page looked, left at 10:00:10 (hangup)");
  assert.deepEqual([ada?.unseenFrom, ada?.unseenTo], [false, false]);
  assert.equal(ada?.words, "joined at 10:00:00, still there");
});

test("a timestamp that cannot be read spoils no bar", () => {
  const { lanes, lastedMs } = layOut(timeline({ participant: "Ada", present: false, intervals: [{ joined: at(0), left: "soon" }, { joined: at(4), left: at(8) }] }), ms(60));
  assert.equal(lastedMs, 8000);
  const bars = lanes[0]?.bars ?? [];
  assert.ok(bars.every(({ from, to }) => from >= 0 && to >= from && to <= 1), JSON.stringify(bars));
  assert.equal(bars[0]?.words, "joined at 10:00:00, left at soon");
});

test("a picture is as long as the next round span, with room at its end", () => {
  assert.deepEqual([0, 4_000, 5_000, 9_500, 59_000].map(spanFor), [5_000, 5_000, 10_000, 15_000, 90_000]);
  assert.equal(spanFor(2 * 3_600_000), 3 * 3_600_000);
});

test("a scale has at most seven marks at round times", () => {
  assert.deepEqual(ticksOf(10_000), [0, 2_000, 4_000, 6_000, 8_000, 10_000]);
  assert.deepEqual(ticksOf(7_500), [0, 2_000, 4_000, 6_000]);
  assert.ok([5, 15, 45, 90, 450, 3600, 36_000].every((seconds) => ticksOf(1000 * seconds).length <= 7));
});

test("durations and times of day in words", () => {
  assert.deepEqual([0, 7_900, 750_000, 3_723_000, -5].map(durationWords), ["0:00", "0:07", "12:30", "1:02:03", "0:00"]);
  assert.deepEqual([clockWords(at(61)), clockWords("soon")], ["10:01:01", "soon"]);
  assert.deepEqual([timeOf(undefined), timeOf("soon"), timeOf("1970-01-01T00:00:01.000Z")], [undefined, undefined, 1000]);
});
