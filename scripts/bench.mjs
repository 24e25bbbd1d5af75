// `npm run bench`: figures, no verdict. Chromium runs the built `dist/` against the simulator on this machine; nothing leaves it.
// `-- --quick` takes a few seconds a figure, `-- --no-build` takes `dist/` and SIMULATOR_BIN as they are, `-- --json` prints numbers.

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { cpus, loadavg } from "node:os";
import { extname, join, relative } from "node:path";
import { at, isScript, main, say, Stop } from "./process.mjs";
import { findBrowsers, setupBuild } from "./setup.mjs";
import { files } from "./stamp.mjs";

const browserArgs = JSON.parse(readFileSync(at("webdriver.json"), "utf8"))["goog:chromeOptions"].args.filter((flag) => !flag.startsWith("--headless"));
const types = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm", ".css": "text/css", ".json": "application/json" };
/** No figure takes longer than this. */
const DEADLINE_MS = 120_000;
const THROTTLE = 4;

const sizes = {
  full: { messages: 10_000, drawn: 200, starts: 20, cold: 5, waiting: 10, cuts: 3, sends: 5 },
  quick: { messages: 1_000, drawn: 30, starts: 5, cold: 2, waiting: 4, cuts: 1, sends: 1 },
};

/** Serves bench/ and a snapshot of dist/, isolated from other origins so that the page's clock is fine. */
async function serveBench() {
  const kept = new Map();
  for (const folder of ["bench", "dist"]) {
    for (const path of files([at(folder)])) {
      const name = `/${relative(at(), path).replaceAll("\\", "/")}`;
      if (types[extname(path)] !== undefined) kept.set(name, readFileSync(path));
    }
  }
  if (!kept.has("/dist/index.js")) throw new Stop("There is no dist/: run `npm run build`, or leave out --no-build.");
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const body = kept.get(pathname);
    const isolation = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp", "cache-control": "no-store" };
    if (body === undefined) return void response.writeHead(404, isolation).end();
    response.writeHead(200, { ...isolation, "content-type": types[extname(pathname)] }).end(body);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${server.address().port}/bench/index.html`, close: () => new Promise((done) => (server.closeAllConnections(), server.close(done))) };
}

/** The simulator's control. */
class Control {
  constructor(url) {
    this.url = url;
  }

  async call(method, path, body) {
    const response = await fetch(`${this.url}/_sim/${path}`, { method, headers: { "content-type": "application/json" }, body: body === undefined ? undefined : JSON.stringify(body) });
    if (!response.ok) throw new Error(`${method} /_sim/${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }
}

/** A fresh page of a fresh visitor, with a deployment of its own. */
class Stage {
  deploymentId = randomUUID();

  static async open(browser, site, simulator) {
    const stage = new Stage();
    stage.control = new Control(simulator);
    stage.context = await browser.newContext();
    stage.page = await stage.context.newPage();
    stage.page.setDefaultTimeout(DEADLINE_MS);
    stage.page.on("pageerror", (error) => say(`  the page: ${error.message}`));
    stage.cdp = await stage.context.newCDPSession(stage.page);
    // The main thread's own time: what else runs on this machine does not count.
    await stage.cdp.send("Performance.enable", { timeDomain: "threadTicks" });
    await stage.page.exposeFunction("speak", (text) => stage.control.call("POST", "agent", { do: "text", text, deploymentId: stage.deploymentId }));
    await stage.page.goto(site);
    await stage.page.waitForFunction(() => globalThis.bench !== undefined);
    stage.options = { deploymentId: stage.deploymentId, endpoint: simulator };
    return stage;
  }

  /** Calls `bench.name(...args)` in the page. */
  run(name, ...args) {
    let timer;
    const late = new Promise((_, fail) => (timer = setTimeout(() => fail(new Stop(`${name} took longer than ${DEADLINE_MS / 1000} s.`)), DEADLINE_MS)));
    return Promise.race([this.page.evaluate(([name, args]) => globalThis.bench[name](...args), [name, args]), late]).finally(() => clearTimeout(timer));
  }

  /** The page's own counters, seconds. */
  async counters() {
    const { metrics } = await this.cdp.send("Performance.getMetrics");
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  }

  async heap() {
    await this.cdp.send("HeapProfiler.collectGarbage");
    const { usedSize, embedderHeapUsedSize = 0, backingStorageSize = 0 } = await this.cdp.send("Runtime.getHeapUsage");
    return { script: usedSize, embedder: embedderHeapUsedSize, buffers: backingStorageSize, module: await this.run("memory") };
  }

  close() {
    return this.context.close();
  }
}

/** The value below which so many of a hundred lie. */
export function percentile(values, percent) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1))];
}
const median = (values) => percentile(values, 50);

const ms = (value) => (value < 10 ? `${value.toFixed(value < 0.995 ? 3 : 2)} ms` : `${Math.round(value)} ms`);
const mib = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const spread = (values) => `${ms(median(values))}`;

const figures = {
  async receiving(stage, { messages }, row) {
    await stage.run("start", stage.options);
    const before = await stage.heap();
    const { all, took, added } = await stage.run("receive", messages, true);
    if (added < messages) throw new Stop(`Only ${added} of ${messages} messages came to the list.`);
    const tenth = Math.floor(messages / 10);
    row("decoded and stored", `${Math.round(messages / (all / 1000)).toLocaleString("en")} messages/s`, `${messages} text messages of the agent, one socket event each, read every ten`, messages / (all / 1000));
    row("main-thread time per message", `p50 ${ms(median(took))}, p99 ${ms(percentile(took, 99))}`, `first tenth p50 ${ms(median(took.slice(0, tenth)))}, last tenth ${ms(median(took.slice(-tenth)))}, longest ${ms(Math.max(...took))}`, { p50: median(took), p99: percentile(took, 99) });
    const after = await stage.heap();
    const sum = ({ script, embedder, buffers }) => script + embedder + buffers;
    row(`memory after ${messages} messages`, mib(sum(after) + after.module), `script ${mib(after.script)} (before ${mib(before.script)}), module ${mib(after.module)} (before ${mib(before.module)}), strings and buffers ${mib(after.buffers)} (before ${mib(before.buffers)}), DOM ${mib(after.embedder)}`, sum(after) + after.module);
  },

  async unread(stage, { messages }, row) {
    await stage.run("start", stage.options);
    const { all, took } = await stage.run("receive", messages, false);
    const tenth = Math.floor(messages / 10);
    row("… with none of them read", `${Math.round(messages / (all / 1000)).toLocaleString("en")} messages/s`, `p50 ${ms(median(took))}, p99 ${ms(percentile(took, 99))}; last tenth p50 ${ms(median(took.slice(-tenth)))}`, messages / (all / 1000));
  },

  async drawing(stage, { drawn }, row) {
    await stage.run("element", stage.options);
    await stage.run("ready");
    const before = await stage.counters();
    await stage.run("receiveDrawn", drawn);
    const after = await stage.counters();
    const per = (name) => ((after[name] - before[name]) * 1000) / drawn;
    row("… with the element open", `${ms(per("TaskDuration"))} per message`, `${drawn} messages, one to a frame: script ${ms(per("ScriptDuration"))}, layout ${ms(per("LayoutDuration"))}, style ${ms(per("RecalcStyleDuration"))}`, per("TaskDuration"));
  },
};

async function starting(open, { cold, starts }, row) {
  const rounds = [];
  for (let n = 0; n < cold; n += 1) {
    const stage = await open();
    rounds.push(await stage.run("start", stage.options));
    if (n === cold - 1) {
      const warm = [];
      for (let m = 0; m < starts; m += 1) warm.push(await stage.run("again", { ...stage.options, deploymentId: randomUUID() }));
      row("start() to ready, first client", spread(rounds.map(({ fromStart }) => fromStart)), `median of ${cold} fresh pages; from the import of the package ${spread(rounds.map(({ fromImport }) => fromImport))}`, median(rounds.map(({ fromStart }) => fromStart)));
      row("start() to ready, module loaded", spread(warm), `median of ${starts}, p99 ${ms(percentile(warm, 99))}`, median(warm));
    }
    await stage.close();
  }
}

/** The line is cut, messages are written, the network comes back. */
async function flushing(open, { waiting, cuts }, row) {
  for (const cut of ["typing", "message"]) {
    const rounds = [];
    for (let n = 0; n < cuts; n += 1) {
      const stage = await open();
      await stage.run("start", stage.options);
      const match = { deploymentId: stage.deploymentId };
      await stage.control.call("POST", "faults", [
        { on: "frame-in", match: { ...match, action: "onMessage", type: cut === "typing" ? "Event" : "Text" }, do: "drop" },
        { on: "connect", match, do: "refuse", status: 503, count: 0 },
      ]);
      const count = cut === "typing" ? waiting : waiting - 1;
      const there = await stage.run("writeOffline", count, cut);
      if (there !== waiting) throw new Stop(`${there} messages wait instead of ${waiting}.`);
      await stage.context.setOffline(true);
      await stage.control.call("DELETE", `faults?deploymentId=${stage.deploymentId}`);
      await stage.run("flushed");
      await stage.context.setOffline(false);
      rounds.push(await stage.page.evaluate(() => globalThis.flushing));
      await stage.close();
    }
    const value = median(rounds.map(({ flushed }) => flushed));
    const what = cut === "typing" ? `${waiting} messages, none of them in flight at the cut` : `${waiting} messages, the first in flight at the cut: proved absent before it goes again`;
    row("network back to outbox flushed", ms(value), `${what}; 60 requests a minute are allowed; ready after ${spread(rounds.map(({ ready }) => ready))}`, value);
  }
}

async function firstSend(open, { sends }, row) {
  for (const withElement of [false, true]) {
    const rounds = [];
    for (let n = 0; n < sends; n += 1) {
      const stage = await open();
      await stage.cdp.send("Emulation.setCPUThrottlingRate", { rate: THROTTLE });
      const before = await stage.counters();
      const from = await stage.page.evaluate(() => performance.now());
      const sent = await stage.run("firstSend", stage.options, withElement);
      const after = await stage.counters();
      rounds.push({ script: (after.ScriptDuration - before.ScriptDuration) * 1000, task: (after.TaskDuration - before.TaskDuration) * 1000, clock: sent - from });
      await stage.close();
    }
    const value = median(rounds.map(({ script }) => script));
    row(`script time to first send, ${withElement ? "element" : "client alone"}`, ms(value), `${THROTTLE} times slower CPU, median of ${sends}; main thread ${spread(rounds.map(({ task }) => task))}, by the clock ${spread(rounds.map(({ clock }) => clock))}`, value);
  }
}

/** Measures everything; `[{ name, figure, note, value }]`. */
export async function bench({ quick, program, progress }) {
  const { chromium } = await import("playwright-core");
  const { startSimulator } = await import("./simulator.mjs");
  const size = quick ? sizes.quick : sizes.full;
  const { chromium: executablePath } = findBrowsers();
  if (executablePath === undefined) throw new Stop("Chromium is missing: run `node scripts/setup.mjs`, or name one in CHROMIUM.");
  const rows = [];
  const row = (name, figure, note, value) => {
    rows.push({ name, figure, note, value });
    progress(name, figure);
  };
  const site = await serveBench();
  const simulator = await startSimulator(program, { bot: "silent" });
  const browser = await chromium.launch({ executablePath, args: browserArgs });
  try {
    const open = () => Stage.open(browser, site.url, simulator.url);
    for (const figure of Object.values(figures)) {
      const stage = await open();
      await figure(stage, size, row);
      await stage.close();
    }
    await starting(open, size, row);
    await flushing(open, size, row);
    await firstSend(open, size, row);
    return { rows, browser: browser.version() };
  } finally {
    await browser.close();
    await simulator.close();
    await site.close();
  }
}

if (isScript(import.meta.url)) {
  await main(async () => {
    const has = (flag) => process.argv.includes(flag);
    const quick = has("--quick");
    let program = process.env.SIMULATOR_BIN;
    if (!has("--no-build")) {
      await setupBuild();
      const { build } = await import("./build.mjs");
      const { buildSimulator } = await import("./simulator.mjs");
      await build();
      program = await buildSimulator();
    } else if (program === undefined) {
      throw new Stop("--no-build needs the simulator's program in SIMULATOR_BIN.");
    }
    const load = loadavg()[0];
    const { rows, browser } = await bench({ quick, program, progress: (name, figure) => process.stderr.write(`${name}: ${figure}\n`) });
    if (has("--json")) return say(JSON.stringify(rows, null, 2));
    const width = (key) => Math.max(...rows.map((row) => row[key].length));
    say("");
    for (const { name, figure, note } of rows) say(`${name.padEnd(width("name"))}  ${figure.padEnd(width("figure"))}  ${note}`);
    say(`\nChromium ${browser}, ${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, load ${load.toFixed(1)} at the start${quick ? "; quick: fewer rounds" : ""}`);
  });
}
