// The stage of the scenarios: an engine and a simulator for a file of tests, and for each test a deployment that nobody else knows. What
// a test asserts on is what the visitor sees (`Tab`) and what the service holds (`Service`).

import assert from "node:assert/strict";
import { TICK_MS, eyes, watchStalls } from "../e2e/eyes.mjs";
import { SOON_MS, deployment, until, url } from "../e2e/service.mjs";
import { SIZE } from "./engine.mjs";
import { KEY } from "./webdriver.mjs";

/** A tab that does not lead leads within this, when it has to (faults.md, 29). */
export const TAKE_OVER_MS = 5000;

/** What is played in one test: an engine, one deployment, and the tabs that are opened on it. */
export class Stage {
  /** Every process that was stopped, so that none is left so. */
  #stopped = new Set();

  constructor(t, engine, protocol) {
    this.t = t;
    this.engine = engine;
    this.session = engine.session;
    this.service = deployment(t, protocol);
    t.after(() => this.#clear());
  }

  /** A first or further tab of this visitor, loaded and connected. */
  async tab() {
    const handle = await this.#open();
    const tab = new Tab(this, handle);
    await tab.load();
    await tab.ready();
    return tab;
  }

  async #open() {
    const handle = await this.session.openWindow(this.engine.tab);
    await this.session.switchTo(handle);
    await this.session.resize(...SIZE);
    return handle;
  }

  /** Holds a process as if it had hung: everything it has stays open, and nothing of it runs. */
  freeze(pid) {
    process.kill(pid, "SIGSTOP");
    this.#stopped.add(pid);
  }

  thaw(pid) {
    process.kill(pid, "SIGCONT");
    this.#stopped.delete(pid);
  }

  /**
   * Kills the process of a tab. WebKit's driver ends the whole browser when it sees that, so there the process is stopped and its tab closed
   * before: of the page, too, nothing runs any more.
   */
  async kill(tab) {
    const pid = await tab.process();
    if (!this.engine.survivesCrash) {
      process.kill(pid, "SIGSTOP");
      await tab.close();
    }
    process.kill(pid, "SIGKILL");
  }

  /** The next test finds one empty window and an empty storage. */
  async #clear() {
    for (const pid of this.#stopped) this.thaw(pid);
    for (const handle of await this.session.windows()) {
      if (handle === this.engine.home) continue;
      await this.session.switchTo(handle);
      await this.session.closeWindow();
    }
    await this.session.switchTo(this.engine.home);
    await this.session.run(() => localStorage.clear());
  }
}

/** One tab of the visitor, on the demo's page. Every call switches to it, and where a tab hides the others it is the one that is seen from then on. */
export class Tab {
  #process;

  constructor(stage, handle) {
    this.stage = stage;
    this.handle = handle;
    this.session = stage.session;
    this.service = stage.service;
  }

  async run(script, ...args) {
    await this.session.switchTo(this.handle);
    return this.session.run(script, ...args);
  }

  /** Brings it before the visitor's eyes. */
  async show() {
    await this.session.switchTo(this.handle);
    await until(() => this.session.run(() => document.visibilityState), (state) => state === "visible", "the tab is seen");
  }

  async close() {
    await this.session.switchTo(this.handle);
    await this.session.closeWindow();
  }

  /** The process it lives in. */
  async process() {
    await this.session.switchTo(this.handle);
    this.#process ??= await this.stage.engine.processOfPage();
    return this.#process;
  }

  get address() {
    return `${url}/?deployment=${this.service.deploymentId}&protocol=${this.service.protocol}`;
  }

  async load() {
    await this.session.switchTo(this.handle);
    await this.session.open(this.address);
    await this.#arrive();
  }

  async reload() {
    await this.session.switchTo(this.handle);
    await this.session.reload();
    await this.#arrive();
  }

  /** Off to another page, by the address bar. */
  async leave() {
    await this.session.switchTo(this.handle);
    await this.run(() => {
      window.stayed = true;
      addEventListener("pageshow", ({ persisted }) => { window.shown = { persisted, at: Date.now() }; }, { once: true });
    });
    await this.session.open(`${url}/icon.svg`);
  }

  /** And back by the button. Gives back whether the engine had kept the page. */
  async back() {
    await this.session.switchTo(this.handle);
    await this.session.back();
    // Between two pages there is none to ask.
    const look = () => this.run(() => location.pathname === "/" && document.readyState === "complete" && { restored: window.stayed === true }).catch(() => false);
    const { restored } = await until(look, Boolean, "the page is there again");
    if (!restored) await this.#arrive();
    return restored;
  }

  /** Awaits the chat in a page that was loaded, and begins to watch over it. */
  async #arrive() {
    await until(() => this.run(() => document.querySelector("guestwire-chat")?.shadowRoot?.querySelector(".launcher") != null), Boolean, "the chat is on the page");
    await this.run(eyes);
    await this.run(() => {
      window.eyes.watch();
      window.diary = { states: [], roles: [], banners: [], typing: [], seen: [], thrown: [] };
      const note = (list, entry) => list.push({ ...entry, at: Date.now() });
      const { client, shadowRoot } = document.querySelector("guestwire-chat");
      client.on("state", ({ name }) => note(window.diary.states, { name }));
      client.on("tab", ({ role }) => note(window.diary.roles, { role }));
      let typing = false;
      new MutationObserver(() => {
        const text = window.eyes.banner();
        if (text !== "" && window.diary.banners.at(-1)?.text !== text) note(window.diary.banners, { text });
        const before = typing;
        typing = shadowRoot.querySelector(".typing") !== null;
        if (typing && !before) note(window.diary.typing, {});
      }).observe(shadowRoot, { childList: true, subtree: true, characterData: true });
      addEventListener("error", ({ message }) => note(window.diary.thrown, { message }));
      addEventListener("unhandledrejection", ({ reason }) => note(window.diary.thrown, { message: String(reason) }));
      document.addEventListener("visibilitychange", () => document.hidden || note(window.diary.seen, {}));
    });
    // A machine with too much to do holds a page, and all its timers.
    await this.run(watchStalls, TICK_MS, "Date");
  }

  /** What the page noted since it was loaded: the states, roles, banners, signs of typing, when it was seen again and when it stood still, each with the time of day. */
  diary() {
    return this.run(() => ({ ...window.diary, stalls: window.stalls() }));
  }

  /** Awaits an entry of the diary. */
  async noted(kind, wanted, timeoutMs) {
    return (await until(() => this.run((name) => window.diary[name], kind), (entries) => entries.some(wanted), `${kind}: ${wanted}`, timeoutMs)).find(wanted);
  }

  /** The strip's own word for the state of the line. */
  state(name, timeoutMs) {
    return until(() => this.run(() => document.querySelector("#strip .state")?.dataset.state), (seen) => seen === name, `the strip says ${name}`, timeoutMs);
  }

  ready(timeoutMs) {
    return this.state("ready", timeoutMs);
  }

  /** Awaits that the page knows that its line is gone: what is typed before goes into the dead one. */
  lost() {
    return until(() => this.run(() => document.querySelector("guestwire-chat").client.state.name), (name) => name !== "ready" && name !== "suspect", "the loss is noticed");
  }

  /** Types and sends, as a visitor does. */
  async say(...texts) {
    for (const text of texts) await this.session.type(await this.input(), text + KEY.enter);
  }

  /** The box to write in. */
  input() {
    return this.part("textarea");
  }

  /** The first thing in the chat with this selector, and, if they are given, these words. */
  part(selector, words) {
    const find = (css, text) => [...document.querySelector("guestwire-chat").shadowRoot.querySelectorAll(css)].find((node) => text === null || node.textContent.trim() === text || node.ariaLabel === text || node.getAttribute("aria-label") === text) ?? null;
    return until(() => this.run(find, selector, words ?? null), (found) => found !== null, `${selector} ${words ?? ""} is there`);
  }

  async click(selector, words) {
    await this.session.click(await this.part(selector, words));
  }

  rows() {
    return this.run(() => window.eyes.rows());
  }

  banner() {
    return this.run(() => window.eyes.banner());
  }

  /** Awaits that the transcript reads exactly so. */
  async sees(rows, timeoutMs = SOON_MS) {
    const seen = await until(() => this.rows(), (read) => JSON.stringify(read) === JSON.stringify(rows), "", timeoutMs).catch(() => this.rows());
    assert.deepEqual(seen, rows);
  }

  /** Awaits so many rows, all of the visitor's sent, where the order of both sides' is the service's to say; gives them back. */
  settled(count) {
    return until(() => this.rows(), (rows) => rows.length === count && rows.every((row) => !row.startsWith("You") || row.endsWith("(Sent)")), `${count} rows, all sent`);
  }

  /** Since the page was loaded no message stood there as failed or twice, and nothing was thrown at the page. */
  async assertNothingAlarming() {
    const seen = await this.run(() => ({ failed: [...window.eyes.failed], doubled: [...window.eyes.doubled], thrown: window.diary.thrown }));
    assert.deepEqual(seen, { failed: [], doubled: [], thrown: [] });
  }
}

export const sent = (...texts) => texts.map((text) => `You: ${text} (Sent)`);
export const waiting = (...texts) => texts.map((text) => `You: ${text} (Waiting to be sent)`);

/** All tabs show the same, and the service has each text once, in order, over one connection. */
export async function assertOneConversation(tabs, rows, texts) {
  for (const tab of tabs) {
    await tab.sees(rows);
    await tab.assertNothingAlarming();
  }
  const { service } = tabs[0];
  assert.deepEqual(await service.stored(), texts);
  const one = (sessions) => sessions.length === 1 && sessions[0].connections === 1;
  await until(() => service.sessions(), one, "one session over one connection");
  // A notice of typing may come too soon after one of another tab's: it costs nothing but itself.
  const refused = ({ kind, text }) => kind === "evicted" || (kind === "limited" && text !== "typing per five seconds");
  assert.deepEqual((await service.records()).filter(refused), []);
}
