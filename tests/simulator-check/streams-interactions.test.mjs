// I, the interaction events' socket: wire.md "I", systems.md I2 to I4.

import assert from "node:assert/strict";
import { test } from "node:test";
import { INTERACTIONS, StreamRoom, ask, ended, fence, interaction, interactionsOf, news, said } from "./stream-room.mjs";

const namesOf = async (socket, mark) => (await interactionsOf(socket, mark)).map(({ participant }) => participant);
const emit = (room, ...participants) => room.emit("interactions", { events: participants.map((participant) => interaction(participant)) });
const many = (count) => Array.from({ length: count }, (_, at) => `p${at}`);

test("a token, a filter: connected, subscribed", async (t) => {
  const room = new StreamRoom(t);
  const socket = await room.at(INTERACTIONS);
  assert.deepEqual(await ask(socket, { token: await room.accessToken() }), { status: "connected" });
  assert.equal((await room.streams())[0].filter, undefined);
  const filter = { id: "i1", channels: ["voice"] };
  assert.deepEqual(await ask(socket, { filter }), { status: "subscribed" });
  const [listed] = await room.streams();
  assert.deepEqual([listed.path, listed.filter], [INTERACTIONS, filter]);
});

for (const frame of [{ token: "nonsense" }, { token: 7 }, {}, { type: "ping" }, { filter: {} }, "{ not JSON"]) {
  test(`first frame ${JSON.stringify(frame)}: an error with a message, and 1008`, async (t) => {
    const socket = await new StreamRoom(t).at(INTERACTIONS);
    const answer = await ask(socket, frame);
    assert.deepEqual([answer.status, typeof answer.message], ["error", "string"]);
    assert.equal((await ended(socket)).code, 1008);
  });
}

test("an expired token is an error, and 1008", async (t) => {
  const room = new StreamRoom(t);
  const token = await room.accessToken();
  await room.expire({ what: "token", token });
  const socket = await room.at(INTERACTIONS);
  assert.equal((await ask(socket, { token })).status, "error");
  assert.equal((await ended(socket)).code, 1008);
});

test("nothing comes before the subscription", async (t) => {
  const room = new StreamRoom(t);
  const socket = await room.stranger();
  await emit(room, "early");
  assert.deepEqual(await news(socket), []);
});

test("events are as they were given, one a frame; with batch in one frame", async (t) => {
  const room = new StreamRoom(t);
  await room.set({ binaryEvery: 0 });
  const socket = await room.reader();
  const events = [
    { timestamp: "2026-01-01T00:00:02.000Z", type: "ParticipantLeft", participant: "Ada", interaction: "i1", channel: "voice", reason: "hangup" },
    { timestamp: "2026-01-01T00:00:01.000Z", type: "HoldStarted", participant: "Ben", interaction: "i2", channel: "chat" },
  ];
  await room.emit("interactions", { events });
  assert.deepEqual((await news(socket)).map(said), [{ events: [events[0]] }, { events: [events[1]] }]);
  const mark = socket.inbox.mark();
  await room.emit("interactions", { events, batch: true });
  assert.deepEqual((await news(socket, mark)).map(said), [{ events }]);
});

for (const [filter, expected] of [
  [{}, ["a", "b", "c"]],
  [{ id: "i1" }, ["a", "c"]],
  [{ channels: ["chat", "sms"] }, ["b", "c"]],
  [{ id: "i1", channels: ["chat"] }, ["c"]],
  [{ id: "i3" }, []],
]) {
  test(`filter ${JSON.stringify(filter)}`, async (t) => {
    const room = new StreamRoom(t);
    const socket = await room.reader(filter);
    const events = [interaction("a"), interaction("b", { interaction: "i2", channel: "chat" }), interaction("c", { channel: "chat" })];
    await room.emit("interactions", { events });
    await room.emit("interactions", { events, batch: true });
    assert.deepEqual(await namesOf(socket), [...expected, ...expected]);
  });
}

for (const filter of [{ channels: ["voice", "fax"] }, { channels: "voice" }, { since: "yesterday" }, { id: 7 }, []]) {
  test(`a bad filter ${JSON.stringify(filter)} is an error; the old one stays`, async (t) => {
    const room = new StreamRoom(t);
    const socket = await room.reader({ id: "i2" });
    const answer = await ask(socket, { filter });
    assert.deepEqual([answer.status, typeof answer.message], ["error", "string"]);
    await room.emit("interactions", { events: [interaction("a"), interaction("b", { interaction: "i2" })] });
    assert.deepEqual(await namesOf(socket), ["b"]);
  });
}

test("another filter replaces the first", async (t) => {
  const room = new StreamRoom(t);
  const socket = await room.reader({ id: "i2" });
  assert.deepEqual(await ask(socket, { filter: { id: "i1" } }), { status: "subscribed" });
  await room.emit("interactions", { events: [interaction("a"), interaction("b", { interaction: "i2" })] });
  assert.deepEqual(await namesOf(socket), ["a"]);
});

test("every third frame with events is a binary one; the others are text", async (t) => {
  const room = new StreamRoom(t);
  const socket = await room.reader();
  await emit(room, ...many(7));
  const frames = await news(socket);
  assert.deepEqual(frames.map(({ binary }) => binary), [false, false, true, false, false, true, false]);
  assert.deepEqual(frames.map(said).map(({ events }) => events[0].participant), many(7));
});

for (const [every, binary] of [[0, [false, false, false]], [1, [true, true, true]], [2, [false, true, false]]]) {
  test(`binaryEvery ${every}`, async (t) => {
    const room = new StreamRoom(t);
    await room.set({ binaryEvery: every });
    const socket = await room.reader();
    await emit(room, ...many(3));
    assert.deepEqual((await news(socket)).map((frame) => frame.binary), binary);
  });
}

test("since: what bears that time or a later one and passes the filter, behind the answer", async (t) => {
  const room = new StreamRoom(t);
  const at = (second) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
  const events = [3, 1, 2].map((second) => interaction(`p${second}`, { timestamp: at(second) }));
  events.push(interaction("chat", { timestamp: at(9), channel: "chat" }));
  await room.emit("interactions", { events });
  const socket = await room.stranger();
  socket.sendRaw({ filter: { since: at(2), channels: ["voice"] } });
  await fence(socket);
  const [answer, ...frames] = socket.inbox.seen(({ json }) => json?.status !== "connected" && json?.type !== "pong").map(said);
  assert.deepEqual(answer, { status: "subscribed" });
  assert.deepEqual(frames.flatMap((frame) => frame.events), [events[0], events[2]]);
  await emit(room, "live");
  assert.deepEqual((await namesOf(socket)).at(-1), "live");
});

test("since: in frames of at most 100", async (t) => {
  const room = new StreamRoom(t);
  await emit(room, ...many(250));
  const socket = await room.reader({ since: "2020-01-01T00:00:00.000Z" });
  const frames = (await news(socket)).map(said);
  assert.deepEqual(frames.map(({ events }) => events.length), [100, 100, 50]);
  assert.deepEqual(frames.flatMap(({ events }) => events.map(({ participant }) => participant)), many(250));
});

test("without since nothing of the past comes", async (t) => {
  const room = new StreamRoom(t);
  await emit(room, "past");
  assert.deepEqual(await news(await room.reader()), []);
});

test("a ping is answered by a pong, with a sequence if there is one", async (t) => {
  const socket = await new StreamRoom(t).reader();
  socket.sendRaw({ type: "ping" });
  assert.deepEqual((await socket.inbox.next(({ json }) => json?.type === "pong")).json, { type: "pong" });
  socket.sendRaw({ type: "ping", sequence: "a" });
  assert.deepEqual((await socket.inbox.next(({ json }) => json?.type === "pong")).json, { type: "pong", sequence: "a" });
});

test("a new token on an open socket: connected, and its filter stays", async (t) => {
  const room = new StreamRoom(t);
  await room.set({ accessTokenSeconds: 5 });
  const [left, renewed] = [await room.reader(), await room.reader()];
  await room.set({ accessTokenSeconds: 60 });
  assert.deepEqual(await ask(renewed, { token: await room.accessToken() }), { status: "connected" });
  assert.deepEqual(await ended(left, 20_000), { code: 1008, reason: "token expired" });
  await emit(room, "still");
  assert.deepEqual(await namesOf(renewed), ["still"]);
});

test("a raw frame reaches the sockets of the deployment, subscribed or not", async (t) => {
  const room = new StreamRoom(t);
  const sockets = [await room.reader({ id: "none" }), await room.stranger()];
  await room.emit("interactions", { frame: '{"events":[' });
  for (const socket of sockets) assert.deepEqual((await news(socket)).map(({ raw }) => raw), ['{"events":[']);
});
