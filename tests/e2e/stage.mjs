// The stage of the demo's tests: one browser and one simulator a file, and for each test a deployment of its own that nobody else
// knows, so that tests run side by side. What a test asserts on is what the visitor sees (`Visit`) and what the service
// holds (`Service`).

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import { createInterface } from "node:readline";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const PROJECT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
/** The strictest policy a site can serve and still run the module; nothing here may need more. */
export const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; require-trusted-types-for 'script'; trusted-types 'none'";
const BROWSER_ARGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync", "--disable-dev-shm-usage",
];
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const AXE_RULES = { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], rules: { "target-size": { enabled: true } } };

/** Wide enough for the demo's three columns, with the chat open. */
export const WIDE = { width: 1280, height: 800 };
/** The demo behind tabs, with the chat closed at first. */
export const NARROW = { width: 900, height: 800 };
/** What a busy machine may take for something that is not about time. */
export const SOON_MS = 30_000;
const POLL_MS = 50;
const START_TIMEOUT_MS = 15_000;

/** What Chromium itself prints when a test takes the line away; no script can keep it from that. */
export const BROKEN_LINE = [/^WebSocket connection to /, /^Failed to load resource: /];

let browser;
export let url;
before(async () => {
  [browser, url] = await Promise.all([chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: BROWSER_ARGS }), startSimulator()]);
});
after(() => browser?.close());

function startSimulator() {
  const program = resolve(process.cwd(), process.env.SIMULATOR_BIN ?? resolve(PROJECT, "target/debug/simulator"));
  const child = spawn(program, ["--listen", "127.0.0.1:0", "--www", resolve(PROJECT, "dist/demo"), "--bot", "silent", "--csp", POLICY], { stdio: ["ignore", "pipe", "inherit"] });
  process.on("exit", () => child.kill());
  return new Promise((settle, reject) => {
    const timer = setTimeout(() => reject(new Error(`${program} printed no first line`)), START_TIMEOUT_MS);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${program} ended with ${code}`)));
    createInterface({ input: child.stdout }).once("line", (line) => {
      clearTimeout(timer);
      // Nothing of the child may keep this process alive once its tests are done.
      child.unref();
      child.stdout.unref();
      settle(JSON.parse(line).url.replace(/\/$/, ""));
    });
  });
}

/** Polls what cannot push until `done` holds for what it read, and gives that back. */
export async function until(read, done, what, timeoutMs = SOON_MS) {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await read();
    if (done(value)) return value;
    if (performance.now() > deadline) assert.fail(`not within ${timeoutMs} ms: ${what}; last read ${JSON.stringify(value)?.slice(0, 2000)}`);
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
}

/** The service's side of one deployment: what it stored, what it saw, and how to break it. */
export class Service {
  /** `protocol`: what its guest speaks. */
  constructor(deploymentId, protocol = "guest") {
    this.deploymentId = deploymentId;
    this.protocol = protocol;
  }

  /** What a rule matches a guest's text with; not a typing notice, a Join or a ping. */
  get message() {
    return this.protocol === "session" ? { action: "message" } : { action: "onMessage", type: "Text" };
  }

  async #call(method, path, body) {
    const response = await fetch(`${url}/_sim/${path}`, { method, headers: { "content-type": "application/json" }, body: body && JSON.stringify(body) });
    const text = await response.text();
    assert.ok(response.ok, `${method} /_sim/${path} ${JSON.stringify(body)} answered ${response.status}: ${text}`);
    return JSON.parse(text);
  }

  sessions() {
    return this.#call("GET", `sessions?deploymentId=${this.deploymentId}`);
  }

  /** Everything the guest said that the service holds, over all tokens, in order. */
  async stored() {
    const messages = (await this.sessions()).flatMap((session) => session.messages);
    return messages.filter(({ direction }) => direction === "Inbound").map(({ text }) => text);
  }

  async records(since = 0) {
    return (await this.#call("GET", `log?since=${since}&deploymentId=${this.deploymentId}`)).records;
  }

  /** Where the log stands now. */
  async mark() {
    return (await this.#call("GET", `log?since=0&deploymentId=none`)).next;
  }

  /** Awaits the first record since `since` for which `wanted` holds. */
  async record(wanted, since = 0, timeoutMs = SOON_MS) {
    return (await until(() => this.records(since), (records) => records.some(wanted), `a log record ${wanted}`, timeoutMs)).find(wanted);
  }

  /** How often a guest's message with this text came to the service's edge. */
  async arrivals(text) {
    return (await this.records()).filter((record) => record.kind === "frame-in" && record.action === this.message.action && record.text === text).length;
  }

  /** Sets fault rules for this deployment alone, and gives back their numbers. */
  async faults(...rules) {
    const { ids } = await this.#call("POST", "faults", rules.map(({ match, ...rule }) => ({ ...rule, match: { ...match, deploymentId: this.deploymentId } })));
    return ids;
  }

  /** Takes rules away, all of this deployment when none is named; what they held goes on its way. */
  async lift(ids = []) {
    await this.#call("DELETE", `faults?deploymentId=${this.deploymentId}${ids.map((id) => `&id=${id}`).join("")}`);
  }

  set(switches) {
    return this.#call("POST", "set", { deploymentId: this.deploymentId, ...switches });
  }

  agent(act) {
    return this.#call("POST", "agent", { deploymentId: this.deploymentId, ...act });
  }

  says(...texts) {
    return texts.reduce((before, text) => before.then(() => this.agent({ do: "text", text })), Promise.resolve());
  }

  expire(what = "session") {
    return this.#call("POST", "expire", { what, deploymentId: this.deploymentId });
  }

  reset() {
    return this.#call("POST", "reset", { deploymentId: this.deploymentId });
  }

  /** Ends the connection that is up without a goodbye: a frame that says nothing new meets a fault. */
  async cut() {
    await this.faults({ on: "frame-out", do: "drop" });
    await this.agent({
      do: "raw",
      frame: this.protocol === "session" ? { type: "pong" } : {
        type: "message", class: "StructuredMessage", code: 200,
        body: { id: randomUUID().replaceAll("-", ""), type: "Event", direction: "Outbound", channel: { time: new Date().toISOString() }, events: [{ eventType: "Typing", typing: { type: "Off", duration: 0 } }] },
      },
    });
  }

  /** As if the network were gone: neither a connection nor any answer. Gives back the rules' numbers for `lift`. */
  async goAway() {
    const rules = await this.faults({ on: "connect", count: 0, do: "drop" }, { on: "http", count: 0, do: "drop" });
    await this.cut();
    return rules;
  }

  /** The service is there and refuses connections. */
  async refuse(status = 503) {
    const rules = await this.faults({ on: "connect", count: 0, do: "refuse", status });
    await this.cut();
    return rules;
  }
}

/** Runs in the page: what the visitor reads, and a watch over what must never be read. */
function eyes() {
  const shadow = () => document.querySelector("guestwire-chat")?.shadowRoot;
  const words = (node, selector) => node.querySelector(selector)?.textContent.trim() ?? "";
  window.eyes = {
    rows: () =>
      [...(shadow()?.querySelectorAll(".message") ?? [])].map((row) => {
        const status = words(row, "[part=status]");
        return `${words(row, "[part=sender]")}: ${words(row, ".bubble")}${status === "" ? "" : ` (${status})`}`;
      }),
    banner: () => words(shadow(), ".banner"),
    focused: () => {
      const active = document.activeElement?.shadowRoot?.activeElement ?? document.activeElement;
      return active?.id || active?.className || active?.tagName.toLowerCase();
    },
    failed: new Set(),
    doubled: new Set(),
    watch() {
      const look = () => {
        const mine = [...shadow().querySelectorAll(".message.guest")];
        const texts = mine.map((row) => words(row, ".bubble"));
        for (const text of texts) if (texts.indexOf(text) !== texts.lastIndexOf(text)) this.doubled.add(text);
        for (const row of mine) if (row.matches(".failed, .expired")) this.failed.add(words(row, ".bubble"));
      };
      new MutationObserver(look).observe(shadow(), { childList: true, subtree: true, characterData: true, attributeFilter: ["class"] });
      look();
    },
  };
}

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

/** A deployment for one test, forgotten after it. */
export function deployment(t, protocol) {
  const service = new Service(`e2e-${randomUUID()}`, protocol);
  t.after(() => service.reset());
  return service;
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
