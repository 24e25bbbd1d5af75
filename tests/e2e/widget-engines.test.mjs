// The element in browsers that these tests do not run in: what the oldest that are promised lack is taken away here, and what others
// do otherwise is done so.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { listen, serveStates } from "../widget-states/stage.mjs";
import { profile, violationsIn } from "./stage.mjs";

const PHONE = { width: 375, height: 700 };

let states;
before(async () => {
  states = await serveStates();
});
after(() => states?.close());

/** The page in one state; `engine` runs in it before any script of ours. */
async function show(t, state, engine, options) {
  const page = await (await profile(t, options)).newPage();
  await page.addInitScript(engine);
  await page.goto(`${states.url}?state=${state}`);
  await page.locator("html[data-shown]").waitFor();
  return { page, chat: page.locator("guestwire-chat"), panel: page.locator("guestwire-chat dialog") };
}

/** The README's floor: before Chrome 105 and 108, and Firefox 119 and 121. */
function oldest() {
  for (const name of ["matches", "closest", "querySelector", "querySelectorAll"]) {
    const native = Element.prototype[name];
    Element.prototype[name] = function (selector) {
      if (/:modal|:has\(/.test(selector)) throw new DOMException(`'${selector}' is not a valid selector.`, "SyntaxError");
      return native.call(this, selector);
    };
  }
  for (const name of Object.keys(Element.prototype)) if (name.startsWith("aria")) delete Element.prototype[name];
  const native = CSSStyleSheet.prototype.replaceSync;
  CSSStyleSheet.prototype.replaceSync = function (text) {
    return native.call(this, text.replace(/:(modal|has)\b/g, ":unknown-$1").replace(/\b([\d.]+)[dsl]v[hw]\b/g, "$1unknown"));
  };
}

/** Firefox and Safari say nothing of the focus that goes with what is removed. */
function silentRemoval() {
  addEventListener("focusout", (event) => event.relatedTarget === null && event.stopImmediatePropagation(), true);
}

const box = (locator) => locator.evaluate((element) => element.getBoundingClientRect().toJSON());
const focused = (page) => page.evaluate(() => document.activeElement?.shadowRoot?.activeElement?.className ?? document.activeElement?.tagName);

test("in the oldest browsers it fills a phone, and what is said is said inside", async (t) => {
  const { page, chat, panel } = await show(t, "talk", oldest, { viewport: PHONE });
  await page.evaluate(() => Promise.all(window.chat.shadowRoot.getAnimations().map((one) => one.finished)));
  const { left, top, width, height } = await box(panel);
  assert.deepEqual({ left, top, width, height }, { left: 0, top: 0, ...PHONE });
  assert.equal(await chat.locator(".launcher").isVisible(), false);
  const said = await listen(page, "dialog [data-live]");
  await page.evaluate(() => void window.client.add({ text: "Are you there?", from: { name: "Ana", entity: "human" } }));
  await page.waitForFunction(() => window.said.length > 0);
  assert.deepEqual(await said(), ["polite: Ana says: Are you there?"]);
  await page.getByRole("button", { name: "Close chat" }).click();
  await chat.locator(".launcher").waitFor();
  assert.deepEqual(await violationsIn(page, "guestwire-chat"), []);
});

test("in the oldest browsers a low window has the whole panel", async (t) => {
  const { page, panel } = await show(t, "talk", oldest, { viewport: { width: 1280, height: 560 } });
  await page.evaluate(() => Promise.all(window.chat.shadowRoot.getAnimations().map((one) => one.finished)));
  // 1.25rem above and below, and the launcher.
  assert.equal((await box(panel)).height, 560 - 2 * 20 - 68);
});

test("in the oldest browsers an empty conversation is not cleared, and one that is over without a line shows its notice alone", async (t) => {
  const { page, chat } = await show(t, "empty", oldest);
  await chat.locator("#menu-button").click();
  await chat.locator("#menu [role=menuitem]").click({ force: true });
  assert.equal(await chat.locator(".confirm").count(), 0);
  const over = await show(t, "unavailable", oldest);
  assert.equal(await over.chat.getByRole("log").isVisible(), false);
  assert.deepEqual(await violationsIn(over.page, "guestwire-chat"), []);
});

for (const [engine, name] of [[() => {}, "in this browser"], [silentRemoval, "where a removal takes the focus without a word"]]) {
  test(`the button of earlier messages goes with the last of them, and the focus stays in the log, one stop, ${name}`, async (t) => {
    const { page, chat } = await show(t, "history", engine);
    const log = chat.getByRole("log");
    await log.focus();
    // The button is the first stop, and being at the top loads.
    await page.keyboard.press("Home");
    await chat.getByText("Older message 1", { exact: true }).waitFor({ state: "attached" });
    await chat.locator(".older").waitFor({ state: "detached" });
    assert.deepEqual([await focused(page), await log.getAttribute("tabindex")], ["log", "0"]);
    await page.keyboard.press("Home");
    assert.match(await focused(page), /message/);
  });
}

test("an Escape that belongs to an input method closes nothing, also where the composition is over before it", async (t) => {
  const { page, panel } = await show(t, "talk", () => {});
  await page.getByLabel("Message", { exact: true }).focus();
  await page.evaluate(() => {
    const input = window.chat.shadowRoot.activeElement;
    input.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", keyCode: 229, bubbles: true, composed: true, cancelable: true }));
  });
  assert.equal(await panel.isVisible(), true);
  await page.keyboard.press("Escape");
  assert.equal(await panel.isVisible(), false);
});
