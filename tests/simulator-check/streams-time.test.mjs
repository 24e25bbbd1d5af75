// What the streams do when time passes, as far as it can be awaited here: wire.md's 2, 10, 15 and 30 seconds, all at once. The minute of
// a session and of a drain, and the ten minutes of interactions, pass in the simulator's own tests.

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { pass } from "./harness.mjs";
import { INTERACTIONS, REALTIME, StreamRoom, ask, ended } from "./stream-room.mjs";

const seconds = async (what) => {
  const began = performance.now();
  await what();
  return (performance.now() - began) / 1000;
};
const between = (least, most, value) => assert.ok(value >= least && value <= most, `${value} s`);

suite("what takes its time", { concurrency: true }, () => {
  test("L without a subscription is closed with 1008 after 10 s", async (t) => {
    const socket = await new StreamRoom(t).at(REALTIME);
    between(9.5, 14, await seconds(async () => assert.equal((await ended(socket, 14_000)).code, 1008)));
    assert.deepEqual(socket.inbox.seen(), []);
  });

  test("I without a token is told so and closed with 1008 after 15 s", async (t) => {
    const socket = await new StreamRoom(t).at(INTERACTIONS);
    between(14.5, 19, await seconds(async () => assert.equal((await ended(socket, 19_000)).code, 1008)));
    assert.equal(socket.inbox.seen()[0].json.status, "error");
  });

  test("notifications beat every 30 s", async (t) => {
    const room = new StreamRoom(t);
    const socket = await room.receiver(await room.channel());
    const beat = { topicName: "channel.metadata", eventBody: { message: "WebSocket Heartbeat" } };
    between(29.5, 34, await seconds(async () => assert.deepEqual((await socket.inbox.next(() => true, 40_000)).json, beat)));
  });

  test("P takes the next subscribe after 2 s", async (t) => {
    const socket = await new StreamRoom(t).subscriber();
    const subscribe = () => ask(socket, { type: "subscribe", channels: [] });
    assert.equal((await subscribe()).status, "success");
    assert.equal((await subscribe()).code, 429);
    await pass(2_050);
    assert.equal((await subscribe()).status, "success");
  });

  test("L takes 20 pings in every second", async (t) => {
    const socket = await new StreamRoom(t).prober();
    const isPong = (frame) => frame.json?.type === "pong";
    for (let round = 0; round < 3; round += 1) {
      for (let n = 0; n < 20; n += 1) socket.sendRaw({ type: "ping", sequence: n });
      for (let n = 0; n < 20; n += 1) assert.equal((await socket.inbox.next(isPong)).json.sequence, n);
      await pass(1_050);
    }
  });
});
