// Several tabs of one visitor: one of them holds the line, all of them show and carry the same conversation, and when the one that leads
// goes, in whatever way, another goes on.

import assert from "node:assert/strict";
import { dueAt, heldMs } from "../../e2e/eyes.mjs";
import { until } from "../../e2e/service.mjs";
import { TAKE_OVER_MS, assertOneConversation, sent, waiting } from "../stage.mjs";

const minutes = 60_000;
const opened = ({ kind }) => kind === "open";

/** Which of the tabs led, and in time: counted from `from`, without the moments in which the machine did not let its page run. */
async function newLeader(stage, tabs, from) {
  const look = async () => {
    for (const tab of tabs) {
      const { roles, stalls } = await tab.diary();
      const { role, at } = roles.at(-1) ?? {};
      if (role !== "leader") continue;
      return { tab, at, stalls };
    }
    return undefined;
  };
  const { tab, at, stalls } = await until(look, Boolean, "another tab leads", 4 * TAKE_OVER_MS);
  const due = dueAt(stalls, from, TAKE_OVER_MS);
  const told = `led after ${at - from} ms, of which its page stood still for ${heldMs(stalls, from, at)}; due after ${due - from}`;
  stage.t.diagnostic(told);
  assert.ok(at <= due, told);
  return tab;
}

/** Two or more tabs that have shown that they are one conversation. */
async function tabs(stage, count) {
  const first = await stage.tab();
  await first.say("Hello");
  await first.sees(sent("Hello"));
  const all = [first];
  while (all.length < count) all.push(await stage.tab());
  await assertOneConversation(all, sent("Hello"), ["Hello"]);
  return all;
}

export const severalTabs = [
  {
    name: "two tabs: one conversation over one line, written and read in both",
    async play(stage) {
      const { service } = stage;
      const [first, second] = await tabs(stage, 2);
      await second.say("From the second");
      // Of two that are written in the same moment, the leader's own may come first.
      await first.sees(sent("Hello", "From the second"));
      await first.say("From the first");
      await second.sees(sent("Hello", "From the second", "From the first"));
      await service.agent({ do: "typing" });
      // It stands for 5 s, which is little where one window after the other has to be looked at.
      for (const tab of [first, second]) await tab.noted("typing", () => true);
      await service.says("To both of you");
      await second.sees([...sent("Hello", "From the second", "From the first"), "Agent: To both of you"]);
      await second.say("Seen");
      const rows = [...sent("Hello", "From the second", "From the first"), "Agent: To both of you", ...sent("Seen")];
      const texts = ["Hello", "From the second", "From the first", "Seen"];
      await assertOneConversation([first, second], rows, texts);
      // Each may be reloaded, and finds its place again.
      await second.reload();
      await assertOneConversation([first, second], rows, texts);
      await first.reload();
      await assertOneConversation([first, second], rows, texts);
    },
  },
  {
    name: "two tabs while nothing answers: both show what waits, and it goes out once, in the order it was written",
    async play(stage) {
      const { service } = stage;
      const [first, second] = await tabs(stage, 2);
      const away = await service.goAway();
      await first.lost();
      await first.say("One");
      await second.say("Two");
      await first.say("Three");
      for (const tab of [first, second]) await tab.sees([...sent("Hello"), ...waiting("One", "Two", "Three")]);
      await service.lift(away);
      await assertOneConversation([first, second], sent("Hello", "One", "Two", "Three"), ["Hello", "One", "Two", "Three"]);
    },
  },
  {
    name: "two tabs, a refused message: it is tried again from the tab that does not lead",
    async play(stage) {
      const { service } = stage;
      const [first, second] = await tabs(stage, 2);
      await service.faults({ on: "frame-in", match: service.message, do: "reply", frame: { type: "response", class: "string", code: 4013, tracingId: "$tracingId", body: "refused" } });
      await first.say("Refused at first");
      for (const tab of [first, second]) await tab.sees([...sent("Hello"), "You: Refused at first (Not sent)"]);
      await second.show();
      await second.click("[part=retry]");
      for (const tab of [first, second]) await tab.sees(sent("Hello", "Refused at first"));
      assert.deepEqual(await service.stored(), ["Hello", "Refused at first"]);
      assert.equal(await service.arrivals("Refused at first"), 2);
    },
  },
  {
    name: "four tabs: each writes, all read the same, one line, none is pushed out",
    timeout: 2 * minutes,
    async play(stage) {
      const all = await tabs(stage, 4);
      for (const [n, tab] of all.entries()) await tab.say(`From tab ${n + 1}`);
      await stage.service.says("To all four");
      const texts = ["Hello", ...all.map((_, n) => `From tab ${n + 1}`)];
      const rows = await all[0].settled(6);
      assert.deepEqual(rows.filter((row) => row.startsWith("You")), sent(...texts));
      await assertOneConversation(all, rows, texts);
      assert.equal((await stage.service.records()).filter(opened).length, 1);
    },
  },
  {
    name: "the leader is closed, with one unconfirmed and one behind it: the other goes on, nothing twice",
    async play(stage) {
      const { service } = stage;
      const [first, second] = await tabs(stage, 2);
      await service.faults({ on: "frame-out", match: service.message, do: "lose" });
      const since = await service.mark();
      await second.say("Unconfirmed", "Behind it");
      await service.record(({ kind }) => kind === "stored", since);
      const from = Date.now();
      await first.close();
      await second.show();
      await newLeader(stage, [second], from);
      await assertOneConversation([second], sent("Hello", "Unconfirmed", "Behind it"), ["Hello", "Unconfirmed", "Behind it"]);
      assert.equal(await service.arrivals("Unconfirmed"), 1);
    },
  },
  {
    name: "of four tabs the leader is closed, and the next one too: each time one of the others leads, and only one",
    timeout: 2 * minutes,
    async play(stage) {
      let left = await tabs(stage, 4);
      let leader = left[0];
      const texts = ["Hello"];
      for (const text of ["After the first", "After the second"]) {
        left = left.filter((tab) => tab !== leader);
        const from = Date.now();
        await leader.close();
        await left[0].show();
        leader = await newLeader(stage, left, from);
        texts.push(text);
        await left.find((tab) => tab !== leader).say(text);
        await assertOneConversation(left, sent(...texts), texts);
        let leading = 0;
        for (const tab of left) if ((await tab.diary()).roles.at(-1)?.role === "leader") leading += 1;
        assert.equal(leading, 1);
      }
    },
  },
  {
    name: "the leader is killed with a message on its way: the other goes on, nothing lost, nothing twice",
    async play(stage) {
      const { service } = stage;
      const [first, second] = await tabs(stage, 2);
      await service.faults({ on: "frame-out", match: service.message, do: "lose" });
      const since = await service.mark();
      await first.say("As it died", "And never left");
      await service.record(({ kind }) => kind === "stored", since);
      assert.notEqual(await first.process(), await second.process(), "each tab has a process of its own");
      const from = Date.now();
      await stage.kill(first);
      await second.show();
      await newLeader(stage, [second], from);
      await second.say("It goes on");
      await assertOneConversation([second], sent("Hello", "As it died", "And never left", "It goes on"), ["Hello", "As it died", "And never left", "It goes on"]);
      assert.equal(await service.arrivals("As it died"), 1);
    },
  },
  {
    name: "the leader hangs: the other leads and goes on, and when it moves again it follows",
    timeout: 2 * minutes,
    async play(stage) {
      const { service } = stage;
      const [first, second] = await tabs(stage, 2);
      const hung = await first.process();
      assert.notEqual(hung, await second.process(), "each tab has a process of its own");
      await second.show();
      const from = Date.now();
      stage.freeze(hung);
      await second.say("Does anybody answer?");
      await newLeader(stage, [second], from);
      await second.sees(sent("Hello", "Does anybody answer?"));
      stage.thaw(hung);
      await first.noted("roles", ({ role }) => role === "follower");
      await first.say("I was away");
      await service.says("Welcome back");
      const texts = ["Hello", "Does anybody answer?", "I was away"];
      const rows = await second.settled(4);
      assert.deepEqual(rows.filter((row) => row.startsWith("You")), sent(...texts));
      await assertOneConversation([first, second], rows, texts);
    },
  },
  {
    name: "the leader's tab goes to another page and back: the other leads meanwhile, and both show the same again",
    async play(stage) {
      const { engine } = stage;
      const [first, second] = await tabs(stage, 2);
      const from = Date.now();
      await first.leave();
      await second.show();
      await newLeader(stage, [second], from);
      await second.say("While it was gone");
      await second.sees(sent("Hello", "While it was gone"));
      assert.equal(await first.back(), engine.restores);
      await first.sees(sent("Hello", "While it was gone"));
      await first.say("Back again");
      await assertOneConversation([first, second], sent("Hello", "While it was gone", "Back again"), ["Hello", "While it was gone", "Back again"]);
    },
  },
  {
    name: "two closed chats: what is unread is one count in both, and read in one it is read in the other",
    async play(stage) {
      const { service } = stage;
      const both = await tabs(stage, 2);
      for (const tab of both) {
        await tab.show();
        await tab.click("[part=close-button]");
        await tab.part(".launcher", "Open chat");
      }
      await service.says("First answer", "Second answer");
      for (const tab of both) await tab.part(".launcher", "Open chat, 2 unread");
      await both[1].show();
      await both[1].click(".launcher");
      await both[0].part(".launcher", "Open chat");
      await assertOneConversation(both, [...sent("Hello"), "Agent: First answer", "Agent: Second answer"], ["Hello"]);
    },
  },
];
