import assert from "node:assert/strict";
import { test } from "node:test";
import { Breaking, PATHS, nudgeOf, rulesOf } from "./breaking.js";
import type { StreamKey } from "./rates.js";

const KEYS = Object.keys(PATHS) as StreamKey[];

/** Answers of a simulator, by what is asked; gives back what was. */
function simulator(t: { after: (work: () => void) => void }, fails = false): string[] {
  const asked: string[] = [];
  const before = globalThis.fetch;
  globalThis.fetch = async (path, { method, body } = {}) => {
    const rules = typeof body === "string" ? (JSON.parse(body) as object[] | object) : undefined;
    asked.push([method, path, Array.isArray(rules) ? rules.map((rule: { do: string; on: string; count: number }) => `${rule.on} ${rule.do} ${rule.count}`).join() : ""].join(" ").trim());
    return fails ? new Response("not now", { status: 500 }) : new Response(JSON.stringify({ ids: [7, 8] }));
  };
  t.after(() => { globalThis.fetch = before; });
  return asked;
}

test("every rule names this deployment and one stream's path, and no path is part of another's", () => {
  for (const key of KEYS) {
    for (const hold of ["stall", "refuse"] as const) {
      for (const { match } of rulesOf(hold, key, "d")) assert.deepEqual(match, { deploymentId: "d", path: PATHS[key] });
    }
    assert.deepEqual(KEYS.filter((other) => PATHS[other].includes(PATHS[key])), [key]);
  }
});

test("a drop cuts as many connections as there are, has each of them tell something, and is over", async (t) => {
  const asked = simulator(t);
  await new Breaking("d", (key) => nudgeOf(key, undefined, ["a", "b"])).drop("presence", 2);
  assert.deepEqual(asked, ["POST /_sim/faults frame-out drop 2", "POST /_sim/stream", "DELETE /_sim/faults?id=7&id=8"]);
});

test("a refusal cuts the line that is up, and is lifted by the same press", async (t) => {
  const asked = simulator(t);
  const breaking = new Breaking("d", () => ({ to: "conversations", what: {} }));
  await breaking.toggle("refuse", "conversations", 1);
  assert.equal(breaking.isOn("refuse", "conversations"), true);
  await breaking.toggle("refuse", "conversations", 0);
  assert.equal(breaking.anyOn, false);
  assert.deepEqual(asked, [
    "POST /_sim/faults connect refuse 0,http status 0", "POST /_sim/faults frame-out drop 1", "POST /_sim/stream", "DELETE /_sim/faults?id=7&id=8",
    "DELETE /_sim/faults?id=7&id=8",
  ]);
});

test("where nothing is up nothing is cut", async (t) => {
  const asked = simulator(t);
  await new Breaking("d", () => undefined).toggle("refuse", "latency", 0);
  assert.deepEqual(asked, ["POST /_sim/faults connect refuse 0,http status 0"]);
});

test("a simulator that refuses is told of", async (t) => {
  simulator(t, true);
  const breaking = new Breaking("d", () => undefined);
  await breaking.toggle("stall", "latency", 1);
  assert.match(breaking.failure ?? "", /500.*not now/);
  assert.equal(breaking.anyOn, false);
});

test("a conversation that is told again is one that is known, so that it is no news", () => {
  const last = { id: "e1", type: "QueueJoined" };
  assert.deepEqual(nudgeOf("conversations", last, []), { to: "conversations", what: { events: [last] } });
  assert.equal(nudgeOf("latency", last, []), undefined);
});
