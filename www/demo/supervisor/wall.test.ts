import assert from "node:assert/strict";
import { test } from "node:test";
import type { PresenceUpdate } from "../../streams/api.js";
import { Wall } from "./wall.js";

function update(userId: string, presence: string, second: number, more: Partial<PresenceUpdate> = {}): PresenceUpdate {
  return { channelId: userId, type: "presence", eventType: "presence.changed", timestamp: new Date(1000 * second).toISOString(), payload: { userId, name: "Ada Park", presence }, outOfOrder: false, ...more };
}

function wall(...updates: PresenceUpdate[]): Wall {
  const made = new Wall();
  made.expect(["agent-01", "agent-02"]);
  for (const one of updates) made.take(one);
  return made;
}

test("agents stand in their order, also those of whom nothing was heard", () => {
  assert.deepEqual(wall(update("agent-02", "busy", 5)).agents.map(({ id, name, presence, since }) => [id, name, presence, since]), [["agent-01", "agent-01", undefined, undefined], ["agent-02", "Ada Park", "busy", 5000]]);
});

test("an update that is older than what is known changes nothing", () => {
  const made = wall(update("agent-01", "lunch", 10), update("agent-01", "online", 9, { outOfOrder: true }));
  assert.equal(made.agents[0]?.presence, "lunch");
});

test("a presence that is told again goes on since it began", () => {
  assert.equal(wall(update("agent-01", "busy", 10), update("agent-01", "busy", 20)).agents[0]?.since, 10_000);
  assert.equal(wall(update("agent-01", "busy", 10), update("agent-01", "online", 20)).agents[0]?.since, 20_000);
});

test("routing is told apart from presence, and messages from both", () => {
  const made = wall(
    update("agent-01", "busy", 10),
    update("agent-01", "", 11, { type: "routing", payload: { userId: "agent-01", name: "Ada Park", routingStatus: "INTERACTING" } }),
    update("agent-01", "offline", 12, { type: "message", payload: { userId: "agent-01", presence: "offline" } }),
  );
  assert.deepEqual([made.agents[0]?.presence, made.agents[0]?.routing], ["busy", "INTERACTING"]);
});

test("presences are counted, one nobody knows too, and strangers are not", () => {
  const made = wall(update("agent-01", "busy", 1), update("agent-02", "on a boat", 1), update("agent-99", "busy", 1));
  assert.deepEqual(made.counts.filter(({ count }) => count > 0), [{ presence: "busy", count: 1 }, { presence: "on a boat", count: 1 }]);
  assert.equal(made.counts[0]?.presence, "online");
});

test("another day begins with nothing known", () => {
  const made = wall(update("agent-01", "busy", 10));
  made.clear();
  made.take(update("agent-01", "online", 1));
  assert.equal(made.agents[0]?.presence, "online");
});
