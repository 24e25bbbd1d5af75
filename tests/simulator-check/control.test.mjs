// simulator.md "Control": log, sessions, agent, set, expire, reset.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  HEX32, IS_SHARED, Room, byClass, byTracing, http, isEvent, isText, randomUUID, until,
} from "./harness.mjs";

const post = (path, body) =>
  http(`/_sim/${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: typeof body === "string" ? body : JSON.stringify(body) });
const isOutbound = (frame) => frame.json?.body?.direction === "Outbound";

test("log: seq rises, since gives only what is newer, next is where to go on", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  await guest.text("logged");
  const { next, records } = await room.log();
  assert.ok(Number.isInteger(next));
  const seqs = records.map((record) => record.seq);
  assert.deepEqual(seqs, [...new Set(seqs)].sort((a, b) => a - b));
  for (const record of records) {
    assert.ok(Number.isInteger(record.at) && Math.abs(record.at - Date.now()) < 3_600_000);
    assert.ok(["open", "close", "frame-in", "frame-out", "http", "stored", "evicted", "limited", "fault"].includes(record.kind), record.kind);
  }
  await guest.text("later");
  const later = await room.log(next);
  assert.ok(later.records.every((record) => record.seq > Math.max(...seqs)));
  assert.ok(later.records.some((record) => record.kind === "frame-in" && record.token === guest.token));
});

test("log: open, frame-in, stored, frame-out, http and close of one guest, in that order", async (t) => {
  const room = new Room(t);
  const { next } = await room.log();
  const guest = await room.guest();
  const tracingId = guest.sendText("follow me");
  const { json } = await guest.inbox.next(byTracing(tracingId));
  await room.config();
  await guest.close();
  const { records } = await until(() => room.log(next), ({ records }) =>
    records.some((record) => record.kind === "close" && record.token === guest.token));
  const frameIn = records.find((record) => record.kind === "frame-in" && record.tracingId === tracingId);
  assert.equal(frameIn.action, "onMessage");
  assert.equal(frameIn.token, guest.token);
  assert.notEqual(frameIn.connection, undefined);
  const stored = records.find((record) => record.kind === "stored" && record.token === guest.token);
  assert.equal(stored.text, "follow me");
  assert.equal(stored.serverId, json.body.id);
  assert.equal(stored.tracingId, tracingId);
  const frameOut = records.find((record) => record.kind === "frame-out" && record.tracingId === tracingId);
  assert.equal(frameOut.class, "StructuredMessage");
  assert.equal(frameOut.connection, frameIn.connection);
  const config = records.find((record) => record.kind === "http" && record.path?.includes(room.deploymentId));
  assert.equal(config.status, 200);
  const open = records.find((record) => record.kind === "open" && record.connection === frameIn.connection);
  const close = records.find((record) => record.kind === "close" && record.connection === frameIn.connection);
  assert.equal(close.code, 1000);
  const order = [open, frameIn, stored, frameOut, config, close].map((record) => record.seq);
  assert.deepEqual(order, [...order].sort((a, b) => a - b));
});

test("log: a line that dropped has a close record without code 1000", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  guest.socket.terminate();
  const { records } = await until(() => room.log(), ({ records }) =>
    records.some((record) => record.kind === "close" && record.token === guest.token));
  const close = records.find((record) => record.kind === "close" && record.token === guest.token);
  assert.notEqual(close.code, 1000);
});

test("log: the connection pushed out is evicted", async (t) => {
  const room = new Room(t);
  const token = randomUUID();
  for (let n = 0; n < 4; n += 1) await room.guest({ token });
  const { records } = await room.log();
  assert.equal(records.filter((record) => record.kind === "evicted" && record.token === token).length, 1);
});

test("sessions: token, connections, readOnly and messages with serverId, direction, text, tracingId", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const ack = await guest.text("mine");
  await room.agent({ token: guest.token, do: "text", text: "theirs" });
  await guest.inbox.next(isText("theirs"));
  const session = await room.session(guest.token);
  assert.equal(session.connections, 1);
  assert.equal(session.readOnly, false);
  assert.deepEqual(session.messages.map((message) => [message.direction, message.text]), [["Inbound", "mine"], ["Outbound", "theirs"]]);
  assert.equal(session.messages[0].serverId, ack.body.id);
  assert.equal(session.messages[0].tracingId, ack.tracingId);
  await guest.close();
  await until(() => room.session(guest.token), ({ connections }) => connections === 0);
});

test("agent text: an Outbound Text to every connection", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const other = await room.guest({ token: guest.token });
  await room.agent({ token: guest.token, do: "text", text: "Hello, this is Ada" });
  const { json } = await guest.inbox.next(isText("Hello, this is Ada"));
  assert.equal(json.type, "message");
  assert.equal(json.body.type, "Text");
  assert.equal(json.body.direction, "Outbound");
  assert.equal(json.body.originatingEntity, "Human");
  assert.match(json.body.id, HEX32);
  assert.ok(!("tracingId" in json));
  assert.equal((await other.inbox.next(isText("Hello, this is Ada"))).json.body.id, json.body.id);
});

test("agent typing: an Outbound Typing event", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  await room.agent({ token: guest.token, do: "typing" });
  const { json } = await guest.inbox.next(isEvent("Typing"));
  assert.equal(json.body.type, "Event");
  assert.equal(json.body.direction, "Outbound");
  assert.equal(json.body.events[0].typing.type, "On");
});

test("agent structured: an Outbound Structured message with the content given", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const content = [{ contentType: "Card", card: { title: "Room", description: "D", actions: [{ type: "Postback", text: "Book", payload: "b" }] } }];
  await room.agent({ token: guest.token, do: "structured", text: "Pick one", content });
  const { json } = await guest.inbox.next(isText("Pick one"));
  assert.equal(json.body.type, "Structured");
  assert.equal(json.body.direction, "Outbound");
  assert.deepEqual(json.body.content, content);
});

test("agent event: an Outbound Event with the events given", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const content = [{ eventType: "Typing", typing: { type: "Off" } }];
  await room.agent({ token: guest.token, do: "event", content });
  const { json } = await guest.inbox.next((frame) => isOutbound(frame) && frame.json.body.type === "Event");
  assert.deepEqual(json.body.events, content);
});

test("agent disconnect: readOnly true and false", async (t) => {
  const room = new Room(t);
  for (const readOnly of [false, true]) {
    const guest = await room.guest();
    await room.agent({ token: guest.token, do: "disconnect", readOnly });
    const { json } = await guest.inbox.next(isEvent("Presence", "Disconnect"));
    assert.equal(json.body.metadata?.readOnly, readOnly ? "true" : undefined);
    assert.equal((await room.session(guest.token)).readOnly, readOnly);
  }
});

test("agent raw: the frame is sent as it is, an object or a string", async (t) => {
  const room = new Room(t);
  const guest = await room.guest({ lenient: true });
  const frame = { type: "message", class: "NobodyKnowsThis", code: 200, body: { metadata: null } };
  await room.agent({ token: guest.token, do: "raw", frame });
  assert.deepEqual((await guest.inbox.next(byClass("NobodyKnowsThis"))).json, frame);
  await room.agent({ token: guest.token, do: "raw", frame: "{not json" });
  await guest.inbox.next(({ raw }) => raw === "{not json");
});

test("agent without a token speaks to the newest session", { skip: IS_SHARED && "another test may start a session" }, async (t) => {
  const room = new Room(t);
  const older = await room.guest();
  const newest = await room.guest();
  await room.agent({ do: "text", text: "to the newest" });
  await newest.inbox.next(isText("to the newest"));
  await older.assertNone(isText("to the newest"));
});

for (const [name, path, body] of [
  ["an agent action for an unknown token", "agent", { token: randomUUID(), do: "text", text: "nobody" }],
  ["an unknown agent action", "agent", { do: "juggle" }],
  ["a body that is not JSON", "set", "{"],
  ["an unknown value of a switch", "set", { deploymentId: randomUUID(), expiredConfigure: "maybe" }],
  ["an unknown fault", "faults", { on: "connect", do: "explode" }],
  ["a fault without a place", "faults", { do: "drop" }],
]) {
  test(`control refuses ${name} with 4xx`, async (t) => {
    if (path === "agent") await new Room(t).guest();
    const { status } = await post(path, body);
    assert.ok([400, 422].includes(status) || (path === "agent" && status === 404), `status ${status}`);
  });
}

test("set latencyMs: every reply takes at least that long", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  await room.set({ latencyMs: 300 });
  const began = performance.now();
  await guest.text("slow");
  assert.ok(performance.now() - began >= 290);
  await room.set({ latencyMs: 0 });
});

test("set exposeHeaders: Retry-After becomes readable across origins", async (t) => {
  const room = new Room(t);
  await room.set({ exposeHeaders: true });
  const response = await http(`/webdeployments/v1/deployments/${room.deploymentId}/config.json`, { headers: { origin: "https://shop.example.com" } });
  assert.match(response.headers.get("access-control-expose-headers") ?? "", /retry-after/i);
  assert.equal(response.headers.get("access-control-allow-origin"), "*");
});

test("set with a deploymentId leaves the other deployments as they were", async (t) => {
  const room = new Room(t);
  const other = new Room(t);
  await room.set({ clear: false, sessionDurationSeconds: 900 });
  assert.equal((await other.config()).messenger.apps.conversations.conversationClear.enabled, true);
  assert.equal((await other.guest()).session.durationSeconds, 259200);
});

test("set bot echo: what the guest says comes back from the bot", async (t) => {
  const room = new Room(t);
  await room.set({ bot: "echo" });
  const guest = await room.guest();
  await guest.text("polly");
  const { json } = await guest.inbox.next((frame) => isOutbound(frame) && frame.json.body.type === "Text");
  assert.match(json.body.text, /polly/);
  assert.equal(json.body.originatingEntity, "Bot");
});

test("set bot script: typing, then text", async (t) => {
  const room = new Room(t);
  await room.set({ bot: "script" });
  const guest = await room.guest();
  guest.sendPresence("Join");
  const isBotText = (frame) => isOutbound(frame) && frame.json.body.type === "Text";
  await guest.inbox.next(isBotText);
  const frames = guest.inbox.seen(isOutbound);
  assert.equal(frames[0].json.body.events?.[0]?.eventType, "Typing");
  assert.equal(frames.findIndex(isBotText), frames.length - 1);
});

test("set bot script: the guest is echoed, and the bot can disconnect read-only", async (t) => {
  const room = new Room(t);
  await room.set({ bot: "script" });
  const guest = await room.guest();
  await guest.text("parrot this");
  await guest.inbox.next((frame) => isOutbound(frame) && /parrot this/.test(frame.json.body.text ?? ""));
  await guest.text("readonly");
  const { json } = await guest.inbox.next(isEvent("Presence", "Disconnect"));
  assert.equal(json.body.metadata.readOnly, "true");
});

test("expire session: the guest's session has run out, another guest's has not", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const other = await room.guest();
  await room.expire({ what: "session", token: guest.token });
  assert.equal((await guest.text("too late")).code, 4006);
  assert.equal((await other.text("in time")).body.text, "in time");
});

test("expire token: a request with that token is refused by a string error, another guest's is not", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const other = await room.guest();
  await room.expire({ what: "token", token: guest.token });
  const frame = await guest.text("too late");
  assert.equal(frame.class, "string", JSON.stringify(frame));
  assert.ok([401, 403, 4006, 4007].includes(frame.code), JSON.stringify(frame));
  assert.equal((await other.text("in time")).body.text, "in time");
});

test("reset: the deployment's sessions are gone, another deployment's are not", async (t) => {
  const room = new Room(t);
  const other = new Room(t);
  const guest = await room.guest();
  const kept = await other.guest();
  await kept.text("kept");
  await room.set({ clear: false });
  await room.reset();
  assert.equal(await room.session(guest.token), undefined);
  assert.equal((await room.guest({ token: guest.token })).session.newSession, true);
  assert.equal((await room.config()).messenger.apps.conversations.conversationClear.enabled, true, "switches too");
  assert.deepEqual(await other.storedTexts(kept.token), ["kept"]);
  assert.equal((await kept.text("still connected")).body.text, "still connected");
});
