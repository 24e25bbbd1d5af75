// The drop-in script on a page of one tag, with the element's code beside it or out of reach.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { serveStates } from "../widget-states/stage.mjs";
import { BROKEN_LINE, profile, violationsIn } from "./stage.mjs";

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
  page.on("request", (request) => requested.push(new URL(request.url()).pathname));
  await prepare?.(page);
  await page.goto(`${states.url}loader.html`);
  const button = page.getByRole("button", { name: "Open chat" });
  await button.waitFor();
  return { page, button, requested };
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

test("hidden while it fills the screen, it gives the page back", async (t) => {
  const { page, button } = await visit(t, { viewport: PHONE });
  await page.evaluate(() => {
    const session = { newSession: true, readOnly: false };
    const client = { protocol: "guest", state: { name: "ready" }, session, messages: [], outbox: [], unread: 0, on: () => () => {}, start: () => Promise.resolve(session) };
    document.querySelector("guestwire-chat").client = client;
    document.querySelector("main").append(Object.assign(document.createElement("button"), { textContent: "A button of the page" }));
  });
  await button.click();
  await page.locator("guestwire-chat dialog:modal").waitFor();
  await page.evaluate(() => window.guestwire.hide());
  await page.getByRole("button", { name: "A button of the page" }).click();
  await page.evaluate(() => window.guestwire.show());
  await button.waitFor();
  assert.equal(await page.locator("guestwire-chat dialog[open]").count(), 0);
});
