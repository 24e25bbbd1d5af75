// `npm test`: sets up, then every layer in its order, each counted by what its runner says. The last line is the sum. A layer that
// does not start is a failure. `npm test -- --only clippy,e2e` runs some of them.

import { appendFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { at, isScript, run as runProgram, say, Stop } from "./process.mjs";
import { judge, lastLine } from "./counts.mjs";

const usualTimeoutMs = 8 * 60_000;
const shownLines = 80;
const logs = at("target", "test-logs");
// What runners print is read by a program: no colours.
const plain = { NO_COLOR: "1", FORCE_COLOR: "0", CARGO_TERM_COLOR: "never", TERM: "dumb" };

async function testAll() {
  const total = { passed: 0, failed: 0, skipped: 0 };
  const bad = [];
  const started = performance.now();
  const add = (title, { passed, failed, skipped, notes = [] }, from, log) => {
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
    const took = `${((performance.now() - from) / 1000).toFixed(1)} s`;
    say(`${failed === 0 ? "ok    " : "FAILED"} ${title.padEnd(46)} ${lastLine({ passed, failed, skipped }).padEnd(34)} ${took}`);
    for (const note of notes) say(`       ${note}`);
    if (failed > 0) {
      bad.push(title);
      if (log !== undefined) showEnd(log);
    }
  };
  const failure = (error) => ({ passed: 0, failed: 1, skipped: 0, notes: [error instanceof Stop ? `did not start: ${error.message}` : `did not start: ${error.stack}`] });

  mkdirSync(logs, { recursive: true });
  try {
    // What installs node modules may not need them itself, so the rest is loaded after it.
    const { setupTests } = await import("./setup.mjs");
    say("Setting up");
    await setupTests();
    const { layers } = await import("./layers.mjs");
    const chosen = choose(layers);
    const ids = chosen.map(({ id }) => id);
    let built = true;
    if (chosen.some(({ build }) => build !== undefined)) {
      const from = performance.now();
      const { build } = await import("./build.mjs");
      const result = await build().then(() => ({ passed: 1, failed: 0, skipped: 0 }), failure);
      built = result.failed === 0;
      add("build", result, from);
    }
    say(`Running ${ids.join(", ")}; logs in ${logs}`);
    for (const layer of chosen) {
      const from = performance.now();
      const log = join(logs, `${layer.id}.log`);
      rmSync(log, { force: true });
      const programs = [];
      const run = async (name, count, program, args, { mayBeEmpty, ...options } = {}) => {
        const { code, output } = await runProgram(program, args, { timeoutMs: usualTimeoutMs, ...options, env: { ...plain, ...options.env }, log });
        programs.push({ name, count, code, output, mayBeEmpty });
      };
      let result;
      try {
        if (layer.build === "needed" && !built) throw new Stop("the build failed");
        await layer.programs({ run });
        result = judge(programs);
      } catch (error) {
        const before = judge(programs);
        const own = failure(error);
        appendFileSync(log, `\n${own.notes.join("\n")}\n`);
        result = { passed: before.passed, failed: before.failed + 1, skipped: before.skipped, notes: [...before.notes, ...own.notes] };
      }
      add(layer.what, result, from, programs.length === 0 ? undefined : log);
    }
  } catch (error) {
    total.failed += 1;
    say(error instanceof Stop ? error.message : error.stack);
  }
  say(`\n${((performance.now() - started) / 60_000).toFixed(1)} minutes${bad.length > 0 ? `; failed: ${bad.join(", ")}` : ""}\n`);
  say(lastLine(total));
  return total;
}

function choose(layers) {
  const i = process.argv.indexOf("--only");
  if (i === -1) return layers;
  const wanted = (process.argv[i + 1] ?? "").split(",").filter((id) => id !== "");
  const unknown = wanted.filter((id) => !layers.some((layer) => layer.id === id));
  if (unknown.length > 0 || wanted.length === 0) throw new Stop(`There is no layer ${unknown.join(", ")}: there are ${layers.map(({ id }) => id).join(", ")}.`);
  return layers.filter(({ id }) => wanted.includes(id));
}

function showEnd(log) {
  const lines = readFileSync(log, "utf8").trimEnd().split("\n");
  if (lines.length > shownLines) say(`  … ${lines.length - shownLines} lines before these are in ${log}`);
  for (const line of lines.slice(-shownLines)) say(`  ${line}`);
}

if (isScript(import.meta.url)) {
  const { failed } = await testAll();
  process.exitCode = failed === 0 ? 0 : 1;
}
