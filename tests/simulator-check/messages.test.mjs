// §10 rows `echo` and `onMessage` Text/Structured; §2.3–2.5, §3.4.2, §3.4.6.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  HEX32, ISO_MS, Room, UUID, assertStringError, byClass, byTracing, isText, pass, randomUUID, until,
} from "./harness.mjs";

const HEALTH_CHECK_ID = "SGVhbHRoQ2hlY2tNZXNzYWdlSWQ=";
const echo = (text) => ({ action: "echo", message: { text, type: "Text" } });

test("§10 echo: StructuredMessage response, same tracingId and text, metadata durations as strings", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const frame = await guest.request({ tracingId: HEALTH_CHECK_ID, ...echo("ping") });
  assert.equal(frame.type, "response");
  assert.equal(frame.class, "StructuredMessage");
  assert.equal(frame.code, 200);
  assert.equal(frame.body.text, "ping");
  assert.equal(frame.body.type, "Text");
  assert.equal(frame.body.direction, "Inbound");
  assert.equal(frame.body.metadata.durationSeconds, "259200");
  assert.match(frame.body.metadata.expirationDate, /^\d{10}$/);
  assert.ok(Math.abs(Number(frame.body.metadata.expirationDate) - (Date.now() / 1000 + 259200)) < 5);
  assert.equal((await guest.request(echo("another text"))).body.text, "another text");
});

test("§10 echo is not a message: neither stored nor sent to the other connections", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const other = await room.guest({ token: guest.token });
  await guest.request(echo("ping"));
  await other.assertNone(isText("ping"));
  assert.deepEqual(await room.storedTexts(guest.token), []);
  assert.equal((await guest.history()).total, 0);
});

test("§10 echo of an expired session: 4006", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  await room.expire({ what: "session", token: guest.token });
  assertStringError(await guest.request(echo("ping")), 4006);
});

test("§10 onMessage Text: the Inbound copy of §3.4.2 acknowledges it", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const before = Date.now();
  const tracingId = guest.sendText("Hello world!");
  const { json } = await guest.inbox.next(byTracing(tracingId));
  assert.equal(json.type, "message");
  assert.equal(json.class, "StructuredMessage");
  assert.equal(json.code, 200);
  assert.equal(json.body.text, "Hello world!");
  assert.equal(json.body.type, "Text");
  assert.equal(json.body.direction, "Inbound");
  assert.match(json.body.id, HEX32);
  assert.match(json.body.channel.messageId, UUID);
  assert.match(json.body.channel.time, ISO_MS);
  const time = Date.parse(json.body.channel.time);
  assert.ok(time >= before - 1000 && time <= Date.now() + 1000);
  assert.match(json.body.metadata.correlationId, UUID);
  await guest.fence();
  assert.equal(guest.inbox.seen(isText("Hello world!")).length, 1, "acknowledged once");
  const { messages } = await room.session(guest.token);
  assert.equal(messages.length, 1, "stored once");
  const [stored] = messages;
  assert.equal(stored.serverId, json.body.id);
  assert.equal(stored.direction, "Inbound");
  assert.equal(stored.text, "Hello world!");
  assert.equal(stored.tracingId, tracingId);
});

test("§10 onMessage is broadcast to all connections of the session with one id", async (t) => {
  const room = new Room(t);
  const sender = await room.guest();
  const others = [await room.guest({ token: sender.token }), await room.guest({ token: sender.token })];
  const ack = await sender.text("to all three");
  for (const other of others) {
    const { json } = await other.inbox.next(isText("to all three"));
    assert.equal(json.body.id, ack.body.id);
    assert.equal(json.body.channel.messageId, ack.body.channel.messageId);
    assert.equal(json.body.channel.time, ack.body.channel.time);
    assert.equal(json.body.direction, "Inbound");
  }
});

for (const [value, toSender, toOther] of [["sender", true, false], ["all", true, true], ["none", false, false]]) {
  test(`echoTracingId ${value}: tracingId ${toSender ? "" : "not "}to the sender, ${toOther ? "" : "not "}to the others`, async (t) => {
    const room = new Room(t);
    await room.set({ echoTracingId: value });
    const sender = await room.guest();
    const other = await room.guest({ token: sender.token });
    const tracingId = sender.sendText("who has the id");
    const own = (await sender.inbox.next(isText("who has the id"))).json;
    const copy = (await other.inbox.next(isText("who has the id"))).json;
    assert.equal(own.tracingId, toSender ? tracingId : undefined);
    assert.equal(copy.tracingId, toOther ? tracingId : undefined);
  });
}

test("§10 metadata of the echo is the request's metadata and a correlationId, live and in history", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const metadata = { id: randomUUID(), customMessageId: "legacy-1" };
  const { body } = await guest.text("with metadata", { metadata });
  assert.equal(body.metadata.id, metadata.id);
  assert.equal(body.metadata.customMessageId, "legacy-1");
  assert.match(body.metadata.correlationId, UUID);
  assert.equal((await guest.history()).entities[0].metadata.id, metadata.id);
});

test("echoMetadata false: the request's metadata does not come back, live or in history", async (t) => {
  const room = new Room(t);
  await room.set({ echoMetadata: false });
  const guest = await room.guest();
  const { body } = await guest.text("with metadata", { metadata: { id: randomUUID() } });
  assert.equal(body.metadata?.id, undefined);
  assert.equal((await guest.history()).entities[0].metadata?.id, undefined);
});

test("§2.0 a message without tracingId is accepted; its echo has none", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  guest.sendRaw({ action: "onMessage", token: guest.token, message: { type: "Text", text: "no tracing" } });
  const { json } = await guest.inbox.next(isText("no tracing"));
  assert.ok(!("tracingId" in json));
});

test("§12 a tracingId that is sent again is not deduplicated", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const tracingId = randomUUID();
  for (let index = 0; index < 2; index += 1) {
    guest.send({ action: "onMessage", tracingId, message: { text: "twice", type: "Text" } });
    await guest.inbox.next(byTracing(tracingId));
  }
  const [first, second] = guest.inbox.seen(isText("twice"));
  assert.notEqual(first.json.body.id, second.json.body.id);
  assert.deepEqual(await room.storedTexts(guest.token), ["twice", "twice"]);
});

for (const [name, text] of [
  ["emoji and scripts", "😀 ja שלום مرحبا 你好"],
  ["markup", `<img src=x onerror="alert(1)">&amp;</script>`],
  ["line ends and separators", "a\nb\r\nc\td\u2028e\u2029f"],
  ["escapes", 'quote " backslash \\ slash / \\u0041'],
  ["control characters", "bell\u0007 nul\u0000 end"],
]) {
  test(`§2.4 text comes back as it was sent: ${name}`, async (t) => {
    const room = new Room(t);
    const guest = await room.guest();
    assert.equal((await guest.text(text)).body.text, text);
    assert.equal((await guest.history()).entities[0].text, text);
  });
}

test("§10 messages sent one behind the other are stored in order, times never going back", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const ids = ["one", "two", "three", "four"].map((text) => guest.sendText(text));
  const acks = [];
  for (const id of ids) acks.push((await guest.inbox.next(byTracing(id))).json);
  assert.deepEqual(await room.storedTexts(guest.token), ["one", "two", "three", "four"]);
  const times = acks.map((ack) => ack.body.channel.time);
  assert.deepEqual([...times].sort(), times);
  assert.equal(new Set(acks.map((ack) => ack.body.id)).size, 4);
});

const button = (type, text, payload, more = {}) => ({
  contentType: "ButtonResponse", buttonResponse: { text, payload, type, ...more },
});
const REPLIES = [
  ["quick reply as Text with empty text (Kotlin)", { type: "Text", text: "", content: [button("QuickReply", "Yes", "cookie1", { originatingMessageId: "m1" })] }],
  ["quick reply as Structured (web)", { type: "Structured", text: "Yes", content: [button("QuickReply", "Yes", "cookie1")], metadata: { id: "q-1" } }],
  ["card postback", { type: "Structured", text: "Book Now", content: [button("Button", "Book Now", "I want it")] }],
  ["date slot", { type: "Text", text: "", content: [button("DatePicker", "Mon", "2022-08-22T19:24:26.704Z", { originatingMessageId: "m2" })] }],
  ["list picker with two items", { type: "Structured", text: "A, B", content: [button("ListPicker", "A", "a"), button("ListPicker", "B", "b")] }],
];

for (const [name, message] of REPLIES) {
  test(`§2.5 ${name} is stored and comes back Inbound with its content`, async (t) => {
    const room = new Room(t);
    const guest = await room.guest();
    const frame = await guest.request({ action: "onMessage", message });
    assert.equal(frame.class, "StructuredMessage", JSON.stringify(frame));
    assert.equal(frame.type, "message");
    assert.equal(frame.body.direction, "Inbound");
    assert.equal(frame.body.type, message.type);
    assert.deepEqual(frame.body.content, message.content);
    assert.deepEqual((await guest.history()).entities[0].content, message.content);
  });
}

test("§2.5 a form reply is stored and comes back with its content", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const content = [{
    contentType: "Form",
    form: {
      originatingMessageId: "m3",
      cannedResponseId: "c1",
      response: [{ id: "f1", component: button("Form", "Name", "Ada") }],
    },
  }];
  const frame = await guest.request({ action: "onMessage", message: { type: "Structured", text: "Form", content } });
  assert.equal(frame.body.type, "Structured");
  assert.deepEqual(frame.body.content, content);
});

for (const [place, fields] of [
  ["message.channel", (attributes) => ({ message: { text: "a", type: "Text", channel: { metadata: { customAttributes: attributes } } } })],
  ["top-level channel", (attributes) => ({ message: { text: "a", type: "Text" }, channel: { metadata: { customAttributes: attributes } } })],
]) {
  test(`§10 custom attributes in ${place} are accepted`, async (t) => {
    const guest = await new Room(t).guest();
    const frame = await guest.request({ action: "onMessage", ...fields({ A: "B" }) });
    assert.equal(frame.class, "StructuredMessage", JSON.stringify(frame));
  });
}

test("§10 onMessage in a read-only session: string 409, nothing stored", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  await room.agent({ token: guest.token, do: "disconnect", readOnly: true });
  await guest.inbox.next((frame) => frame.json?.body?.metadata?.readOnly === "true");
  assertStringError(await guest.text("too late"), 409);
  assert.ok(!(await room.storedTexts(guest.token)).includes("too late"));
});

test("§10 onMessage after closeSession is refused and not stored", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  await guest.request({ action: "closeSession", closeAllConnections: true });
  const frame = await guest.text("after the end");
  assertStringError(frame, frame.code);
  assert.ok(!((await room.session(guest.token))?.messages ?? []).some((message) => message.text === "after the end"));
});

test("§10 onMessage of an expired session is refused with 4006 and not stored", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  await room.expire({ what: "session", token: guest.token });
  assertStringError(await guest.text("too late"), 4006);
});

test("§10 onMessage refreshes the session's last activity", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  // Expiry is told in whole seconds: more than one second has to go by for it to move.
  await pass(1100);
  await guest.text("still here");
  const { body } = await guest.request(echo("ping"));
  assert.ok(Number(body.metadata.expirationDate) > guest.session.expirationDate);
});

test("§3.9 a session without activity for its duration: SessionExpiredEvent", async (t) => {
  const room = new Room(t);
  await room.set({ sessionDurationSeconds: 1 });
  const guest = await room.guest();
  assert.equal(guest.session.durationSeconds, 1);
  const { json } = await guest.inbox.next(byClass("SessionExpiredEvent"));
  assert.equal(json.code, 200);
  assert.deepEqual(json.body, {});
  const frame = await guest.text("too late");
  assertStringError(frame, 4006);
});

test("§3.9 expire session: SessionExpiredEvent on every connection", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const other = await room.guest({ token: guest.token });
  await room.expire({ what: "session", token: guest.token });
  await guest.inbox.next(byClass("SessionExpiredEvent"));
  await other.inbox.next(byClass("SessionExpiredEvent"));
});

test("§10 the bot answers nothing while it is silent", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  await guest.text("anyone?");
  await until(() => room.storedTexts(guest.token), (texts) => texts.length === 1);
  await guest.assertNone((frame) => frame.json?.body?.direction === "Outbound");
});
