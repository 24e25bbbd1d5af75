// The line between the visitor and the service: it is there, it breaks, it stalls, and bytes come late.

import assert from "node:assert/strict";
import { until } from "../../e2e/service.mjs";
import { assertOneConversation, sent, waiting } from "../stage.mjs";

const minutes = 60_000;
/** A line that takes a message and answers nothing is doubted after this, and replaced within that (faults.md, 10). */
const DOUBT_MS = [3000, 5000];
const REPLACED_MS = 8000;
/** What a busy machine may add to a wait. */
const SLACK_MS = 1500;

const opened = ({ kind }) => kind === "open";
const count = async (service, wanted) => (await service.records()).filter(wanted).length;

export const line = [
  {
    name: "connects: an empty chat, one connection, one session",
    async play(stage) {
      const tab = await stage.tab();
      assert.equal(await tab.banner(), "");
      await tab.part(".log", undefined);
      assert.equal(await count(stage.service, opened), 1);
      assert.equal(await count(stage.service, ({ kind, action }) => kind === "frame-in" && action === "configureSession"), 1);
      await assertOneConversation([tab], [], []);
    },
  },
  {
    name: "sends and receives: what both say is read once, in order, in any script",
    async play(stage) {
      const tab = await stage.tab();
      await tab.say("Grüße", "你好, привет");
      await tab.sees(sent("Grüße", "你好, привет"));
      await stage.service.agent({ do: "typing" });
      await tab.noted("typing", () => true);
      await stage.service.says("שלום", "👋 Welcome");
      await tab.sees([...sent("Grüße", "你好, привет"), "Agent: שלום", "Agent: 👋 Welcome"]);
      await tab.say("Thank you");
      await assertOneConversation([tab], [...sent("Grüße", "你好, привет"), "Agent: שלום", "Agent: 👋 Welcome", ...sent("Thank you")], ["Grüße", "你好, привет", "Thank you"]);
      for (const text of ["Grüße", "你好, привет", "Thank you"]) assert.equal(await stage.service.arrivals(text), 1);
    },
  },
  {
    name: "drops: the line breaks as a message arrives, and again as the next is confirmed",
    async play(stage) {
      const { service } = stage;
      const tab = await stage.tab();
      await service.faults({ on: "frame-in", match: service.message, do: "drop" });
      await tab.say("Cut before it was stored", "Behind the first");
      await tab.sees(sent("Cut before it was stored", "Behind the first"));
      await service.faults({ on: "frame-in", match: service.message, do: "drop", after: true });
      await tab.say("Cut before it was confirmed", "Behind the third");
      const texts = ["Cut before it was stored", "Behind the first", "Cut before it was confirmed", "Behind the third"];
      await assertOneConversation([tab], sent(...texts), texts);
      assert.equal(await service.arrivals("Cut before it was stored"), 2);
      assert.equal(await service.arrivals("Cut before it was confirmed"), 1);
    },
  },
  {
    name: "away: what is typed while nothing answers waits, with what the agent said, and goes out in order",
    async play(stage) {
      const { service } = stage;
      const tab = await stage.tab();
      await tab.say("Before the tunnel");
      await tab.sees(sent("Before the tunnel"));
      const away = await service.goAway();
      await tab.state("offline");
      await tab.say("One", "Two", "Three");
      await service.says("Are you there?");
      await tab.sees([...sent("Before the tunnel"), ...waiting("One", "Two", "Three")]);
      assert.match(await tab.banner(), /3 messages will be sent when the connection is back\./);
      assert.deepEqual(await service.stored(), ["Before the tunnel"]);
      await service.lift(away);
      const rows = [...sent("Before the tunnel"), "Agent: Are you there?", ...sent("One", "Two", "Three")];
      await assertOneConversation([tab], rows, ["Before the tunnel", "One", "Two", "Three"]);
    },
  },
  {
    name: "stalls: a line that takes a message and answers nothing is doubted, then replaced",
    async play(stage) {
      const { service } = stage;
      const tab = await stage.tab();
      await tab.say("While all is well");
      await tab.sees(sent("While all is well"));
      await service.faults({ on: "frame-in", match: service.message, do: "stall", direction: "both" });
      const since = await service.mark();
      const typed = Date.now();
      await tab.say("Into the silence", "Behind it");
      const { at: doubted } = await tab.noted("states", ({ name }) => name === "suspect");
      await tab.noted("banners", ({ text }) => text.startsWith("The connection is not answering."));
      // It left after it was typed and before it arrived: each bound counts from the one that cannot be wrong.
      const { at: from } = await service.record(({ kind, text }) => kind === "frame-in" && text === "Into the silence", since);
      const { at: replaced } = await service.record(opened, since);
      assert.ok(doubted - typed >= DOUBT_MS[0] && doubted - from <= DOUBT_MS[1] + SLACK_MS, `doubted after ${doubted - from} ms`);
      assert.ok(replaced - from <= REPLACED_MS + SLACK_MS, `replaced after ${replaced - from} ms`);
      stage.t.diagnostic(`doubted after ${doubted - from} ms, replaced after ${replaced - from} ms`);
      await tab.sees(sent("While all is well", "Into the silence", "Behind it"));
      assert.deepEqual(await service.stored(), ["While all is well", "Into the silence", "Behind it"]);
      await tab.assertNothingAlarming();
    },
  },
  {
    name: "late bytes: held on the old line until the new one is up, then let go",
    timeout: 2 * minutes,
    async play(stage) {
      const { service } = stage;
      const tab = await stage.tab();
      const stall = await service.faults({ on: "frame-in", match: service.message, do: "stall", direction: "up" });
      const since = await service.mark();
      await tab.say("Late but once", "Behind it");
      await service.record(({ kind, action }) => kind === "frame-in" && action === "configureSession", since);
      await tab.ready();
      await service.lift(stall);
      await assertOneConversation([tab], sent("Late but once", "Behind it"), ["Late but once", "Behind it"]);
      assert.equal(await service.arrivals("Late but once"), 1);
    },
  },
  {
    name: "a lost confirmation: read back from the history on the same line, one copy",
    async play(stage) {
      const { service } = stage;
      const tab = await stage.tab();
      await tab.say("Confirmed");
      await tab.sees(sent("Confirmed"));
      await service.faults({ on: "frame-out", match: service.message, do: "lose" });
      await tab.say("Read back");
      await assertOneConversation([tab], sent("Confirmed", "Read back"), ["Confirmed", "Read back"]);
      assert.equal(await service.arrivals("Read back"), 1);
      assert.equal(await count(service, opened), 1);
    },
  },
  {
    name: "the session protocol: sends and reads, breaks and is reloaded, one session",
    protocol: "session",
    async play(stage) {
      const { service } = stage;
      const tab = await stage.tab();
      await tab.say("Good morning");
      await tab.sees(sent("Good morning"));
      await service.says("Good morning!");
      await tab.sees([...sent("Good morning"), "Agent: Good morning!"]);
      await service.cut();
      await tab.say("After the break");
      const rows = [...sent("Good morning"), "Agent: Good morning!", ...sent("After the break")];
      await tab.sees(rows);
      await tab.reload();
      await assertOneConversation([tab], rows, ["Good morning", "After the break"]);
      await until(() => service.sessions(), (sessions) => sessions.length === 1, "one session");
    },
  },
];
