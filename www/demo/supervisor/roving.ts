/** One stop for the tab key in a list; arrows, Home and End go through it (the roving tabindex of the ARIA practices guide). */

const MOVES: Readonly<Record<string, (at: number, count: number) => number>> = {
  ArrowDown: (at, count) => Math.min(at + 1, count - 1),
  ArrowUp: (at) => Math.max(at - 1, 0),
  PageDown: (at, count) => Math.min(at + 10, count - 1),
  PageUp: (at) => Math.max(at - 10, 0),
  Home: () => 0,
  End: (_, count) => count - 1,
};

/** Where this key leads from place `at` (-1: nowhere yet) of `count`; `undefined` if it leads nowhere. */
export function moved(key: string, at: number, count: number): number | undefined {
  const move = MOVES[key];
  if (move === undefined || count === 0) return undefined;
  return at < 0 && key !== "End" ? 0 : move(at, count);
}
