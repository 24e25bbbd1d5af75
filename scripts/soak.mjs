// `npm run soak -- --minutes 30 --seed 7`: Chromium is driven through random faults while guest and agent write numbered messages; at the end both
// sides have to hold every number once, in order (faults.md row 30). The seed is the schedule: `--plan` prints it and does nothing, `--faults
// freeze,kill` plays a part of it. `--tabs 3` opens the conversation in three tabs. `--no-build` takes `dist/` as it is (and SIMULATOR_BIN),
// `--json` prints what came out for a program. Everything that happened lies in target/soak/.

import { createWriteStream, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { at, isScript, main, say, Stop } from "./process.mjs";
import { findBrowsers } from "./setup.mjs";
import { readySimulator, startSimulator } from "./simulator.mjs";
import { account } from "./soak/account.mjs";
import { Crew } from "./soak/crew.mjs";
import { kinds } from "./soak/faults.mjs";
import { growth } from "./soak/growth.mjs";
import { lines, report, table } from "./soak/report.mjs";
import { CALM_FROM_MS, expected, line, schedule } from "./soak/schedule.mjs";
import { serveSoak } from "./soak/site.mjs";

const DEFAULT_MINUTES = 30;

/** Plays a schedule and judges what came of it. `watch` is given a line for everything that is done; `meddle` does what must not go unnoticed. */
export async function soak({ seed, ms, tabs, only, program, executable, watch = () => {}, meddle = () => {} }) {
  const plan = schedule({ seed, ms, tabs, only });
  const path = at("target", "soak", `seed-${seed}-${tabs}-${Math.round(ms / 1000)}s.jsonl`);
  mkdirSync(dirname(path), { recursive: true });
  const file = createWriteStream(path);
  const site = await serveSoak();
  const simulator = await startSimulator(program, { bot: "silent" });
  let crew;
  try {
    crew = await Crew.gather({ site, simulator, tabs, executable, trace: (event) => file.write(`${JSON.stringify(event)}\n`), say: watch });
    const heaps = { "at the start": await crew.tabs[0].heap() };
    const looks = ms <= CALM_FROM_MS ? [] : [[ms / 3, "as the calm third begins"], [(2 * ms) / 3, "as it ends"]];
    const calm = looks.map(([when, name]) => crew.weigh(when, name, heaps));
    await crew.play(plan);
    await meddle(crew);
    await Promise.all(calm);
    const over = crew.now();
    await crew.heal();
    const healed = crew.now() - over;
    await crew.readAll();
    heaps["at the end"] = await crew.tabs[0].heap();
    const { written, sent, doubts, wipes, ends, said } = crew;
    const verdict = account({ written, sent, doubts, wipes, ends, said, failed: [...crew.failed.values()], sessions: await crew.sessions(), lists: await crew.lists() });
    for (const problem of verdict.problems) crew.problem(problem);
    if (looks.length > 0) for (const problem of growth(...looks.map(([, name]) => heaps[name]))) crew.problem(problem);
    const missed = expected(plan).filter((kind) => !crew.met.has(kind));
    for (const kind of missed) crew.problem(`${kind} was never met`);
    return { ...report({ crew, verdict, plan, seed, ms, tabs, heaps, healed, missed, chromium: await crew.browser.version() }), trace: path };
  } finally {
    await crew?.part();
    await simulator.close();
    await site.close();
    await new Promise((done) => file.end(done));
  }
}

/** What the command line says. */
function wanted(args) {
  const value = (flag) => (args.includes(flag) ? (args[args.indexOf(flag) + 1] ?? "") : undefined);
  const number = (flag, least, fallback) => {
    const text = value(flag);
    if (text === undefined) return fallback;
    if (text === "" || !(Number(text) >= least)) throw new Stop(`${flag} takes a number from ${least} on, not ${text === "" ? "nothing" : text}.`);
    return Number(text);
  };
  const only = value("--faults")?.split(",") ?? Object.keys(kinds);
  const unknown = only.filter((kind) => !(kind in kinds));
  if (unknown.length > 0) throw new Stop(`There is no fault ${unknown.join(", ")}: --faults takes ${Object.keys(kinds).join(", ")}.`);
  const seconds = number("--seconds", 1, number("--minutes", 0.1, DEFAULT_MINUTES) * 60);
  return { seed: number("--seed", 0, Math.floor(Math.random() * 1e6)), ms: Math.round(seconds * 1000), tabs: number("--tabs", 1, 1), only };
}

if (isScript(import.meta.url)) {
  await main(async () => {
    const args = process.argv.slice(2);
    const has = (flag) => args.includes(flag);
    const options = wanted(args);
    if (has("--plan")) {
      for (const fault of schedule(options).faults) say(line(fault));
      return;
    }
    const program = await readySimulator();
    const { chromium: executable } = findBrowsers();
    if (executable === undefined) throw new Stop("Chromium is missing: run `node scripts/setup.mjs`, or name one in CHROMIUM.");
    const part = options.only.length < Object.keys(kinds).length ? ` --faults ${options.only.join(",")}` : "";
    const watch = (text) => process.stderr.write(`${text}\n`);
    watch(`npm run soak -- --seconds ${options.ms / 1000} --seed ${options.seed} --tabs ${options.tabs}${part}`);
    const result = await soak({ ...options, program, executable, watch });
    if (has("--json")) say(JSON.stringify(result, null, 2));
    else for (const text of [...lines(result), "", ...table(result)]) say(text);
    if (!result.green) throw new Stop(`The soak is red. Everything that happened: ${result.trace}`);
  });
}
