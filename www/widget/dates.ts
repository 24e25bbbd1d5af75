/** Days and times as the visitor's locale writes them; the machine's form goes into `<time datetime>`. */

import { midnight } from "./grouping.js";
import type { Strings } from "./locales/en.js";

const formats = new Map<string, Intl.DateTimeFormat>();

function format(locale: string, kind: "time" | "weekday" | "date" | "year"): Intl.DateTimeFormat {
  const key = `${locale} ${kind}`;
  let found = formats.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat(
      locale,
      kind === "time"
        ? { hour: "numeric", minute: "2-digit" }
        : kind === "weekday"
          ? { weekday: "long" }
          : { weekday: "long", day: "numeric", month: "long", ...(kind === "year" ? { year: "numeric" } : {}) },
    );
    formats.set(key, found);
  }
  return found;
}

export function timeText(time: number, locale: string): string {
  return format(locale, "time").format(time);
}

/** "Today", "Yesterday", "Tuesday" within a week, else the date, with its year when it is another one. */
export function dayText(start: number, now: number, locale: string, strings: Strings): string {
  const today = midnight(now);
  // Rounded: a day with a change of summer time has 23 or 25 hours.
  const daysAgo = Math.round((today - start) / 86_400_000);
  if (daysAgo <= 0) return strings.today;
  if (daysAgo === 1) return strings.yesterday;
  if (daysAgo < 7) return format(locale, "weekday").format(start);
  const sameYear = new Date(start).getFullYear() === new Date(now).getFullYear();
  return format(locale, sameYear ? "date" : "year").format(start);
}
