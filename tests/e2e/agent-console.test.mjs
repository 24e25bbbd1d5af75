// The agent console alone: `/agent` in Chromium on one side, a guest on a plain WebSocket on the other.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { chromiumFlags } from "../../scripts/setup.mjs";
import { Room, until, url } from "../simulator-check/harness.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const AXE_RULES = { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], rules: { "target-size": { enabled: true } } };
/** The policy that a site with no exceptions but wasm would serve the page under. */
const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'";
let browser;
before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: chromiumFlags() });
});
after(() => browser?.close());

/** The console for this room, under the strict policy. Anything the page complains about fails the test. */
async function openConsole(t, room, { expected = [], ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const complaints = [];
  await context.route("**/agent?*", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, headers: { ...response.headers(), "content-security-policy": POLICY } });
  });
  const page = await context.newPage();
  page.on("console", (message) => { if (["error", "warning"].includes(message.type()) && !expected.some((part) => message.text().includes(part))) complaints.push(message.text()); });
  page.on("pageerror", (error) => complaints.push(error.message));
  t.after(async () => {
    await context.close();
    assert.deepEqual(complaints, []);
  });
  await page.goto(`${url}/agent?deployment=${room.deploymentId}`);
  await page.getByRole("heading", { level: 2, name: "Agent" }).waitFor();
  return page;
}

const outbound = (test) => (frame) => frame.json?.class === "StructuredMessage" && frame.json.body.direction === "Outbound" && test(frame.json.body);
const conversation = (page) => page.getByRole("log", { name: "Conversation" });
/** The note beside the heading tells who is there. */
const note = (page, text) => page.getByText(text, { exact: true }).waitFor();

test("before any guest the console says that nobody is here", async (t) => {
  const page = await openConsole(t, new Room(t));
  await note(page, "Nobody is here yet.");
});

test("a guest speaks, the agent answers by keyboard alone, the guest receives", async (t) => {
  const room = new Room(t);
  const page = await openConsole(t, room);
  const guest = await room.guest();
  await guest.text("Is anybody there?");
  await conversation(page).getByText("Is anybody there?").waitFor();

  await page.getByLabel("Your answer").focus();
  await page.keyboard.type("Yes, hello!");
  await page.keyboard.press("Enter");
  const { json } = await guest.inbox.next(outbound((body) => body.type === "Text"));
  assert.equal(json.body.text, "Yes, hello!");
  await conversation(page).getByText("Yes, hello!").waitFor();
  assert.equal(await page.getByLabel("Your answer").inputValue(), "");
});

test("Shift+Enter adds a line and sends nothing until Enter", async (t) => {
  const room = new Room(t);
  const page = await openConsole(t, room);
  const guest = await room.guest();
  await page.getByLabel("Your answer").focus();
  await page.keyboard.type("one");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("two");
  await page.keyboard.press("Enter");
  const { json } = await guest.inbox.next(outbound((body) => body.type === "Text"));
  assert.equal(json.body.text, "one\ntwo");
});

test("typing is shown both ways", async (t) => {
  const room = new Room(t);
  const page = await openConsole(t, room);
  const guest = await room.guest();
  await page.getByLabel("Your answer").pressSequentially("H");
  await guest.inbox.next(outbound((body) => body.events?.[0]?.typing?.type === "On"));
  guest.sendTyping();
  await conversation(page).getByText("The guest is typing …").waitFor();
});

const SAMPLES = [
  ["Quick replies", (content) => content.length === 2 && content.every((part) => part.contentType === "QuickReply" && part.quickReply.payload)],
  ["Card", ([part]) => part.contentType === "Card" && part.card.title === "Moss teapot" && part.card.actions.length === 2],
  ["Carousel", ([part]) => part.contentType === "Carousel" && part.carousel.cards.length === 3],
  ["Unknown", ([part]) => part.contentType === "Hologram"],
];
for (const [label, isThat] of SAMPLES) {
  test(`the sample “${label}” reaches the guest untouched`, async (t) => {
    const room = new Room(t);
    const page = await openConsole(t, room);
    const guest = await room.guest();
    await page.getByRole("button", { name: label, exact: true }).click();
    const { json } = await guest.inbox.next(outbound((body) => body.type === "Structured"));
    assert.ok(isThat(json.body.content), JSON.stringify(json.body.content));
  });
}

test("a read-only disconnect ends the writing, and the console says so", async (t) => {
  const room = new Room(t);
  const page = await openConsole(t, room);
  const guest = await room.guest();
  await page.getByRole("button", { name: "Disconnect, read-only" }).click();
  const { json } = await guest.inbox.next(outbound((body) => body.events?.[0]?.presence?.type === "Disconnect"));
  assert.equal(json.body.metadata.readOnly, "true");
  assert.equal((await guest.text("too late")).code, 409);
  await note(page, "The guest is connected, read-only.");
});

test("a plain disconnect leaves the guest able to write", async (t) => {
  const room = new Room(t);
  const page = await openConsole(t, room);
  const guest = await room.guest();
  await page.getByRole("button", { name: "Disconnect", exact: true }).click();
  const { json } = await guest.inbox.next(outbound((body) => body.events?.[0]?.presence?.type === "Disconnect"));
  assert.notEqual(json.body.metadata?.readOnly, "true");
  await guest.text("still here");
  await conversation(page).getByText("still here").waitFor();
});

test("the newest guest is shown until another is chosen, and the chosen one stays", async (t) => {
  const room = new Room(t);
  const page = await openConsole(t, room);
  const first = await room.guest();
  await first.text("I was first");
  const second = await room.guest();
  await second.text("I am second");
  await conversation(page).getByText("I am second").waitFor();

  const list = page.getByRole("navigation", { name: "Sessions" });
  await list.getByRole("button", { name: `Guest ${first.token.slice(0, 6)}` }).click();
  await conversation(page).getByText("I was first").waitFor();
  const third = await room.guest();
  await third.text("I am third");
  await list.getByText("I am third").waitFor();
  assert.equal(await conversation(page).getByText("I was first").count(), 1);
  assert.equal(await conversation(page).getByText("I am third").count(), 0);
});

test("a guest who leaves is shown as away", async (t) => {
  const room = new Room(t);
  const page = await openConsole(t, room);
  const guest = await room.guest();
  await note(page, "The guest is connected.");
  await guest.close();
  await note(page, "The guest is away.");
});

test("an answer the service refuses is said and stays in the box", async (t) => {
  const room = new Room(t);
  const page = await openConsole(t, room, { expected: ["status of 400"] });
  await room.guest();
  const box = page.getByLabel("Your answer");
  await box.fill("hello");
  await page.route("**/_sim/agent", (route) => route.fulfill({ status: 400, body: "no" }));
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByRole("alert").waitFor();
  await until(() => box.inputValue(), (value) => value === "hello");
});

for (const colorScheme of ["light", "dark"]) {
  for (const width of [1280, 375]) {
    test(`axe finds nothing, ${colorScheme}, ${width} px`, async (t) => {
      const room = new Room(t);
      const page = await openConsole(t, room, { colorScheme, viewport: { width, height: 800 } });
      const guest = await room.guest();
      await guest.text("Hello");
      guest.sendTyping();
      await conversation(page).getByText("The guest is typing …").waitFor();
      await page.evaluate(AXE);
      const { violations } = await page.evaluate((rules) => window.axe.run(document, rules), AXE_RULES);
      assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map((node) => node.target.join(" "))]), []);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(overflow, 0);
    });
  }
}
