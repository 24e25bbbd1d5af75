// The soak itself: a short one at a fixed seed is green and says what it saw, and one whose guest has doubled a message is red. Needs `dist/`.

import assert from "node:assert/strict";
import { test } from "node:test";
import { run } from "../../scripts/process.mjs";
import { findBrowsers } from "../../scripts/setup.mjs";
import { soak } from "../../scripts/soak.mjs";

test("twenty seconds at a fixed seed: every number is accounted for, and the figures are there", { timeout: 4 * 60_000 }, async () => {
  const { code, output } = await run(process.execPath, ["scripts/soak.mjs", "--no-build", "--seconds", "20", "--seed", "4", "--json"], { quiet: true, timeoutMs: 3 * 60_000 });
  assert.equal(code, 0, output);
  const result = JSON.parse(output.slice(output.indexOf("\n{") + 1, output.lastIndexOf("}") + 1));
  const { guest, agent, excuses, figures, heaps } = result;
  assert.deepEqual([result.seed, result.tabs, result.problems], [4, 1, []]);
  assert.ok(guest.accepted >= 5 && agent.said >= 5, JSON.stringify({ guest, agent }));
  // At this seed nothing is failed; of the rest each is there once, or is excused by name.
  assert.deepEqual(excuses.unprovable, []);
  assert.equal(guest.stored, guest.accepted - excuses.wiped.length - excuses.unanswered.length + excuses.doubled.length);
  const met = Object.values(result.met).reduce((sum, times) => sum + times, 0);
  assert.ok(met >= 3 && met <= result.faults, JSON.stringify(result.met));
  assert.ok(figures.rtt.all.p50 > 0 && figures.rtt.all.p99 >= figures.rtt.all.p50, JSON.stringify(figures));
  assert.ok(figures.resync.all.count > 0, JSON.stringify(figures));
  for (const when of ["at the start", "at the end"]) assert.ok(heaps[when].script > 100_000 && heaps[when].module > 100_000, JSON.stringify(heaps));
});

test("a message that is sent twice without a reason makes it red, and so does one that nobody wrote", { timeout: 2 * 60_000 }, async () => {
  const result = await soak({
    seed: 1, ms: 4_000, tabs: 1, only: [], program: process.env.SIMULATOR_BIN, executable: findBrowsers().chromium,
    meddle: async ({ tabs: [tab] }) => {
      for (const text of ["g1", "nobody's"]) assert.equal((await tab.call("say", [text])).durable, true);
    },
  });
  assert.equal(result.green, false);
  for (const problem of [/tab 1 shows g1 twice/, /g1 is there 2 times, sent again without proof 0 times/, /holds what nobody wrote: nobody's/]) assert.ok(result.problems.some((one) => problem.test(one)), JSON.stringify(result.problems));
});
