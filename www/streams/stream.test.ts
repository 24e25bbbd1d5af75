import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { GuestwireError } from "../client/errors.js";
import { Kind, StreamCall } from "../client/generated/streams/enums.js";
import type { Provide } from "../client/load.js";
import type { InteractionEvent, InteractionOptions, StreamState } from "./api.js";
import { FakeModule } from "./fake-core.js";
import type { StreamGlue } from "./glue.js";
import { Interactions } from "./interactions.js";

const given: InteractionOptions = { endpoint: "http://service.test", token: { url: "/token" }, createSocket: () => assert.fail("nothing connects") };

class Stream extends Interactions {
  constructor(more: Partial<InteractionOptions> = {}, provide: Provide<StreamGlue> = module.provide) {
    super({ ...given, ...more }, provide);
  }
}

let module: FakeModule;
const streams: Stream[] = [];
const track = (stream: Stream): Stream => (streams.push(stream), stream);
const started = async (more: Partial<InteractionOptions> = {}): Promise<Stream> => {
  const stream = track(new Stream(more));
  await stream.start();
  return stream;
};
const names = (stream: Stream): string[] => {
  const told: string[] = [];
  stream.on("state", ({ name }) => void told.push(name));
  return told;
};
const once = <K extends "error" | "event" | "state">(stream: Stream, event: K): Promise<unknown> => new Promise((resolve) => stream.on(event, resolve, { once: true }));
const event = (number: number): InteractionEvent => ({ timestamp: "t", type: "ParticipantJoined", participant: `p${number}`, interaction: "i", channel: "voice" });
const turns = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => (module = new FakeModule()));
afterEach(() => {
  for (const stream of streams.splice(0)) stream.dispose();
});

test("it is made of its kind, its plain options and 64 bytes of chance, and starts nothing by itself", async () => {
  const stream = track(new Stream({ attempts: 3 }));
  assert.deepEqual(stream.state, { name: "idle" });
  await module.first;
  assert.deepEqual([module.core.kind, module.core.options["attempts"], module.core.seed.length, module.core.asked], [Kind.Interactions, 3, 64, []]);
});

test("started before the module is up it is loading, then what the module says", async () => {
  const stream = track(new Stream());
  const told = names(stream);
  await stream.start();
  assert.deepEqual(told, ["loading", "ready"]);
  assert.deepEqual(module.core.asked, ["Start"]);
});

test("two who start it wait for the same connection", async () => {
  const stream = track(new Stream());
  module.answers = false;
  const both = [stream.start(), stream.start()];
  await module.first;
  assert.deepEqual(module.core.starts, [1, 2]);
  module.core.within(() => module.core.ready());
  await Promise.all(both);
});

test("a start that the service refuses rejects with what it said", async () => {
  module.answers = false;
  const stream = track(new Stream());
  const told: GuestwireError[] = [];
  stream.on("error", (error) => void told.push(error));
  const start = stream.start();
  await module.first;
  module.core.tell({ type: "error", code: 7060, detail: "token expired" });
  module.core.within(() => module.core.ready(7060, { name: "authRequired" }));
  await assert.rejects(start, { code: 7060, name: "Rejected", detail: "token expired" });
  assert.deepEqual(told.map(({ message }) => message), ["The service refused the token or the first frame: token expired"]);
});

test("a start that ends by another code than the last error is that code", async () => {
  module.answers = false;
  const stream = track(new Stream());
  const start = stream.start();
  await module.first;
  module.core.tell({ type: "error", code: 7071 });
  module.core.within(() => module.core.ready(7068, { name: "ended", reason: "gaveUp" }));
  await assert.rejects(start, { code: 7068, name: "GaveUp" });
  assert.deepEqual(stream.state, { name: "ended", reason: "gaveUp" } satisfies StreamState);
});

test("a host without WebSocket says so when it is started, unless it is given one", async () => {
  const { WebSocket } = globalThis;
  Object.assign(globalThis, { WebSocket: undefined });
  try {
    await assert.rejects(track(new Stream({ createSocket: undefined })).start(), { name: "NoWebSocket", remediation: /createSocket/ });
    await track(new Stream()).start();
  } finally {
    Object.assign(globalThis, { WebSocket });
  }
});

test("events, figures, warnings and audit lines reach who listens", async () => {
  const stream = await started();
  const told: unknown[] = [];
  for (const name of ["metric", "metrics", "warning", "audit", "lag", "dropped", "timeline"] as const) stream.on(name, (payload) => void told.push([name, payload]));
  module.core.tell(
    { type: "metric", kind: "rtt", ms: 7 },
    { type: "metrics", frames: 3, dropped: 0 },
    { type: "warning", code: 7065 },
    { type: "warning", code: 7070, detail: "https://hook.test" },
    { type: "audit", line: "{}" },
    { type: "lag", ms: 900 },
    { type: "dropped", count: 2, total: 5 },
    { type: "timeline", interaction: "i" },
  );
  assert.deepEqual(told, [
    ["metric", { kind: "rtt", ms: 7 }],
    ["metrics", { frames: 3, dropped: 0 }],
    ["warning", { code: 7065, message: "Events are dropped, because the consumer is too slow." }],
    ["warning", { code: 7070, message: "A webhook did not take what was posted to it.", detail: "https://hook.test" }],
    ["audit", { line: "{}" }],
    ["lag", { ms: 900 }],
    ["dropped", { count: 2, total: 5 }],
    ["timeline", { interaction: "i" }],
  ]);
});

test("what is queued is taken when that is told, and told in its order", async () => {
  const stream = await started();
  const seen: string[] = [];
  stream.on("event", ({ participant }) => void seen.push(participant));
  module.core.queue("", ...Array.from({ length: 40 }, (_, index) => event(index)));
  if (module.core.waiting("") > 0) await turns();
  assert.deepEqual(seen, Array.from({ length: 40 }, (_, index) => `p${index}`));
  module.core.queue("", event(40));
  assert.equal(seen.at(-1), "p40", "what comes later is taken as well");
});

test("without a listener the queue is emptied all the same: nothing is to be dropped that nobody asked for", async () => {
  await started();
  module.core.queue("", event(0), event(1));
  assert.equal(module.core.waiting(""), 0);
});

test("behind a slow listener the rest waits in the module, and nothing is lost", async () => {
  const stream = await started();
  const seen: string[] = [];
  let release: () => void = () => {};
  stream.on("event", ({ participant }) => {
    seen.push(participant);
    return new Promise<void>((resolve) => (release = resolve));
  });
  module.core.queue("", event(0));
  for (let number = 1; number < 30; number += 1) module.core.queue("", event(number));
  await turns();
  assert.deepEqual([seen, module.core.waiting("")], [["p0"], 29]);
  for (let number = 1; number < 30; number += 1) {
    release();
    while (seen.length <= number) await turns();
  }
  assert.deepEqual(seen, Array.from({ length: 30 }, (_, index) => `p${index}`));
});

test("a listener that throws or rejects harms nobody", async (t) => {
  t.mock.method(console, "error", () => {});
  const stream = await started();
  const seen: string[] = [];
  stream.on("event", () => {
    throw new Error("hostile");
  });
  stream.on("event", () => Promise.reject(new Error("hostile")));
  stream.on("event", ({ participant }) => void seen.push(participant));
  module.core.queue("", event(0), event(1));
  while (seen.length < 2) await turns();
  assert.deepEqual(seen, ["p0", "p1"]);
});

test("what cannot be read of the module is an error, and what comes behind it is told", async () => {
  const stream = await started();
  const faults: number[] = [];
  const seen: string[] = [];
  stream.on("error", ({ code }) => void faults.push(code));
  stream.on("event", ({ participant }) => void seen.push(participant));
  module.core.queueText("", "{");
  module.core.queue("", event(1));
  assert.deepEqual([faults, seen], [[7071], ["p1"]]);
});

test("figures and timelines are asked of the module, and empty before there is one", async () => {
  const stream = track(new Stream());
  assert.deepEqual([stream.metrics, stream.timelines(), stream.timeline("i")], [{}, [], { interaction: "i", entries: [], participants: [] }]);
  await stream.start();
  assert.deepEqual([stream.metrics, stream.timelines(), stream.timeline("i").participants.length], [{ frames: 7 }, ["i1", "i2"], 1]);
  assert.deepEqual(stream.diagnostics(), { loaded: true, state: { name: "ready" }, metrics: { frames: 7 } });
});

test("a subscription replaces the one before, also before there is a module", async () => {
  const stream = track(new Stream({ interaction: "i1", channels: ["voice"] }));
  stream.subscribe({ channels: ["chat"] });
  await stream.start();
  assert.deepEqual([module.core.options["interaction"], module.core.options["channels"]], [undefined, ["chat"]]);
  stream.subscribe({ interaction: "i2" });
  assert.equal(module.core.asked.at(-1), 'Subscribe {"interaction":"i2"}');
  assert.throws(() => stream.subscribe({ channels: ["fax" as "voice"] }), { code: 7000, field: "channels[0]" });
});

test("what the module refuses is thrown, and changes nothing", async () => {
  const stream = await started({ interaction: "i1" });
  module.refusals.set(StreamCall.Subscribe, [7000, "interaction"]);
  assert.throws(() => stream.subscribe({ interaction: "i2" }), { code: 7000, field: "interaction" });
  module.panics = StreamCall.Metrics;
  assert.throws(() => stream.metrics, { code: 7102 });
  assert.equal(module.core.options["interaction"], "i1", "the next core is made with what was subscribed to");
});

test("options that the module refuses are an error, and start rejects", async () => {
  module.refuses = [7000, "region"];
  const stream = track(new Stream());
  const told = once(stream, "error");
  await assert.rejects(stream.start(), { code: 7000, field: "region" });
  assert.equal(((await told) as GuestwireError).field, "region");
  assert.deepEqual(stream.state, { name: "idle" });
});

test("stopped it says so, and begins anew by start", async () => {
  const stream = await started();
  const told = names(stream);
  await stream.stop();
  await stream.start();
  assert.deepEqual(told, ["stopped", "idle", "ready"]);
});

test("stopped before the module is up nothing is started", async () => {
  const stream = track(new Stream());
  const start = stream.start();
  await stream.stop();
  await assert.rejects(start, { code: 7001 });
  await module.first;
  assert.deepEqual([stream.state.name, module.core.asked], ["stopped", []]);
});

test("a module that cannot be reached leaves start waiting", async () => {
  const stream = track(new Stream({}, () => Promise.reject(new TypeError("Failed to fetch"))));
  const failed = once(stream, "error");
  let settled = false;
  stream.start().finally(() => (settled = true)).catch(() => {});
  assert.equal(((await failed) as GuestwireError).code, 7101);
  assert.deepEqual([stream.state.name, settled], ["loading", false]);
});

test("an aborted signal disposes: what waits is refused, and nothing is left", async () => {
  const controller = new AbortController();
  const stream = new Stream({ signal: controller.signal });
  await stream.start();
  const { core } = module;
  module.answers = false;
  const again = stream.start();
  controller.abort();
  await assert.rejects(again, { code: 7001 });
  await assert.rejects(stream.start(), { code: 7001 });
  assert.deepEqual([stream.state.name, core.disposed, core.freed, core.bag.size], ["stopped", true, true, 0]);
  const never = new Stream({ signal: controller.signal });
  await assert.rejects(never.start(), { code: 7001 });
  assert.equal(never.state.name, "stopped");
});

test("disposed of by its own listener it tells nothing more of what it took", async () => {
  const stream = await started();
  const seen: string[] = [];
  stream.on("event", ({ participant }) => {
    seen.push(participant);
    if (participant === "p1") stream.dispose();
  });
  module.core.queue("", ...Array.from({ length: 9 }, (_, index) => event(index)));
  await turns();
  assert.deepEqual(seen, ["p0", "p1"]);
});

test("after a panic it goes on with its listeners, its subscription and those who wait", async () => {
  const stream = await started({ interaction: "i1" });
  const bystander = await started();
  stream.subscribe({ interaction: "i2" });
  const seen: string[] = [];
  stream.on("event", ({ participant }) => void seen.push(participant));
  const faults: number[] = [];
  for (const one of [stream, bystander]) one.on("error", ({ code }) => void faults.push(code));
  const before = module.cores.length;
  module.panics = StreamCall.Reconnect;
  assert.throws(() => stream.reconnect(), { code: 7102 });
  assert.deepEqual(faults, [7102, 7102]);
  assert.deepEqual([module.cores.length, module.memories], [before + 2, 2]);
  const [mine] = module.cores.slice(before);
  assert.deepEqual([mine!.options["interaction"], mine!.asked], ["i2", ["Start"]]);
  mine!.queue("", event(5));
  assert.deepEqual(seen, ["p5"]);
  assert.equal(stream.state.name, "ready");
});

test("what had been stopped stays stopped after a panic, what had ended stays ended", async () => {
  const stopped = await started();
  await stopped.stop();
  const ended = await started();
  module.core.tell({ type: "state", state: { name: "ended", reason: "gaveUp" } });
  const before = module.cores.length;
  module.panics = StreamCall.Metrics;
  assert.throws(() => ended.metrics, { code: 7102 });
  assert.deepEqual(module.cores.slice(before).map(({ asked }) => asked), [[], []]);
  assert.deepEqual([stopped.state.name, ended.state.name], ["stopped", "ended"]);
});

test("audit lines go to the sink that was given", async (t) => {
  const lines: string[] = [];
  await started({ audit: (line) => void lines.push(line) });
  module.core.tell({ type: "audit", line: '{"state":"ready"}' });
  assert.deepEqual(lines, ['{"state":"ready"}']);
  const info = t.mock.method(console, "info", () => {});
  await started({ audit: "console" });
  module.core.tell({ type: "audit", line: "a line" });
  assert.deepEqual(info.mock.calls.map(({ arguments: [line] }) => line), ["a line"]);
  await started({ audit: { url: "/audit" } });
  assert.deepEqual(module.core.options["audit"], { url: "/audit" });
});

test("a sink that throws harms nobody", async (t) => {
  t.mock.method(console, "error", () => {});
  const stream = await started({ audit: () => { throw new Error("full"); } });
  const seen: string[] = [];
  stream.on("audit", ({ line }) => void seen.push(line));
  module.core.tell({ type: "audit", line: "a line" });
  assert.deepEqual(seen, ["a line"]);
});

test("what is logged holds no payload", async () => {
  const lines: string[] = [];
  await started({ debug: (line) => void lines.push(line) });
  module.core.queue("", event(1));
  module.core.tell({ type: "health", body: '{"sessionId":"secret"}' });
  assert.ok(lines.includes('{"type":"available","consumer":""}'), lines.join());
  assert.ok(!lines.join().includes("secret") && !lines.join().includes("participant"), lines.join());
});
