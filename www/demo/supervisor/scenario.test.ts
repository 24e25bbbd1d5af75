import assert from "node:assert/strict";
import { test } from "node:test";
import { AGENT_IDS, CALM, Scenario, bodyOf, centreClock } from "./scenario.js";

test("without a load the story goes as it happens", () => {
  assert.equal("ratePerSecond" in bodyOf(CALM), false);
  assert.equal(bodyOf({ ...CALM, rate: 2000 }).ratePerSecond, 2000);
});

test("the agents are those that the simulator names", () => {
  assert.deepEqual([AGENT_IDS[0], AGENT_IDS[9], AGENT_IDS.length], ["agent-01", "agent-10", bodyOf(CALM).agents]);
});

test("the centre opens at eight", () => {
  assert.deepEqual([0, 59_999, 5_460_000, 36_000_000].map(centreClock), ["08:00", "08:00", "09:31", "18:00"]);
});

/** A simulator that plays what it is asked to; `away`: nobody answers. */
function simulator(t: { after: (work: () => void) => void }, away = false): string[] {
  const asked: string[] = [];
  const before = globalThis.fetch;
  globalThis.fetch = async (_, { body } = {}) => {
    if (away) throw new TypeError("fetch failed");
    const plan = (typeof body === "string" ? JSON.parse(body) : {}) as { do?: string; ratePerSecond?: number };
    asked.push([plan.do ?? "look", plan.ratePerSecond].filter(Boolean).join(" "));
    return new Response(JSON.stringify({ playing: plan.do === "play", events: 0, at: 0 }));
  };
  t.after(() => { globalThis.fetch = before; });
  return asked;
}

test("another plan begins the day anew where one is played, and waits where none is", async (t) => {
  const asked = simulator(t);
  let days = 0;
  const scenario = new Scenario("d", () => { days += 1; });
  scenario.change({ rate: 500 });
  await scenario.look();
  assert.deepEqual([asked, days], [["look"], 0]);
  await scenario.play();
  scenario.change({ rate: 2000 });
  await scenario.stop();
  assert.deepEqual([asked, days], [["look", "play 500", "play 2000", "stop"], 2]);
});

test("a simulator that is away is told from one that refuses", async (t) => {
  simulator(t, true);
  const scenario = new Scenario("d", () => undefined);
  await scenario.look();
  assert.deepEqual([scenario.reachable, scenario.failure], [false, undefined]);
});
