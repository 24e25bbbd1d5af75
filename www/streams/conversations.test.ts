import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { ConversationEventsEvents, ConversationOptions, StreamState } from "./api.js";
import { Conversations } from "./conversations.js";
import { FakeModule } from "./fake-core.js";

const given: ConversationOptions = { endpoint: "http://service.test", token: { url: "/token" }, createSocket: () => assert.fail("nothing connects") };

class Events extends Conversations {
  constructor(more: Partial<ConversationOptions> = {}) {
    super({ ...given, ...more }, module.provide);
    all.push(this);
  }
}

let module: FakeModule;
const all: Events[] = [];
beforeEach(() => (module = new FakeModule()));
afterEach(() => {
  for (const events of all.splice(0)) events.dispose();
});
const turns = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** As many as may be. */
async function ten(): Promise<Events[]> {
  const events = Array.from({ length: 10 }, () => new Events());
  await Promise.all(events.map((one) => one.start()));
  return events;
}

test("events and reports of health are told as they are", async () => {
  const events = new Events();
  await events.start();
  const told: ConversationEventsEvents["event"][] = [];
  const reports: ConversationEventsEvents["health"][] = [];
  events.on("event", (event) => void told.push(event));
  events.on("health", (health) => void reports.push(health));
  const item = { event: { id: "e1", timestamp: "t", type: "x", data: { n: 1 } }, late: true, latencyMs: 5 };
  const health = { sessionId: "s", status: "connected", reconnectionLatencyMs: 0, packetLossRate: 0, eventLatencyMs: 5, timestamp: "t" } as const;
  module.core.queue("", item);
  module.core.tell({ type: "health", body: JSON.stringify(health) });
  assert.deepEqual([told, reports], [[item], [health]]);
});

test("the eleventh is refused with the count, before anything is asked (systems.md E2)", async () => {
  await ten();
  const one = new Events();
  await assert.rejects(one.start(), { code: 7063, name: "TooManyConnections", count: 10, field: "maxConnections" });
  while (module.cores.length < 11) await turns();
  assert.deepEqual([one.state.name, module.core.asked], ["idle", []]);
});

test("a limit of one's own counts the same connections", async () => {
  const first = new Events({ maxConnections: 1 });
  await first.start();
  await first.start();
  await assert.rejects(new Events({ maxConnections: 1 }).start(), { code: 7063, count: 1 });
  await new Events({ maxConnections: 2 }).start();
});

const ends: Record<string, (events: Events, core: FakeModule["core"]) => unknown> = {
  "stop": (events) => events.stop(),
  "dispose": (events) => events.dispose(),
  "an end by the service": (_, core) => core.tell({ type: "state", state: { name: "ended", reason: "policy" } }),
  "giving up": (_, core) => core.tell({ type: "state", state: { name: "ended", reason: "gaveUp" } }),
  "a token that is not to be had": (_, core) => core.tell({ type: "state", state: { name: "authRequired" } }),
};
for (const [name, end] of Object.entries(ends)) {
  test(`${name} makes room for another`, async () => {
    const [first] = await ten();
    await end(first!, module.cores[0]!);
    await new Events().start();
    await assert.rejects(new Events().start(), { code: 7063, count: 10 });
  });
}

test("an aborted signal makes room", async () => {
  const controller = new AbortController();
  await new Events({ maxConnections: 1, signal: controller.signal }).start();
  controller.abort();
  await new Events({ maxConnections: 1 }).start();
});

test("a start that fails makes room", async () => {
  module.answers = false;
  const refused = new Events({ maxConnections: 1 });
  const start = refused.start();
  await module.first;
  module.core.within(() => module.core.ready(7060, { name: "authRequired" }));
  await assert.rejects(start, { code: 7060 });
  module.answers = true;
  await new Events({ maxConnections: 1 }).start();
});

test("a start that is taken back before the module is there makes room", async () => {
  const first = new Events({ maxConnections: 1 });
  const start = first.start();
  await assert.rejects(new Events({ maxConnections: 1 }).start(), { code: 7063 });
  await first.stop();
  await assert.rejects(start, { code: 7001 });
  await new Events({ maxConnections: 1 }).start();
});

test("options that the module refuses make room", async () => {
  module.refuses = [7000, "filter"];
  await assert.rejects(new Events({ maxConnections: 1 }).start(), { code: 7000 });
  module.refuses = undefined;
  await new Events({ maxConnections: 1 }).start();
});

const stays: StreamState[] = [
  { name: "connecting", attempt: 2 },
  { name: "waiting", attempt: 2, retryAt: 0, reason: { kind: "network" } },
  { name: "paused", reason: "rateLimited" },
  { name: "offline" },
  { name: "suspect" },
];
for (const state of stays) {
  test(`one that is ${state.name} keeps its place: it will be back by itself`, async () => {
    await new Events({ maxConnections: 1 }).start();
    module.core.tell({ type: "state", state });
    await assert.rejects(new Events({ maxConnections: 1 }).start(), { code: 7063 });
  });
}

test("what had ended is not brought back over the limit", async () => {
  const first = new Events({ maxConnections: 1 });
  await first.start();
  module.core.tell({ type: "state", state: { name: "authRequired" } });
  const second = new Events({ maxConnections: 1 });
  await second.start();
  assert.throws(() => first.reconnect(), { code: 7063, count: 1 });
  await second.stop();
  first.reconnect();
  assert.deepEqual(module.cores[0]!.asked, ["Start", "Reconnect"]);
});
