// `npm run test:mutants`: plants bugs in a copy of the sources, one at a time, and runs the behaviour tests over each protocol
// and then the simulation until one of them goes red. A bug that names protocols has to be noticed in each of them, and one of the
// JavaScript half by the tests in Chromium that it names. One that nothing notices is a failure, and so is one that no longer finds its
// place in the sources. `-- --only name,name` plants some of them; GUESTWIRE_SEEDS is the simulation's size.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { performance } from "node:perf_hooks";
import { pathToFileURL } from "node:url";
import { targetDirectory } from "./cargo.mjs";
import { lastLine } from "./counts.mjs";
import { at, endGroup, isScript, main, run, say, start, Stop } from "./process.mjs";
import { findBrowsers } from "./setup.mjs";
import { readySimulator } from "./simulator.mjs";
import { files } from "./stamp.mjs";

const SEEDS = process.env.GUESTWIRE_SEEDS ?? "2000";
const BUILD_MS = 20 * 60_000;
/** Virtual time that does not pass any more is a red test as well: so much longer than without a bug, and this at least. */
const PATIENCE = { times: 5, atLeastMs: 3 * 60_000 };
const SUITES = ["behaviour", "behaviour_session", "behaviour_streams", "simulation", "simulation_session", "simulation_streams"];
/** Which of them speak a protocol. */
const SPEAK = { guest: ["behaviour", "simulation"], session: ["behaviour_session", "simulation_session"], streams: ["behaviour_streams", "simulation_streams"] };
/** What a copy needs of the project, for the suites … */
const copied = ["Cargo.toml", "Cargo.lock", "src", "simulator/Cargo.toml", "simulator/src", "tests/common", "tests/behaviour", "tests/behaviour_session", "tests/behaviour_streams", "tests/simulation", "tests/simulation_session", "tests/simulation_streams"];
/** … and for tests in a browser: what is built is not built again but for what a bug changes. */
const copiedForPages = ["Cargo.toml", "Cargo.lock", "package.json", "package-lock.json", "tsconfig.json", "webdriver.json", "src", "scripts", "simulator/Cargo.toml", "simulator/src", "www", "dist", "tests/e2e", "tests/widget-states"];

/** The suites that may notice a bug: one of each list has to. */
export function trials({ name, protocols, pages }) {
  if (pages !== undefined) return [pages];
  if (protocols === undefined) return [SUITES];
  const unknown = protocols.find((protocol) => !Object.hasOwn(SPEAK, protocol));
  if (unknown !== undefined || protocols.length === 0) throw new Stop(`${name}: there is no protocol ${unknown ?? "named"}`);
  return protocols.map((protocol) => SPEAK[protocol]);
}

/** Every definition of tests/mutants, each with a list of edits. */
export async function definitions(folder = at("tests", "mutants")) {
  const found = [];
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".mjs")).sort()) {
    const { mutants } = await import(pathToFileURL(join(folder, name)).href);
    for (const { name, bug, protocols, pages, edits, ...edit } of mutants) found.push({ name, bug, protocols, pages, edits: edits ?? [edit] });
  }
  const twice = found.find(({ name }, index) => found.findIndex((other) => other.name === name) !== index);
  if (twice !== undefined) throw new Stop(`There are two mutants ${twice.name}.`);
  return found;
}

/** The texts of the files that a mutant changes, as it wants them; an edit has to fit in exactly one place. */
export function planted({ edits }, read) {
  const texts = new Map();
  for (const { file, find, replace } of edits) {
    const text = texts.get(file) ?? read(file);
    if (text === undefined) throw new Stop(`${file} is not there`);
    const places = text.split(find).length - 1;
    if (places !== 1) throw new Stop(`it fits in ${places} places of ${file}: ${JSON.stringify(find.trim().split("\n")[0])}`);
    texts.set(file, text.replace(find, () => replace));
  }
  return texts;
}

/** A copy of the sources with a target directory of its own, kept from run to run. */
class Copy {
  folder;
  #of;
  #originals = new Map();
  #changed = new Set();

  constructor(folder, of) {
    this.folder = folder;
    this.#of = of;
  }

  /** Makes it equal to the project as it is now. What is equal is not touched: cargo looks at times. */
  refresh() {
    const sources = files(this.#of.map((path) => at(path)));
    for (const path of sources) this.#originals.set(relative(at(), path), readFileSync(path));
    for (const [file, bytes] of this.#originals) this.#put(file, bytes);
    for (const path of files(["src", "simulator", "tests", "www", "dist"].map((part) => join(this.folder, part)))) {
      if (!this.#originals.has(relative(this.folder, path))) rmSync(path);
    }
  }

  read(file) {
    return this.#originals.get(file)?.toString("utf8");
  }

  plant(texts) {
    this.restore();
    for (const [file, text] of texts) {
      this.#put(file, Buffer.from(text));
      this.#changed.add(file);
    }
  }

  restore() {
    for (const file of this.#changed) this.#put(file, this.#originals.get(file));
    this.#changed.clear();
  }

  #put(file, bytes) {
    const path = join(this.folder, file);
    if (existsSync(path) && readFileSync(path).equals(bytes)) return;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }

  /** Builds one suite; the program, or undefined with what the compiler said when it does not compile. */
  async build(suite) {
    // Symbols are of no use here and take time to link.
    const env = { CARGO_TARGET_DIR: join(this.folder, "target"), CARGO_PROFILE_TEST_DEBUG: "0", CARGO_PROFILE_DEV_DEBUG: "0", CARGO_TERM_COLOR: "never" };
    const { code, output } = await run("cargo", ["test", "--package", "guestwire", "--test", suite, "--no-run", "--message-format", "json-render-diagnostics"], { cwd: this.folder, env, timeoutMs: BUILD_MS, quiet: true });
    if (code !== 0) return { errors: output.split("\n").filter((line) => !line.startsWith("{")).join("\n") };
    const artefacts = output.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
    return { program: artefacts.find((artefact) => artefact.reason === "compiler-artifact" && artefact.target.name === suite && artefact.executable !== null).executable };
  }

  /** Runs a suite until its first red test; undefined when there is none. */
  test(program, suite, timeoutMs) {
    const args = suite === "simulation" ? ["--nocapture"] : [];
    const child = start(program, args, { cwd: this.folder, env: { GUESTWIRE_SEEDS: SEEDS, GUESTWIRE_SHRINK: "0", RUST_BACKTRACE: "0" }, stdio: ["ignore", "pipe", "pipe"] });
    return new Promise((done) => {
      let output = "";
      let red;
      const stop = (why) => {
        red ??= why;
        endGroup(child, "SIGKILL");
      };
      const timer = setTimeout(() => stop(`${suite}: it never came to an end (${Math.round(timeoutMs / 1000)} s)`), timeoutMs);
      const take = (chunk) => {
        output += chunk;
        const failed = /^test (\S+) \.\.\. FAILED/m.exec(output);
        if (failed !== null && suite !== "simulation") stop(failed[1]);
      };
      child.stdout.setEncoding("utf8").on("data", take);
      child.stderr.setEncoding("utf8").on("data", take);
      child.on("close", (code) => {
        clearTimeout(timer);
        done(red ?? (code === 0 ? undefined : firstFailure(suite, output)));
      });
    });
  }
}

/** A copy whose suites are test files that play in Chromium, over what is built of it. */
class Pages extends Copy {
  #env;

  static async of(folder) {
    const { chromium } = findBrowsers();
    if (chromium === undefined) throw new Stop("Chromium is missing: run `node scripts/setup.mjs`, or name one in CHROMIUM.");
    // Builds the project as it is, so that the copy has it.
    const env = { SIMULATOR_BIN: await readySimulator(), CHROMIUM: chromium };
    const pages = new Pages(folder, copiedForPages);
    pages.#env = env;
    pages.refresh();
    const modules = join(folder, "node_modules");
    if (!existsSync(modules)) symlinkSync(at("node_modules"), modules);
    return pages;
  }

  async build() {
    const { code, output } = await run(process.execPath, ["scripts/build.mjs"], { cwd: this.folder, timeoutMs: BUILD_MS, quiet: true });
    return code === 0 ? { program: "node" } : { errors: output };
  }

  async test(_, suite, timeoutMs) {
    const { code, output } = await run(process.execPath, ["--test", "--test-reporter=tap", suite], { cwd: this.folder, env: this.#env, timeoutMs, quiet: true });
    return code === 0 ? undefined : (/^ *not ok \d+ - (.+)$/m.exec(output)?.[1] ?? output.trim().split("\n").at(-1));
  }
}

/** What made a simulation red: the seed, or what the run never met. */
export function firstFailure(suite, output) {
  const panic = /panicked at [^\n]*\n([^\n]*)/.exec(output)?.[1] ?? output.trim().split("\n").at(-1);
  const seed = /replay: GUESTWIRE_SEED=(\d+)/.exec(output)?.[1];
  return `${suite}${seed === undefined ? "" : `, seed ${seed}`}: ${panic}`;
}

/** Builds and runs one suite over what is planted. */
async function trySuite(copy, suite, limits, took) {
  const from = performance.now();
  const { program, errors } = await copy.build(suite);
  const built = performance.now();
  if (program === undefined) return { error: `it does not compile:\n${errors.trim().split("\n").slice(0, 30).join("\n")}` };
  const red = await copy.test(program, suite, limits[suite]);
  took[suite] = performance.now() - built;
  say(`    ${suite}: built in ${((built - from) / 1000).toFixed(1)} s, ${red === undefined ? "green" : "red"} in ${(took[suite] / 1000).toFixed(1)} s`);
  return { red };
}

/** Plants one mutant (or, for the control, nothing) and tries lists of suites; what killed it in each, which lists did not, and how long each suite took. */
async function tryOne(copy, texts, lists, limits) {
  copy.plant(texts);
  const [took, killed, survived] = [{}, [], []];
  for (const suites of lists) {
    let red;
    for (const suite of suites) {
      const tried = await trySuite(copy, suite, limits, took);
      if (tried.error !== undefined) return { error: tried.error };
      red = tried.red === undefined ? undefined : named(suite, tried.red);
      if (red !== undefined) break;
    }
    if (red === undefined) survived.push(suites);
    else killed.push(red);
  }
  return { killed, survived, took };
}

/** A test's name with the suite's, where it does not have it. */
const named = (suite, red) => (red.startsWith(suite) ? red : `${suite} ${red}`);

function chosen(all) {
  const i = process.argv.indexOf("--only");
  if (i === -1) return all;
  const wanted = (process.argv[i + 1] ?? "").split(",").filter((name) => name !== "");
  const unknown = wanted.filter((name) => !all.some((mutant) => mutant.name === name));
  if (unknown.length > 0 || wanted.length === 0) throw new Stop(`There is no mutant ${unknown.join(", ")}: there are\n  ${all.map(({ name }) => name).join("\n  ")}`);
  return all.filter(({ name }) => wanted.includes(name));
}

/** The copies that bugs are planted in, each with the suites that are run over it. */
async function grounds(mutants) {
  const found = [];
  const inPages = mutants.filter(({ pages }) => pages !== undefined);
  const inSuites = mutants.filter(({ pages }) => pages === undefined);
  if (inSuites.length > 0) {
    const copy = new Copy(join(targetDirectory(), "mutants"), copied);
    copy.refresh();
    found.push({ copy, suites: SUITES, mutants: inSuites });
  }
  if (inPages.length > 0) found.push({ copy: await Pages.of(join(targetDirectory(), "mutants-pages")), suites: [...new Set(inPages.flatMap(({ pages }) => pages))], mutants: inPages });
  return found;
}

async function testMutants() {
  const rows = [];
  const note = (name, ok, text, from) => {
    rows.push({ name, ok, text: text.split("\n")[0], seconds: (performance.now() - from) / 1000 });
    say(`${ok ? "ok    " : "FAILED"} ${name}: ${text}`);
  };

  for (const { copy, suites, mutants } of await grounds(chosen(await definitions()))) {
    say(suites === SUITES ? `The suites without a bug (simulation with ${SEEDS} seeds)` : `${suites.join(", ")} without a bug`);
    let from = performance.now();
    const control = await tryOne(copy, new Map(), suites.map((suite) => [suite]), Object.fromEntries(suites.map((suite) => [suite, BUILD_MS])));
    const green = control.error === undefined && control.killed.length === 0;
    note(`(none, ${suites.length} suites)`, green, green ? "green" : control.error ?? `red without a bug: ${control.killed.join(", ")}`, from);
    if (!green) continue;
    const limits = Object.fromEntries(suites.map((suite) => [suite, Math.max(PATIENCE.atLeastMs, PATIENCE.times * control.took[suite])]));
    for (const mutant of mutants) {
      say(`\n${mutant.name}: ${mutant.bug}`);
      from = performance.now();
      try {
        const { killed, survived, error } = await tryOne(copy, planted(mutant, (file) => copy.read(file)), trials(mutant), limits);
        const dead = error === undefined && survived.length === 0;
        const lives = () => `SURVIVED: ${survived.map((suites) => suites.join(", ")).join("; ")}${killed.length === 0 ? "" : `; killed by ${killed.join(" and by ")}`}`;
        note(mutant.name, dead, dead ? `killed by ${killed.join(" and by ")}` : error ?? lives(), from);
      } catch (error) {
        if (!(error instanceof Stop)) throw error;
        note(mutant.name, false, `rotten: ${error.message}`, from);
      }
    }
    copy.restore();
  }

  const width = Math.max(...rows.map(({ name }) => name.length));
  say(`\n${"mutant".padEnd(width)}  seconds  outcome`);
  for (const { name, text, seconds } of rows) say(`${name.padEnd(width)}  ${seconds.toFixed(1).padStart(7)}  ${text}`);
  const failed = rows.filter(({ ok }) => !ok).length;
  say(`\n${lastLine({ passed: rows.length - failed, failed, skipped: 0 })}`);
  if (failed > 0) process.exitCode = 1;
}

if (isScript(import.meta.url)) await main(testMutants);
