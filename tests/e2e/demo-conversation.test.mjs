// The demo in Chromium through the turns of a conversation: its end and a new start, messages the service refuses, two tabs,
// what is unread and where the focus is. axe looks at the element in every state that is reached.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BROKEN_LINE, NARROW, Visit, profile, deployment, until, visit } from "./stage.mjs";

/** A guest's message at the service's edge; not a typing notice, not a Join. */
const TEXT = { action: "onMessage", type: "Text" };
const broken = { expects: BROKEN_LINE };
const sent = (...texts) => texts.map((text) => `You: ${text} (Sent)`);
const refusal = (code) => ({ on: "frame-in", match: TEXT, do: "reply", frame: { type: "response", class: "string", code, tracingId: "$tracingId", body: "refused" } });
const configured = ({ kind, action }) => kind === "frame-in" && action === "configureSession";

/** The agent ends the conversation for good while the visitor is away with two messages unsent. */
async function endedWithTwoUnsent(t) {
  const visitor = await visit(t, broken);
  const { service } = visitor;
  await visitor.say("Said before");
  await visitor.sees(sent("Said before"));
  const away = await visitor.goAway();
  await visitor.say("Unsent one", "Unsent two");
  await visitor.sees([...sent("Said before"), "You: Unsent one (Waiting to be sent)", "You: Unsent two (Waiting to be sent)"]);
  await service.agent({ do: "disconnect", readOnly: true });
  await service.lift(away);
  await visitor.notice.getByText("This conversation has ended.", { exact: true }).waitFor();
  await visitor.sees([...sent("Said before"), "You: Unsent one (Not sent yet)", "You: Unsent two (Not sent yet)"]);
  assert.deepEqual(await service.stored(), ["Said before"]);
  return visitor;
}

const question = (visitor) => visitor.chat.getByRole("alertdialog", { name: "What about your unsent messages?" });

describe("ends and new starts", { concurrency: 4 }, () => {
  test("read-only with two unsent: the transcript stays, and sent in the new one they arrive there once, in order", async (t) => {
    const visitor = await endedWithTwoUnsent(t);
    const { service, chat } = visitor;
    assert.equal(await visitor.input.count(), 0);
    assert.deepEqual(await visitor.violations(), []);
    await chat.getByRole("button", { name: "Start a new conversation" }).click();
    await question(visitor).getByText("2 messages of the old conversation were not sent.").waitFor();
    assert.deepEqual(await visitor.violations(), []);
    await question(visitor).getByRole("button", { name: "Send them in the new one" }).click();
    await visitor.input.waitFor();
    // That they read as sent is the echo of what is stored, and it comes after.
    await until(() => visitor.rows(), (rows) => rows.slice(-2).join() === sent("Unsent one", "Unsent two").join(), "both read as sent, in order");
    assert.deepEqual(await service.stored(), ["Unsent one", "Unsent two"]);
    assert.equal(await visitor.focused(), "message");
    await visitor.proves(3);
    await visitor.assertNothingAlarming();
  });

  test("read-only with two unsent: deleted they are gone, here and over a reload, and the new one begins", async (t) => {
    const visitor = await endedWithTwoUnsent(t);
    const { service, chat } = visitor;
    await chat.getByRole("button", { name: "Start a new conversation" }).click();
    await question(visitor).getByRole("button", { name: "Delete them" }).click();
    await visitor.input.waitFor();
    await visitor.say("A new beginning");
    await until(() => visitor.rows(), (rows) => rows.at(-1) === sent("A new beginning")[0], "it is sent");
    await visitor.load();
    await until(() => visitor.rows(), (rows) => rows.at(-1) === sent("A new beginning")[0], "it is there again");
    assert.deepEqual((await visitor.rows()).filter((row) => row.includes("Unsent")), []);
    assert.deepEqual(await service.stored(), ["A new beginning"]);
    assert.equal((await service.records()).filter(({ kind, text }) => kind === "frame-in" && text?.startsWith("Unsent")).length, 0);
  });

  test("read-only with nothing unsent: no question is asked, and it survives a reload until a new one is begun", async (t) => {
    const visitor = await visit(t);
    const { service, chat } = visitor;
    await visitor.say("Thank you");
    await visitor.sees(sent("Thank you"));
    await service.agent({ do: "disconnect", readOnly: true });
    const start = chat.getByRole("button", { name: "Start a new conversation" });
    await start.waitFor();
    await visitor.load();
    await visitor.sees(sent("Thank you"));
    await start.click();
    await visitor.input.waitFor();
    assert.equal(await chat.getByRole("alertdialog").count(), 0);
    await visitor.say("Me again");
    await until(() => service.stored(), (texts) => texts.join() === "Me again", "it is stored in the new conversation");
  });

  test("an agent who leaves without ending it: the visitor goes on writing", async (t) => {
    const visitor = await visit(t);
    await visitor.say("One");
    await visitor.sees(sent("One"));
    const since = await visitor.service.mark();
    await visitor.service.agent({ do: "disconnect", readOnly: false });
    await visitor.service.record(({ kind, class: name }) => kind === "frame-out" && name === "StructuredMessage", since);
    await visitor.say("Two");
    await visitor.sees(sent("One", "Two"));
    assert.deepEqual(await visitor.service.stored(), ["One", "Two"]);
  });

  test("expired: it says so, nothing slips into a new session unasked, and asked it is sent there", async (t) => {
    const visitor = await visit(t, broken);
    const { service, chat } = visitor;
    await visitor.say("Long ago");
    await visitor.sees(sent("Long ago"));
    const away = await visitor.goAway();
    await visitor.say("Too late for that one");
    await service.expire("session");
    const since = await service.mark();
    await service.lift(away);
    await visitor.notice.getByText("This conversation has ended because nothing was written for a while.").waitFor();
    assert.deepEqual(await visitor.violations(), []);
    assert.equal((await service.records(since)).filter(({ kind, text }) => kind === "frame-in" && text !== undefined).length, 0);
    await chat.getByRole("button", { name: "Start a new conversation" }).click();
    await question(visitor).getByRole("button", { name: "Send it in the new one" }).click();
    await until(() => visitor.rows(), (rows) => rows.at(-1) === sent("Too late for that one")[0], "it is sent");
    assert.equal(await service.arrivals("Too late for that one"), 1);
    const open = (await service.sessions()).filter(({ ended }) => !ended);
    assert.deepEqual(open.flatMap(({ messages }) => messages.map(({ text }) => text)), ["Too late for that one"]);
  });
});

describe("a message that the service refuses", { concurrency: 4 }, () => {
  test("too long, at the head of three: it alone fails, the rest goes on, and it can be sent again", async (t) => {
    const visitor = await visit(t);
    const { service, chat } = visitor;
    await service.faults(refusal(4011));
    await visitor.say("Poison", "After it", "And another");
    await until(() => visitor.rows(), (rows) => rows.some((row) => row === "You: Poison (Not sent: the message is too long)"), "it is shown as failed");
    await until(() => service.stored(), (texts) => texts.length === 2, "the others are stored");
    const rows = await until(() => visitor.rows(), (all) => sent("After it", "And another").every((row) => all.includes(row)), "the others are shown as sent");
    assert.equal(rows.length, 3);
    assert.deepEqual(await service.stored(), ["After it", "And another"]);
    assert.deepEqual(await visitor.violations(), []);

    // Never tried again over reloads, still offered.
    await visitor.load();
    await visitor.ready();
    const row = chat.locator(".message", { hasText: "Poison" });
    await row.getByRole("button", { name: "Remove" }).waitFor();
    assert.equal(await service.arrivals("Poison"), 1);
    await row.getByRole("button", { name: "Try again" }).click();
    await visitor.sees(sent("After it", "And another", "Poison"));
    assert.deepEqual(await service.stored(), ["After it", "And another", "Poison"]);
    await visitor.proves(3);
  });

  test("removed by keyboard it is gone for good, and the focus stays in the conversation", async (t) => {
    const visitor = await visit(t);
    const { service, chat, page } = visitor;
    await service.faults(refusal(4013));
    await visitor.say("Poison", "After it");
    const row = chat.locator(".message", { hasText: "Poison" });
    await row.getByRole("button", { name: "Remove" }).waitFor();
    await row.focus();
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await visitor.sees(sent("After it"));
    assert.equal(await visitor.focused(), "log");
    await visitor.load();
    await visitor.sees(sent("After it"));
    assert.deepEqual(await service.stored(), ["After it"]);
    assert.equal(await service.arrivals("Poison"), 1);
  });
});

describe("two tabs", { concurrency: 4 }, () => {
  test("both show the same and both write, over one connection", async (t) => {
    const context = await profile(t, broken);
    const service = deployment(t);
    const [first, second] = [new Visit(service, await context.newPage()), new Visit(service, await context.newPage())];
    await first.load();
    await first.ready();
    await first.say("From the first");
    await first.sees(sent("From the first"));
    const since = await service.mark();
    await second.load();
    await second.ready();
    await second.sees(sent("From the first"));
    assert.deepEqual(await second.violations(), []);
    await second.say("From the second");
    for (const visitor of [first, second]) await visitor.sees(sent("From the first", "From the second"));
    await first.say("From the first again");
    for (const visitor of [first, second]) await visitor.sees(sent("From the first", "From the second", "From the first again"));
    assert.equal((await service.records(since)).filter(({ kind }) => kind === "open").length, 0);
    assert.deepEqual(await service.stored(), ["From the first", "From the second", "From the first again"]);
    const [session] = await service.sessions();
    assert.equal(session.connections, 1);
    for (const visitor of [first, second]) await visitor.assertNothingAlarming();
  });

  test("what neither could send is seen by both, and goes out once and in order", async (t) => {
    const context = await profile(t, broken);
    const service = deployment(t);
    const [first, second] = [new Visit(service, await context.newPage()), new Visit(service, await context.newPage())];
    await first.load();
    await first.ready();
    const away = await first.goAway();
    await first.say("Unsent one", "Unsent two");
    await second.load();
    await second.input.waitFor();
    const waiting = (...texts) => texts.map((text) => `You: ${text} (Waiting to be sent)`);
    await second.sees(waiting("Unsent one", "Unsent two"));
    await second.say("Unsent three");
    for (const visitor of [first, second]) await visitor.sees(waiting("Unsent one", "Unsent two", "Unsent three"));
    await service.lift(away);
    for (const visitor of [first, second]) await visitor.sees(sent("Unsent one", "Unsent two", "Unsent three"));
    assert.deepEqual(await service.stored(), ["Unsent one", "Unsent two", "Unsent three"]);
    for (const visitor of [first, second]) await visitor.assertNothingAlarming();
  });

  test("the first is closed: the second goes on by itself", async (t) => {
    const context = await profile(t, broken);
    const service = deployment(t);
    const [first, second] = [new Visit(service, await context.newPage()), new Visit(service, await context.newPage())];
    await first.load();
    await first.ready();
    await first.say("Hello");
    await first.sees(sent("Hello"));
    await second.load();
    await second.sees(sent("Hello"));
    await first.page.close();
    await second.say("Still here");
    await second.sees(sent("Hello", "Still here"));
    assert.deepEqual(await service.stored(), ["Hello", "Still here"]);
  });
});

describe("what is unread, and the focus", { concurrency: 4 }, () => {
  test("closed, the launcher counts what comes in; opened, it is read and stays read over a reload", async (t) => {
    const visitor = await visit(t, { viewport: NARROW });
    const { service, chat, page } = visitor;
    const launcher = (name) => chat.getByRole("button", { name, exact: true });
    await launcher("Open chat").waitFor();
    await service.says("First answer");
    await launcher("Open chat, 1 unread").waitFor();
    await service.says("Second answer", "Third answer");
    await launcher("Open chat, 3 unread").waitFor();
    assert.equal(await chat.locator(".badge").textContent(), "3");
    assert.deepEqual(await visitor.violations(), []);

    await visitor.load();
    await launcher("Open chat, 3 unread").click();
    await chat.getByText("New messages", { exact: true }).waitFor({ state: "attached" });
    assert.equal(await visitor.focused(), "message");
    assert.equal(await chat.locator(".badge").count(), 0);
    await page.keyboard.press("Escape");
    assert.equal(await visitor.focused(), "launcher");
    await launcher("Open chat").waitFor();
    await visitor.load();
    await visitor.ready();
    await launcher("Open chat").click();
    await visitor.sees(["Agent: First answer", "Agent: Second answer", "Agent: Third answer"]);
    assert.equal(await chat.getByText("New messages", { exact: true }).count(), 0);
  });

  test("whatever happens to the line and the conversation, the focus stays where the person put it", async (t) => {
    const visitor = await visit(t, broken);
    const { service, page } = visitor;
    const desk = page.getByLabel("Your answer");
    await desk.focus();
    const stays = async () => assert.equal(await visitor.focused(), "agent-text");
    await service.says("An answer");
    await visitor.sees(["Agent: An answer"]);
    await stays();
    const away = await service.goAway();
    await visitor.banner.waitFor();
    await stays();
    const since = await service.mark();
    await service.lift(away);
    await service.record(configured, since);
    await visitor.ready();
    await stays();
    await service.agent({ do: "disconnect", readOnly: true });
    await visitor.chat.getByRole("button", { name: "Start a new conversation" }).waitFor();
    await stays();
  });

  test("in the composer the focus stays through a cut line, and after the end goes to what is left to do", async (t) => {
    const visitor = await visit(t, broken);
    const { service } = visitor;
    await visitor.input.focus();
    await service.says("An answer");
    await visitor.sees(["Agent: An answer"]);
    const away = await service.goAway();
    await visitor.banner.waitFor();
    assert.equal(await visitor.focused(), "message");
    await service.lift(away);
    await visitor.ready();
    assert.equal(await visitor.focused(), "message");
    await service.agent({ do: "disconnect", readOnly: true });
    await visitor.chat.getByRole("button", { name: "Start a new conversation" }).waitFor();
    assert.match(await visitor.focused(), /primary/);
  });

  test("typing is shown to each other, and ends with the message", async (t) => {
    const visitor = await visit(t);
    const { service, chat, page } = visitor;
    // It stands for five seconds: both are waited for from before.
    await Promise.all([chat.getByText("Agent is typing").first().waitFor({ state: "attached" }), chat.locator(".typing").waitFor(), service.agent({ do: "typing" })]);
    await service.says("Here you are");
    await visitor.sees(["Agent: Here you are"]);
    assert.equal(await chat.locator(".typing").count(), 0);
    await visitor.input.pressSequentially("Th");
    await page.getByText("The guest is typing …").waitFor();
    await visitor.input.press("Enter");
    await visitor.sees(["Agent: Here you are", ...sent("Th")]);
    await page.getByText("The guest is typing …").waitFor({ state: "detached" });
    assert.deepEqual(await service.stored(), ["Th"]);
  });
});

describe("axe finds nothing on the real demo", { concurrency: 4 }, () => {
  for (const colorScheme of ["light", "dark"]) {
    test(`ready, with a conversation, ${colorScheme}`, async (t) => {
      const visitor = await visit(t, { colorScheme });
      await visitor.say("Hello");
      await visitor.sees(sent("Hello"));
      await visitor.service.says("Hello to you");
      await visitor.sees([...sent("Hello"), "Agent: Hello to you"]);
      assert.deepEqual(await visitor.violations(), []);
    });

    const BREAKING = {
      waiting: (service) => service.faults({ on: "connect", count: 0, do: "accept-then-close", code: 1011 }).then(() => service.cut()),
      paused: (service) => service.refuse(),
      offline: (service) => service.goAway(),
    };
    for (const [state, breakIt] of Object.entries(BREAKING)) {
      test(`${state}, with something unsent, and back again, ${colorScheme}`, async (t) => {
        const visitor = await visit(t, { ...broken, colorScheme });
        const { service, banner } = visitor;
        await breakIt(service);
        await visitor.say("Unsent");
        await visitor.state(state);
        await banner.getByText("1 message will be sent when the connection is back.").waitFor();
        assert.deepEqual(await visitor.violations(), []);
        await service.lift();
        await visitor.sees(sent("Unsent"), 60_000);
        assert.deepEqual(await visitor.violations(), []);
        assert.deepEqual(await service.stored(), ["Unsent"]);
      });
    }
  }
});
