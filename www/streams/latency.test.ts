import assert from "node:assert/strict";
import { PerformanceObserver } from "node:perf_hooks";
import { afterEach, beforeEach, test } from "node:test";
import { Emitter } from "../client/emitter.js";
import { GuestClient } from "../client/index.js";
import { Kind } from "../client/generated/streams/enums.js";
import type { AttachedLatencyOptions, LatencyEvents, LatencyOptions, Sample } from "./api.js";
import { FakeModule } from "./fake-core.js";
import { Latency } from "./latency.js";

const own: LatencyOptions = { endpoint: "http://service.test", token: { url: "/token" }, connectionId: "monitor-1", createSocket: () => assert.fail("nothing connects") };
const sample: Sample = { sequence: 1, latencyMs: 20, jitterMs: 2, smoothedJitterMs: 1, stability: 0.9, timedOut: false, offsetMs: -3, at: 5 };

class Monitor extends Latency {
  constructor(options: LatencyOptions | AttachedLatencyOptions = own) {
    super(options, module.provide);
  }
}

let module: FakeModule;
const monitors: Monitor[] = [];
const started = async (options?: LatencyOptions | AttachedLatencyOptions): Promise<Monitor> => {
  const monitor = new Monitor(options);
  monitors.push(monitor);
  await monitor.start();
  return monitor;
};

beforeEach(() => (module = new FakeModule()));
afterEach(() => {
  for (const monitor of monitors.splice(0)) monitor.dispose();
});

test("every probe is told, to the callback for APM tools too", async () => {
  const told: Sample[] = [];
  const monitor = await started({ ...own, apm: (given) => void told.push(given) });
  const probes: Sample[] = [];
  monitor.on("probe", (given) => void probes.push(given));
  module.core.tell({ type: "probe", ...sample });
  assert.deepEqual([told, probes], [[sample], [sample]]);
  assert.equal(module.core.kind, Kind.Latency);
});

test("a callback that throws harms nobody", async (t) => {
  t.mock.method(console, "error", () => {});
  const monitor = await started({ ...own, apm: () => { throw new Error("hostile"); } });
  const probes: Sample[] = [];
  monitor.on("probe", (given) => void probes.push(given));
  module.core.tell({ type: "probe", ...sample });
  assert.deepEqual(probes, [sample]);
});

test("a crossed limit is told with what was crossed", async () => {
  const monitor = await started();
  const told: LatencyEvents["threshold"][] = [];
  monitor.on("threshold", (threshold) => void told.push(threshold));
  module.core.tell({ type: "threshold", latency: true, value: 400, limit: 300, over: true }, { type: "threshold", latency: false, value: 10, limit: 50, over: false });
  assert.deepEqual(told, [{ what: "latency", value: 400, limit: 300, over: true }, { what: "jitter", value: 10, limit: 50, over: false }]);
});

/** The measures that an observer gets while `run` runs. */
async function observed(count: number, run: () => void): Promise<PerformanceEntry[]> {
  const entries: PerformanceEntry[] = [];
  let observer!: PerformanceObserver;
  const all = new Promise<void>((resolve) => {
    observer = new PerformanceObserver((list) => {
      entries.push(...(list.getEntries() as unknown as PerformanceEntry[]));
      if (entries.length >= count) resolve();
    });
  });
  observer.observe({ type: "measure" });
  run();
  await all;
  observer.disconnect();
  return entries;
}

test("samples are measures for who observes them, and the page's list does not grow", async () => {
  await started();
  const timedOut: Sample = { jitterMs: 2, smoothedJitterMs: 1, stability: 0.5, timedOut: true, at: 6 };
  const entries = await observed(3, () => {
    performance.measure("the page's own", { start: 0, end: 1 });
    module.core.tell({ type: "probe", ...sample }, { type: "probe", ...timedOut });
  });
  assert.deepEqual(entries.map(({ name }) => name), ["the page's own", "guestwire:rtt", "guestwire:rtt"]);
  const [, answered, lost] = entries as PerformanceMeasure[];
  assert.ok(Math.abs(answered!.duration - 20) < 0.001, String(answered!.duration));
  assert.equal(lost!.duration, 0);
  assert.deepEqual([answered!.detail, lost!.detail], [sample, timedOut]);
  assert.deepEqual(performance.getEntriesByType("measure").map(({ name }) => name), ["the page's own"]);
  performance.clearMeasures();
});

test("a round trip that began before the page did is a measure from its beginning", async () => {
  await started();
  const [entry] = await observed(1, () => module.core.tell({ type: "probe", ...sample, latencyMs: 1e9 }));
  assert.equal(entry!.startTime, 0);
});

test("no marks are made where they are not wanted", async () => {
  await started({ ...own, marks: false });
  const entries = await observed(1, () => {
    module.core.tell({ type: "probe", ...sample });
    performance.measure("the page's own", { start: 0, end: 1 });
  });
  performance.clearMeasures();
  assert.deepEqual(entries.map(({ name }) => name), ["the page's own"]);
});

/** Another client, as far as a monitor knows it. */
class Source {
  readonly #emitter = new Emitter<{ metric: { kind: string; ms: number } }>();
  listeners = 0;
  on(event: "metric", listener: (metric: { kind: string; ms: number }) => void): () => void {
    this.listeners += 1;
    const off = this.#emitter.on(event, listener);
    return () => {
      this.listeners -= 1;
      off();
    };
  }
  measures(kind: string, ms: number): void {
    this.#emitter.emit("metric", { kind, ms });
  }
}

test("attached it takes the other client's round trips, and a line found dead for a timeout", async () => {
  const { WebSocket } = globalThis;
  Object.assign(globalThis, { WebSocket: undefined });
  const source = new Source();
  try {
    await started({ source, maxLatencyMs: 100 });
  } finally {
    Object.assign(globalThis, { WebSocket });
  }
  source.measures("rtt", 12);
  source.measures("reconnect", 900);
  source.measures("detect", 8_000);
  source.measures("rtt", 0);
  assert.deepEqual(module.core.asked, ["Start", "Sample 12", "Sample -1", "Sample 0"]);
  assert.deepEqual([module.core.options["attached"], module.core.options["maxLatencyMs"], module.core.options["endpoint"], module.core.options["token"]], [true, 100, undefined, undefined]);
});

test("what is measured before the module is up is kept, the newest 256", async () => {
  const source = new Source();
  const monitor = new Monitor({ source });
  monitors.push(monitor);
  const start = monitor.start();
  for (let ms = 1; ms <= 300; ms += 1) source.measures("rtt", ms);
  await start;
  assert.deepEqual(module.core.asked.filter((call) => call.startsWith("Sample")), Array.from({ length: 256 }, (_, index) => `Sample ${index + 45}`));
});

test("attached it stands as it listens", async () => {
  const monitor = new Monitor({ source: new Source() });
  monitors.push(monitor);
  const told: string[] = [];
  monitor.on("state", ({ name }) => void told.push(name));
  await monitor.start();
  await monitor.stop();
  await monitor.start();
  assert.deepEqual(told, ["loading", "ready", "stopped", "idle", "ready"]);
});

test("it listens from start to stop, once, and not after it is disposed of", async () => {
  const source = new Source();
  const monitor = new Monitor({ source });
  assert.equal(source.listeners, 0);
  await monitor.start();
  await monitor.start();
  assert.equal(source.listeners, 1);
  await monitor.stop();
  assert.equal(source.listeners, 0);
  await monitor.start();
  monitor.dispose();
  assert.equal(source.listeners, 0);
  await assert.rejects(monitor.start(), { code: 7001 });
  assert.equal(source.listeners, 0);
});

test("the chat's client is a source", async () => {
  const client = new GuestClient({ deploymentId: "d1", endpoint: "http://service.test", storage: "memory", createSocket: () => assert.fail("nothing connects") });
  const monitor = await started({ source: client });
  assert.equal(monitor.state.name, "ready");
  monitor.dispose();
  client.dispose();
});
