// `npm run bench`: figures, no verdict. Chromium runs the built `dist/` against servers on this machine; nothing leaves it.
// `-- --only guest` or `streams` is a part of it, `-- --quick` takes a few seconds a figure, `-- --no-build` takes `dist/` as it is (and
// for the guest SIMULATOR_BIN), `-- --json` prints numbers.

import { cpus, loadavg } from "node:os";
import { guest } from "./bench/guest.mjs";
import { serveBench } from "./bench/stage.mjs";
import { streams } from "./bench/streams.mjs";
import { isScript, main, say, Stop } from "./process.mjs";
import { chromiumFlags, findBrowsers } from "./setup.mjs";
import { readySimulator } from "./simulator.mjs";

/** What there is to measure, by name. Each is given `{ browser, site, program, quick, row }`. */
const parts = { guest, streams };

/** Measures these parts; `[{ name, figure, note, value }]`. */
async function bench({ wanted, quick, program, progress }) {
  const { chromium } = await import("playwright-core");
  const { chromium: executablePath } = findBrowsers();
  if (executablePath === undefined) throw new Stop("Chromium is missing: run `node scripts/setup.mjs`, or name one in CHROMIUM.");
  const rows = [];
  const row = (name, figure, note, value) => {
    rows.push({ name, figure, note, value });
    progress(name, figure);
  };
  const site = await serveBench();
  const browser = await chromium.launch({ executablePath, args: chromiumFlags() });
  try {
    for (const part of wanted) await parts[part]({ browser, site, program, quick, row });
    return { rows, browser: browser.version() };
  } finally {
    await browser.close();
    await site.close();
  }
}

/** The parts that `--only` names, or all of them. */
function chosen() {
  const at = process.argv.indexOf("--only");
  if (at < 0) return Object.keys(parts);
  const wanted = (process.argv[at + 1] ?? "").split(",");
  const unknown = wanted.filter((part) => !(part in parts));
  if (unknown.length > 0) throw new Stop(`There is no part ${unknown.join(", ")}: --only takes ${Object.keys(parts).join(", ")}.`);
  return wanted;
}

if (isScript(import.meta.url)) {
  await main(async () => {
    const has = (flag) => process.argv.includes(flag);
    const quick = has("--quick");
    const wanted = chosen();
    const program = await readySimulator({ needed: wanted.includes("guest") });
    const load = loadavg()[0];
    const { rows, browser } = await bench({ wanted, quick, program, progress: (name, figure) => process.stderr.write(`${name}: ${figure}\n`) });
    if (has("--json")) return say(JSON.stringify(rows, null, 2));
    const width = (key) => Math.max(...rows.map((row) => row[key].length));
    say("");
    for (const { name, figure, note } of rows) say(`${name.padEnd(width("name"))}  ${figure.padEnd(width("figure"))}  ${note}`);
    say(`\nChromium ${browser}, ${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, load ${load.toFixed(1)} at the start${quick ? "; quick: fewer rounds" : ""}`);
  });
}
