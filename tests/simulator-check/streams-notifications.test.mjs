// The Notifications service: wire.md "Notifications service", the last paragraph of systems.md.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ISO_MS, UUID, http, randomUUID, wsUrl } from "./harness.mjs";
import { CHANNELS, StreamRoom, bearer, ended } from "./stream-room.mjs";

const PRESENCE_OF = (user) => `v2.users.${user}.presence`;
const isPong = (frame) => frame.json?.topicName === "channel.metadata" && frame.json.eventBody.message === "pong";
const topicsFrom = (from, to) => Array.from({ length: to - from }, (_, at) => PRESENCE_OF(`u${from + at}`));

/** Whatever was to be sent has arrived; the frames since `mark` that are no pongs. */
async function news(socket, mark = 0) {
  socket.sendRaw({ message: "ping" });
  await socket.inbox.next(isPong);
  return socket.inbox.seen((frame) => !isPong(frame), mark).map(({ json }) => json);
}

test("a channel: an id, where its socket is, and until when", async (t) => {
  const room = new StreamRoom(t);
  const channel = await room.channel();
  assert.match(channel.id, UUID);
  assert.equal(channel.connectUri, `${wsUrl}/channels/${channel.id}`);
  assert.match(channel.expires, ISO_MS);
  assert.ok(Date.parse(channel.expires) > Date.now() + 3_600_000);
  const answer = await http(CHANNELS, { method: "POST", headers: { ...bearer(channel.token), "x-forwarded-proto": "https" } });
  assert.match((await answer.json()).connectUri, /^wss:\/\//);
});

test("401 without a good token, on every call", async (t) => {
  const room = new StreamRoom(t);
  const { id } = await room.channel();
  for (const token of [undefined, "nonsense"]) {
    assert.equal((await room.call("POST", CHANNELS, { token })).status, 401);
    for (const method of ["GET", "POST", "PUT", "DELETE"]) {
      assert.equal((await room.call(method, `${CHANNELS}/${id}/subscriptions`, { token, body: method === "GET" ? undefined : [] })).status, 401);
    }
  }
});

test("429 with Retry-After when a rule says so", async (t) => {
  const room = new StreamRoom(t);
  const token = await room.accessToken();
  await room.faults({ on: "http", match: { deploymentId: room.deploymentId, path: CHANNELS }, do: "status", status: 429, retryAfter: 3 });
  const answer = await room.call("POST", CHANNELS, { token });
  assert.deepEqual([answer.status, answer.headers.get("retry-after")], [429, "3"]);
  assert.equal((await room.call("POST", CHANNELS, { token })).status, 200);
});

test("topics: POST adds, PUT replaces, GET reads, DELETE empties", async (t) => {
  const room = new StreamRoom(t);
  const channel = await room.channel();
  assert.deepEqual(await room.topics("GET", channel), []);
  assert.deepEqual(await room.topics("POST", channel, ["a", "b"]), ["a", "b"]);
  assert.deepEqual(await room.topics("POST", channel, ["b", "c"]), ["a", "b", "c"]);
  assert.deepEqual(await room.topics("PUT", channel, ["d", "e"]), ["d", "e"]);
  assert.deepEqual(await room.topics("GET", channel), ["d", "e"]);
  assert.deepEqual(await room.topics("DELETE", channel), []);
  assert.deepEqual(await room.topics("GET", channel), []);
});

test("over 1000 topics: 400 too.many.topics, and nothing is changed", async (t) => {
  const room = new StreamRoom(t);
  const channel = await room.channel();
  const path = `${CHANNELS}/${channel.id}/subscriptions`;
  assert.equal((await room.topics("PUT", channel, topicsFrom(0, 1000))).length, 1000);
  for (const [method, topics] of [["POST", topicsFrom(1000, 1001)], ["PUT", topicsFrom(0, 1001)]]) {
    const answer = await room.call(method, path, { token: channel.token, body: topics.map((id) => ({ id })) });
    assert.equal(answer.status, 400);
    const { status, code, message } = await answer.json();
    assert.deepEqual([status, code, typeof message], [400, "too.many.topics", "string"]);
  }
  assert.equal((await room.topics("GET", channel)).length, 1000);
  for (const body of [{}, ["a"], [{}]]) assert.equal((await room.call("POST", path, { token: channel.token, body })).status, 400);
});

test("an unknown channel: 404 on calls, on the upgrade and on GET", async (t) => {
  const room = new StreamRoom(t);
  const other = await new StreamRoom(t).channel();
  const token = await room.accessToken();
  for (const id of [randomUUID(), other.id]) {
    assert.equal((await room.call("GET", `${CHANNELS}/${id}/subscriptions`, { token })).status, 404);
  }
  const path = `/channels/${randomUUID()}`;
  assert.equal((await room.refusal({ path })).status, 404);
  assert.equal((await http(path)).status, 404);
  assert.equal((await http(`/channels/${other.id}`)).status, 426);
});

test("the 21st channel of a deployment closes the oldest", async (t) => {
  const room = new StreamRoom(t);
  const oldest = await room.channel();
  const second = await room.channel();
  const sockets = [await room.receiver(oldest), await room.receiver(second)];
  for (let n = 0; n < 18; n += 1) await room.channel();
  assert.deepEqual(await news(sockets[0]), []);
  await new StreamRoom(t).channel();
  await room.channel();
  assert.equal((await ended(sockets[0])).code, 1000);
  assert.equal((await room.refusal({ path: `/channels/${oldest.id}` })).status, 404);
  assert.deepEqual(await news(sockets[1]), []);
});

test("an event comes to every socket of a channel that has its topic, and to no other", async (t) => {
  const room = new StreamRoom(t);
  const [channel, other] = [await room.channel(), await room.channel()];
  await room.topics("POST", channel, [PRESENCE_OF("agent-01"), "v2.routing.queues.sales.conversations"]);
  await room.topics("POST", other, [PRESENCE_OF("agent-02")]);
  const sockets = [await room.receiver(channel), await room.receiver(channel)];
  const elsewhere = await room.receiver(other);
  const body = { source: "PURECLOUD", presenceDefinition: { id: "busy", systemPresence: "BUSY" }, message: "", modifiedDate: new Date().toISOString() };
  const answer = await room.emit("notifications", { topic: PRESENCE_OF("agent-01"), body });
  assert.equal(answer.frames, 2);
  for (const socket of sockets) {
    const [frame, ...more] = await news(socket);
    assert.deepEqual(more, []);
    assert.deepEqual({ ...frame, metadata: {} }, { topicName: PRESENCE_OF("agent-01"), version: "2", eventBody: body, metadata: {} });
    assert.match(frame.metadata.CorrelationId, UUID);
  }
  assert.deepEqual(await news(elsewhere), []);
  const listed = (await room.streams()).find(({ path }) => path === `/channels/${channel.id}`);
  assert.deepEqual(listed.topics.sort(), ["v2.routing.queues.sales.conversations", PRESENCE_OF("agent-01")]);
});

test("topics may change while a socket is open", async (t) => {
  const room = new StreamRoom(t);
  const channel = await room.channel();
  const socket = await room.receiver(channel);
  const say = () => room.emit("notifications", { topic: "t", body: {} });
  await say();
  await room.topics("PUT", channel, ["t"]);
  await say();
  await room.topics("DELETE", channel);
  await say();
  assert.equal((await news(socket)).length, 1);
});

test("a ping is answered on channel.metadata", async (t) => {
  const room = new StreamRoom(t);
  const socket = await room.receiver(await room.channel());
  socket.sendRaw({ message: "ping" });
  assert.deepEqual((await socket.inbox.next(isPong)).json, { topicName: "channel.metadata", eventBody: { message: "pong" } });
  socket.sendRaw({ type: "ping" });
  assert.deepEqual(await news(socket), []);
});

test("a drain: a notice, both sockets get events, then 1001 for the one that was told", async (t) => {
  const room = new StreamRoom(t);
  const channel = await room.channel();
  await room.topics("POST", channel, ["t"]);
  const old = await room.receiver(channel);
  await room.emit("notifications", { do: "drain", inMs: 5000 });
  const notice = (await old.inbox.next(({ json }) => json?.topicName === "v2.system.socket_closing")).json;
  assert.equal(typeof notice.eventBody.message, "string");
  const next = await room.receiver(channel);
  await room.emit("notifications", { topic: "t", body: { both: true } });
  for (const socket of [old, next]) await socket.inbox.next(({ json }) => json?.eventBody.both);
  assert.equal((await ended(old, 20_000)).code, 1001);
  await room.emit("notifications", { topic: "t", body: { one: true } });
  await next.inbox.next(({ json }) => json?.eventBody.one);
});

test("a drain without inMs has closed nothing when the notice is there", async (t) => {
  const room = new StreamRoom(t);
  const socket = await room.receiver(await room.channel());
  await room.emit("notifications", { do: "drain" });
  assert.equal((await news(socket))[0].topicName, "v2.system.socket_closing");
});

test("a raw frame reaches the sockets of the deployment; what is no event is refused", async (t) => {
  const room = new StreamRoom(t);
  const socket = await room.receiver(await room.channel());
  await room.emit("notifications", { frame: { topicName: "raw" } });
  assert.deepEqual(await news(socket), [{ topicName: "raw" }]);
  for (const body of [{}, { topic: "t" }, { body: {} }, { do: "dance" }]) {
    assert.equal(await room.refusedControl("stream", { to: "notifications", ...body }), 400, JSON.stringify(body));
  }
});
