// The element with a client of its own, made from its attributes: when it connects, what it says aloud of a conversation that goes on
// here or in another tab, and what it shows where the client can do nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { open } from "./bare.mjs";
import { BROKEN_LINE, Visit, deployment, profile, until } from "./stage.mjs";

const sent = (...texts) => texts.map((text) => `You: ${text} (Sent)`);

/** Puts the element on a page; the page notes what is said aloud and what the client measures. */
async function put(page, service, attributes = {}) {
  await page.evaluate(async (given) => {
    await import("/dist/define.js");
    const chat = document.createElement("guestwire-chat");
    for (const [name, value] of Object.entries({ endpoint: location.origin, ...given })) chat.setAttribute(name, value);
    Object.assign(window, { chat, said: [], measured: [], failed: 0 });
    new MutationObserver((records) => {
      for (const { target, addedNodes } of records) if (target.matches?.("[data-live]")) for (const { textContent } of addedNodes) window.said.push(textContent);
    }).observe(chat.shadowRoot, { childList: true, subtree: true });
    document.body.append(chat);
    // The client is made a moment later.
    await Promise.resolve();
    chat.client.on("metric", ({ kind }) => window.measured.push(kind));
    chat.client.on("error", () => window.failed++);
  }, { "deployment-id": service.deploymentId, ...attributes });
  return new Visit(service, page);
}

const state = (page, expected) => until(() => page.evaluate(() => window.chat.client.state.name), (name) => name === expected, `is ${expected}`);
const loaded = (page) => until(() => page.evaluate(() => window.chat.client.diagnostics().loaded), Boolean, "the module is there");
const historyRead = (page) => until(() => page.evaluate(() => window.measured), (kinds) => kinds.includes("resync"), "the history is read");
const said = (page) => page.evaluate(() => window.said);

for (const storage of ["local", "session"]) {
  test(`with storage "${storage}" a newcomer connects by opening, and so does who was forgotten; who has a conversation connects at once`, async (t) => {
    const context = await profile(t);
    const service = deployment(t);
    const page = await open(context);
    const again = async () => {
      await page.reload();
      await put(page, service, { storage });
      await loaded(page);
    };
    await put(page, service, { storage });
    await loaded(page);
    await again();
    await state(page, "idle");
    await page.evaluate(() => window.chat.open());
    await state(page, "ready");
    await again();
    await state(page, "ready");
    await page.evaluate(() => window.chat.client.forget());
    await again();
    await state(page, "idle");
    assert.equal((await service.records()).filter(({ kind }) => kind === "open").length, 2);
  });
}

test("forgotten while the panel is open, the next message begins a new conversation", async (t) => {
  const context = await profile(t);
  const service = deployment(t);
  const page = await open(context);
  const visitor = await put(page, service, { open: "" });
  await visitor.say("Before");
  await visitor.sees(sent("Before"));
  await page.evaluate(() => window.chat.client.forget());
  await visitor.sees([]);
  await visitor.chat.locator(".standing").getByText("Paused", { exact: true }).waitFor();
  await visitor.say("After");
  await visitor.sees(sent("After"));
  assert.deepEqual((await service.stored()).toSorted(), ["After", "Before"]);
});

test("where the policy blocks the module the visitor reads that there is no chat, and the site's owner which header to add, once", async (t) => {
  const context = await profile(t, { expects: [/Content Security Policy/, /^guestwire: WasmBlocked/] });
  const page = await open(context, "default-src 'self'; script-src 'self'");
  const ours = [];
  page.on("console", (message) => message.type() === "error" && message.text().startsWith("guestwire: ") && ours.push(message.text()));
  const visitor = await put(page, deployment(t), { open: "" });
  await visitor.notice.getByText("Chat is not available here at the moment.").waitFor();
  await visitor.chat.getByText("Not available", { exact: true }).waitFor();
  assert.equal(await visitor.input.count(), 0);
  assert.equal(ours.length, 1, ours.join("\n"));
  assert.match(ours[0], /^guestwire: WasmBlocked: .*Content-Security-Policy: script-src 'self' 'wasm-unsafe-eval'$/);
});

test("a network that is away is no error of the site's", async (t) => {
  const page = await open(await profile(t, { expects: BROKEN_LINE }));
  await page.route("**/core*", (route) => route.abort());
  const visitor = await put(page, deployment(t), { open: "" });
  await until(() => page.evaluate(() => window.failed), (count) => count > 1, "it was tried again");
  assert.equal(await visitor.notice.count(), 0);
});

test("43: the page keeps its landmarks", async (t) => {
  const page = await open(await profile(t));
  await page.evaluate(() => document.body.append(document.createElement("header"), document.createElement("main")));
  await put(page, deployment(t), { open: "" });
  await state(page, "ready");
  for (const landmark of ["banner", "main"]) assert.equal(await page.getByRole(landmark).count(), 1, landmark);
});

test("in an empty conversation that goes on, the first answer is said", async (t) => {
  const context = await profile(t);
  const service = deployment(t);
  const page = await open(context);
  await put(page, service, { open: "" });
  await state(page, "ready");
  await page.reload();
  const visitor = await put(page, service, { open: "" });
  await historyRead(page);
  assert.equal(await page.evaluate(() => window.chat.client.session.newSession), false);
  await service.says("Hello");
  await visitor.sees(["Agent: Hello"]);
  assert.deepEqual(await said(page), ["Agent says: Hello"]);
});

test("a further tab says nothing of what was there, and the next answer once; so in an empty conversation", async (t) => {
  for (const before of [["Hello", "How can I help?"], []]) {
    const context = await profile(t);
    const service = deployment(t);
    const page = await open(context);
    await put(page, service, { open: "" });
    await state(page, "ready");
    await service.says(...before);
    // In its next life the conversation is not new any more.
    await page.reload();
    const first = await put(page, service, { open: "" });
    await historyRead(page);
    const shown = before.map((text) => `Agent: ${text}`);
    await first.sees(shown);
    const other = await open(context);
    const second = await put(other, service, { open: "" });
    await state(other, "ready");
    await second.sees(shown);
    assert.deepEqual(await said(other), []);
    assert.equal(await second.chat.locator(".marker").count(), 0);
    await service.says("Anything else?");
    await second.sees([...shown, "Agent: Anything else?"]);
    assert.deepEqual(await said(other), ["Agent says: Anything else?"]);
  }
});

/** Says more than one page of history holds. */
async function saysMuch(service) {
  await service.says(...Array.from({ length: 110 }, (_, n) => `Line ${n + 1}`));
}

test("an older page that one tab asks for is no news in another", async (t) => {
  const context = await profile(t);
  const service = deployment(t);
  const page = await open(context);
  await put(page, service, { open: "" });
  await state(page, "ready");
  await saysMuch(service);
  await page.reload();
  const first = await put(page, service, { open: "" });
  await historyRead(page);
  const other = await open(context);
  const second = await put(other, service, { open: "" });
  await second.chat.getByText("Line 110", { exact: true }).waitFor();
  // Reads further up: whatever is new would be counted.
  await second.log.evaluate((log) => (log.scrollTop = log.scrollHeight / 2));
  await second.chat.locator(".jump").waitFor();
  // Not by a pointer: the tab is behind the other one.
  await first.chat.getByRole("button", { name: "Show earlier messages" }).dispatchEvent("click");
  for (const tab of [first, second]) await tab.chat.getByText("Line 1", { exact: true }).waitFor();
  await service.says("Anything else?");
  await second.chat.getByText("1 new message").waitFor();
  for (const tab of [page, other]) assert.deepEqual(await until(() => said(tab), ({ length }) => length > 0, "it is said"), ["Agent says: Anything else?"]);
  assert.equal(await second.chat.locator(".marker + .message").getByText("Anything else?").count(), 1);
});

test("what comes live before the history is there is said, and the history that follows is not", async (t) => {
  const context = await profile(t);
  const service = deployment(t);
  const page = await open(context);
  await put(page, service, { open: "" });
  await state(page, "ready");
  await service.says("Hello", "How can I help?", "Are you there?");
  await page.reload();
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await page.route("**/webmessaging/messages?*", (route) => held.then(() => route.continue()));
  const visitor = await put(page, service, { open: "" });
  await state(page, "ready");
  await service.says("Live");
  await visitor.sees(["Agent: Live"]);
  release();
  await visitor.sees(["Agent: Hello", "Agent: How can I help?", "Agent: Are you there?", "Agent: Live"]);
  await service.says("And more");
  await until(() => said(page), (all) => all.join().includes("And more"), "the next one is said");
  assert.deepEqual(await said(page), ["Agent says: Live", "Agent says: And more"]);
  assert.equal(await visitor.chat.locator(".marker").count(), 0);
});

test("taken off the page and put back within the task, an await later too, it has its client and the draft; taken away it frees them", async (t) => {
  const service = deployment(t);
  const page = await open(await profile(t));
  const visitor = await put(page, service, { open: "" });
  await visitor.say("Before");
  await visitor.sees(sent("Before"));
  await visitor.input.fill("half a senten");
  const same = await page.evaluate(async () => {
    const { chat } = window;
    const { client } = chat;
    // React's StrictMode, and a router that keeps what is permanent.
    chat.remove();
    document.body.append(chat);
    chat.remove();
    for (let n = 0; n < 20; n++) await undefined;
    document.body.append(chat);
    await new Promise((resolve) => setTimeout(resolve, 50));
    return chat.client === client;
  });
  assert.equal(same, true);
  assert.equal(await visitor.input.inputValue(), "half a senten");
  await visitor.input.press("Enter");
  await visitor.sees(sent("Before", "half a senten"));
  await page.evaluate(() => window.chat.remove());
  await service.record(({ kind }) => kind === "close");
  assert.deepEqual(await page.evaluate(() => [window.chat.client, window.chat.shadowRoot.querySelector("dialog")]), [undefined, null]);
});
