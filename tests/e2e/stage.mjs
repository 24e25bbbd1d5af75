// The stage of the demo's tests: one browser and one simulator a file, and for each test a deployment of its own that nobody else
// knows, so that tests run side by side. What a test asserts on is what the visitor sees (`Visit`) and what the service
// holds (`Service`).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before } from "node:test";
import { chromium } from "playwright-core";
import { chromiumFlags } from "../../scripts/setup.mjs";
import { eyes } from "./eyes.mjs";
import { SOON_MS, deployment, startSimulator, url } from "./service.mjs";

export { POLICY, SOON_MS, Service, deployment, until, url } from "./service.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const AXE_RULES = { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], rules: { "target-size": { enabled: true } } };

/** Wide enough for the demo's three columns, with the chat open. */
export const WIDE = { width: 1280, height: 800 };
/** The demo behind tabs, with the chat closed at first. */
export const NARROW = { width: 900, height: 800 };

/** What Chromium itself prints when a test takes the line away; no script can keep it from that. */
export const BROKEN_LINE = [/^WebSocket connection to /, /^Failed to load resource: /];

let browser;
before(async () => {
  [browser] = await Promise.all([chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: chromiumFlags() }), startSimulator()]);
});
after(() => browser?.close());

/** One page of one visitor on the demo. */
export class Visit {
  constructor(service, page) {
    this.service = service;
    this.page = page;
    this.chat = page.locator("guestwire-chat");
    this.input = this.chat.getByLabel("Message", { exact: true });
    this.log = this.chat.getByRole("log", { name: "Conversation" });
    this.banner = this.chat.locator(".banner");
    /** In the composer's place when nothing can be written. */
    this.notice = this.chat.locator(".notice");
  }

  /** Loads the page, or loads it again, and awaits the chat in it. */
  async load() {
    if (this.page.url() === "about:blank") await this.page.goto(`${url}/?deployment=${this.service.deploymentId}&protocol=${this.service.protocol}`);
    else await this.page.reload();
    await this.chat.locator(".launcher").waitFor();
    await this.page.evaluate(() => window.eyes.watch());
  }

  /** The chat is connected: the strip's own word for it. */
  ready(timeoutMs = SOON_MS) {
    return this.state("ready", timeoutMs);
  }

  state(name, timeoutMs = SOON_MS) {
    return this.page.locator(`#strip .state[data-state=${name}]`).waitFor({ timeout: timeoutMs });
  }

  /** As if the network were gone, and noticed by the page: what is typed before that goes into the dead line, and is not known to wait. */
  async goAway() {
    const rules = await this.service.goAway();
    await this.page.waitForFunction(() => document.querySelector("guestwire-chat").client.state.name !== "ready");
    return rules;
  }

  /** From here on the page keeps a diary of the line's states and of every banner that is drawn; gives back what reads it. */
  async watchLine() {
    await this.page.evaluate(() => {
      const chat = document.querySelector("guestwire-chat");
      window.line = { states: [chat.client.state.name], banners: [] };
      chat.client.on("state", ({ name }) => window.line.states.push(name));
      new MutationObserver(() => {
        const words = window.eyes.banner();
        if (words !== "" && window.line.banners.at(-1) !== words) window.line.banners.push(words);
      }).observe(chat.shadowRoot, { childList: true, subtree: true, characterData: true });
    });
    return () => this.page.evaluate(() => window.line);
  }

  /** Types and sends. */
  async say(...texts) {
    for (const text of texts) {
      await this.input.fill(text);
      await this.input.press("Enter");
    }
  }

  rows() {
    return this.page.evaluate(() => window.eyes.rows());
  }

  /** What stands in a box that may not be there. */
  async read(box) {
    return (await box.allTextContents()).join(" ");
  }

  focused() {
    return this.page.evaluate(() => window.eyes.focused());
  }

  /** Awaits that the transcript reads exactly so. */
  async sees(rows, timeoutMs = SOON_MS) {
    const reads = (expected) => JSON.stringify(window.eyes.rows()) === JSON.stringify(expected);
    // Told as a difference of what is there, not as a time that ran out.
    await this.page.waitForFunction(reads, rows, { timeout: timeoutMs }).catch(async () => assert.deepEqual(await this.rows(), rows));
  }

  /** What the strip makes of it, from two independent sides: all of what was typed is stored, in order, none twice. */
  async proves(count, timeoutMs = SOON_MS) {
    const proof = this.page.locator("#strip .proof");
    await proof.getByText(`typed ${count} · the service stored ${count} · in order · none twice`, { exact: true }).waitFor({ timeout: timeoutMs }).catch(async () => assert.equal(await proof.textContent(), `${count} proved`));
  }

  /** Since the page was loaded no message of the visitor stood there as failed, and none twice. */
  async assertNothingAlarming() {
    const seen = await this.page.evaluate(() => ({ failed: [...window.eyes.failed], doubled: [...window.eyes.doubled] }));
    assert.deepEqual(seen, { failed: [], doubled: [] });
  }

  metrics() {
    return this.page.evaluate(() => ({ ...document.querySelector("guestwire-chat").client.metrics }));
  }

  /** What axe finds in the element, or in another part of the page: nothing, it is hoped. */
  violations(part = "guestwire-chat") {
    return violationsIn(this.page, part);
  }
}

/** What axe finds in a part of any page. */
export async function violationsIn(page, part) {
  // Entrance animations are let finish: axe measures colours through opacity.
  await page.evaluate(() => {
    const moving = [document, document.querySelector("guestwire-chat")?.shadowRoot].flatMap((root) => root?.getAnimations() ?? []);
    return Promise.all(moving.filter((one) => one.effect?.getTiming().iterations !== Infinity).map((one) => one.finished.catch(() => undefined)));
  });
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(([selector, rules]) => window.axe.run(selector, rules), [part, AXE_RULES]);
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target.join(" ")} ${node.any[0]?.message ?? node.failureSummary}`).join(" | ")}`);
}

/** A browser profile for one test, closed after it. Anything its pages complain about, but what `expects` names, fails the test. */
export async function profile(t, { expects = [], viewport = WIDE, ...options } = {}) {
  const context = await browser.newContext({ viewport, ...options });
  context.setDefaultTimeout(SOON_MS);
  const complaints = [];
  const hear = (text) => expects.some((pattern) => pattern.test(text)) || complaints.push(text);
  context.on("console", (message) => ["error", "warning"].includes(message.type()) && hear(message.text()));
  context.on("weberror", (thrown) => hear(String(thrown.error())));
  context.on("dialog", (dialog) => (hear(`dialog: ${dialog.message()}`), dialog.dismiss()));
  await context.addInitScript(eyes);
  t.after(async () => {
    await context.close();
    assert.deepEqual(complaints, []);
  });
  return context;
}

/** The demo on a deployment of its own, loaded and connected. `set`: switches of the service before that. */
export async function visit(t, { protocol, set, ...options } = {}) {
  const context = await profile(t, options);
  const visitor = new Visit(deployment(t, protocol), await context.newPage());
  if (set !== undefined) await visitor.service.set(set);
  await visitor.load();
  await visitor.ready();
  return visitor;
}
