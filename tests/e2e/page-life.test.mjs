// What the browser does to a page, in a real Chromium (faults.md rows 12 to 17): sleep, stalls, hidden tabs, freezing, the back/forward cache
// and what is said about the network. Asserted is what the visitor sees and when, by the page's own clock and without what the machine held it for.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as pass } from "node:timers/promises";
import { Life } from "./life.mjs";
import { until } from "./service.mjs";

const SECOND = 1_000;
const TIMEOUT = { timeout: 240 * SECOND };
/** Of what comes back after a wake-up (rows 12 and 15) … */
const BACK_MS = 5_000;
/** … after the back/forward cache (row 16) … */
const SHOWN_MS = 1_000;
/** … and of the first attempt after `online` (row 17). */
const ATTEMPT_MS = 500;
/** Attempts that signals have hurried are this far apart. */
const APART_MS = 2_000;
/** An idle line is probed after this; what sleeps for longer wakes to a timer that is late. */
const IDLE_MS = 30_000;
/** A hidden page's timers fire once a minute, here after ten seconds instead of five minutes. */
const THROTTLED_SOON = { args: ["--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/10"] };

/** A line that answered in the last five seconds is not probed for a signal. */
const restMs = 6_000;

/** What the agent says while the page cannot hear, a line a second. */
async function speakFor(service, seconds) {
  const lines = Array.from({ length: seconds }, (_, n) => `line ${n + 1}`);
  for (const line of lines) {
    await service.says(line);
    await pass(SECOND);
  }
  return lines;
}

/** The same connection as before, which nobody ever gave up. */
async function assertUndisturbed(life) {
  const { opens, closes } = await life.seen();
  assert.deepEqual([opens, closes, life.told("state").map(({ name }) => name)], [1, 0, ["loading", "connecting", "ready"]]);
}

// Each has a browser of its own and waits most of the time, so they go side by side.
describe("page life", { concurrency: 4 }, () => {
  // First, because it takes longest.
  test("row14 a tab that is really hidden, its timers at one a minute for two minutes: no false disconnect, and at once on show", TIMEOUT, async (t) => {
    const life = await Life.begin(t, THROTTLED_SOON);
    // As a page does that looks at something again and again: how seldom it gets to is how much it is throttled.
    await life.page.run(() => {
      globalThis.ticks = [];
      const tick = () => (globalThis.ticks.push(performance.now()), setTimeout(tick, 100));
      tick();
    });
    await life.browser.open();
    await life.heard("page", ({ name, visibility }) => name === "visibilitychange" && visibility === "hidden");
    const hidden = life.mark();
    await pass(125 * SECOND);
    const ticks = await life.page.run(() => globalThis.ticks);
    const longest = Math.max(...ticks.slice(1).map((at, n) => at - ticks[n]));
    assert.ok(longest > 40 * SECOND, `the timers were not throttled: ${longest} ms at the most`);
    assert.equal((await life.look()).visibility, "hidden");
    await life.service.says("to a hidden tab");
    await life.row("to a hidden tab", hidden);
    await assertUndisturbed(life);

    // Now the network is gone: a hidden tab tries once a minute, and at once when it is shown.
    const rules = await life.service.goAway();
    await life.heard("state", ({ name }) => name === "offline", hidden, 70 * SECOND);
    await pass(20 * SECOND);
    assert.equal(life.told("state", hidden).filter(({ name }) => name === "connecting").length, 1);
    await life.service.lift(rules);
    const shown = life.mark();
    await life.page.show();
    const { at } = await life.heard("page", ({ name, visibility }) => name === "visibilitychange" && visibility === "visible", shown);
    const ready = await life.heard("state", ({ name }) => name === "ready", shown);
    const took = await life.took(at, ready.at);
    assert.ok(took <= ATTEMPT_MS + SHOWN_MS, `${took} ms`);
  });

  for (const [what, ticking] of [["longer than an idle line is left alone", true], ["after which only the wall clock has gone on", false]]) {
    test(`row12 a sleep ${what}, and a line that died meanwhile: back and resynced within 5 s`, TIMEOUT, async (t) => {
      const life = await Life.begin(t);
      await life.strand();
      if (!ticking) {
        // A machine whose monotonic clock stood still for eight hours: its timers are not late, and two clocks have parted.
        await life.page.run(() => {
          const [now, asleep] = [Date.now, performance.now() + 1_000];
          Date.now = () => now() + (performance.now() > asleep ? 8 * 3_600_000 : 0);
        });
      }
      const since = life.mark();
      const sleepMs = ticking ? IDLE_MS + 3_000 : 3_000;
      life.browser.stop();
      await life.service.says("while you slept");
      await pass(sleepMs);
      life.browser.go();
      // With the first clock the overdue timer tells; with the second the visitor does, who has come back.
      if (!ticking) await life.press();
      const row = await life.row("while you slept", since);
      const ready = await life.heard("state", ({ name }) => name === "ready", since);
      // The longest stall is the sleep: at its end the page woke.
      const { at: woke } = (await life.stalls()).reduce((one, other) => (other.lateMs > one.lateMs ? other : one));
      const took = await life.took(woke, Math.max(row.at, ready.at));
      assert.ok(took <= BACK_MS, `${took} ms`);
      assert.equal((await life.seen()).opens, 2);
      await life.say("good morning");
      await life.heard("status", ({ text, status }) => text === "good morning" && status === "sent", since);
      assert.deepEqual(await life.service.stored(), ["good morning"]);
    });
  }

  test("row15 frozen and resumed without visibilitychange, over a line that died: back within 5 s, and nothing is lost", TIMEOUT, async (t) => {
    const life = await Life.begin(t);
    await life.browser.open();
    await life.heard("page", ({ visibility }) => visibility === "hidden");
    await life.strand();
    await life.say("typed before the freeze");
    const since = life.mark();
    await life.page.freeze();
    await life.heard("page", ({ name }) => name === "freeze", since);
    await life.service.says("while you were frozen");
    await pass(10 * SECOND);
    await life.page.thaw();
    const { at } = await life.heard("page", ({ name }) => name === "resume", since);
    const row = await life.row("while you were frozen", since);
    const ready = await life.heard("state", ({ name, at: then }) => name === "ready" && then > at, since);
    assert.ok(Math.max(row.at, ready.at) - at <= BACK_MS, `${Math.max(row.at, ready.at) - at} ms`);
    await life.heard("status", ({ status }) => status === "sent", since);
    assert.ok(!life.told("page", since).some(({ name }) => name === "visibilitychange"), "nothing but `resume` told it");
    assert.deepEqual(await life.service.stored(), ["typed before the freeze"]);
  });

  test("row15 several signs of a wake-up at once are one", TIMEOUT, async (t) => {
    const life = await Life.begin(t);
    const other = await life.browser.open();
    await life.page.freeze();
    await pass(restMs);
    const [since, mark] = [await life.service.mark(), life.mark()];
    await life.page.thaw();
    await life.page.show();
    await life.press();
    await life.page.run(() => ["online", "focus"].forEach((name) => dispatchEvent(new Event(name))));
    await other.show();
    await life.page.show();
    await life.heard("page", ({ name }) => name === "keydown", mark);
    for (const name of ["resume", "visibilitychange", "keydown", "online", "focus"]) assert.ok(life.told("page", mark).some((one) => one.name === name), name);
    // One probe of the socket that it kept, or one new socket in the place of one that it gave up.
    await until(() => life.seen(since), ({ opens, probes }) => opens + probes > 0, "the wake-up");
    await pass(3 * SECOND);
    const { opens, probes, refused } = await life.seen(since);
    assert.deepEqual([opens + probes, refused], [1, 0]);
    assert.equal((await life.look()).state.name, "ready");
  });

  test("row15 a client that the page stopped stays stopped, whatever the browser does", TIMEOUT, async (t) => {
    const life = await Life.begin(t);
    await life.page.run(() => globalThis.life.client.stop());
    const [since, mark] = [await life.service.mark(), life.mark()];
    const other = await life.browser.open();
    await life.page.freeze();
    await life.page.thaw();
    await life.page.show();
    await life.press();
    await life.page.run(() => ["offline", "online", "focus"].forEach((name) => dispatchEvent(new Event(name))));
    await life.page.goto(life.url.replace("page.html", "away.html"));
    await life.page.back();
    await life.heard("page", ({ name, persisted }) => name === "pageshow" && persisted, mark);
    await other.show();
    await life.page.show();
    await pass(3 * SECOND);
    assert.equal((await life.seen(since)).opens, 0);
    assert.equal((await life.look()).state.name, "stopped");
  });

  test("row16 into the back/forward cache and out of it: the socket goes at once, and it is resynced within 1 s", TIMEOUT, async (t) => {
    const life = await Life.begin(t);
    await life.say("before");
    await life.heard("status", ({ status }) => status === "sent");
    const since = life.mark();
    await life.page.goto(life.url.replace("page.html", "away.html"));
    // While it lies in the cache, not when it comes back.
    const closed = await life.service.record(({ kind }) => kind === "close");
    assert.equal(closed.by, "client");
    await life.service.says("while you were away");
    // Another tab of the site keeps something in the storage that they share, and goes.
    const other = await life.open("&idle");
    assert.equal((await other.run(() => globalThis.life.say("typed in another tab"))).durable, true);
    // Left before it is closed: of a page that is closed at once the browser may lose what it wrote last.
    await other.goto("about:blank");
    await other.close();
    await life.page.back();
    const { at, persisted } = await life.heard("page", ({ name }) => name === "pageshow", since);
    assert.equal(persisted, true, "the page was not kept");
    const row = await life.row("while you were away", since);
    const ready = await life.heard("state", ({ name, at: then }) => name === "ready" && then > at, since);
    const took = await life.took(at, Math.max(row.at, ready.at));
    assert.ok(took <= SHOWN_MS, `${took} ms`);
    await life.heard("row", ({ text }) => text === "typed in another tab", since);
    await until(() => life.service.stored(), (stored) => stored.length === 2, "what another tab kept is sent");
    assert.deepEqual(await life.service.stored(), ["before", "typed in another tab"]);
    assert.deepEqual(life.told("page").filter(({ name }) => name === "made").length, 1, "it is the same page");
  });

  test("row16 what another tab has sent meanwhile is not sent again by the page that comes back", TIMEOUT, async (t) => {
    const life = await Life.begin(t);
    let since = life.mark();
    const rules = await life.service.refuse();
    await life.heard("state", ({ name }) => name === "waiting" || name === "paused" || name === "connecting", since);
    await life.say("sent by another");
    since = life.mark();
    await life.page.goto(life.url.replace("page.html", "away.html"));
    await life.service.lift(rules);
    const other = await life.open();
    await until(() => life.service.stored(), (stored) => stored.length === 1, "the other tab sends what it found");
    await other.run(() => new Promise((empty) => (globalThis.life.client.outbox.length === 0 ? empty() : globalThis.life.client.on("outbox", ({ length }) => length === 0 && empty()))));
    // As above.
    await other.goto("about:blank");
    await other.close();
    await life.page.back();
    await life.heard("page", ({ name, persisted }) => name === "pageshow" && persisted, since);
    await life.say("and on it goes");
    await life.heard("status", ({ text, status }) => text === "and on it goes" && status === "sent", since);
    assert.deepEqual(await life.service.stored(), ["sent by another", "and on it goes"]);
    assert.deepEqual((await life.list()).filter((row) => row.startsWith("sent by another")), ["sent by another (sent)"]);
  });

  test("row17 a false `offline` on a socket that answers: it stays, also over twenty flips in five seconds", TIMEOUT, async (t) => {
    const life = await Life.begin(t);
    // Emulated by the browser, which says `offline` and leaves the socket alone.
    const network = (offline) => life.page.send("Network.emulateNetworkConditions", { offline, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
    await network(true);
    await life.heard("page", ({ name }) => name === "offline");
    assert.equal(await life.page.run(() => navigator.onLine), false);
    await life.service.record(({ kind, action }) => kind === "frame-in" && action === "echo");
    await life.say("said while `offline`");
    await life.heard("status", ({ status }) => status === "sent");
    for (let n = 0; n < 20; n += 1) {
      await network(n % 2 === 1);
      await pass(250);
    }
    await network(false);
    assert.ok(life.told("page").filter(({ name }) => name === "offline").length >= 10);
    await life.say("said after it");
    await life.heard("status", ({ text, status }) => text === "said after it" && status === "sent");
    assert.deepEqual(life.left().map(({ name }) => name), ["loading", "connecting"]);
    assert.equal((await life.seen()).opens, 1);
  });

  test("row17 airplane mode where no `close` comes: given up, at most three attempts over twenty flips, and one within 500 ms of `online`", TIMEOUT, async (t) => {
    const life = await Life.begin(t);
    const rules = await life.service.faults({ on: "connect", count: 0, do: "refuse", status: 503 }, { on: "http", count: 0, do: "drop" });
    await life.strand();
    let since = life.mark();
    await life.page.run(() => dispatchEvent(new Event("offline")));
    const { at: told } = await life.heard("page", ({ name }) => name === "offline", since);
    const { at: givenUp } = await life.heard("state", ({ name }) => name === "waiting", since);
    const took = await life.took(told, givenUp);
    assert.ok(took <= BACK_MS, `${took} ms`);
    const { at: away } = await life.heard("state", ({ name }) => name === "offline", since);
    const seen = await life.service.mark();
    for (let n = 0; n < 20; n += 1) {
      await life.page.run((name) => dispatchEvent(new Event(name)), [n % 2 === 0 ? "online" : "offline"]);
      await pass(250);
    }
    const { refused } = await until(() => life.seen(seen), (counts) => counts.refused > 0, "an attempt");
    // Three in five seconds, or as many as fit into what the flips took; by the page's clock, for on the way to the service they may move closer.
    const lasted = (await life.page.run(() => performance.now())) - away;
    assert.ok((refused - 1) * APART_MS <= lasted, `${refused} attempts in ${lasted} ms`);
    // Once an attempt has failed the next is four seconds away, and after two it may be hurried, by a timer of 501 ms at most. Of two timers of a page
    // the one that is due first fires first, however late both are.
    const isInTime = await life.page.run((apartMs, attemptMs) => new Promise((tell) => {
      let [isSaid, isLate, wasInTime] = [false, false, false];
      globalThis.life.client.on("state", ({ name }) => {
        if (name === "connecting") wasInTime = !isLate;
        if (name !== "offline") return;
        if (isSaid) return tell(wasInTime);
        isSaid = true;
        setTimeout(() => {
          dispatchEvent(new Event("online"));
          setTimeout(() => { isLate = true; }, attemptMs + 2);
        }, apartMs);
      });
      dispatchEvent(new Event("online"));
    }), [APART_MS, ATTEMPT_MS]);
    assert.ok(isInTime, `no attempt within ${ATTEMPT_MS} ms of \`online\``);
    since = life.mark();
    await life.service.lift(rules);
    await life.page.run(() => dispatchEvent(new Event("online")));
    await life.heard("state", ({ name }) => name === "ready", since);
  });
});

// Each keeps a processor busy all the time: nothing that is about moments goes on beside them.
describe("a page that stands still", { concurrency: 2 }, () => {
  test("row13 a page that stands still for 40 s over a healthy socket does not disconnect, and reads what was buffered", TIMEOUT, async (t) => {
    const life = await Life.begin(t);
    const stalled = life.page.run((ms) => globalThis.life.stall(ms), [40 * SECOND], 60 * SECOND);
    const lines = await speakFor(life.service, 35);
    await stalled;
    await life.row(lines.at(-1));
    // The probe that was overdue is answered, and the connection is believed for as long again.
    await life.service.record(({ kind, action }) => kind === "frame-in" && action === "echo");
    await pass(restMs);
    await assertUndisturbed(life);
    assert.deepEqual(life.told("row").map(({ text }) => text).filter(Boolean), lines);
  });

  test("row13 a page that stands still for 20 s with a message under way does not disconnect and sends it once", TIMEOUT, async (t) => {
    const life = await Life.begin(t);
    // In one task, so that the echo cannot be read before.
    await life.page.run((ms) => (globalThis.life.say("on its way"), new Promise((sent) => setTimeout(sent, 100)).then(() => globalThis.life.stall(ms))), [20 * SECOND], 40 * SECOND);
    await life.heard("status", ({ status }) => status === "sent");
    await pass(restMs);
    await assertUndisturbed(life);
    assert.equal(await life.service.arrivals("on its way"), 1);
  });
});
