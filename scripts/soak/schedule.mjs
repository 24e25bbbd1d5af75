// What happens in a soak and when, from a seed alone: the same seed, length and tabs, the same schedule. Kinds of faults are dealt like cards,
// so that none is left out; who writes how much is drawn apart from them.

import { Chance } from "./chance.mjs";
import { kinds } from "./faults.mjs";

/** A fault begins this long after the one before, milliseconds; many last longer. */
const FAULT_GAP_MS = [3_000, 8_000];
/** Undisturbed at first, so that there is a conversation to disturb. */
const FIRST_MS = 1_500;
/** The two sides write in bursts. On average well below the fifty messages a minute that a connection takes (guest-api.md §4.4), because half of
 *  the time there is none. */
const BURST_GAP_MS = [2_000, 12_000];
const BURST = [1, 1, 1, 2, 2, 3, 5, 8];
/** In the middle third of a run that is longer than this no page ends: one lives long enough for its memory to be looked at. */
export const CALM_FROM_MS = 180_000;

/** `{ faults: [{ at, kind, ms, tab, … }], guest: [{ at, count, tab }], agent: [{ at, count }] }`, times in milliseconds from the beginning. */
export function schedule({ seed, ms, tabs, only = Object.keys(kinds) }) {
  const faults = [];
  const chance = new Chance(seed, "faults");
  let deck = [];
  for (let at = FIRST_MS; at < ms; at += chance.between(...FAULT_GAP_MS)) {
    if (deck.length === 0) deck = chance.shuffled(Object.keys(kinds));
    const calm = ms > CALM_FROM_MS && at > ms / 3 && at < (2 * ms) / 3;
    // What may not come now waits for its turn, in its place.
    const next = deck.findIndex((kind) => !(calm && kinds[kind].ends));
    if (next < 0) {
      deck = [...deck, ...chance.shuffled(Object.keys(kinds))];
      continue;
    }
    const [kind] = deck.splice(next, 1);
    const one = { at, kind, ms: chance.between(...kinds[kind].ms), tab: chance.between(0, tabs - 1), ...kinds[kind].choose(chance) };
    if (only.includes(kind)) faults.push(one);
  }
  return { faults, guest: bursts(new Chance(seed, "guest"), ms, tabs), agent: bursts(new Chance(seed, "agent"), ms, tabs) };
}

function bursts(chance, ms, tabs) {
  const all = [];
  for (let at = chance.between(0, 1_000); at < ms; at += chance.between(...BURST_GAP_MS)) all.push({ at, count: chance.pick(BURST), tab: chance.between(0, tabs - 1) });
  return all;
}

/** A fault as a line of the run's log says it. */
export function line({ at, kind, ms, tab, ...more }) {
  const particulars = Object.entries(more).map(([name, value]) => `${name} ${value}`);
  return [`+${(at / 1000).toFixed(1)} s`.padStart(10), kind, ...(kinds[kind].ofPage ? [`tab ${tab + 1}`] : []), ...(ms > 0 ? [`${(ms / 1000).toFixed(1)} s`] : []), ...particulars].join(" · ");
}

/** The kinds that a run of this schedule has to meet: those that come often enough that not meeting one is no chance. */
export function expected({ faults }) {
  const count = new Map();
  for (const { kind } of faults) count.set(kind, (count.get(kind) ?? 0) + 1);
  return [...count].filter(([, times]) => times >= EXPECTED_FROM).map(([kind]) => kind);
}
/** A rule that waits for a message lies there for nothing while there is no line; four times in a row it does not. */
const EXPECTED_FROM = 4;
