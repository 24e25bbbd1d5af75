// `npm run fuzz`: runs the fuzz targets one after the other. `-- frame,program` only those, `-- --seconds 1200` so long each, `-- --smoke` a
// few seconds each with one seed and nothing kept. What is missing is said, and counted as skipped: fuzzing needs a nightly toolchain
// and cargo-fuzz, which the rest does not.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lastLine } from "./counts.mjs";
import { ask, at, isScript, main, run, say, Stop, which } from "./process.mjs";

const SECONDS = 60;
/** What a smoke does with each target, at most: it says that the targets build, run and hold over what is known. */
const SMOKE = { seconds: 6, runs: 20_000, seed: 1 };
/** An input may take this long, seconds. */
const HANGS_AFTER = 25;

/** The targets, as `fuzz/Cargo.toml` has them. */
export function targets(manifest = readFileSync(at("fuzz", "Cargo.toml"), "utf8")) {
  return [...manifest.matchAll(/^\[\[bin\]\]\nname = "(\w+)"/gm)].map(([, name]) => name);
}

/** What fuzzing needs and is not here, in words; undefined where all of it is. */
export function missing({ has = which, asks = ask } = {}) {
  if (has("cargo-fuzz") === undefined) return "there is no cargo-fuzz: `cargo install cargo-fuzz`";
  if (asks("cargo", ["+nightly", "--version"]) === undefined) return "there is no nightly toolchain: `rustup toolchain install nightly`";
  return undefined;
}

/** What the fuzzer said about its own run: how many inputs it tried, and where it put one that broke something. */
export function told(output) {
  const tried = /^Done (\d+) runs/m.exec(output)?.[1];
  const found = /Test unit written to (\S+)/.exec(output)?.[1];
  return { tried: tried === undefined ? undefined : Number(tried), found };
}

async function fuzz(target, { seconds, runs, seed }, corpus) {
  const seeds = [["tests", "regressions", target], ...(target === "frame" ? [["tests", "conformance", "frames"]] : [])].map((parts) => at(...parts)).filter((path) => existsSync(path));
  const limits = [`-max_total_time=${seconds}`, `-timeout=${HANGS_AFTER}`, "-rss_limit_mb=2048", ...(runs === undefined ? [] : [`-runs=${runs}`]), ...(seed === undefined ? [] : [`-seed=${seed}`])];
  // The code forbids `unsafe`, so that a sanitizer of memory has nothing to find.
  const args = ["+nightly", "fuzz", "run", "--fuzz-dir", at("fuzz"), "--sanitizer", "none", target, corpus, ...seeds, "--", `-dict=${at("fuzz", "dictionary")}`, ...limits];
  const { code, output } = await run("cargo", args, { quiet: true });
  const { tried, found } = told(output);
  const isGood = code === 0 && tried > 0;
  say(`${isGood ? "ok    " : "FAILED"} ${target.padEnd(14)} ${tried ?? "no"} inputs${found === undefined ? "" : `; what broke it is ${found}: put it into tests/regressions/${target}/`}`);
  if (!isGood) say(output.split("\n").slice(-40).join("\n"));
  return isGood;
}

if (isScript(import.meta.url)) {
  await main(async () => {
    const given = process.argv.slice(2);
    const isSmoke = given.includes("--smoke");
    const place = given.indexOf("--seconds");
    const seconds = place < 0 ? SECONDS : Number(given[place + 1]);
    if (!Number.isSafeInteger(seconds) || seconds < 1) throw new Stop("--seconds takes a whole number from 1 on.");
    const named = given.filter((word, n) => !word.startsWith("--") && n !== place + 1).flatMap((word) => word.split(","));
    const unknown = named.filter((name) => !targets().includes(name));
    if (unknown.length > 0) throw new Stop(`There is no target ${unknown.join(", ")}: there are ${targets().join(", ")}.`);
    const wanted = named.length > 0 ? named : targets();
    const lack = missing();
    const sum = { passed: 0, failed: 0, skipped: 0 };
    if (lack !== undefined) {
      say(`skipped: nothing was fuzzed, for ${lack}`);
      sum.skipped = wanted.length;
    }
    for (const target of lack === undefined ? wanted : []) {
      const corpus = isSmoke ? mkdtempSync(join(tmpdir(), "fuzz-")) : at("fuzz", "corpus", target);
      mkdirSync(corpus, { recursive: true });
      try {
        sum[(await fuzz(target, isSmoke ? SMOKE : { seconds }, corpus)) ? "passed" : "failed"] += 1;
      } finally {
        if (isSmoke) rmSync(corpus, { recursive: true });
      }
    }
    say(lastLine(sum));
    process.exitCode = sum.failed === 0 ? 0 : 1;
  });
}
