// L, the latency monitor's socket: wire.md "L", systems.md L1 and L2.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ISO_MS } from "./harness.mjs";
import { REALTIME, StreamRoom, ask, ended } from "./stream-room.mjs";

const isPong = (frame) => frame.json?.type === "pong";

async function probe(socket, sequence) {
  socket.sendRaw({ type: "ping", sequence });
  return (await socket.inbox.next(isPong)).json;
}

test("subscribe: subscribed with the connection's id, and listed by it", async (t) => {
  const room = new StreamRoom(t);
  const socket = await room.at(REALTIME);
  const answer = await ask(socket, await room.subscription({ connectionId: "A_b-1234" }));
  assert.deepEqual(answer, { type: "subscribed", connectionId: "A_b-1234" });
  const [listed] = await room.streams();
  assert.deepEqual([listed.path, listed.connectionId], [REALTIME, "A_b-1234"]);
});

test("a ping is answered with its sequence and the service's time", async (t) => {
  const room = new StreamRoom(t);
  const socket = await room.prober();
  for (const sequence of [7, 8, 0]) {
    const before = Date.now();
    const answer = await probe(socket, sequence);
    assert.deepEqual(Object.keys(answer).sort(), ["sequence", "timestamp", "type"]);
    assert.equal(answer.sequence, sequence);
    assert.match(answer.timestamp, ISO_MS);
    assert.ok(Math.abs(Date.parse(answer.timestamp) - before) < 2000);
  }
});

for (const offset of [3_600_000, -3_600_000]) {
  test(`clockOffsetMs ${offset} is added to the time`, async (t) => {
    const room = new StreamRoom(t);
    await room.set({ clockOffsetMs: offset });
    const { timestamp } = await probe(await room.prober(), 1);
    assert.ok(Math.abs(Date.parse(timestamp) - Date.now() - offset) < 2000, timestamp);
  });
}

for (const interval of ["100ms", "1.5s", "2s", "1m30s"]) {
  test(`an interval of ${interval} is taken`, async (t) => {
    await new StreamRoom(t).prober({ settings: { pingInterval: interval } });
  });
}

for (const [field, change] of [
  ["connectionId", { connectionId: "1234567" }],
  ["connectionId", { connectionId: "a".repeat(37) }],
  ["connectionId", { connectionId: "no space" }],
  ["connectionId", { connectionId: undefined }],
  ["settings.pingInterval", { settings: { pingInterval: "99ms" } }],
  ["settings.pingInterval", { settings: { pingInterval: "0.05s" } }],
  ["settings.pingInterval", { settings: { pingInterval: "soon" } }],
  ["settings.pingInterval", { settings: { pingInterval: 2000 } }],
  ["settings.pingInterval", { settings: {} }],
]) {
  test(`${JSON.stringify(change)}: 400 with the field, and 1002`, async (t) => {
    const room = new StreamRoom(t);
    const socket = await room.at(REALTIME);
    const answer = await ask(socket, await room.subscription(change));
    assert.deepEqual([answer.type, answer.status, answer.field, typeof answer.message], ["error", 400, field, "string"]);
    assert.equal((await ended(socket)).code, 1002);
  });
}

for (const frame of ["{ not JSON", "[]", '"text"']) {
  test(`${frame} is no subscription: 400 and 1002`, async (t) => {
    const socket = await new StreamRoom(t).at(REALTIME);
    const answer = await ask(socket, frame);
    assert.deepEqual([answer.type, answer.status, typeof answer.message], ["error", 400, "string"]);
    assert.equal((await ended(socket)).code, 1002);
  });
}

test("a token that is unknown or has expired: 401 and 1008", async (t) => {
  const room = new StreamRoom(t);
  const token = await room.accessToken();
  await room.expire({ what: "token", token });
  for (const bad of ["nonsense", token, undefined]) {
    const socket = await room.at(REALTIME);
    const answer = await ask(socket, await room.subscription({ token: bad }));
    assert.deepEqual([answer.type, answer.status, typeof answer.message], ["error", 401, "string"]);
    assert.equal((await ended(socket)).code, 1008);
  }
});

test("a frame over 65 536 bytes: 1009; one of that size is read", async (t) => {
  const room = new StreamRoom(t);
  const frame = JSON.stringify(await room.subscription());
  const fits = await room.at(REALTIME);
  assert.equal((await ask(fits, frame.padEnd(65_536))).type, "subscribed");
  const tooLarge = await room.at(REALTIME);
  tooLarge.sendRaw(frame.padEnd(65_537));
  assert.equal((await ended(tooLarge)).code, 1009);
  assert.deepEqual(tooLarge.inbox.seen(), []);
});

test("more than 20 pings within a second: 1002", async (t) => {
  const socket = await new StreamRoom(t).prober();
  for (let sequence = 1; sequence <= 21; sequence += 1) socket.sendRaw({ type: "ping", sequence });
  assert.equal((await ended(socket)).code, 1002);
  assert.deepEqual(socket.inbox.seen(isPong).map(({ json }) => json.sequence), Array.from({ length: 20 }, (_, at) => at + 1));
});

test("a token that runs out: 1008; one renewed in time keeps the socket", async (t) => {
  const room = new StreamRoom(t);
  await room.set({ accessTokenSeconds: 5 });
  const [left, renewed] = [await room.prober(), await room.prober()];
  await room.set({ accessTokenSeconds: 60 });
  assert.equal((await ask(renewed, await room.subscription())).type, "subscribed");
  assert.equal((await ended(left, 20_000)).code, 1008);
  assert.equal((await probe(renewed, 5)).sequence, 5);
});

test("a raw frame reaches the socket", async (t) => {
  const room = new StreamRoom(t);
  const socket = await room.prober();
  assert.equal((await room.emit("realtime", { frame: { type: "notice" } })).frames, 1);
  await socket.inbox.next(({ json }) => json?.type === "notice");
  assert.equal(await room.refusedControl("stream", { to: "realtime", events: [] }), 400);
});
