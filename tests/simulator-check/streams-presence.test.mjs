// P, the presence socket: wire.md "P", systems.md P1, P2 and P7.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PRESENCE, StreamRoom, ask, bearer, fence, news, update } from "./stream-room.mjs";

const TYPES = ["online", "offline", "busy", "away", "meeting", "lunch", "training", "other", "do-not-disturb"];
const channel = (id, config = {}) => ({ id, type: "presence", config });
const subscribe = (socket, ...channels) => ask(socket, { type: "subscribe", channels });
const success = { status: "success" };
/** Channel and presence of what came. */
const told = async (socket, mark) => (await news(socket, mark)).map(({ json }) => `${json.channelId} ${json.payload.presence}`);

test("a subscribe is taken: success, and listed", async (t) => {
  const room = new StreamRoom(t);
  const socket = await room.at(PRESENCE, bearer(await room.accessToken()));
  const channels = [channel("a", { presenceTypes: TYPES, userId: "u1" }), { id: "b", type: "routing" }, { id: "c", type: "message", config: {} }];
  assert.deepEqual(await subscribe(socket, ...channels), success);
  const [listed] = await room.streams();
  assert.deepEqual([listed.path, listed.channels], [PRESENCE, channels]);
});

test("ten channels are taken, eleven are 400", async (t) => {
  const room = new StreamRoom(t);
  const channels = Array.from({ length: 11 }, (_, at) => channel(`c${at}`));
  assert.deepEqual(await subscribe(await room.subscriber(), ...channels.slice(1)), success);
  const answer = await subscribe(await room.subscriber(), ...channels);
  assert.deepEqual([answer.status, answer.code, typeof answer.message], ["error", 400, "string"]);
});

for (const bad of [
  { id: "x", type: "fax" },
  { id: "x" },
  channel("x", { presenceTypes: ["busy", "asleep"] }),
  { type: "presence" },
]) {
  test(`channel ${JSON.stringify(bad)} is 400, and nothing is subscribed`, async (t) => {
    const room = new StreamRoom(t);
    const socket = await room.subscriber();
    const answer = await subscribe(socket, channel("good"), bad);
    assert.deepEqual([answer.status, answer.code, typeof answer.message], ["error", 400, "string"]);
    assert.deepEqual((await room.streams())[0].channels, []);
    await room.emit("presence", { updates: [update("u1", "busy")] });
    assert.deepEqual(await news(socket), []);
  });
}

test("a forbidden channel is 403 and named, and nothing is subscribed", async (t) => {
  const room = new StreamRoom(t);
  await room.set({ forbiddenChannels: ["secret"] });
  const socket = await room.subscriber();
  const answer = await subscribe(socket, channel("good"), channel("secret"));
  assert.deepEqual([answer.status, answer.code, answer.channelId, typeof answer.message], ["error", 403, "secret", "string"]);
  assert.deepEqual((await room.streams())[0].channels, []);
});

test("a second subscribe within 2 s is 429 with retryAfter 2 and changes nothing; on another socket it is none", async (t) => {
  const room = new StreamRoom(t);
  const socket = await room.subscriber();
  assert.deepEqual(await subscribe(socket, channel("one")), success);
  const answer = await subscribe(socket, channel("two"));
  assert.deepEqual([answer.status, answer.code, answer.retryAfter, typeof answer.message], ["error", 429, 2, "string"]);
  assert.deepEqual((await room.streams())[0].channels, [channel("one")]);
  assert.deepEqual(await subscribe(await room.subscriber(), channel("three")), success);
});

test("a subscribe replaces the channels", async (t) => {
  const room = new StreamRoom(t);
  await room.set({ limits: false });
  const socket = await room.subscriber();
  await subscribe(socket, channel("one"), channel("two"));
  assert.deepEqual(await subscribe(socket, channel("three")), success);
  await room.emit("presence", { updates: [update("u1", "busy")] });
  assert.deepEqual(await told(socket), ["three busy"]);
});

test("an update has the channel's type and id, and is otherwise as it was given", async (t) => {
  const room = new StreamRoom(t);
  const socket = await room.subscriber();
  await subscribe(socket, channel("c1"));
  const given = { timestamp: "2026-01-01T00:00:01.000Z", eventType: "presence.changed", payload: { userId: "u1", presence: "busy", more: [1] } };
  await room.emit("presence", { updates: [given] });
  assert.deepEqual((await news(socket)).map(({ json }) => json), [{ type: "presence", channelId: "c1", ...given }]);
});

test("without a channelId: every channel that fits by user and presence", async (t) => {
  const room = new StreamRoom(t);
  const socket = await room.subscriber();
  await subscribe(
    socket,
    channel("all"),
    channel("u1", { userId: "u1" }),
    channel("busy", { presenceTypes: ["busy"] }),
    channel("u1 away", { userId: "u1", presenceTypes: ["away", "lunch"] }),
    { id: "routing", type: "routing" },
    { id: "message", type: "message", config: { userId: "u2" } },
  );
  await room.emit("presence", { updates: [update("u1", "away"), update("u2", "busy")] });
  assert.deepEqual(await told(socket), ["all away", "u1 away", "u1 away away", "all busy", "busy busy"]);
  const mark = socket.inbox.mark();
  const others = [update("u1", "x", { type: "routing" }), update("u1", "x", { type: "message" }), update("u2", "y", { type: "message" })];
  await room.emit("presence", { updates: others });
  const frames = (await news(socket, mark)).map(({ json }) => [json.type, json.channelId, json.payload.userId]);
  assert.deepEqual(frames, [["routing", "routing", "u1"], ["message", "message", "u2"]]);
});

test("with a channelId: that channel on every socket that has it, and no other", async (t) => {
  const room = new StreamRoom(t);
  const sockets = [await room.subscriber(), await room.subscriber()];
  for (const socket of sockets) await subscribe(socket, channel("c1", { userId: "u1" }), channel("c2"));
  await room.emit("presence", { updates: [update("u9", "busy", { channelId: "c1" })] });
  for (const socket of sockets) assert.deepEqual(await told(socket), ["c1 busy"]);
});

test("on subscribing, the newest update of each channel comes again, behind the answer, with its time", async (t) => {
  const room = new StreamRoom(t);
  const at = (second) => ({ timestamp: `2026-01-01T00:00:0${second}.000Z` });
  await room.emit("presence", { updates: [update("u1", "busy", at(5)), update("u1", "away", at(3)), update("u2", "lunch", at(4))] });
  const overtaken = [update("u4", "busy", { ...at(6), channelId: "named" }), update("u4", "lunch", { ...at(2), channelId: "named" })];
  await room.emit("presence", { updates: overtaken });
  const socket = await room.subscriber();
  const users = ["u1", "u2", "u3"].map((userId) => channel(userId, { userId }));
  socket.sendRaw({ type: "subscribe", channels: [...users, channel("away", { presenceTypes: ["away"] }), channel("named", { userId: "u5" })] });
  await fence(socket);
  const [answer, ...frames] = socket.inbox.seen(({ json }) => json.type !== "pong").map(({ json }) => json);
  assert.deepEqual(answer, success);
  assert.deepEqual(frames.map((frame) => [frame.channelId, frame.payload.presence, frame.timestamp]), [
    ["u1", "busy", at(5).timestamp],
    ["u2", "lunch", at(4).timestamp],
    ["away", "away", at(3).timestamp],
    ["named", "busy", at(6).timestamp],
  ]);
});

test("a ping is answered by a pong; what is not understood is ignored", async (t) => {
  const socket = await new StreamRoom(t).subscriber();
  socket.sendRaw({ type: "ping" });
  assert.deepEqual((await socket.inbox.next(({ json }) => json?.type === "pong")).json, { type: "pong" });
  for (const frame of ["{ not JSON", { type: "unknown" }, {}]) socket.sendRaw(frame);
  assert.deepEqual(await news(socket), []);
});

test("a raw frame reaches every socket", async (t) => {
  const room = new StreamRoom(t);
  const sockets = [await room.subscriber(), await room.subscriber()];
  await room.emit("presence", { frame: '{"type":"presence"' });
  for (const socket of sockets) assert.deepEqual((await news(socket)).map(({ raw }) => raw), ['{"type":"presence"']);
});

test("what is no update is refused", async (t) => {
  const room = new StreamRoom(t);
  const whole = { timestamp: "2026-01-01T00:00:00.000Z", eventType: "x", payload: {} };
  const without = (name) => [{ ...whole, [name]: undefined }];
  for (const updates of [undefined, {}, [1], without("timestamp"), without("eventType"), without("payload")]) {
    assert.equal(await room.refusedControl("stream", { to: "presence", updates }), 400, JSON.stringify(updates));
  }
});
