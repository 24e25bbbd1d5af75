// The drop-in script on a page of one tag, with the element's code beside it or out of reach.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { serveStates } from "../widget-states/stage.mjs";
import { BROKEN_LINE, profile, until, violationsIn } from "./stage.mjs";

const PHONE = { width: 375, height: 700 };

let states;
before(async () => {
  states = await serveStates();
});
after(() => states?.close());

/** The page, and all that it requests. `prepare` is done before it is loaded. */
async function visit(t, { prepare, ...options } = {}) {
  const page = await (await profile(t, options)).newPage();
  const requested = [];
  const addresses = (name) => urls.filter((url) => url.startsWith(name));
  const urls = [];
  page.on("request", (request) => {
    const { pathname, search } = new URL(request.url());
    requested.push(pathname);
    urls.push(pathname.slice(1) + search);
  });
  await prepare?.(page);
  await page.goto(`${states.url}loader.html`);
  const button = page.getByRole("button", { name: "Open chat" });
  await button.waitFor();
  return { page, button, requested, addresses };
}

/** Hands the element a client that is connected and does nothing; `stopped` counts what the element has stopped listening to. */
async function giveClient(page) {
  await page.evaluate(() => {
    window.stopped = 0;
    const session = { newSession: true, readOnly: false };
    const client = { protocol: "guest", state: { name: "ready" }, session, messages: [], outbox: [], unread: 0, on: () => () => void window.stopped++, start: () => Promise.resolve(session), typing() {} };
    document.querySelector("guestwire-chat").client = client;
  });
}

test("it paints a launcher before any other code, and brings the rest at the first sign of interest", async (t) => {
  const { page, button, requested } = await visit(t);
  assert.equal(requested.includes("/define.js"), false);
  assert.equal(await page.evaluate(() => document.querySelector("guestwire-chat").getAttribute("position")), "left");
  assert.deepEqual(await violationsIn(page, "html"), []);
  await page.evaluate(() => window.guestwire.q.push(["hide"]));
  assert.equal(await button.isVisible(), false);
  await page.evaluate(() => window.guestwire.show());
  await button.focus();
  await page.waitForFunction(() => customElements.get("guestwire-chat") !== undefined);
  assert.equal(requested.includes("/define.js"), true);
});

test("code that cannot be fetched is not asked for without end, and the launcher is not busy with it", async (t) => {
  const prepare = (page) => page.route("**/define.js", (route) => route.abort());
  const { page, button, requested } = await visit(t, { prepare, expects: [...BROKEN_LINE, /the chat could not be loaded/] });
  await button.click();
  await page.waitForFunction(() => !document.querySelector("guestwire-chat").shadowRoot.querySelector(".launcher").hasAttribute("aria-busy"));
  // The pointer, the focus and the click are a sign of interest each.
  assert.ok(requested.filter((path) => path === "/define.js").length <= 3, requested.join(" "));
  assert.equal(await button.getAttribute("aria-expanded"), "false");
});

test("code that could not be fetched is fetched from another address, as a browser may remember the failure, and the click opens", async (t) => {
  let fails = 2;
  const prepare = (page) => page.route(/define\.js/, (route) => (fails-- > 0 ? route.abort() : route.continue()));
  const { page, button, addresses } = await visit(t, { prepare, expects: [...BROKEN_LINE, /the chat could not be loaded/] });
  await giveClient(page);
  await button.hover();
  await until(() => addresses("define.js"), ({ length }) => length === 1, "asked for");
  for (const count of [2, 3]) {
    await page.waitForFunction(() => !document.querySelector("guestwire-chat").shadowRoot.querySelector(".launcher").hasAttribute("aria-busy"));
    await button.click();
    await until(() => addresses("define.js"), ({ length }) => length === count, "asked for again");
  }
  await page.getByRole("dialog", { name: "Chat with us" }).waitFor();
  assert.deepEqual(addresses("define.js"), ["define.js", "define.js?again=1", "define.js?again=2"]);
});

test("pressed on the painted launcher and let go on the one that took its place, it opens", async (t) => {
  let release;
  const held = new Promise((resolve) => (release = resolve));
  const prepare = (page) => page.route("**/define.js", (route) => held.then(() => route.continue()));
  const { page, button } = await visit(t, { prepare });
  await giveClient(page);
  await button.hover();
  await page.mouse.down();
  release();
  await page.waitForFunction(() => document.querySelector("guestwire-chat").shadowRoot.querySelector("dialog") !== null);
  await page.mouse.up();
  await page.getByRole("dialog", { name: "Chat with us" }).waitFor();
  // Once: no click of the browser's own closes it again.
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 300)));
  assert.equal(await page.locator("guestwire-chat").getAttribute("open"), "");
});

test("a tap opens, however long the finger stays", async (t) => {
  const { page, button } = await visit(t, { viewport: PHONE, hasTouch: true });
  await giveClient(page);
  const { x, y, width, height } = await button.boundingBox();
  const finger = await page.context().newCDPSession(page);
  await finger.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [{ x: x + width / 2, y: y + height / 2 }] });
  await page.waitForFunction(() => customElements.get("guestwire-chat"), undefined, { timeout: 400 }).catch(() => undefined);
  // It is what the finger is on until it goes.
  assert.equal(await page.evaluate(() => document.querySelector("guestwire-chat").shadowRoot.querySelector("dialog")), null);
  await finger.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  await page.getByRole("dialog", { name: "Chat with us" }).waitFor();
});

/** What routers do to a page, in one task. */
const SWAPS = {
  "another body": () => document.documentElement.replaceChild(document.createElement("body"), document.body),
  "another content of the body": () => {
    const before = [...document.body.childNodes];
    document.body.prepend(document.createElement("p"));
    for (const node of before) node.remove();
  },
  "a body of the cache, with a copy of the chat": () => {
    const cached = document.body.cloneNode(true);
    document.documentElement.replaceChild(cached, document.body);
  },
  "another document element": () => {
    const root = document.createElement("html");
    root.append(document.createElement("head"), document.createElement("body"));
    document.replaceChild(root, document.documentElement);
  },
  "another body, and the script once more": () => {
    document.documentElement.replaceChild(document.createElement("body"), document.body);
    document.body.append(Object.assign(document.createElement("script"), { async: true, src: "guestwire.js" }));
  },
};
for (const [what, swap] of Object.entries(SWAPS)) {
  test(`it stays where a router brings ${what}`, async (t) => {
    // The script is the test's own to run again.
    const { page, button } = await visit(t, { bypassCSP: true });
    await page.evaluate(swap);
    await button.waitFor();
    await giveClient(page);
    await button.click();
    await page.getByLabel("Message", { exact: true }).fill("half a senten");
    for (const _ of [1, 2]) await page.evaluate(swap);
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 100)));
    assert.equal(await page.locator("guestwire-chat").count(), 1);
    assert.equal(await page.getByLabel("Message", { exact: true }).inputValue(), "half a senten");
    assert.equal(await page.evaluate(() => window.stopped), 0);
  });
}

test("hidden while it fills the screen, it gives the page back", async (t) => {
  const { page, button } = await visit(t, { viewport: PHONE });
  await giveClient(page);
  await page.evaluate(() => {
    document.querySelector("main").append(Object.assign(document.createElement("button"), { textContent: "A button of the page" }));
  });
  await button.click();
  await page.locator("guestwire-chat dialog:modal").waitFor();
  await page.evaluate(() => window.guestwire.hide());
  await page.getByRole("button", { name: "A button of the page" }).click();
  await page.evaluate(() => window.guestwire.show());
  await button.waitFor();
  assert.equal(await page.locator("guestwire-chat dialog[open]").count(), 0);

  // Hidden and opened by a button of the site's own, it shows: nothing would be left to close it with.
  await page.evaluate(() => (window.guestwire.hide(), window.guestwire.open()));
  await page.locator("guestwire-chat dialog:modal").waitFor();
  assert.ok(await page.locator("guestwire-chat dialog").isVisible());
});

test("it takes no place in the page's own layout", async (t) => {
  const { page, button } = await visit(t);
  const place = () => page.evaluate(() => {
    const { left, top, width, height } = document.querySelector("main").getBoundingClientRect();
    return [left, top, width, height];
  });
  await page.evaluate(() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("body { margin: 0; min-block-size: 100vh; display: flex; flex-direction: column; justify-content: space-between; gap: 40px; } main { flex: 1; }");
    document.adoptedStyleSheets = [sheet];
  });
  const painted = await place();
  assert.deepEqual([painted[1], painted[3]], [0, await page.evaluate(() => innerHeight)], "the painted launcher");
  await giveClient(page);
  await button.click();
  await page.locator("guestwire-chat dialog").waitFor();
  assert.deepEqual(await place(), painted, "the element");
});
