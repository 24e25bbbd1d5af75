// What a runner says about its own tests, read from what it printed. Undefined when it said nothing: then it did not run.

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

/** cargo test and wasm-pack test: every `test result:` line. */
export function cargo(output) {
  const lines = [...output.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/gm)];
  if (lines.length === 0) return undefined;
  const column = (n) => sum(lines.map((line) => Number(line[n])));
  return { passed: column(1), failed: column(2), skipped: column(3) };
}

/** node --test with the spec reporter. */
export function node(output) {
  const last = (word) => Number([...output.matchAll(new RegExp(`^ℹ ${word} (\\d+)$`, "gm"))].at(-1)?.[1] ?? Number.NaN);
  const counts = { passed: last("pass"), failed: last("fail") + last("cancelled"), skipped: (last("skipped") || 0) + (last("todo") || 0) };
  return Number.isNaN(counts.passed) || Number.isNaN(counts.failed) ? undefined : counts;
}

/** Our own scripts: a last line `N passed, N failed`, perhaps with `, N skipped`, and why in a line that begins with `skipped:`. */
export function own(output) {
  const line = [...output.matchAll(/^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm)].at(-1);
  if (line === undefined) return undefined;
  const why = /^skipped: .+$/m.exec(output)?.[0];
  return { passed: Number(line[1]), failed: Number(line[2]), skipped: Number(line[3] ?? 0), ...(why !== undefined && { why }) };
}

/** A tool that counts nothing: it is one check. */
export function check() {
  return { passed: 1, failed: 0, skipped: 0 };
}

/**
 * A layer's result from its programs' `{ code, output, count }`. Green needs an exit code of 0 and at least one test that ran,
 * from each of them unless it `mayBeEmpty`; whatever else happened is at least one failure.
 */
export function judge(programs) {
  const total = { passed: 0, failed: 0, skipped: 0, notes: [] };
  for (const { name, code, output, count, mayBeEmpty = false } of programs) {
    const counts = code === 0 || count !== check ? count(output) : undefined;
    const ran = counts !== undefined && (mayBeEmpty || counts.passed + counts.failed > 0);
    total.passed += counts?.passed ?? 0;
    total.skipped += counts?.skipped ?? 0;
    const bad = code !== 0 || !ran;
    if (counts?.why !== undefined) total.notes.push(counts.why);
    total.failed += bad ? Math.max(counts?.failed ?? 0, 1) : counts.failed;
    if (code === undefined) total.notes.push(`${name} could not be started`);
    else if (code === null) total.notes.push(`${name} took too long`);
    else if (counts === undefined && count !== check) total.notes.push(`${name} did not start its tests`);
    else if (!ran && count !== check) total.notes.push(`${name} ran no tests`);
  }
  return total;
}

/** The last line of a run. */
export function lastLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}
