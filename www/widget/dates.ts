/** Days and times as the visitor's locale writes them; the machine's form goes into `<time datetime>`. */

import { midnight } from "./grouping.js";
import type { Strings } from "./locales/en.js";

const formats = new Map<string, Intl.DateTimeFormat>();

function format(time: number, locale: string, options: Intl.DateTimeFormatOptions): string {
  const key = locale + JSON.stringify(options);
  let found = formats.get(key);
  if (!found) {
    try {
      found = new Intl.DateTimeFormat(locale, options);
    } catch {
      // Not a language tag: as the browser writes it.
      found = new Intl.DateTimeFormat(undefined, options);
    }
    formats.set(key, found);
  }
  return found.format(time);
}

export function timeText(time: number, locale: string): string {
  return format(time, locale, { hour: "numeric", minute: "2-digit" });
}

/** "Today", "Yesterday", "Tuesday" within a week, else the date, with its year when it is another one. */
export function dayText(start: number, now: number, locale: string, strings: Strings): string {
  const today = midnight(now);
  // Rounded: a day with a change of summer time has 23 or 25 hours.
  const daysAgo = Math.round((today - start) / 86_400_000);
  if (daysAgo <= 0) return strings.today;
  if (daysAgo === 1) return strings.yesterday;
  if (daysAgo < 7) return format(start, locale, { weekday: "long" });
  const sameYear = new Date(start).getFullYear() === new Date(now).getFullYear();
  return format(start, locale, { weekday: "long", day: "numeric", month: "long", year: sameYear ? undefined : "numeric" });
}
