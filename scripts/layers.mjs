// The layers of `npm test` in their order: what each runs and how its tests are counted.

import { build as bundle } from "esbuild";
import { existsSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, relative } from "node:path";
import { integrationTests } from "./cargo.mjs";
import { cargo, check, node, own } from "./counts.mjs";
import { at, Stop } from "./process.mjs";
import { findBrowsers } from "./setup.mjs";
import { buildSimulator, freePort, startSimulator } from "./simulator.mjs";
import { files } from "./stamp.mjs";

const seconds = 1000;
const minutes = 60 * seconds;

/** How many random schedules the simulation plays; the long run asks for more. */
const seeds = process.env.GUESTWIRE_SEEDS ?? "2000";

/**
 * `{ id, what, build?, programs(context) }`. `build`: the build comes first and is "tried" (what was generated is read) or "needed"
 * (without `dist/` the layer fails). `programs` runs what the layer runs by `context.run(name, count, program, args, options)`.
 */
export const layers = [
  { id: "rustfmt", what: "rustfmt", programs: ({ run }) => run("rustfmt", check, "cargo", ["fmt", "--all", "--check"]) },
  {
    id: "clippy",
    what: "clippy, native and wasm32",
    async programs({ run }) {
      await run("clippy (native)", check, "cargo", ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]);
      await run("clippy (wasm32)", check, "cargo", ["clippy", "--package", "guestwire", "--lib", "--tests", "--target", "wasm32-unknown-unknown", "--", "-D", "warnings"]);
    },
  },
  {
    id: "tsc",
    what: "tsc, strict",
    build: "tried",
    async programs({ run }) {
      await run("tsc (browser)", check, "tsc", ["-p", "tsconfig.json"]);
      await run("tsc (tests)", check, "tsc", ["-p", "tsconfig.test.json"]);
    },
  },
  { id: "rustdoc", what: "rustdoc", programs: ({ run }) => run("rustdoc", check, "cargo", ["doc", "--workspace", "--no-deps"], { env: { RUSTDOCFLAGS: "-D warnings" } }) },
  { id: "arrows", what: "arrows", programs: ({ run }) => run("arrows", check, process.execPath, ["scripts/arrows.mjs"]) },
  { id: "scripts", what: "the scripts' own tests", programs: ({ run }) => nodeTests(run, "scripts", find("scripts", ".test.mjs")) },
  {
    id: "unit",
    what: "unit tests and examples in the docs (Rust)",
    async programs({ run }) {
      await run("unit", cargo, "cargo", ["test", "--workspace", "--no-fail-fast", "--lib", "--bins"], { timeoutMs: 12 * minutes });
      await run("doc examples", cargo, "cargo", ["test", "--workspace", "--no-fail-fast", "--doc"], { mayBeEmpty: true });
    },
  },
  { id: "simulator", what: "the simulator checked on a plain WebSocket", programs: simulatorCheck },
  { id: "behaviour", what: "behaviour in virtual time", programs: ({ run }) => cargoTests(run, "behaviour", (name) => name.startsWith("behaviour")) },
  {
    id: "simulation",
    what: `simulation (${seeds} seeds)`,
    programs: ({ run }) => cargoTests(run, "simulation", (name) => name.startsWith("simulation"), { profile: "sim", args: ["--", "--nocapture"], env: { GUESTWIRE_SEEDS: seeds }, timeoutMs: 15 * minutes }),
  },
  { id: "conformance", what: "conformance", programs: ({ run }) => cargoTests(run, "conformance", (name) => name === "conformance") },
  { id: "fuzz", what: "fuzzing, a few seconds a target", programs: ({ run }) => run("fuzz", own, process.execPath, ["scripts/fuzz.mjs", "--smoke"], { mayBeEmpty: true }) },
  { id: "typescript", what: "unit tests (TypeScript)", build: "tried", programs: typescriptTests },
  { id: "chrome", what: "the library in Chrome", programs: (context) => webTests(context, "chrome", ["chromium", "chromedriver"]) },
  { id: "firefox", what: "the library in Firefox", programs: (context) => webTests(context, "firefox", ["firefox", "geckodriver"]) },
  { id: "e2e", what: "end to end (Playwright, Chromium)", build: "needed", programs: endToEnd },
  { id: "engines", what: "three engines over WebDriver", build: "needed", programs: engines },
  { id: "tools", what: "live check, bench, herd, soak and mutants themselves", build: "needed", programs: async ({ run }) => nodeTests(run, "tools", find("tests/tools", ".test.mjs"), { env: await browserEnvironment() }) },
  { id: "package", what: "the packed package", build: "needed", programs: packageSlice },
  { id: "size", what: "sizes against their budgets", build: "needed", programs: ({ run }) => run("size", own, process.execPath, ["scripts/size.mjs"]) },
];

const find = (folder, ending) => files([at(folder)], (path) => basename(path) === "node_modules").filter((path) => path.endsWith(ending)).map((path) => relative(at(), path));

/** `concurrency`: how many files at a time, if not as many as there are processors but one. */
function nodeTests(run, name, paths, { concurrency, ...options } = {}) {
  if (paths.length === 0) throw new Stop("there are no test files");
  const atATime = concurrency === undefined ? [] : [`--test-concurrency=${concurrency}`];
  return run(name, node, process.execPath, ["--test", "--test-reporter=spec", ...atATime, ...paths], options);
}

async function cargoTests(run, name, wanted, { profile = "test", args = [], ...options } = {}) {
  const tests = integrationTests().filter((test) => wanted(test.name));
  if (tests.length === 0) throw new Stop("there are no such tests");
  for (const crate of new Set(tests.map((test) => test.package))) {
    const named = tests.filter((test) => test.package === crate).flatMap((test) => ["--test", test.name]);
    await run(`${name} (${crate})`, cargo, "cargo", ["test", "--profile", profile, "--package", crate, "--no-fail-fast", ...named, ...args], { timeoutMs: 10 * minutes, ...options });
  }
}

async function simulatorCheck({ run }) {
  const paths = find("tests/simulator-check", ".test.mjs");
  await nodeTests(run, "simulator check", paths, { env: { SIMULATOR_BIN: await buildSimulator() } });
}

/** TypeScript's unit tests stand beside the code; each is bundled with what it tests and run by node. */
async function typescriptTests({ run }) {
  const sources = files([at("www")]).filter((path) => /\.test\.tsx?$/.test(path));
  if (sources.length === 0) throw new Stop("there are no test files");
  const out = at("node_modules", ".cache", "guestwire", "unit");
  rmSync(out, { recursive: true, force: true });
  await bundle({ entryPoints: sources, outdir: out, outbase: at("www"), outExtension: { ".js": ".mjs" }, bundle: true, packages: "external", platform: "node", format: "esm", target: "node20", sourcemap: "inline", jsx: "automatic", jsxImportSource: "preact", logLevel: "error" });
  await nodeTests(run, "TypeScript", files([out]), { env: { NODE_OPTIONS: "--enable-source-maps" } });
}

/** `wasm-pack test`; its tests learn at compile time where the simulator is. */
async function webTests({ run }, browser, needed) {
  const found = findBrowsers();
  const missing = needed.filter((name) => found[name] === undefined);
  if (missing.length > 0) throw new Stop(`${missing.join(" and ")} is missing`);
  if (!existsSync(at("tests", "web.rs"))) throw new Stop("there is no tests/web.rs");
  // The same port every time where it can be had: another address compiles the tests anew.
  const simulator = await startSimulator(await buildSimulator(), { port: await freePort(8797) });
  try {
    const driver = browser === "chrome" ? ["--chromedriver", found.chromedriver] : ["--geckodriver", found.geckodriver];
    const env = { GUESTWIRE_SIM_URL: simulator.url, WASM_BINDGEN_TEST_TIMEOUT: "300" };
    await run(`wasm-pack (${browser})`, cargo, "wasm-pack", ["test", "--headless", `--${browser}`, ...driver, "--", "--test", "web"], { env, timeoutMs: 8 * minutes });
  } finally {
    await simulator.close();
  }
}

async function endToEnd({ run }) {
  const paths = find("tests/e2e", ".test.mjs");
  const isLoad = (path) => path.endsWith(".load.test.mjs");
  const env = await browserEnvironment();
  await nodeTests(run, "end to end, under load", paths.filter(isLoad), { env });
  // Most of their time is waiting, also where there are only two processors.
  await nodeTests(run, "end to end", paths.filter((path) => !isLoad(path)), { concurrency: Math.max(2, availableParallelism() - 1), env, timeoutMs: 30 * minutes });
}

/** The engines that are there are played, also where another is missing: that one is the failure. */
async function engines({ run }) {
  const found = findBrowsers();
  const needs = { chromium: ["chromium", "chromedriver"], firefox: ["firefox", "geckodriver"], webkitgtk: ["webkitwebdriver", "minibrowser", "xvfb"] };
  const missing = Object.values(needs).flat().filter((name) => found[name] === undefined);
  const paths = find("tests/engines", ".test.mjs").filter((path) => needs[basename(path, ".test.mjs")].every((name) => found[name] !== undefined));
  // Side by side: an engine's scenarios take turns, and most of their time is waiting.
  if (paths.length > 0) await nodeTests(run, "engines", paths, { concurrency: paths.length, env: { SIMULATOR_BIN: await buildSimulator() }, timeoutMs: 12 * minutes });
  if (missing.length > 0) throw new Stop(`${missing.join(" and ")} ${missing.length === 1 ? "is" : "are"} missing`);
}

async function packageSlice({ run }) {
  await nodeTests(run, "package", ["scripts/package-slice.mjs"], { env: await browserEnvironment() });
}

async function browserEnvironment() {
  const { chromium } = findBrowsers();
  if (chromium === undefined) throw new Stop("chromium is missing");
  return { SIMULATOR_BIN: await buildSimulator(), CHROMIUM: chromium };
}
