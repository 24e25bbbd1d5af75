// A contact centre's day on all streams: wire.md "Control", /_sim/scenario.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ISO_MS, UUID, until } from "./harness.mjs";
import { StreamRoom, ask, fence, interactionsOf, news, said } from "./stream-room.mjs";

const PLAIN = { do: "play", outOfOrder: 0, duplicate: 0 };

/** A socket on each of E, I and P, each with everything. */
async function audience(room) {
  await room.set({ binaryEvery: 0 });
  const subscriber = await room.subscriber();
  await ask(subscriber, { type: "subscribe", channels: ["presence", "routing", "message"].map((type) => ({ id: type, type })) });
  return { listener: await room.listener(), reader: await room.reader(), subscriber };
}

const eventsOf = async (socket) => (await news(socket)).map(said);
const started = (room, count, timeoutMs) => until(() => room.scenario(), ({ events }) => events >= count, timeoutMs);

/** Plays until `count` events are out, stops, and gives what came. */
async function played(room, fields, count) {
  const { listener, reader, subscriber } = await audience(room);
  await room.scenario({ ...PLAIN, ...fields });
  await started(room, count);
  const state = await room.scenario({ do: "stop" });
  return { state, conversations: await eventsOf(listener), interactions: await interactionsOf(reader), updates: await eventsOf(subscriber) };
}

test("play, and stop: what GET says, and nothing after the end", async (t) => {
  const room = new StreamRoom(t);
  assert.deepEqual(await room.scenario(), { playing: false, events: 0, at: 0 });
  const { listener } = await audience(room);
  assert.equal((await room.scenario({ ...PLAIN, speed: 600 })).playing, true);
  const state = await started(room, 200);
  assert.equal(state.playing, true);
  const end = await room.scenario({ do: "stop" });
  assert.equal(end.playing, false);
  assert.ok(end.events >= state.events && end.at > 0);
  await fence(listener);
  const mark = listener.inbox.mark();
  assert.deepEqual(await room.scenario(), end);
  assert.deepEqual(await news(listener, mark), []);
});

test("all streams tell it: as many events as are counted, each in its form", async (t) => {
  const { state, conversations, interactions, updates } = await played(new StreamRoom(t), { speed: 600 }, 600);
  assert.equal(conversations.length + interactions.length + updates.length, state.events);
  for (const event of conversations) {
    assert.deepEqual(Object.keys(event).sort(), ["data", "id", "timestamp", "type"]);
    assert.match(event.id, UUID);
    assert.match(event.timestamp, ISO_MS);
  }
  assert.equal(new Set(conversations.map(({ id }) => id)).size, conversations.length, "every id is its own");
  for (const event of interactions) {
    assert.deepEqual(Object.keys(event).filter((name) => name !== "reason").sort(), ["channel", "interaction", "participant", "timestamp", "type"]);
    assert.ok(["voice", "chat", "video", "sms"].includes(event.channel));
    assert.equal("reason" in event, event.type === "ParticipantLeft");
  }
  for (const frame of updates) {
    assert.equal(frame.channelId, frame.type);
    assert.match(frame.payload.userId, /^agent-\d\d$/);
    if (frame.type === "presence") assert.ok(["online", "offline", "busy", "away", "meeting", "lunch", "training", "other"].includes(frame.payload.presence));
  }
  const types = new Set(interactions.map(({ type }) => type));
  for (const type of ["ParticipantJoined", "ParticipantLeft", "HoldStarted"]) assert.ok(types.has(type), type);
  assert.deepEqual(new Set(updates.map(({ type }) => type)), new Set(["presence", "routing", "message"]));
});

test("it is one story: who joins an interaction joins the conversation, and is busy", async (t) => {
  const { conversations, interactions, updates } = await played(new StreamRoom(t), { speed: 600 }, 600);
  const key = (type, id, participant) => `${type} ${id} ${participant}`;
  const types = ["ParticipantJoined", "ParticipantLeft", "HoldStarted", "HoldEnded"];
  const told = conversations.filter(({ type }) => types.includes(type)).map(({ type, data }) => key(type, data.conversationId, data.participant));
  assert.deepEqual(interactions.map(({ type, interaction, participant }) => key(type, interaction, participant)), told);
  const present = new Set();
  for (const { type, interaction, participant } of interactions) {
    if (type === "ParticipantJoined") present.add(`${interaction} ${participant}`);
    if (type === "ParticipantLeft") assert.ok(present.delete(`${interaction} ${participant}`), "who leaves has joined");
  }
  const agents = new Set(conversations.filter(({ type, data }) => type === "ParticipantJoined" && data.userId).map(({ data }) => data.userId));
  const busy = new Set(updates.filter(({ type, payload }) => type === "presence" && payload.presence === "busy").map(({ payload }) => payload.userId));
  assert.ok(agents.size > 3);
  assert.deepEqual(agents, busy);
});

test("the same seed tells the same story, another seed another", async (t) => {
  const story = async (seed) => {
    const { interactions } = await played(new StreamRoom(t), { speed: 600, seed }, 400);
    return interactions.slice(0, 60).map(({ type, participant, channel, reason }) => `${type} ${participant} ${channel} ${reason}`);
  };
  const [one, again, other] = await Promise.all([story(7), story(7), story(8)]);
  assert.equal(one.length, 60);
  assert.deepEqual(again, one);
  assert.notDeepEqual(other, one);
});

test("some come twice and some late", async (t) => {
  const { conversations } = await played(new StreamRoom(t), { speed: 600, duplicate: 0.5, outOfOrder: 0.5 }, 600);
  const ids = conversations.map(({ id }) => id);
  assert.ok(ids.length > new Set(ids).size * 1.2);
  const times = conversations.map(({ timestamp }) => timestamp);
  assert.notDeepEqual(times, [...times].sort());
});

test("ratePerSecond: so many events in so many seconds", async (t) => {
  const room = new StreamRoom(t);
  const { listener, reader, subscriber } = await audience(room);
  const begin = performance.now();
  await room.scenario({ ...PLAIN, ratePerSecond: 2000 });
  await started(room, 4000, 20_000);
  const seconds = (performance.now() - begin) / 1000;
  assert.ok(seconds > 1.8, `${seconds}`);
  const { events } = await room.scenario({ do: "stop" });
  const told = [await eventsOf(listener), await interactionsOf(reader), await eventsOf(subscriber)];
  const came = told.map(({ length }) => length);
  assert.equal(came[0] + came[1] + came[2], events);
  // Each is stamped with the turn that it was due in, however late a busy machine sends it.
  const turns = told.flat().map(({ timestamp }) => Date.parse(timestamp)).sort((a, b) => a - b);
  const spanMs = turns.at(-1) - turns[0];
  assert.ok(Math.abs(spanMs - events / 2) < 10, `${events} in ${spanMs} ms`);
  for (const share of came) assert.ok(share > events / 5, `${came}`);
});

test("notifications tell it: presence, routing and whole conversations", async (t) => {
  const room = new StreamRoom(t);
  const { listener } = await audience(room);
  const channel = await room.channel();
  const users = Array.from({ length: 24 }, (_, at) => `agent-${String(at + 1).padStart(2, "0")}`);
  const topics = users.flatMap((user) => ["presence", "routingStatus", "conversations"].map((topic) => `v2.users.${user}.${topic}`));
  await room.topics("POST", channel, [...topics, ...["sales", "support", "billing"].map((queue) => `v2.routing.queues.${queue}.conversations`)]);
  const socket = await room.receiver(channel);
  await room.scenario({ ...PLAIN, speed: 600 });
  await started(room, 500);
  await room.scenario({ do: "stop" });
  socket.sendRaw({ message: "ping" });
  await socket.inbox.next(({ json }) => json.eventBody.message === "pong");
  const of = (ending) => socket.inbox.seen(({ json }) => json.topicName.endsWith(ending)).map(({ json }) => json.eventBody);
  const words = ["AVAILABLE", "AWAY", "BUSY", "OFFLINE", "MEETING", "MEAL", "TRAINING", "BREAK", "IDLE", "ON_QUEUE"];
  for (const body of of(".presence")) {
    assert.deepEqual(Object.keys(body).sort(), ["message", "modifiedDate", "presenceDefinition", "source"]);
    assert.ok(words.includes(body.presenceDefinition.systemPresence));
  }
  const statuses = of(".routingStatus").map(({ routingStatus }) => routingStatus.status);
  for (const status of ["IDLE", "INTERACTING"]) assert.ok(statuses.includes(status));
  const ended = (await eventsOf(listener)).find(({ type, data }) => type === "ConversationEnded" && data.reason === "completed").data.conversationId;
  const last = of(".conversations").filter(({ id }) => id === ended).at(-1);
  const parts = last.participants.map((participant) => participant.calls ?? participant.chats ?? participant.messages ?? participant.videos);
  assert.deepEqual(new Set(last.participants.map(({ purpose }) => purpose)), new Set(["customer", "agent"]));
  for (const part of parts.flat()) {
    assert.equal(part.state, "disconnected");
    assert.match(part.connectedTime, ISO_MS);
    assert.match(part.disconnectedTime, ISO_MS);
  }
});

test("a reset ends it; what cannot be played is refused", async (t) => {
  const room = new StreamRoom(t);
  await room.scenario({ ...PLAIN, speed: 600 });
  await started(room, 10);
  await room.reset();
  assert.deepEqual(await room.scenario(), { playing: false, events: 0, at: 0 });
  for (const body of [{}, { do: "dance" }, { do: "play", ratePerSecond: 5001 }, { do: "play", speed: 0 }, { do: "play", agents: 0 }, { do: "play", duplicate: 2 }]) {
    assert.equal(await room.refusedControl("scenario", body), 400, JSON.stringify(body));
  }
});
