// The element with a scripted client, in Chromium: axe in every state, the keyboard, the live regions, the focus. Numbers in the
// names are rows of the accessibility table that the element is built to.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import { chromium } from "playwright-core";
import { chromiumFlags } from "../../scripts/setup.mjs";
import { listen, serveStates } from "../widget-states/stage.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const AXE_RULES = { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], rules: { "target-size": { enabled: true } } };
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 375, height: 700 };
/** There is one announcement in so long at most (`www/widget/announcer.ts`). */
const PAUSE_MS = 700;
const STATES = [
  "closed", "closed-unread", "empty", "connecting", "talk", "statuses", "kinds", "typing", "suspect", "offline", "waiting", "paused", "evicted",
  "refused", "auth", "readonly", "ended", "unavailable", "confirm-clear", "confirm-restart", "menu", "menu-session", "too-long", "near-limit",
  "history", "scrolled",
];

let browser;
let states;
before(async () => {
  [browser, states] = await Promise.all([
    chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: chromiumFlags() }),
    serveStates(),
  ]);
});
after(async () => {
  await browser?.close();
  await states?.close();
});

/** The page in one state, under the strict policy; whatever it complains about fails the test. */
async function show(t, state, { viewport = DESKTOP, query = {}, ...options } = {}) {
  const context = await browser.newContext({ viewport, ...options });
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  t.after(async () => {
    await context.close();
    assert.deepEqual(complaints, []);
  });
  await page.goto(`${states.url}?${new URLSearchParams({ state, ...query })}`);
  await page.locator("html[data-shown]").waitFor();
  return page;
}

/** axe needs `eval`-free injection, which the debugger protocol gives even under the policy. */
async function violations(page) {
  // Entrance animations are let finish: axe measures colours through opacity. The document's list has none of a shadow tree.
  await page.evaluate(() => {
    const moving = [...document.querySelectorAll("guestwire-chat")].flatMap((chat) => chat.shadowRoot?.getAnimations() ?? []).concat(document.getAnimations());
    return Promise.all(moving.filter((a) => a.effect?.getTiming().iterations !== Infinity).map((a) => a.finished.catch(() => undefined)));
  });
  await page.evaluate(AXE);
  const found = await page.evaluate((rules) => window.axe.run(document, rules), AXE_RULES);
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target.join(" ")} ${node.any[0]?.message ?? node.failureSummary}`).join(" | ")}`);
}

const launcher = (page) => page.locator("guestwire-chat .launcher");
const input = (page) => page.getByLabel("Message", { exact: true });
const log = (page) => page.getByRole("log", { name: "Conversation" });
/** Selector-like name of what has the focus, inside the shadow root if it is there. */
const focused = (page) =>
  page.evaluate(() => {
    const outer = document.activeElement;
    const active = outer?.shadowRoot?.activeElement ?? outer;
    if (!active) return "nothing";
    return active.id.startsWith("m-") ? "message" : active.id || active.className || active.tagName.toLowerCase();
  });
const incoming = (page, text) => page.evaluate((words) => void window.client.add({ text: words, from: { name: "Ana", entity: "human" } }), text);

describe("axe finds nothing", () => {
  for (const state of STATES) {
    for (const [theme, viewport] of [["light", DESKTOP], ["dark", PHONE]]) {
      test(`${state}, ${theme}, at ${viewport.width} pixels`, async (t) => {
        const page = await show(t, state, { viewport, query: { theme } });
        assert.deepEqual(await violations(page), []);
      });
    }
  }
  for (const state of ["talk", "statuses", "waiting", "menu", "confirm-restart", "kinds"]) {
    for (const [name, options] of Object.entries({
      "right to left": { query: { dir: "rtl" } },
      "forced colours": { forcedColors: "active" },
      "at 320 pixels": { viewport: { width: 320, height: 568 } },
      "text at 200 %": { viewport: PHONE, query: { size: "200" } },
      "a yellow brand": { query: { color: "#ffdd00", theme: "light" } },
      "a black brand on dark": { query: { color: "#000", theme: "dark" } },
      "a brand in oklch": { query: { color: "oklch(0.6 0.2 140)" } },
    })) {
      test(`${state}, ${name}`, async (t) => {
        const page = await show(t, state, options);
        assert.deepEqual(await violations(page), []);
      });
    }
  }
});

describe("launcher and panel", () => {
  test("1, 2: the launcher is a button whose name counts, that Enter and Space open, and that says so", async (t) => {
    for (const key of ["Enter", " "]) {
      const page = await show(t, "closed-unread");
      const button = page.getByRole("button", { name: "Open chat, 2 unread", exact: true });
      assert.equal(await button.getAttribute("aria-expanded"), "false");
      assert.equal(await button.getAttribute("aria-controls"), await page.locator("guestwire-chat dialog").getAttribute("id"));
      await button.focus();
      await page.keyboard.press(key);
      await page.getByRole("dialog", { name: "Chat with us" }).waitFor();
      assert.equal(await launcher(page).getAttribute("aria-expanded"), "true");
    }
  });

  test("3: beside the page on a desktop, modal on a phone", async (t) => {
    const desktop = await show(t, "talk");
    assert.equal(await desktop.locator("guestwire-chat dialog").getAttribute("aria-modal"), null);
    assert.equal(await desktop.locator("guestwire-chat dialog:modal").count(), 0);
    const phone = await show(t, "talk", { viewport: PHONE });
    assert.equal(await phone.locator("guestwire-chat dialog:modal[aria-modal=true]").count(), 1);
  });

  test("3: a window that is made narrow and wide again keeps what was focused and written", async (t) => {
    const page = await show(t, "talk");
    await input(page).fill("half a senten");
    await page.setViewportSize(PHONE);
    await page.locator("guestwire-chat dialog:modal").waitFor();
    assert.equal(await focused(page), "message");
    await page.setViewportSize(DESKTOP);
    await page.locator("guestwire-chat dialog:not(:modal)").waitFor();
    assert.equal(await input(page).inputValue(), "half a senten");
  });

  test("4: opened by the visitor the focus goes to the composer; opened by script it stays", async (t) => {
    const page = await show(t, "closed");
    await page.locator("#before").focus();
    await page.evaluate(() => window.chat.open());
    await input(page).waitFor();
    assert.equal(await focused(page), "before");
    await page.evaluate(() => window.chat.close());
    assert.equal(await focused(page), "before");
    await launcher(page).click();
    assert.equal(await focused(page), "message");
    assert.equal(await page.evaluate(() => window.chat.shadowRoot.activeElement.tagName), "TEXTAREA");
  });

  test("5: Escape closes, gives the focus back and keeps the draft", async (t) => {
    for (const viewport of [DESKTOP, PHONE]) {
      const page = await show(t, "closed", { viewport });
      await launcher(page).click();
      await input(page).fill("not yet sent");
      await page.keyboard.press("Escape");
      assert.equal(await focused(page), "launcher");
      assert.equal(await page.locator("guestwire-chat dialog[open]").count(), 0);
      assert.equal(await page.evaluate(() => window.chat.hasAttribute("open")), false);
      await launcher(page).click();
      assert.equal(await input(page).inputValue(), "not yet sent");
    }
  });

  test("5: Escape in an input method ends the composition, not the chat", async (t) => {
    const page = await show(t, "empty");
    await input(page).focus();
    await input(page).evaluate((node) => node.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", isComposing: true, bubbles: true, composed: true })));
    assert.equal(await page.locator("guestwire-chat dialog[open]").count(), 1);
  });

  test("6: Tab leaves the panel on a desktop and never reaches the page on a phone", async (t) => {
    const desktop = await show(t, "talk");
    await input(desktop).focus();
    const reached = new Set();
    for (let n = 0; n < 12; n++) {
      await desktop.keyboard.press("Tab");
      reached.add(await focused(desktop));
    }
    assert.ok(reached.has("before") && reached.has("link"), [...reached].join(", "));

    const phone = await show(t, "talk", { viewport: PHONE });
    await input(phone).focus();
    for (const key of ["Tab", "Shift+Tab"]) {
      for (let n = 0; n < 12; n++) {
        await phone.keyboard.press(key);
        assert.ok(await phone.evaluate(() => window.chat.shadowRoot.activeElement?.closest("dialog") !== null && document.activeElement === window.chat), await focused(phone));
      }
    }
  });

  test("7: the order is header, log, composer, send, and the log is one stop", async (t) => {
    const page = await show(t, "statuses");
    await page.locator("guestwire-chat #menu-button").focus();
    const order = [];
    for (let n = 0; n < 5; n++) {
      order.push(await focused(page));
      await page.keyboard.press("Tab");
    }
    assert.deepEqual(order, ["menu-button", "plain", "log", "message", "send"]);
    for (let n = 0; n < 2; n++) await page.keyboard.press("Shift+Tab");
    await page.locator("guestwire-chat .log").focus();
    await page.keyboard.press("ArrowUp");
    assert.equal(await focused(page), "message");
    await page.keyboard.press("Shift+Tab");
    assert.equal(await focused(page), "plain");

    const phone = await show(t, "talk", { viewport: PHONE });
    await log(phone).focus();
    await phone.keyboard.press("ArrowUp");
    assert.equal(await focused(phone), "message");
    await phone.keyboard.press("Shift+Tab");
    assert.equal(await focused(phone), "plain");
  });

  test("what is typed is no shortcut of the page's, and what is typed outside is", async (t) => {
    const page = await show(t, "talk");
    await page.evaluate(() => {
      window.keys = "";
      document.addEventListener("keydown", ({ key }) => (window.keys += key));
    });
    await input(page).focus();
    await page.keyboard.type("s/k");
    assert.equal(await input(page).inputValue(), "s/k");
    await page.locator("#before").focus();
    await page.keyboard.type("s");
    assert.equal(await page.evaluate(() => window.keys), "s");
  });

  test("the menu's button closes it again by mouse, also in a browser that gives a clicked button no focus", async (t) => {
    const page = await show(t, "talk");
    const button = page.getByRole("button", { name: "More actions" });
    await button.click();
    await page.getByRole("menu").waitFor();
    await button.hover();
    await page.mouse.down();
    assert.equal(await page.evaluate(() => window.chat.shadowRoot.activeElement?.getAttribute("role")), "menuitemcheckbox", "the press takes no focus away");
    await page.mouse.up();
    assert.equal(await page.getByRole("menu").count(), 0);
    assert.equal(await focused(page), "menu-button");
    // Out of it by keys it closes as well, to the button too.
    await button.click();
    await page.keyboard.press("Shift+Tab");
    assert.equal(await page.getByRole("menu").count(), 0);
    assert.equal(await focused(page), "menu-button");
  });

  test("opened by a framework that sets a property of the attribute's name, also before the element is defined", async (t) => {
    const page = await show(t, "closed");
    const open = () => page.evaluate(() => [window.chat.hasAttribute("open"), window.chat.shadowRoot.querySelector("dialog").open]);
    await page.evaluate(() => (window.chat.open = true));
    assert.deepEqual(await open(), [true, true]);
    await page.evaluate(() => (window.chat.open = false));
    assert.deepEqual(await open(), [false, false]);
    await page.evaluate(() => window.chat.open());
    assert.deepEqual(await open(), [true, true]);
    const upgraded = await page.evaluate(() => {
      const name = window.chat.localName;
      // Of a document in which nothing is upgraded.
      const early = document.implementation.createHTMLDocument().createElement(name);
      early.open = true;
      document.body.append(early);
      const is = [early instanceof window.chat.constructor, Object.hasOwn(early, "open"), early.hasAttribute("open"), typeof early.open];
      early.remove();
      return is;
    });
    assert.deepEqual(upgraded, [true, false, true, "function"]);
  });

  test("40: closed, it covers nothing but its launcher", async (t) => {
    const page = await show(t, "talk", { query: { shut: "1" } });
    const covered = await page.evaluate(() => {
      const box = window.chat.shadowRoot.querySelector(".launcher").getBoundingClientRect();
      const hits = [];
      for (let x = 4; x < innerWidth; x += 24)
        for (let y = 4; y < innerHeight; y += 24) {
          const inside = x > box.left - 2 && x < box.right + 2 && y > box.top - 2 && y < box.bottom + 2;
          if (!inside && document.elementFromPoint(x, y) === window.chat) hits.push([x, y]);
        }
      return hits;
    });
    assert.deepEqual(covered, []);
  });

  test("the menu is worked by keys, and clearing asks first (39)", async (t) => {
    const page = await show(t, "talk");
    const button = page.getByRole("button", { name: "More actions" });
    await button.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("menuitemcheckbox", { name: "Enter adds a line" }).waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    const question = page.getByRole("alertdialog", { name: "Clear this conversation?" });
    await question.waitFor();
    assert.equal(await page.evaluate(() => window.chat.shadowRoot.activeElement.textContent), "Cancel");
    await page.keyboard.press("Escape");
    assert.equal(await question.count(), 0);
    assert.equal(await focused(page), "menu-button");
    assert.equal(await page.evaluate(() => window.client.asked.includes("clear")), false);

    await page.keyboard.press("Enter");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Enter");
    await question.getByRole("button", { name: "Clear", exact: true }).click();
    assert.equal(await page.evaluate(() => window.client.asked.includes("clear")), true);
    assert.equal(await log(page).getByRole("listitem").count(), 0);
    assert.notEqual(await focused(page), "body");
  });
});

describe("transcript", () => {
  test("8: arrows, Home and End move between messages; Enter goes into one and Escape leaves it", async (t) => {
    const page = await show(t, "talk");
    const current = () => page.evaluate(() => window.chat.shadowRoot.activeElement.querySelector(".bubble")?.textContent);
    await log(page).focus();
    await page.keyboard.press("ArrowUp");
    assert.equal(await current(), "Perfect, thank you!");
    await page.keyboard.press("ArrowUp");
    assert.match(await current(), /^Of course/);
    await page.keyboard.press("Home");
    assert.match(await current(), /^Hello! I'm Fern/);
    await page.keyboard.press("ArrowUp");
    assert.match(await current(), /^Hello! I'm Fern/);
    await page.keyboard.press("End");
    assert.equal(await current(), "Perfect, thank you!");
    await page.keyboard.press("PageUp");
    assert.notEqual(await current(), "Perfect, thank you!");

    const linked = page.locator("guestwire-chat .message", { hasText: "depot in Leeds" });
    await linked.focus();
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => window.chat.shadowRoot.activeElement.tagName), "A");
    await page.keyboard.press("Escape");
    assert.equal(await linked.evaluate((node) => node.getRootNode().activeElement === node), true);
    assert.equal(await page.locator("guestwire-chat dialog[open]").count(), 1);
  });

  test("9, 44: a list whose items are named by sender, text and time, with a machine's time", async (t) => {
    const page = await show(t, "talk");
    const items = log(page).getByRole("listitem");
    assert.equal(await items.count(), 9);
    await log(page).getByRole("listitem", { name: /^Ana Duarte Of course .* \d+:\d\d/ }).waitFor();
    await log(page).getByRole("listitem", { name: /^You Perfect, thank you! .*Sent$/ }).waitFor();
    for (const time of await log(page).locator("time").all()) assert.match(await time.getAttribute("datetime"), /^\d{4}-\d\d-\d\d(T[\d:.]+Z)?$/);
    assert.equal(await log(page).getAttribute("aria-live"), "off");
  });

  test("14: the focus stays where it is when a message comes in", async (t) => {
    const page = await show(t, "talk");
    for (const place of [input(page), log(page), page.locator("#before")]) {
      await place.focus();
      const was = await focused(page);
      await incoming(page, "Something new");
      await log(page).getByText("Something new").last().waitFor();
      assert.equal(await focused(page), was);
    }
  });

  test("18: letters with the log focused do nothing", async (t) => {
    const page = await show(t, "talk");
    await log(page).focus();
    const asked = await page.evaluate(() => window.client.asked.length);
    await page.keyboard.type("qwertzuiopasdfghjklyxcvbnm?/");
    assert.equal(await page.evaluate(() => window.client.asked.length), asked);
    assert.equal(await focused(page), "log");
  });

  test("32: addresses are links that open safely; a script's address is text", async (t) => {
    const page = await show(t, "kinds");
    const links = await log(page).getByRole("link").evaluateAll((nodes) => nodes.map((node) => [node.protocol, node.rel, node.target, node.textContent.includes("opens in a new tab")]));
    assert.ok(links.length >= 3);
    for (const link of links) assert.deepEqual(link, ["https:", "noopener", "_blank", true]);
    await log(page).getByText("javascript:alert(1) and <b>bold</b>").waitFor();
    assert.equal(await log(page).locator("b, script").count(), 0);
  });

  test("38: a message in another script has its own direction", async (t) => {
    const page = await show(t, "kinds");
    const arabic = log(page).getByText("مرحبا");
    assert.equal(await arabic.evaluate((node) => getComputedStyle(node).direction), "rtl");
    assert.equal(await page.locator("guestwire-chat .root").getAttribute("lang"), "en", "also what is said beside the panel");
    assert.deepEqual([await arabic.getAttribute("lang"), await input(page).getAttribute("lang")], ["", ""], "of what people write it is not known");
  });

  test("what is not plain text is never an empty bubble", async (t) => {
    const page = await show(t, "kinds");
    await log(page).getByText("Pick a size: Small, Medium, Large").waitFor();
    await log(page).getByText("This message cannot be shown here.").waitFor();
    await log(page).getByRole("link", { name: "returns-form.pdf" }).waitFor();
    await log(page).getByText("Some messages are missing here.").waitFor();
    for (const bubble of await log(page).locator(".bubble").all()) assert.notEqual((await bubble.textContent()).trim(), "");
  });

  test("it stays at its end, and stays put while someone reads above", async (t) => {
    const page = await show(t, "history");
    const place = () => log(page).evaluate((node) => [node.scrollTop, node.scrollHeight - node.scrollTop - node.clientHeight]);
    assert.ok((await place())[1] < 2, "opened at the end");
    await incoming(page, "At the end");
    await log(page).getByText("At the end").waitFor();
    assert.ok((await place())[1] < 2, "still at the end");

    await log(page).evaluate((node) => void (node.scrollTop = 300));
    const jump = page.getByRole("button", { name: "Go to the latest message" });
    await jump.waitFor();
    await incoming(page, "Read me later");
    await page.getByRole("button", { name: "1 new message" }).waitFor();
    assert.equal((await place())[0], 300);
    await page.getByText("New messages", { exact: true }).waitFor({ state: "attached" });
    await page.getByRole("button", { name: "1 new message" }).click();
    assert.ok((await place())[1] < 2, "jumped to the end");
    assert.equal(await focused(page), "log");
  });

  test("scrolling up reads an older page in above, and what was read stays in place", async (t) => {
    const page = await show(t, "history");
    const first = log(page).getByText("Day 4, message 1");
    await log(page).evaluate((node) => void (node.scrollTop = 10));
    await log(page).getByText("Older message 25", { exact: true }).waitFor({ state: "attached" });
    const box = await first.boundingBox();
    const frame = await log(page).boundingBox();
    assert.ok(box.y > frame.y && box.y < frame.y + 200, `${box.y} in ${frame.y}`);
    assert.equal(await page.evaluate(() => window.client.asked.filter((asked) => asked === "history").length), 1);
    assert.equal(await page.getByRole("button", { name: "Show earlier messages" }).count(), 0);
  });

  test("a failed message is sent again or removed, by keyboard too, and the focus does not fall to the page", async (t) => {
    const page = await show(t, "statuses");
    const refused = page.locator("guestwire-chat .message", { hasText: "This one the service refused" });
    await refused.focus();
    await page.keyboard.press("Enter");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => window.client.asked.some((asked) => asked.startsWith("retry"))), true);
    assert.equal(await focused(page), "message");
    await refused.getByText("Sending…").waitFor();
    const unknown = page.locator("guestwire-chat .message", { hasText: "nobody knows" });
    await unknown.focus();
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    assert.equal(await unknown.count(), 0);
    assert.equal(await focused(page), "log");
  });
});

describe("what is said", () => {
  test("10: an incoming message is said once; history and the visitor's own say nothing", async (t) => {
    const page = await show(t, "talk");
    const said = await listen(page);
    await incoming(page, "Hello there");
    await log(page).getByText("Hello there").waitFor();
    assert.deepEqual(await said(), ["polite: Ana says: Hello there"]);
    await page.evaluate(() => {
      for (let n = 0; n < 50; n++) {
        window.client.messages = [window.client.row({ text: `old ${n}`, time: 1 }), ...window.client.messages];
      }
      window.chat.strings = {};
    });
    await log(page).getByText("old 49").waitFor({ state: "attached" });
    await input(page).fill("my own");
    await page.keyboard.press("Enter");
    await page.evaluate(() => window.client.change(window.client.messages.at(-1).id, { status: "sent" }));
    await page.locator("guestwire-chat .message", { hasText: "my own" }).getByText("Sent", { exact: true }).waitFor();
    assert.deepEqual(await said(), ["polite: Ana says: Hello there"]);
    // Read out, it is taken away.
    await page.waitForFunction(() => [...window.chat.shadowRoot.querySelectorAll("[data-live]")].every((region) => region.childElementCount === 0));
  });

  test("11: twenty messages in a second are a few announcements with every word", async (t) => {
    const page = await show(t, "empty");
    const said = await listen(page);
    const tookMs = await page.evaluate(async () => {
      const began = performance.now();
      for (let n = 1; n <= 20; n++) {
        window.client.add({ text: `word ${n}.`, from: { name: "Ana", entity: "human" } });
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return performance.now() - began;
    });
    await page.waitForFunction(() => window.said.join(" ").includes("word 20."));
    const announcements = await said();
    // The first at once, one in each pause, and one with the rest.
    assert.ok(announcements.length <= 2 + Math.floor(tookMs / PAUSE_MS), `${announcements.length} announcements of what took ${tookMs} ms`);
    for (let n = 1; n <= 20; n++) assert.equal(announcements.join(" ").split(`word ${n}.`).length, 2, `word ${n}`);
  });

  test("12: a loss, the return and a failed message are said, the last as an alert", async (t) => {
    const page = await show(t, "empty");
    const said = await listen(page);
    await page.evaluate(() => window.client.go({ name: "offline" }));
    await page.waitForFunction(() => window.said.length === 1);
    await page.evaluate(() => window.client.go({ name: "ready" }));
    await page.waitForFunction(() => window.said.length === 2);
    await page.evaluate(() => {
      const { id } = window.client.add({ direction: "inbound", text: "Hi", status: "sending" });
      window.client.change(id, { status: "failed" });
    });
    await page.waitForFunction(() => window.said.length === 3);
    assert.deepEqual(await said(), ["polite: You are offline.", "polite: Connected again.", "assertive: Message not sent: Hi"]);
  });

  test("13: typing is said once in fifteen seconds of it", async (t) => {
    const page = await show(t, "empty");
    const said = await listen(page);
    await page.evaluate(() => {
      for (let n = 0; n < 5; n++) window.client.emit("typing", { active: true, from: { name: "Ana", entity: "human" } });
    });
    await page.locator("guestwire-chat .typing").waitFor();
    assert.deepEqual(await said(), ["polite: Ana is typing"]);
  });

  test("in a modal panel it is said inside, where it is heard", async (t) => {
    const page = await show(t, "talk", { viewport: PHONE });
    const said = await listen(page, "dialog [data-live]");
    await incoming(page, "Hello phone");
    await page.waitForFunction(() => window.said.length > 0);
    assert.deepEqual(await said(), ["polite: Ana says: Hello phone"]);
  });
});

describe("composer", () => {
  test("16, 17: Enter sends, Shift+Enter adds a line, an input method's Enter does neither", async (t) => {
    const page = await show(t, "empty");
    await input(page).focus();
    await page.keyboard.type("one");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("two");
    await input(page).evaluate((node) => node.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true })));
    await input(page).evaluate((node) => node.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", keyCode: 229, bubbles: true, cancelable: true })));
    assert.equal(await page.evaluate(() => window.client.asked.some((asked) => asked.startsWith("send"))), false);
    await page.keyboard.press("Enter");
    assert.deepEqual(await page.evaluate(() => window.client.asked.filter((asked) => asked.startsWith("send"))), ["send one\ntwo"]);
    assert.equal(await input(page).inputValue(), "");
    assert.equal(await page.evaluate(() => window.chat.shadowRoot.activeElement.id), "message");
  });

  test("17: with the setting Enter adds a line and Control+Enter sends", async (t) => {
    const page = await show(t, "empty");
    await page.getByRole("button", { name: "More actions" }).click();
    await page.getByRole("menuitemcheckbox", { name: "Enter adds a line" }).click();
    await input(page).focus();
    await page.keyboard.type("one");
    await page.keyboard.press("Enter");
    await page.keyboard.type("two");
    assert.equal(await input(page).inputValue(), "one\ntwo");
    await page.keyboard.press("Control+Enter");
    assert.deepEqual(await page.evaluate(() => window.client.asked.filter((asked) => asked.startsWith("send"))), ["send one\ntwo"]);
  });

  test("a message that is too long is counted, marked and not sent", async (t) => {
    const page = await show(t, "too-long");
    assert.equal(await input(page).getAttribute("aria-invalid"), "true");
    const note = page.locator(`guestwire-chat #${(await input(page).getAttribute("aria-describedby")).split(" ")[1]}`);
    assert.match(await note.textContent(), /^Too long by \d+\./);
    const [draft, rows, said] = [await input(page).inputValue(), await log(page).getByRole("listitem").count(), await listen(page)];
    await input(page).press("Enter");
    await page.waitForFunction(() => window.said.length > 0);
    assert.deepEqual(await said(), ["assertive: The message could not be accepted."]);
    assert.match(await note.textContent(), /^Too long by \d+\./);
    assert.deepEqual([await input(page).inputValue(), await log(page).getByRole("listitem").count()], [draft, rows]);
    assert.ok((await log(page).evaluate((node) => node.scrollHeight - node.scrollTop - node.clientHeight)) < 2, "the end stays on screen");
  });

  test("hostile text stays text", async (t) => {
    const page = await show(t, "empty");
    await input(page).fill('<img src=x onerror="window.hurt=1"><script>window.hurt=1</script>');
    await page.keyboard.press("Enter");
    await log(page).getByText("<img src=x").waitFor();
    assert.equal(await page.evaluate(() => window.hurt), undefined);
  });
});

describe("connection and ends", () => {
  test("waiting counts down and tries at once when asked", async (t) => {
    const page = await show(t, "waiting");
    const banner = page.locator("guestwire-chat .banner");
    // Drawn once a second, it may be a second behind what is left.
    const counted = () => {
      const shown = Number(/(\d+)\ss/.exec(window.chat.shadowRoot.querySelector(".banner").textContent)?.[1]);
      const left = (window.client.state.retryAt - Date.now()) / 1000;
      return shown >= left && shown < left + 2 && shown;
    };
    const first = await (await page.waitForFunction(counted)).jsonValue();
    await page.waitForFunction((from) => Number(/(\d+)\ss/.exec(window.chat.shadowRoot.querySelector(".banner").textContent)?.[1]) < from, first);
    await banner.getByText("2 messages will be sent when the connection is back.").waitFor();
    await page.getByRole("button", { name: "Try now" }).click();
    assert.equal(await page.evaluate(() => window.client.asked.includes("reconnect")), true);
    await banner.getByText("Reconnecting…").waitFor();
    assert.equal(await focused(page), "message");
  });

  test("who has to sign in reads it with what waits, and tries again, by keyboard too", async (t) => {
    const page = await show(t, "auth");
    const said = await listen(page);
    const banner = page.locator("guestwire-chat .banner");
    await banner.getByText("Please sign in to go on with this conversation.").waitFor();
    await banner.getByText("2 messages will be sent when the connection is back.").waitFor();
    const again = banner.getByRole("button", { name: "Try again" });
    // Once more in vain, by keyboard: the focus goes on, and it is said again.
    await again.focus();
    await page.keyboard.press("Enter");
    await banner.getByText("Connecting…").waitFor();
    assert.equal(await focused(page), "message");
    await page.evaluate(() => window.client.go({ name: "authRequired" }));
    await again.click();
    await page.evaluate(() => window.client.go({ name: "ready" }));
    await banner.getByText("Connected again.").waitFor();
    assert.equal(await page.evaluate(() => window.client.asked.filter((command) => command === "reconnect").length), 2);
    await page.waitForFunction(() => window.said.some((line) => line.includes("Connected again.")));
    assert.deepEqual((await said()).flatMap((line) => line.replace(/^polite: /, "").split("\n")), ["Please sign in to go on with this conversation.", "Connected again."]);
  });

  test("what the session protocol does not know is neither offered nor asked of the client", async (t) => {
    const page = await show(t, "menu-session");
    assert.deepEqual(await page.locator("guestwire-chat #menu [role^=menuitem]").allTextContents(), ["Enter adds a line"]);
    await page.keyboard.press("Escape");
    await input(page).pressSequentially("Hello");
    await input(page).press("Enter");
    assert.deepEqual(await page.evaluate(() => window.client.asked.filter((command) => command.startsWith("typing") || command.startsWith("send"))), ["send Hello"]);
  });

  test("where there is no conversation to show, the notice takes its place and nothing empty is a stop", async (t) => {
    const page = await show(t, "unavailable");
    const [notice, panel] = await page.evaluate(() => [".notice", ".panel"].map((selector) => window.chat.shadowRoot.querySelector(selector).getBoundingClientRect().height));
    assert.ok(notice > panel / 2, `${notice} of ${panel}`);
    assert.equal(await log(page).count(), 0);
  });

  test("a read-only conversation starts anew", async (t) => {
    const page = await show(t, "readonly");
    assert.equal(await input(page).count(), 0);
    await page.getByRole("button", { name: "Start a new conversation" }).click();
    assert.equal(await page.evaluate(() => window.client.asked.includes("restart discard")), true);
    await input(page).waitFor();
    assert.equal(await focused(page), "message");
  });

  test("an ended one asks what to do with the unsent, and each answer is done", async (t) => {
    for (const [answer, asked] of [["Send them in the new one", "restart send"], ["Delete them", "restart discard"]]) {
      const page = await show(t, "confirm-restart");
      await page.getByRole("alertdialog", { name: "What about your unsent messages?" }).getByRole("button", { name: answer }).click();
      assert.equal(await page.evaluate((command) => window.client.asked.includes(command), asked), true);
      assert.equal(await page.getByRole("alertdialog").count(), 0);
    }
    const page = await show(t, "confirm-restart");
    await page.keyboard.press("Escape");
    assert.equal(await page.evaluate(() => window.client.asked.some((asked) => asked.startsWith("restart"))), false);
    assert.equal(await page.evaluate(() => window.chat.shadowRoot.activeElement.textContent), "Start a new conversation");
  });

  test("unread messages are marked read when the panel opens, not before", async (t) => {
    const page = await show(t, "closed-unread");
    await incoming(page, "A third");
    await page.getByRole("button", { name: "Open chat, 3 unread" }).waitFor();
    assert.equal(await page.evaluate(() => window.client.asked.includes("markRead")), false);
    await launcher(page).click();
    await page.waitForFunction(() => window.client.asked.includes("markRead"));
    await page.getByText("New messages", { exact: true }).waitFor({ state: "attached" });
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Open chat", exact: true }).waitFor();
  });
});

describe("looks that matter", () => {
  test("20: every stop shows its focus and is not covered", async (t) => {
    for (const viewport of [DESKTOP, PHONE]) {
      const page = await show(t, "waiting", { viewport });
      await page.locator("guestwire-chat #menu-button").focus();
      for (let n = 0; n < 6; n++) {
        const seen = await page.evaluate(() => {
          const active = window.chat.shadowRoot.activeElement;
          if (!active) return undefined;
          const { outlineStyle, outlineWidth } = getComputedStyle(active);
          // The text field draws its ring around itself and its button.
          const ring = active.matches("textarea") ? getComputedStyle(active.parentElement).boxShadow !== "none" : outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
          const box = active.getBoundingClientRect();
          const top = window.chat.shadowRoot.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
          return { name: active.className || active.id, ring, covered: !(active === top || active.contains(top)) };
        });
        if (seen) assert.deepEqual({ ...seen, name: "" }, { name: "", ring: true, covered: false }, seen.name);
        await page.keyboard.press("Tab");
      }
    }
  });

  test("23, 24, 25: nothing scrolls sideways or is cut at 320 pixels, on its side, or with text at 200 %", async (t) => {
    for (const options of [{ viewport: { width: 320, height: 256 } }, { viewport: { width: 700, height: 375 } }, { viewport: PHONE, query: { size: "200" } }, { viewport: DESKTOP, query: { size: "200" } }]) {
      for (const state of ["talk", "waiting", "statuses", "menu", "confirm-restart", "unavailable"]) {
        const page = await show(t, state, options);
        const wrong = await page.evaluate(() => {
          const root = window.chat.shadowRoot;
          const panel = root.querySelector("dialog").getBoundingClientRect();
          const wide = [...root.querySelectorAll("dialog *")].filter((node) => !node.closest(".sr") && node.scrollWidth > node.clientWidth + 1 && !["inline", "contents"].includes(getComputedStyle(node).display) && !node.closest("svg"));
          const out = [...root.querySelectorAll("dialog button, dialog textarea")]
            .filter((node) => !node.closest(".log"))
            .filter((node) => {
              const box = node.getBoundingClientRect();
              return box.left < panel.left - 1 || box.right > panel.right + 1 || box.top < panel.top - 1 || (box.bottom > panel.bottom + 1 && !node.closest(".confirm"));
            });
          return [...wide, ...out].map((node) => `${node.tagName}.${node.className} ${node.textContent.slice(0, 20)}`).concat(document.documentElement.scrollWidth > innerWidth ? ["page"] : []);
        });
        assert.deepEqual(wrong, [], `${state} ${JSON.stringify(options)}`);
      }
    }
  });

  test("23, 39: a question that slides in under its focused button leaves the header where it is", async (t) => {
    for (const state of ["confirm-clear", "confirm-restart"]) {
      const page = await show(t, state, { viewport: { width: 320, height: 256 } });
      const moved = await page.evaluate(() => {
        const panel = window.chat.shadowRoot.querySelector("dialog");
        return [panel.scrollTop, Math.round(panel.querySelector(".header").getBoundingClientRect().top - panel.getBoundingClientRect().top)];
      });
      assert.deepEqual(moved, [0, 0], state);
    }
  });

  test("23: the spacing of WCAG 1.4.12 loses nothing", async (t) => {
    const page = await show(t, "statuses");
    await page.evaluate(() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync("* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important } p { margin-block-end: 2em !important }");
      window.chat.shadowRoot.adoptedStyleSheets = [...window.chat.shadowRoot.adoptedStyleSheets, sheet];
    });
    const cut = await page.evaluate(() => [...window.chat.shadowRoot.querySelectorAll("dialog button, .bubble, .line, .title")].filter((node) => node.scrollWidth > node.clientWidth + 1 || node.scrollHeight > node.clientHeight + 1).map((node) => node.className));
    assert.deepEqual(cut, []);
  });

  test("a page that switches its theme takes the chat along", async (t) => {
    const page = await show(t, "talk");
    const looks = () => page.evaluate(() => {
      const root = window.chat.shadowRoot.querySelector(".root");
      return [root.dataset.theme, root.style.getPropertyValue("--_brand-fill")];
    });
    await page.evaluate(() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync("html.dark, html[data-theme=dark] body, body.dark { color-scheme: dark; --guestwire-color: rgb(1, 2, 3); }");
      document.adoptedStyleSheets = [sheet];
    });
    const light = ["light", "rgb(47 84 209)"];
    assert.deepEqual(await looks(), light);
    for (const [node, name] of [["html", "class"], ["html", "data-theme"], ["body", "class"]]) {
      await page.evaluate(([selector, attribute]) => document.querySelector(selector).setAttribute(attribute, "dark"), [node, name]);
      assert.deepEqual(await looks(), ["dark", "rgb(1 2 3)"], `${name} of ${node}`);
      await page.evaluate(([selector, attribute]) => document.querySelector(selector).removeAttribute(attribute), [node, name]);
      assert.deepEqual(await looks(), light);
    }
  });

  test("26: with reduced motion nothing moves", async (t) => {
    const page = await show(t, "typing", { reducedMotion: "reduce" });
    assert.equal(await page.evaluate(() => document.getAnimations().length + window.chat.shadowRoot.getAnimations().length), 0);
    const moving = await show(t, "typing");
    assert.ok((await moving.evaluate(() => window.chat.shadowRoot.getAnimations().length)) > 0);
  });

  test("27: in forced colours edges and icons stay", async (t) => {
    const page = await show(t, "statuses", { forcedColors: "active" });
    const edges = await page.evaluate(() =>
      [".panel", ".agent .bubble", ".guest .bubble", ".field", ".send", ".launcher"].map((selector) => {
        const style = getComputedStyle(window.chat.shadowRoot.querySelector(selector));
        return [selector, parseFloat(style.borderTopWidth) >= 1 && style.borderTopStyle !== "none" && style.borderTopColor !== style.backgroundColor];
      }),
    );
    assert.deepEqual(edges, edges.map(([selector]) => [selector, true]));
  });

  test("43: the host page keeps its landmarks and headings", async (t) => {
    const page = await show(t, "talk");
    assert.equal(await page.evaluate(() => window.chat.shadowRoot.querySelectorAll("main, h1, h2, h3, h4, h5, h6").length), 0);
  });

  test("no style element, no style attribute in the markup, nothing fetched", async (t) => {
    const page = await show(t, "talk");
    assert.equal(await page.evaluate(() => window.chat.shadowRoot.querySelectorAll("style, link, [onclick], iframe").length), 0);
    const hosts = await page.evaluate(() => performance.getEntriesByType("resource").map((entry) => new URL(entry.name).origin).filter((origin) => origin !== location.origin));
    assert.deepEqual(hosts, []);
  });

  test("every box can be styled from outside by its part", async (t) => {
    const page = await show(t, "statuses");
    const parts = await page.evaluate(() => [...new Set([...window.chat.shadowRoot.querySelectorAll("[part]")].flatMap((node) => [...node.part]))]);
    for (const part of ["launcher", "panel", "header", "title", "log", "message", "bubble", "bubble-guest", "bubble-agent", "avatar", "time", "status", "retry", "remove", "composer", "field", "input", "send"])
      assert.ok(parts.includes(part), part);
  });
});

describe("life of the element", () => {
  test("moved on the page it keeps its conversation; taken away it leaves nothing", async (t) => {
    const page = await show(t, "talk");
    await page.evaluate(() => document.querySelector("main").append(window.chat));
    await log(page).getByText("Perfect, thank you!").waitFor();
    await incoming(page, "After the move");
    await log(page).getByText("After the move").waitFor();
    await page.evaluate(() => window.chat.remove());
    await page.waitForFunction(() => window.chat.shadowRoot.querySelector("dialog") === null);
    await page.evaluate(() => document.body.append(window.chat));
    await log(page).getByText("After the move").waitFor();
  });

  test("moved while it fills the screen it fills it still, and Escape closes it", async (t) => {
    const page = await show(t, "talk", { viewport: PHONE });
    const modal = page.locator("guestwire-chat dialog:modal");
    await modal.waitFor();
    await page.evaluate(() => document.querySelector("main").append(window.chat));
    await modal.waitFor();
    await page.keyboard.press("Escape");
    assert.equal(await page.locator("guestwire-chat dialog[open]").count(), 0);
  });

  test("the page hears what happens", async (t) => {
    const page = await show(t, "closed");
    await page.evaluate(() => {
      window.heard = [];
      for (const name of ["open", "close", "message", "state"]) document.addEventListener(`guestwire-${name}`, (event) => window.heard.push([name, event.detail?.name ?? event.detail?.text ?? null]));
      window.chat.open();
      window.client.go({ name: "offline" });
      window.client.add({ text: "Hello" });
      window.chat.removeAttribute("open");
    });
    assert.deepEqual(await page.evaluate(() => window.heard), [["open", null], ["state", "offline"], ["message", "Hello"], ["close", null]]);
  });
});
