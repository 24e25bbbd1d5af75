// What one life of a page has grown by between two looks at its memory, in which lines were lost and found many times (faults.md row 30: heap and
// listeners flat). Rows are kept for the visitor to scroll back to, so each may have its bytes; for anything else there is a fixed allowance, which a
// leak of a kilobyte a second would be over in the ten minutes between the looks of a half-hour run.

import { mib } from "../bench/figures.mjs";

/** Of a row in the page: its object, its ids, its texts and its body. Measured: 0.7 KiB in a page of one tab, 2.2 KiB in a soak of three. */
const ROW_BYTES = 2_560;
/** … and in the module of a page that leads, which another's has not. Measured: 2 KiB, for memory is taken in doubling steps. */
const ROW_IN_MODULE_BYTES = 2_560;
/** The engine's own: compiled code, caches that fill once. The module's memory grows by pages of 64 KiB and doubles what it grows. */
const ENGINE_BYTES = 512 * 1_024;
/** A line that is being opened beside the one that is, and requests under way: four listeners each. A connection more is made some ten times a minute. */
const LISTENERS = 16;

/** What is wrong, as sentences. `before`, `after`: as `Tab.heap()` tells them, undefined where it could not be asked. */
export function growth(before, after) {
  if (before === undefined || after === undefined) return ["tab 1 could not be weighed"];
  if (before.life !== after.life) return ["tab 1 was not the same page when it was weighed again"];
  const problems = [];
  const bytes = ({ script, buffers, module }) => script + buffers + module;
  const rows = Math.max(0, after.rows - before.rows);
  const inModule = ({ rows: all, leads }) => (leads ? all : 0);
  const taken = Math.max(0, inModule(after) - inModule(before));
  const more = bytes(after) - bytes(before);
  const allowed = ENGINE_BYTES + rows * ROW_BYTES + taken * ROW_IN_MODULE_BYTES;
  if (more > allowed) problems.push(`tab 1 takes ${mib(more)} more, with ${rows} rows more, for which ${mib(allowed)} would do`);
  if (after.listeners > before.listeners + LISTENERS) problems.push(`tab 1 has ${after.listeners} listeners, and had ${before.listeners}`);
  return problems;
}
