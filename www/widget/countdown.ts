/** Words and numbers of a countdown. Times are milliseconds since the epoch. */

import type { Strings } from "./locales/en.js";

/** Whole seconds left, rounded up: a countdown that shows 0 is over. */
export function secondsLeft(until: number, now: number): number {
  return Math.max(0, Math.ceil((until - now) / 1000));
}

/** "8 s", "1 min 20 s", "5 min". */
export function duration(seconds: number, strings: Strings): string {
  if (seconds < 60) return strings.seconds(seconds);
  const rest = seconds % 60;
  const minutes = strings.minutes(Math.floor(seconds / 60));
  return rest === 0 || seconds >= 600 ? minutes : `${minutes} ${strings.seconds(rest)}`;
}
