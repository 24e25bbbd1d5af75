// The life of a page: it is reloaded, left and come back to, put away, out of storage, and used without a mouse.

import assert from "node:assert/strict";
import { heldMs } from "../../e2e/eyes.mjs";
import { until } from "../../e2e/service.mjs";
import { assertOneConversation, sent, waiting } from "../stage.mjs";
import { KEY } from "../webdriver.mjs";

/** A page that is come back to is connected again within this (faults.md, 16). */
const BACK_MS = 1000;
/** One that was hidden while its line broke, within this of being seen again (faults.md, 15). */
const SEEN_AGAIN_MS = 5000;
/** More stops than the demo's page has. */
const MAX_STOPS = 60;

const configured = ({ kind, action }) => kind === "frame-in" && action === "configureSession";

export const page = [
  {
    name: "reload: one on its way, stored and not confirmed, and two behind it",
    async play(stage) {
      const { service } = stage;
      const tab = await stage.tab();
      await service.faults({ on: "frame-out", match: service.message, do: "lose" });
      const since = await service.mark();
      await tab.say("On its way", "Second", "Third");
      await service.record(({ kind }) => kind === "stored", since);
      await tab.reload();
      await assertOneConversation([tab], sent("On its way", "Second", "Third"), ["On its way", "Second", "Third"]);
      assert.equal(await service.arrivals("On its way"), 1);
    },
  },
  {
    name: "reload while nothing answers: three unsent are there again, twice, before anything is sent",
    async play(stage) {
      const { service } = stage;
      const tab = await stage.tab();
      const away = await service.goAway();
      await tab.lost();
      await tab.say("One", "Two");
      await tab.sees(waiting("One", "Two"));
      await tab.reload();
      await tab.sees(waiting("One", "Two"));
      await tab.say("Three");
      await tab.reload();
      await tab.sees(waiting("One", "Two", "Three"));
      assert.deepEqual(await service.stored(), []);
      await service.lift(away);
      await assertOneConversation([tab], sent("One", "Two", "Three"), ["One", "Two", "Three"]);
    },
  },
  {
    name: "back and forward: the page is left with one unconfirmed, and come back to",
    async play(stage) {
      const { service, engine } = stage;
      const tab = await stage.tab();
      await tab.say("Before");
      await tab.sees(sent("Before"));
      await service.faults({ on: "frame-out", match: service.message, do: "lose" });
      const since = await service.mark();
      await tab.say("As I leave", "Behind it");
      await service.record(({ kind }) => kind === "stored", since);
      await tab.leave();
      await until(() => service.sessions(), ([{ connections }]) => connections === 0, "the line is given up with the page");
      await service.says("While you were gone");
      const gone = await service.mark();
      const restored = await tab.back();
      assert.equal(restored, engine.restores, restored ? "the engine kept the page" : "the engine loaded the page anew");
      const { at: connected } = await service.record(configured, gone);
      // A client of a new page connects before anybody can watch it: its first step is to ask for the configuration.
      const began = () => performance.timeOrigin + performance.getEntriesByType("resource").find(({ name }) => name.endsWith("/config.json")).startTime;
      const from = restored ? await tab.run(() => window.shown.at) : await tab.run(began);
      const held = heldMs((await tab.diary()).stalls, from, connected);
      const told = `${restored ? "kept" : "loaded anew"}, connected after ${Math.round(connected - from)} ms, of which its page stood still for ${Math.round(held)}`;
      stage.t.diagnostic(told);
      assert.ok(connected - from - held <= BACK_MS, told);
      const rows = await tab.settled(4);
      assert.deepEqual(rows.filter((row) => row.startsWith("You")), sent("Before", "As I leave", "Behind it"));
      await assertOneConversation([tab], rows, ["Before", "As I leave", "Behind it"]);
      assert.equal(await service.arrivals("As I leave"), 1);
    },
  },
  {
    name: "hidden: answers arrive in a page that nobody sees, over the same line, and are read when it is seen again",
    async play(stage) {
      const { service } = stage;
      const tab = await stage.tab();
      await tab.say("I will look later");
      await tab.sees(sent("I will look later"));
      await stage.session.minimize();
      await until(() => tab.run(() => document.visibilityState), (state) => state === "hidden", "the page is hidden");
      await service.says("One", "Two", "Three");
      const rows = [...sent("I will look later"), "Agent: One", "Agent: Two", "Agent: Three"];
      await tab.sees(rows);
      assert.equal(await tab.run(() => document.visibilityState), "hidden", "so far nobody has");
      await stage.engine.restore();
      await until(() => tab.run(() => document.visibilityState), (state) => state === "visible", "the page is seen again");
      await assertOneConversation([tab], rows, ["I will look later"]);
      assert.equal((await service.records()).filter(({ kind }) => kind === "open").length, 1);
    },
  },
  {
    name: "hidden while the line breaks: back within 5 s of being seen again, with what was said meanwhile",
    async play(stage) {
      const { service } = stage;
      const tab = await stage.tab();
      await tab.say("Before");
      await tab.sees(sent("Before"));
      await stage.session.minimize();
      await until(() => tab.run(() => document.visibilityState), (state) => state === "hidden", "the page is hidden");
      const away = await service.goAway();
      await tab.lost();
      await service.says("Said to nobody");
      await service.lift(away);
      const since = await service.mark();
      const asked = Date.now();
      await stage.engine.restore();
      const { at: back } = await service.record(configured, since);
      const { at: from } = await tab.noted("seen", ({ at }) => at >= asked);
      const held = heldMs((await tab.diary()).stalls, from, back);
      const told = `back after ${back - from} ms, of which its page stood still for ${held}`;
      stage.t.diagnostic(told);
      assert.ok(back - from - held <= SEEN_AGAIN_MS, told);
      await tab.say("Here again");
      await assertOneConversation([tab], [...sent("Before"), "Agent: Said to nobody", ...sent("Here again")], ["Before", "Here again"]);
    },
  },
  {
    name: "storage full to the last byte: the visitor is told what will not survive, and everything is sent once",
    async play(stage) {
      const { service } = stage;
      const tab = await stage.tab();
      const away = await service.goAway();
      await tab.lost();
      await tab.say("Kept in storage");
      await tab.sees(waiting("Kept in storage"));
      const filled = await tab.run(fillStorage);
      stage.t.diagnostic(`the storage took ${filled.taken} characters, then ${filled.error}`);
      assert.equal(filled.error, "QuotaExceededError");
      await tab.say("Kept in memory", "This too");
      await tab.sees(waiting("Kept in storage", "Kept in memory", "This too"));
      assert.match(await tab.banner(), /3 messages will be sent .* This browser cannot store them: keep this page open until they are sent\./);
      await service.lift(away);
      // The demo's own account of what was typed has no room left either, and throws; the client and the chat do not.
      await tab.sees(sent("Kept in storage", "Kept in memory", "This too"));
      assert.deepEqual(await service.stored(), ["Kept in storage", "Kept in memory", "This too"]);
      await tab.reload();
      await tab.ready();
      await tab.say("Still full");
      await tab.sees(sent("Kept in storage", "Kept in memory", "This too", "Still full"));
      await tab.run(() => Object.keys(localStorage).filter((key) => key.startsWith("fill")).forEach((key) => localStorage.removeItem(key)));
      const again = await service.goAway();
      await tab.lost();
      await tab.say("Kept once more");
      await tab.reload();
      await service.lift(again);
      const texts = ["Kept in storage", "Kept in memory", "This too", "Still full", "Kept once more"];
      await assertOneConversation([tab], sent(...texts), texts);
    },
  },
  {
    name: "keyboard alone: found by Tab, written, sent, tried again, closed with a draft and opened again",
    async play(stage) {
      const { service, session } = stage;
      const tab = await stage.tab();
      const focused = () => tab.run(() => window.eyes.focused());
      for (let stops = 0; (await focused()) !== "message"; stops += 1) {
        assert.ok(stops < MAX_STOPS, "Tab never comes to the box to write in");
        await session.press(KEY.tab);
      }
      await session.press(..."One line", [KEY.shift, KEY.enter], ..."and another", KEY.enter);
      await tab.sees(sent("One line\nand another"));
      await session.press(..."A draft", KEY.escape);
      assert.equal(await focused(), "launcher");
      await session.press(KEY.enter);
      await until(focused, (name) => name === "message", "the box to write in has the focus again");
      await session.press(..." that stayed", KEY.enter);
      await tab.sees(sent("One line\nand another", "A draft that stayed"));

      await service.faults({ on: "frame-in", match: service.message, do: "reply", frame: { type: "response", class: "string", code: 4013, tracingId: "$tracingId", body: "refused" } });
      await session.press(..."Refused", KEY.enter);
      await tab.part("[part=retry]");
      // Back to the conversation, into its last message, and out of it by the button that is there.
      await session.press([KEY.shift, KEY.tab], KEY.up, KEY.enter);
      assert.equal(await tab.run(() => document.activeElement.shadowRoot.activeElement.part.value), "retry");
      await session.press(KEY.enter);
      await tab.sees(sent("One line\nand another", "A draft that stayed", "Refused"));
      assert.deepEqual(await service.stored(), ["One line\nand another", "A draft that stayed", "Refused"]);
    },
  },
];

/** Runs in the page: fills what is left of its storage, in ever smaller pieces. */
function fillStorage() {
  let error;
  let taken = 0;
  for (let size = 1 << 20; size >= 1; size >>= 1) {
    try {
      for (;;) {
        localStorage.setItem(`fill${taken}`, "x".repeat(size));
        taken += `fill${taken}`.length + size;
      }
    } catch (thrown) {
      error = thrown.name;
    }
  }
  return { taken, error };
}
