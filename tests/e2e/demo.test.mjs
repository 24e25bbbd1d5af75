// The demo in Chromium while its line is broken in every way a network has: what the visitor typed is stored once, in order, and
// the visitor reads so.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BROKEN_LINE, until, visit } from "./stage.mjs";

const minutes = 60_000;
/** A guest's message at the service's edge, and the answer to one; not a typing notice, not a Join. */
const TEXT = { action: "onMessage", type: "Text" };
const broken = { expects: BROKEN_LINE };
const sent = (...texts) => texts.map((text) => `You: ${text} (Sent)`);

describe("on a broken line", { concurrency: 4 }, () => {
  test("100 messages offline, a reload on the way, then online: 100 once, in order, within the service's limits", { timeout: 10 * minutes }, async (t) => {
    const visitor = await visit(t, broken);
    const { service, page } = visitor;
    const texts = Array.from({ length: 100 }, (_, n) => `Message ${n + 1} of a hundred`);
    const away = await visitor.goAway();
    await page.context().setOffline(true);
    await visitor.say(...texts.slice(0, 50));
    await visitor.state("offline");
    await visitor.banner.getByText("50 messages will be sent when the connection is back.").waitFor();

    // The page comes from a cache, so to speak; the service stays away.
    await page.context().setOffline(false);
    await visitor.load();
    await page.context().setOffline(true);
    await visitor.say(...texts.slice(50));
    await visitor.sees(texts.map((text) => `You: ${text} (Waiting to be sent)`));
    await visitor.banner.getByText("100 messages will be sent when the connection is back.").waitFor();
    assert.deepEqual(await service.stored(), []);

    const since = await service.mark();
    await service.lift(away);
    await page.context().setOffline(false);
    await visitor.ready();
    await visitor.say("And one while they go");
    texts.push("And one while they go");
    await visitor.sees(sent(...texts), 3 * minutes);
    assert.deepEqual(await service.stored(), texts);
    await visitor.proves(101);
    await visitor.assertNothingAlarming();
    const records = await service.records(since);
    const times = records.filter(({ kind, text }) => kind === "stored" && text !== undefined).map(({ at }) => at);
    t.diagnostic(`101 messages in ${Math.round((times.at(-1) - records[0].at) / 1000)} s, the first after ${times[0] - records[0].at} ms`);
    assert.deepEqual(records.filter(({ kind, code, status }) => kind === "limited" || code === 429 || status === 429), []);
    assert.equal(records.filter(({ kind, text }) => kind === "frame-in" && text !== undefined).length, 101);
  });

  test("the line is cut while the visitor types: the words stay in the box, and go when they are sent", async (t) => {
    const visitor = await visit(t, broken);
    const { service, page, input } = visitor;
    await visitor.say("Before");
    await visitor.sees(sent("Before"));
    await input.pressSequentially("Half a sen");
    const away = await service.refuse();
    await visitor.banner.waitFor();
    assert.equal(await input.inputValue(), "Half a sen");
    assert.equal(await visitor.focused(), "message");
    await page.keyboard.type("tence");
    await page.keyboard.press("Enter");
    await visitor.sees([...sent("Before"), "You: Half a sentence (Waiting to be sent)"]);
    assert.equal(await input.inputValue(), "");
    await service.lift(away);
    await visitor.sees(sent("Before", "Half a sentence"));
    assert.deepEqual(await service.stored(), ["Before", "Half a sentence"]);
    await visitor.proves(2);
    await visitor.assertNothingAlarming();
  });

  test("the line is cut as a message arrives, and as the next is confirmed: each is stored once", async (t) => {
    const visitor = await visit(t, broken);
    const { service } = visitor;
    await service.faults({ on: "frame-in", match: TEXT, do: "drop" });
    await visitor.say("Cut before it was stored", "Behind the first");
    await visitor.sees(sent("Cut before it was stored", "Behind the first"));
    await service.faults({ on: "frame-in", match: TEXT, do: "drop", after: true });
    await visitor.say("Cut before it was confirmed", "Behind the third");
    await visitor.sees(sent("Cut before it was stored", "Behind the first", "Cut before it was confirmed", "Behind the third"));
    assert.deepEqual(await service.stored(), ["Cut before it was stored", "Behind the first", "Cut before it was confirmed", "Behind the third"]);
    assert.equal(await service.arrivals("Cut before it was stored"), 2);
    assert.equal(await service.arrivals("Cut before it was confirmed"), 1);
    await visitor.proves(4);
    await visitor.assertNothingAlarming();
  });

  test("a reload with three unsent: they are there again before anything is sent, and go in order", async (t) => {
    const visitor = await visit(t, broken);
    const { service } = visitor;
    const away = await visitor.goAway();
    await visitor.say("One", "Two", "Three");
    const waiting = ["You: One (Waiting to be sent)", "You: Two (Waiting to be sent)", "You: Three (Waiting to be sent)"];
    await visitor.sees(waiting);
    await visitor.load();
    await visitor.sees(waiting);
    assert.deepEqual(await service.stored(), []);
    await service.lift(away);
    await visitor.sees(sent("One", "Two", "Three"));
    assert.deepEqual(await service.stored(), ["One", "Two", "Three"]);
    await visitor.proves(3);
    await visitor.assertNothingAlarming();
  });

  test("a reload with one on its way, stored but not confirmed, and two behind it", async (t) => {
    const visitor = await visit(t, broken);
    const { service } = visitor;
    await service.faults({ on: "frame-out", match: TEXT, do: "lose" });
    const since = await service.mark();
    await visitor.say("On its way", "Second", "Third");
    await service.record(({ kind }) => kind === "stored", since);
    await visitor.load();
    await visitor.sees(sent("On its way", "Second", "Third"));
    assert.deepEqual(await service.stored(), ["On its way", "Second", "Third"]);
    assert.equal(await service.arrivals("On its way"), 1);
    await visitor.proves(3);
    await visitor.assertNothingAlarming();
  });

  test("the confirmation is lost and then the line: proved from the history, one copy", async (t) => {
    const visitor = await visit(t, broken);
    const { service } = visitor;
    await service.faults({ on: "frame-out", match: TEXT, do: "lose" });
    const since = await service.mark();
    await visitor.say("Only once");
    await service.record(({ kind }) => kind === "stored", since);
    await visitor.sees(["You: Only once (Sending…)"]);
    await service.cut();
    await visitor.sees(sent("Only once"));
    await visitor.say("Next");
    await visitor.sees(sent("Only once", "Next"));
    assert.deepEqual(await service.stored(), ["Only once", "Next"]);
    assert.equal(await service.arrivals("Only once"), 1);
    await visitor.assertNothingAlarming();
  });

  test("the confirmation is lost on a line that is well: read back on the same connection, one copy", async (t) => {
    const visitor = await visit(t);
    const { service } = visitor;
    await service.faults({ on: "frame-out", match: TEXT, do: "lose" });
    await visitor.say("Read back");
    await visitor.sees(sent("Read back"));
    assert.deepEqual(await service.stored(), ["Read back"]);
    assert.equal(await service.arrivals("Read back"), 1);
    assert.equal((await service.records()).filter(({ kind }) => kind === "open").length, 1);
    await visitor.assertNothingAlarming();
  });

  test("bytes delivered late: held on the old line until the new one is up, then let go", { timeout: 2 * minutes }, async (t) => {
    const visitor = await visit(t, broken);
    const { service } = visitor;
    const stall = await service.faults({ on: "frame-in", match: TEXT, do: "stall", direction: "up" });
    const since = await service.mark();
    const line = await visitor.watchLine();
    await visitor.say("Late but once", "Behind it");
    // The client gives the line up and opens another; the old one's bytes come after that.
    await service.record(({ kind, action }) => kind === "frame-in" && action === "configureSession", since);
    const { states, banners } = await line();
    assert.ok(states.includes("suspect"), states.join());
    assert.ok(banners.some((text) => text.includes("The connection is not answering.")), banners.join(" | "));
    await visitor.ready();
    await service.lift(stall);
    await visitor.sees(sent("Late but once", "Behind it"), minutes);
    assert.deepEqual(await service.stored(), ["Late but once", "Behind it"]);
    assert.equal(await service.arrivals("Late but once"), 1);
    await visitor.proves(2);
    await visitor.assertNothingAlarming();
  });

  test("bytes delivered later than the second look: the double is counted, and one row on screen", { timeout: 2 * minutes }, async (t) => {
    const visitor = await visit(t, broken);
    const { service } = visitor;
    const stall = await service.faults({ on: "frame-in", match: TEXT, do: "stall", direction: "up" });
    await visitor.say("Far too late");
    await visitor.sees(sent("Far too late"), minutes);
    await service.lift(stall);
    await until(() => service.stored(), (texts) => texts.length === 2, "the late copy is stored");
    await visitor.say("After it");
    await visitor.sees(sent("Far too late", "After it"));
    assert.deepEqual(await service.stored(), ["Far too late", "Far too late", "After it"]);
    const { resends, doubles } = await visitor.metrics();
    assert.deepEqual({ resends, doubles }, { resends: 1, doubles: 1 });
    await visitor.load();
    await visitor.sees(sent("Far too late", "After it"));
  });

  test("the agent answers while the guest is away: everything once, in order", async (t) => {
    const visitor = await visit(t, broken);
    const { service } = visitor;
    await visitor.say("Is anybody there?");
    await visitor.sees(sent("Is anybody there?"));
    const away = await service.goAway();
    await visitor.state("offline");
    await service.says("Yes, hello!", "Which pot do you mean?", "The green one?");
    await visitor.say("I am in a tunnel");
    await visitor.sees([...sent("Is anybody there?"), "You: I am in a tunnel (Waiting to be sent)"]);
    await service.lift(away);
    const all = [...sent("Is anybody there?"), "Agent: Yes, hello!", "Agent: Which pot do you mean?", "Agent: The green one?", ...sent("I am in a tunnel")];
    await visitor.sees(all);
    await visitor.load();
    await visitor.sees(all);
    assert.deepEqual(await service.stored(), ["Is anybody there?", "I am in a tunnel"]);
    await visitor.assertNothingAlarming();
  });

  const LIMITS = [
    ["with the seconds to wait", 3000, { type: "response", class: "TooManyRequestsErrorMessage", code: 429, tracingId: "$tracingId", body: { retryAfter: 3, errorCode: 4029, errorMessage: "Message rate too high for this session" } }],
    ["bare, which means the service's own minute", 60_000, { type: "response", class: "string", code: 429, tracingId: "$tracingId", body: "Too many requests" }],
  ];
  for (const [name, waitMs, frame] of LIMITS) {
    test(`a 429 ${name}: it waits, nothing is shown as failed, and goes out by itself`, { timeout: 3 * minutes }, async (t) => {
      const visitor = await visit(t);
      const { service } = visitor;
      await service.faults({ on: "frame-in", match: TEXT, do: "reply", frame });
      await visitor.say("Too soon", "Behind it");
      const { at } = await service.record(({ kind }) => kind === "fault");
      await visitor.sees(sent("Too soon", "Behind it"), waitMs + 45_000);
      const again = (await service.records()).filter(({ kind, text }) => kind === "frame-in" && text === "Too soon").at(-1);
      assert.ok(again.at - at >= waitMs, `sent again after ${again.at - at} ms`);
      assert.deepEqual(await service.stored(), ["Too soon", "Behind it"]);
      assert.equal((await service.records()).filter(({ kind }) => kind === "open").length, 1);
      await visitor.proves(2);
      await visitor.assertNothingAlarming();
    });
  }

  test("refused, the banner counts down and “Try now” is an attempt at once", { timeout: 3 * minutes }, async (t) => {
    const visitor = await visit(t, broken);
    const { service, page, chat, banner } = visitor;
    const away = await service.refuse();
    const seconds = async () => Number(/Next try in (\d+)\ss/.exec(await visitor.read(banner))?.[1] ?? 0);
    // The first waits are too short to be read, and to tell an attempt that was asked for from one that was due.
    const first = await until(seconds, (left) => left >= 8, "a countdown of eight seconds or more", 90_000);
    await until(seconds, (left) => left > 0 && left < first, "it counts down");
    await service.lift(away);
    const since = await service.mark();
    const due = await page.evaluate(() => document.querySelector("guestwire-chat").client.state.until);
    // “Connected again.” stands for three seconds: it is waited for from before.
    await Promise.all([visitor.ready(), banner.getByText("Connected again.").waitFor(), chat.getByRole("button", { name: "Try now" }).click()]);
    const { at } = await service.record(({ kind }) => kind === "open", since);
    assert.ok(at < due, `connected at ${at}, where the next attempt was due at ${due}`);
    assert.equal(await visitor.focused(), "message");
    await visitor.say("Back again");
    await visitor.sees(sent("Back again"));
    assert.deepEqual(await service.stored(), ["Back again"]);
  });
});
