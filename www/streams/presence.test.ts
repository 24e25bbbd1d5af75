import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { StreamCall } from "../client/generated/streams/enums.js";
import type { Channel, PresenceOptions, PresenceUpdate } from "./api.js";
import { FakeModule } from "./fake-core.js";
import { Presence } from "./presence.js";

const channel = (id: string): Channel => ({ id, type: "presence" });
const given: PresenceOptions = { endpoint: "http://service.test", token: { url: "/token" }, channels: [channel("c1")], createSocket: () => assert.fail("nothing connects") };
const raw = (channelId: string, eventType = "online"): object => ({ type: "presence", channelId, timestamp: "t", eventType, payload: { presence: eventType } });
const item = (channelId: string, eventType?: string): object => ({ update: raw(channelId, eventType), outOfOrder: false });
const turns = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class Multiplexer extends Presence {
  constructor(more: Partial<PresenceOptions> = {}) {
    super({ ...given, ...more }, module.provide);
    all.push(this);
  }
}

let module: FakeModule;
const all: Multiplexer[] = [];
const started = async (more?: Partial<PresenceOptions>): Promise<Multiplexer> => {
  const presence = new Multiplexer(more);
  await presence.start();
  return presence;
};
beforeEach(() => (module = new FakeModule()));
afterEach(() => {
  for (const presence of all.splice(0)) presence.dispose();
});

test("an update is told as the service sent it, with whether it was out of order", async () => {
  const presence = await started();
  const told: PresenceUpdate[] = [];
  presence.on("update", (update) => void told.push(update));
  module.core.queue("", { update: raw("c1"), outOfOrder: true });
  assert.deepEqual(told, [{ type: "presence", channelId: "c1", timestamp: "t", eventType: "online", payload: { presence: "online" }, outOfOrder: true }]);
});

test("a group is registered with the module, before it starts when it is there before", async () => {
  const presence = new Multiplexer();
  presence.register("early", { handler: () => {}, channels: ["c1"] });
  await presence.start();
  presence.register("late", { url: "https://hook.test/p" });
  assert.deepEqual(module.core.asked, ['Register {"id":"early","channels":["c1"]}', "Start", 'Register {"id":"late","url":"https://hook.test/p"}']);
});

test("a group's handler gets what the module has for the group", async () => {
  const presence = await started();
  const told: string[] = [];
  presence.register("g", { handler: ({ channelId, eventType, outOfOrder }) => void told.push(`${channelId} ${eventType} ${outOfOrder}`) });
  module.core.queue("g", item("c1"), item("c2", "busy"));
  module.core.queue("", item("c3"));
  assert.deepEqual(told, ["c1 online false", "c2 busy false"]);
});

test("a slow group delays neither another nor the listeners", async () => {
  const presence = await started();
  const told: string[] = [];
  let release: () => void = () => {};
  presence.register("slow", {
    handler: ({ channelId }) => {
      told.push(`slow ${channelId}`);
      return new Promise<void>((resolve) => (release = resolve));
    },
  });
  presence.register("fast", { handler: ({ channelId }) => void told.push(`fast ${channelId}`) });
  presence.on("update", ({ channelId }) => void told.push(`update ${channelId}`));
  for (const consumer of ["slow", "fast", ""]) module.core.queue(consumer, item("c1"), item("c2"));
  await turns();
  assert.deepEqual(told, ["slow c1", "fast c1", "fast c2", "update c1", "update c2"]);
  release();
  while (told.length < 6) await turns();
  assert.equal(told.at(-1), "slow c2");
});

test("a handler that throws or rejects gets the next one all the same", async (t) => {
  t.mock.method(console, "error", () => {});
  const presence = await started();
  const told: string[] = [];
  presence.register("throws", { handler: ({ channelId }) => { told.push(`throws ${channelId}`); throw new Error("hostile"); } });
  presence.register("rejects", { handler: async ({ channelId }) => { told.push(`rejects ${channelId}`); throw new Error("hostile"); } });
  for (const consumer of ["throws", "rejects"]) module.core.queue(consumer, item("c1"), item("c2"));
  while (told.length < 4) await turns();
  assert.deepEqual(told.sort(), ["rejects c1", "rejects c2", "throws c1", "throws c2"]);
});

test("unregistered, a group gets nothing more, not even what was taken for it", async () => {
  const presence = await started();
  const told: string[] = [];
  presence.register("g", {
    handler: ({ channelId }) => {
      told.push(channelId);
      presence.unregister("g");
    },
  });
  module.core.queue("g", item("c1"), item("c2"));
  await turns();
  assert.deepEqual([told, module.core.asked.at(-1)], [["c1"], "Unregister g"]);
  assert.equal(presence.unregister("g"), false);
  assert.equal(presence.unregister(""), false);
  const updates: string[] = [];
  presence.on("update", ({ channelId }) => void updates.push(channelId));
  module.core.queue("", item("c9"));
  assert.deepEqual(updates, ["c9"], "the listeners are no group");
});

test("registered again, a group has the new handler alone", async () => {
  const presence = await started();
  const told: string[] = [];
  presence.register("g", { handler: () => void told.push("old") });
  presence.register("g", { handler: () => void told.push("new") });
  module.core.queue("g", item("c1"));
  assert.deepEqual(told, ["new"]);
  assert.deepEqual(module.core.asked.filter((call) => call.includes("egister")), ['Register {"id":"g"}', "Unregister g", 'Register {"id":"g"}']);
});

test("a group that is refused is not there", async () => {
  const presence = await started();
  assert.throws(() => presence.register("g", {}), { code: 7000, field: "handler" });
  module.refusals.set(StreamCall.Register, [7000, "channels"]);
  assert.throws(() => presence.register("g", { handler: () => {}, channels: ["unknown"] }), { code: 7000, field: "channels" });
  assert.equal(presence.unregister("g"), false);
  presence.dispose();
  assert.throws(() => presence.register("g", { handler: () => {} }), { code: 7001 });
});

test("other channels take the place of those before, as they are when that is said", async () => {
  const presence = new Multiplexer();
  const mine: Channel[] = [{ id: "c2", type: "routing", config: { userId: "u" } }];
  presence.subscribe(mine);
  mine[0]!.id = "changed";
  await presence.start();
  assert.deepEqual(module.core.options["channels"], [{ id: "c2", type: "routing", config: { userId: "u" } }]);
  presence.subscribe([channel("c3")]);
  assert.equal(module.core.asked.at(-1), 'Subscribe [{"id":"c3","type":"presence"}]');
  assert.throws(() => presence.subscribe([]), { code: 7000, field: "channels" });
  assert.throws(() => presence.subscribe(Array.from({ length: 51 }, (_, index) => channel(`c${index}`))), { code: 7064 });
});

test("after a panic groups and channels are there again", async () => {
  const presence = await started();
  const told: string[] = [];
  presence.register("g", { handler: ({ channelId }) => void told.push(channelId) });
  presence.subscribe([channel("c3")]);
  module.panics = StreamCall.Reconnect;
  assert.throws(() => presence.reconnect(), { code: 7102 });
  assert.deepEqual(module.core.options["channels"], [{ id: "c3", type: "presence" }]);
  assert.deepEqual(module.core.asked, ['Register {"id":"g"}', "Start"]);
  module.core.queue("g", item("c3"));
  assert.deepEqual(told, ["c3"]);
});

test("in Node its token goes as a header", async () => {
  const made: unknown[][] = [];
  const socket = Object.assign(new EventTarget(), { send: () => {}, close: () => {} }) as unknown as WebSocket;
  await started({ createSocket: (...given) => (made.push(given), socket) });
  assert.equal(module.core.host.socket("ws://service.test/api/v2/user/websocket?access_token=a%2Bb%20c"), socket);
  assert.deepEqual(made, [["ws://service.test/api/v2/user/websocket", undefined, { headers: { Authorization: "Bearer a+b c" } }]]);
});
