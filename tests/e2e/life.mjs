// The stage of what a page lives through: for each test a Chromium of its own without an automation library, since it is to be hidden,
// frozen, put into the back/forward cache and stopped as browsers do it. The page is the soak's: a client and nothing else.

import { after, before } from "node:test";
import { Chromium } from "../../scripts/devtools.mjs";
import { serveSoak } from "../../scripts/soak/site.mjs";
import { TICK_MS, heldMs, watchStalls } from "./eyes.mjs";
import { deployment, SOON_MS, startSimulator, url } from "./service.mjs";

let site;
before(async () => ([site] = await Promise.all([serveSoak(), startSimulator()])));
after(() => site?.close());

/** One visitor: a tab with a client that is connected, and the service's side of it. */
export class Life {
  #told = [];
  #waiting = new Set();

  /** `args`: flags of the browser. */
  static async begin(t, { args } = {}) {
    const browser = await Chromium.launch({ args });
    t.after(() => browser.close());
    const life = new Life(browser, deployment(t));
    life.page = await life.open();
    await life.heard("state", ({ name }) => name === "ready");
    await life.page.run(watchStalls, [TICK_MS, "performance"]);
    // What is asked for at the beginning has been answered: no answer of that time is taken for one to a later question.
    await life.service.record(({ kind, path }) => kind === "http" && path?.endsWith("/messages"));
    return life;
  }

  constructor(browser, service) {
    this.browser = browser;
    this.service = service;
  }

  get url() {
    return `${site.url}/page.html?deployment=${this.service.deploymentId}&endpoint=${url}`;
  }

  /** A tab of the site, in front. What the first one says is kept. */
  async open(more = "") {
    const page = await this.browser.open();
    if (this.page === undefined) await page.hear("told", (said) => this.#take(said));
    await page.goto(this.url + more);
    return page;
  }

  #take(said) {
    this.#told.push(said);
    for (const look of [...this.#waiting]) look();
  }

  /** Where what the page has said stands now. */
  mark() {
    return this.#told.length;
  }

  /** What the page said of a kind since then. */
  told(what, since = 0) {
    return this.#told.slice(since).filter((one) => one.what === what);
  }

  /** Awaits that the page says something. */
  heard(what, wanted = () => true, since = 0, timeoutMs = SOON_MS) {
    const find = () => this.told(what, since).find(wanted);
    return new Promise((settle, refuse) => {
      const timer = setTimeout(() => (this.#waiting.delete(look), refuse(new Error(`not within ${timeoutMs} ms: ${what} ${wanted}; said ${JSON.stringify(this.#told.slice(since)).slice(-2000)}`))), timeoutMs);
      const look = () => {
        const found = find();
        if (found === undefined) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        settle(found);
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** The page says that this stands on its list. */
  row(text, since = 0) {
    return this.heard("row", (row) => row.text === text, since);
  }

  /** When the page stood still, by its own clock. */
  stalls() {
    return this.page.run(() => globalThis.stalls());
  }

  /** How long it was from one moment of the page to another, without those in which the machine did not let it run. */
  async took(from, to) {
    return to - from - heldMs(await this.stalls(), from, to);
  }

  /** The page has left the state of being connected since then; being in doubt is not leaving it. */
  left(since = 0) {
    return this.told("state", since).filter(({ name }) => name !== "ready" && name !== "suspect");
  }

  say(text) {
    return this.page.run((text) => globalThis.life.say(text), [text]);
  }

  look() {
    return this.page.run(() => globalThis.life.look());
  }

  async list() {
    return (await this.page.run(() => globalThis.life.list())).map(({ text, status }) => `${text} (${status})`);
  }

  /** Presses a key in the page, as a visitor who is back. */
  async press() {
    for (const type of ["keyDown", "keyUp"]) await this.page.send("Input.dispatchKeyEvent", { type, key: "Shift", code: "ShiftLeft" });
  }

  /** The connection that is up is dead from now on, and nothing says so. */
  async strand() {
    await this.service.faults({ on: "frame-out", do: "stall", direction: "both" });
    await this.service.agent({ do: "typing", text: "Off" });
  }

  /** What the service saw since then, by kind: connections that were made or refused, probes, goodbyes. */
  async seen(since = 0) {
    const records = await this.service.records(since);
    const count = (wanted) => records.filter(wanted).length;
    return {
      opens: count(({ kind }) => kind === "open"),
      refused: count(({ kind, path }) => kind === "http" && path?.startsWith("/v1")),
      closes: count(({ kind }) => kind === "close"),
      probes: count(({ kind, action }) => kind === "frame-in" && action === "echo"),
    };
  }
}
