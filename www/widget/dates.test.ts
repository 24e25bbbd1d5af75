import assert from "node:assert/strict";
import { test } from "node:test";
import { dayText, timeText } from "./dates.js";
import { en } from "./locales/en.js";

const NOON = new Date(2024, 4, 17, 12, 0).getTime();
const DAY = 86_400_000;
const start = new Date(2024, 4, 17).getTime();

test("a locale that is no language tag is the browser's own, and nothing throws", () => {
  for (const locale of ["en_US", "", "not a locale"]) {
    assert.equal(timeText(NOON, locale), new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" }).format(NOON));
    assert.equal(dayText(start - 3 * DAY, NOON, locale, en), new Intl.DateTimeFormat(undefined, { weekday: "long" }).format(start - 3 * DAY));
  }
});

test("days are named as near as they are, and another year is told", () => {
  const days = [0, 1, 3, 40, 400].map((ago) => dayText(start - ago * DAY, NOON, "en-GB", en));
  assert.deepEqual(days.slice(0, 3), [en.today, en.yesterday, "Tuesday"]);
  assert.match(days[3] as string, /^Sunday,? 7 April$/);
  assert.match(days[4] as string, /^Thursday,? 13 April 2023$/);
});
