// What a figure is taken on: a site with bench/ and dist/, and a fresh page of it in Chromium.

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, relative } from "node:path";
import { at, say, Stop } from "../process.mjs";
import { control } from "../simulator.mjs";
import { files } from "../stamp.mjs";

const types = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm", ".css": "text/css", ".json": "application/json" };
/** No figure takes longer than this. */
const DEADLINE_MS = 120_000;

/** Serves bench/ and a snapshot of dist/, isolated from other origins so that the page's clock is fine. */
export async function serveBench() {
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
  return { url: `http://127.0.0.1:${server.address().port}/bench`, close: () => new Promise((done) => (server.closeAllConnections(), server.close(done))) };
}

/** A fresh page of a fresh visitor, with a deployment of its own where there is a simulator. */
export class Stage {
  deploymentId = randomUUID();

  static async open(browser, site, simulator) {
    const stage = new Stage();
    stage.context = await browser.newContext();
    stage.page = await stage.context.newPage();
    stage.page.setDefaultTimeout(DEADLINE_MS);
    stage.page.on("pageerror", (error) => say(`  the page: ${error.message}`));
    stage.cdp = await stage.context.newCDPSession(stage.page);
    // The main thread's own time: what else runs on this machine does not count.
    await stage.cdp.send("Performance.enable", { timeDomain: "threadTicks" });
    if (simulator !== undefined) {
      stage.control = (method, path, body) => control(simulator, method, path, body);
      await stage.page.exposeFunction("speak", (text) => stage.control("POST", "agent", { do: "text", text, deploymentId: stage.deploymentId }));
    }
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
