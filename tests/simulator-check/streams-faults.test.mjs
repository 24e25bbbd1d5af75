// simulator.md "faults" on the paths of the streams: matched by deployment, path, action and class, in text frames and binary ones.

import assert from "node:assert/strict";
import { test } from "node:test";
import { http, randomUUID } from "./harness.mjs";
import { CHANNELS, CONVERSATIONS, INTERACTIONS, PRESENCE, REALTIME, StreamRoom, ask, bearer } from "./stream-room.mjs";
import { conversation, ended, fence, interaction, interactionsOf, news, said, update } from "./stream-room.mjs";

// The rules under test belong to one simulator, and lifting removes them all: these tests run one after the other.

const NO_CLOSE_FRAME = 1006;
const out = (room, path, more = {}) => ({ on: "frame-out", match: { deploymentId: room.deploymentId, path, ...more } });
const into = (room, path, action) => ({ on: "frame-in", match: { deploymentId: room.deploymentId, path, action } });
const idsOf = async (socket, mark) => (await news(socket, mark)).map(said).flat().map(({ id }) => id);
const namesOf = async (socket, mark) => (await interactionsOf(socket, mark)).map(({ participant }) => participant);
const converse = (room, ...ids) => room.emit("conversations", { events: ids.map((id) => conversation(id)) });
const interact = (room, ...names) => room.emit("interactions", { events: names.map((name) => interaction(name)) });

/** Each stream with a good socket and a way to make it say something that has the class. */
const STREAMS = [
  { name: "L", path: REALTIME, open: (room) => room.prober(), say: (room, socket) => socket.sendRaw({ type: "ping", sequence: "said" }), class: "pong" },
  { name: "E", path: CONVERSATIONS, open: (room) => room.listener(), say: (room) => converse(room, "said"), class: "CallStarted" },
  { name: "I", path: INTERACTIONS, open: (room) => room.reader(), say: (room) => interact(room, "said"), class: "events" },
  {
    name: "P",
    path: PRESENCE,
    open: async (room) => {
      const socket = await room.subscriber();
      assert.deepEqual(await ask(socket, { type: "subscribe", channels: [{ id: "c", type: "presence" }] }), { status: "success" });
      return socket;
    },
    say: (room) => room.emit("presence", { updates: [update("u1", "busy")] }),
    class: "presence",
  },
];
/** How often it was said so far. */
const heard = (socket) => socket.inbox.seen((frame) => /said|"busy"/.test(String(frame.raw))).length;
const isSaid = (frame) => /said|"busy"/.test(String(frame.raw));

for (const { name, path, open, say, class: kind } of STREAMS) {
  test(`${name}: lose, duplicate and delay a frame out, matched by path and class`, async (t) => {
    const room = new StreamRoom(t);
    const socket = await open(room);
    const rule = out(room, path, { class: kind });
    await room.faults([
      { ...out(room, "/elsewhere"), do: "drop" },
      { ...rule, do: "lose" },
      { ...rule, nth: 2, do: "duplicate" },
      { ...rule, nth: 3, do: "delay", ms: 400 },
    ]);
    await say(room, socket);
    await say(room, socket);
    await socket.inbox.next(isSaid);
    await socket.inbox.next(isSaid);
    assert.equal(heard(socket), 2, "one was lost, one came twice");
    const began = performance.now();
    await say(room, socket);
    await socket.inbox.next(isSaid);
    assert.ok(performance.now() - began >= 390);
    assert.equal(heard(socket), 3);
  });

  test(`${name}: drop and close on a frame out end the socket; a drop on a frame in has no close frame either`, async (t) => {
    const room = new StreamRoom(t);
    const [dropped, closed, cut] = [await open(room), await open(room), await open(room)];
    await room.faults([
      { ...out(room, path, { class: kind }), do: "drop" },
      { ...out(room, path, { class: kind }), nth: 2, do: "close", code: 1012, reason: "restart" },
    ]);
    if (name === "L") {
      await say(room, dropped);
      assert.equal((await ended(dropped)).code, NO_CLOSE_FRAME);
      await say(room, closed);
    } else {
      await say(room);
    }
    assert.equal((await ended(dropped)).code, NO_CLOSE_FRAME);
    assert.deepEqual(await ended(closed), { code: 1012, reason: "restart" });
    await room.faults({ ...into(room, path, "ping"), do: "drop" });
    cut.sendRaw({ type: "ping" });
    assert.equal((await ended(cut)).code, NO_CLOSE_FRAME);
    assert.deepEqual(await room.streams(), []);
  });

  test(`${name}: stall both, and all comes when it is lifted`, async (t) => {
    const room = new StreamRoom(t);
    const socket = await open(room);
    const [rule] = await room.faults({ ...into(room, path, "ping"), do: "stall", direction: "both" });
    socket.sendRaw({ type: "ping", sequence: "held" });
    await room.hit(rule);
    if (name !== "L") await say(room, socket);
    const mark = socket.inbox.mark();
    assert.equal(heard(socket), 0);
    await room.liftFaults();
    await fence(socket);
    if (name !== "L") assert.equal(heard(socket), 1);
    assert.equal(socket.inbox.seen(({ json }) => json?.sequence === "held", mark).length, 1);
  });

  test(`${name}: garbage comes in front of a frame; reply stands in for the answer`, async (t) => {
    const room = new StreamRoom(t);
    const socket = await open(room);
    const mark = socket.inbox.mark();
    await room.faults([
      { ...out(room, path, { class: kind }), do: "garbage", as: "text" },
      { ...out(room, path, { class: kind }), nth: 2, do: "garbage", as: "binary" },
    ]);
    await say(room, socket);
    await say(room, socket);
    await socket.inbox.next(isSaid);
    await socket.inbox.next(isSaid);
    const came = socket.inbox.seen(() => true, mark);
    assert.deepEqual(came.map((frame) => isSaid(frame)), [false, true, false, true]);
    assert.deepEqual([came[0].binary, came[2].binary], [false, true]);
    await room.faults({ ...into(room, path, "ping"), do: "reply", frame: { type: "maintenance" } });
    socket.sendRaw({ type: "ping", sequence: "unanswered" });
    await socket.inbox.next(({ json }) => json?.type === "maintenance");
    await fence(socket);
    assert.deepEqual(socket.inbox.seen(({ json }) => json?.sequence === "unanswered"), []);
  });

  test(`${name}: refuse, blackhole and accept-then-close the upgrade, matched by path`, async (t) => {
    const room = new StreamRoom(t);
    const token = await room.accessToken();
    const target = `${path}?${new URLSearchParams({ access_token: token, session_id: randomUUID(), deploymentId: room.deploymentId })}`;
    const match = { deploymentId: room.deploymentId, path };
    const [, , blackhole] = await room.faults([
      { on: "connect", match, do: "refuse", status: 503, retryAfter: 7 },
      { on: "connect", match, nth: 2, do: "accept-then-close", code: 1013 },
      { on: "connect", match, nth: 3, do: "blackhole" },
    ]);
    const refused = await room.refusal({ path: target });
    assert.deepEqual([refused.status, refused.headers["retry-after"]], [503, "7"]);
    const brief = room.begin({ path: target, lenient: true });
    assert.equal((await ended(brief)).code, 1013);
    const waiting = room.begin({ path: target, lenient: true });
    const opened = new Promise((settle) => waiting.socket.once("open", settle));
    await room.hit(blackhole);
    await room.connect({ path: target, lenient: true });
    assert.equal(waiting.socket.readyState, waiting.socket.CONNECTING);
    await room.liftFaults();
    await opened;
  });

  test(`${name}: status on the GET that asks why`, async (t) => {
    const room = new StreamRoom(t);
    const token = await room.accessToken();
    await room.faults({ on: "http", match: { deploymentId: room.deploymentId, path }, do: "status", status: 503 });
    const probe = async () => (await http(path, { headers: bearer(token) })).status;
    assert.deepEqual([await probe(), await probe()], [503, 426]);
  });
}

test("binary frames are lost, doubled and reordered as text ones are", async (t) => {
  const room = new StreamRoom(t);
  await room.set({ binaryEvery: 1 });
  const socket = await room.reader();
  const rule = out(room, INTERACTIONS, { class: "events" });
  await room.faults([{ ...rule, do: "lose" }, { ...rule, nth: 2, do: "duplicate" }, { ...rule, nth: 3, do: "reorder", window: 3 }]);
  await interact(room, "1", "2", "3", "4", "5", "6");
  assert.deepEqual(await namesOf(socket), ["2", "2", "5", "4", "3", "6"]);
  assert.ok((await news(socket)).every(({ binary }) => binary));
});

test("reorder on E: newest first", async (t) => {
  const room = new StreamRoom(t);
  const socket = await room.listener();
  await room.faults({ ...out(room, CONVERSATIONS, { class: "CallStarted" }), do: "reorder", window: 3 });
  await converse(room, "1", "2", "3", "4");
  assert.deepEqual(await idsOf(socket), ["3", "2", "1", "4"]);
});

test("a session that was dropped by its session id gets what it missed", async (t) => {
  const room = new StreamRoom(t);
  const [session, other] = [randomUUID(), await room.listener()];
  const socket = await room.listener({ session });
  await converse(room, "1", "2", "3");
  assert.deepEqual(await idsOf(socket), ["1", "2", "3"]);
  await room.faults({ on: "frame-out", match: { token: session }, do: "drop" });
  await converse(room, "4");
  assert.equal((await ended(socket)).code, NO_CLOSE_FRAME);
  await converse(room, "5");
  assert.deepEqual(await idsOf(other), ["1", "2", "3", "4", "5"]);
  const again = await idsOf(await room.listener({ session }));
  // The one whose sending was cut off counts as sent.
  assert.deepEqual(again, ["3", "4", "5"]);
});

test("the first frame of L and I already belongs to its token's deployment", async (t) => {
  const room = new StreamRoom(t);
  await room.faults([
    { ...into(room, REALTIME, "subscribe"), do: "lose" },
    { ...into(room, INTERACTIONS, "token"), do: "lose" },
    { ...into(room, INTERACTIONS, "filter"), do: "late-store", ms: 300 },
  ]);
  const prober = await room.at(REALTIME);
  const subscription = await room.subscription();
  prober.sendRaw(subscription);
  assert.equal((await ask(prober, subscription)).type, "subscribed");
  assert.equal(prober.inbox.seen().length, 1);
  const reader = await room.at(INTERACTIONS);
  const token = await room.accessToken();
  reader.sendRaw({ token });
  assert.deepEqual(await ask(reader, { token }), { status: "connected" });
  const began = performance.now();
  assert.deepEqual(await ask(reader, { filter: {} }), { status: "subscribed" });
  assert.ok(performance.now() - began >= 290);
});

test("answers are matched by class: connected, subscribed, success, error", async (t) => {
  const room = new StreamRoom(t);
  const reader = await room.stranger();
  const subscriber = await room.subscriber();
  await room.set({ limits: false });
  await room.faults([
    { ...out(room, INTERACTIONS, { class: "subscribed", action: "filter" }), do: "lose" },
    { ...out(room, PRESENCE, { class: "success", action: "subscribe" }), do: "lose" },
    { ...out(room, PRESENCE, { class: "error" }), do: "duplicate" },
  ]);
  reader.sendRaw({ filter: {} });
  await fence(reader);
  assert.deepEqual(reader.inbox.seen(({ json }) => json?.status === "subscribed"), []);
  assert.deepEqual(await ask(reader, { filter: {} }), { status: "subscribed" });
  subscriber.sendRaw({ type: "subscribe", channels: [] });
  await fence(subscriber);
  assert.deepEqual(subscriber.inbox.seen(({ json }) => json?.status !== undefined), []);
  subscriber.sendRaw({ type: "subscribe", channels: 1 });
  await fence(subscriber);
  assert.deepEqual(subscriber.inbox.seen(({ json }) => json?.status === "error").map(({ json }) => json.code), [400, 400]);
});

test("notifications: by channel, topic and path; heartbeats and pongs by channel.metadata", async (t) => {
  const room = new StreamRoom(t);
  const channel = await room.channel();
  await room.topics("POST", channel, ["t"]);
  const socket = await room.receiver(channel);
  await room.faults([
    { on: "frame-out", match: { token: channel.id, class: "t" }, do: "lose" },
    { ...out(room, "/channels/", { class: "channel.metadata", action: "ping" }), do: "duplicate" },
    { on: "connect", match: { deploymentId: room.deploymentId, path: "/channels/" }, do: "refuse", status: 503 },
    { on: "http", match: { deploymentId: room.deploymentId, path: `${CHANNELS}/` }, do: "status", status: 503 },
  ]);
  await room.emit("notifications", { topic: "t", body: { n: 1 } });
  await room.emit("notifications", { topic: "t", body: { n: 2 } });
  socket.sendRaw({ message: "ping" });
  for (const expected of [2, undefined, undefined]) assert.equal((await socket.inbox.next(() => true)).json.eventBody.n, expected);
  assert.equal((await room.refusal({ path: `/channels/${channel.id}` })).status, 503);
  const call = () => room.call("GET", `${CHANNELS}/${channel.id}/subscriptions`, { token: channel.token });
  assert.deepEqual([(await call()).status, (await call()).status], [503, 200]);
});

test("latencyMs holds for the streams", async (t) => {
  const room = new StreamRoom(t);
  await room.set({ latencyMs: 300 });
  const socket = await room.listener();
  const began = performance.now();
  await fence(socket);
  assert.ok(performance.now() - began >= 290);
});
