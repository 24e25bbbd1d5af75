// E, the conversation events' socket: wire.md "E", systems.md E3.

import assert from "node:assert/strict";
import { test } from "node:test";
import { http, randomUUID } from "./harness.mjs";
import { CONVERSATIONS, StreamRoom, conversation, fence, news } from "./stream-room.mjs";

const idsOf = (frames) => frames.map(({ json }) => (Array.isArray(json) ? json.map(({ id }) => id) : json.id));
const emit = (room, ...ids) => room.emit("conversations", { events: ids.map((id) => conversation(id)) });

test("one event a frame, as it was given, in the order given", async (t) => {
  const room = new StreamRoom(t);
  const socket = await room.listener();
  const events = [
    { id: "b", timestamp: "2026-01-01T00:00:02.000Z", type: "CallEnded", data: { reason: "hangup", nested: { a: [1, null] } } },
    { id: "a", timestamp: "2026-01-01T00:00:01.000Z", type: "CallStarted", data: {} },
  ];
  const answer = await room.emit("conversations", { events });
  assert.deepEqual(answer, { deploymentId: room.deploymentId, frames: 2 });
  const frames = await news(socket);
  assert.deepEqual(frames.map(({ json }) => json), events);
  assert.ok(frames.every(({ binary }) => !binary));
});

test("batch: all in one frame, a list", async (t) => {
  const room = new StreamRoom(t);
  const socket = await room.listener();
  await room.emit("conversations", { events: [conversation("a"), conversation("b")], batch: true });
  assert.deepEqual(idsOf(await news(socket)), [["a", "b"]]);
});

for (const [filter, expected] of [
  ["", ["1", "2", "3", "4"]],
  ["type=CallStarted", ["1", "2", "4"]],
  ["queue=sales", ["1", "3"]],
  ["type=CallStarted,queue=sales", ["1"]],
  ["priority=2", ["4"]],
  ["type=CallStarted,queue=billing", []],
  ["unknown=1", []],
]) {
  test(`filter "${filter}"`, async (t) => {
    const room = new StreamRoom(t);
    const socket = await room.listener({ filter });
    const events = [
      conversation("1", "CallStarted", { queue: "sales" }),
      conversation("2", "CallStarted", { queue: "support" }),
      conversation("3", "CallEnded", { queue: "sales" }),
      conversation("4", "CallStarted", { priority: 2 }),
    ];
    await room.emit("conversations", { events });
    await room.emit("conversations", { events, batch: true });
    assert.deepEqual(idsOf(await news(socket)), expected.length === 0 ? [] : [...expected, expected]);
    assert.equal((await room.streams())[0].filter, filter);
  });
}

test("a filter with a part that is no pair is refused 400", async (t) => {
  const room = new StreamRoom(t);
  const path = room.conversationsPath({ token: await room.accessToken(), filter: "sales" });
  assert.equal((await room.refusal({ path })).status, 400);
});

test("another deployment's events do not come", async (t) => {
  const [room, other] = [new StreamRoom(t), new StreamRoom(t)];
  const socket = await room.listener();
  await other.listener();
  await emit(other, "x");
  await emit(room, "y");
  assert.deepEqual(idsOf(await news(socket)), ["y"]);
});

test("a ping is answered by a pong, with a sequence if there is one", async (t) => {
  const socket = await new StreamRoom(t).listener();
  socket.sendRaw({ type: "ping" });
  assert.deepEqual((await socket.inbox.next(({ json }) => json?.type === "pong")).json, { type: "pong" });
  await fence(socket);
  socket.sendRaw("{ not JSON");
  socket.sendRaw({ type: "unknown" });
  assert.deepEqual(await news(socket), []);
});

test("resume: the last two that had been sent, then what was sent meanwhile", async (t) => {
  const room = new StreamRoom(t);
  const session = randomUUID();
  const first = await room.listener({ session });
  await emit(room, "1", "2", "3");
  assert.deepEqual(idsOf(await news(first)), ["1", "2", "3"]);
  await first.close();
  await emit(room, "4", "5");
  const second = await room.listener({ session });
  assert.deepEqual(idsOf(await news(second)), [["2", "3", "4", "5"]]);
  await emit(room, "6");
  assert.deepEqual(idsOf(await news(second)).at(-1), "6");
  const [listed] = await room.streams();
  assert.deepEqual([listed.path, listed.sessionId], [CONVERSATIONS, session]);
});

test("resume: the filter of the new socket holds, and another session gets nothing", async (t) => {
  const room = new StreamRoom(t);
  const session = randomUUID();
  const first = await room.listener({ session });
  await first.close();
  await room.emit("conversations", { events: [conversation("1", "CallStarted"), conversation("2", "CallEnded")] });
  const second = await room.listener({ session, filter: "type=CallEnded" });
  assert.deepEqual(idsOf(await news(second)), [["2"]]);
  assert.deepEqual(await news(await room.listener()), []);
});

test("resume: at most 1000 that were missed, 50 in a frame", async (t) => {
  const room = new StreamRoom(t);
  const session = randomUUID();
  const first = await room.listener({ session });
  await emit(room, "had 1", "had 2");
  await first.close();
  await emit(room, ...Array.from({ length: 1010 }, (_, at) => `missed ${at}`));
  const frames = idsOf(await news(await room.listener({ session })));
  assert.deepEqual(frames.map((ids) => ids.length), [...Array(20).fill(50), 2]);
  const ids = frames.flat();
  assert.deepEqual(ids.slice(0, 3), ["had 1", "had 2", "missed 10"]);
  assert.equal(ids.at(-1), "missed 1009");
});

test("resume: not with streamReplay off", async (t) => {
  const room = new StreamRoom(t);
  await room.set({ streamReplay: false });
  const session = randomUUID();
  const first = await room.listener({ session });
  await emit(room, "1");
  await first.close();
  await emit(room, "2");
  assert.deepEqual(await news(await room.listener({ session })), []);
});

test("resume while the old socket still stands: what was sent since its last ping", async (t) => {
  const room = new StreamRoom(t);
  const session = randomUUID();
  const old = await room.listener({ session });
  await emit(room, "1");
  await fence(old);
  await emit(room, "2", "3", "4");
  const next = await room.listener({ session });
  assert.deepEqual(idsOf(await news(next)), [["2", "3", "4"]]);
  await emit(room, "5");
  assert.deepEqual(idsOf(await news(next)).at(-1), "5");
  assert.deepEqual(idsOf(await news(old)), ["1", "2", "3", "4", "5"]);
});

test("without a deployment, that of the newest token is meant", async (t) => {
  const [older, newer] = [new StreamRoom(t), new StreamRoom(t)];
  const sockets = [await older.listener(), await newer.listener()];
  const body = JSON.stringify({ to: "conversations", events: [conversation("1")] });
  const answer = await (await http("/_sim/stream", { method: "POST", body })).json();
  assert.deepEqual(answer, { deploymentId: newer.deploymentId, frames: 1 });
  assert.deepEqual(idsOf(await news(sockets[0])), []);
  assert.deepEqual(idsOf(await news(sockets[1])), ["1"]);
});

test("a raw frame reaches every socket, whatever its filter", async (t) => {
  const room = new StreamRoom(t);
  const sockets = [await room.listener(), await room.listener({ filter: "type=Never" })];
  await room.emit("conversations", { frame: "{ not JSON" });
  await room.emit("conversations", { frame: { id: "raw" } });
  for (const socket of sockets) assert.deepEqual((await news(socket)).map(({ raw }) => raw), ["{ not JSON", '{"id":"raw"}']);
});

test("what is no list of events is refused", async (t) => {
  const room = new StreamRoom(t);
  for (const body of [{ to: "conversations" }, { to: "conversations", events: {} }, { to: "conversations", events: [1] }, { to: "nowhere", events: [] }, {}]) {
    assert.equal(await room.refusedControl("stream", body), 400, JSON.stringify(body));
  }
});
