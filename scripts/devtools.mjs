// Chromium by its own protocol over a pipe, with nothing in between: an automation library keeps background tabs visible and pages out
// of the back/forward cache, and what a page lives through is what is wanted here.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endGroup, start } from "./process.mjs";
import { chromiumFlags } from "./setup.mjs";

/** What no answer of the browser's own takes; a page that stands still takes as long as it likes, and says so by `timeoutMs`. */
const ANSWER_MS = 30_000;

/** Profiles of browsers that were not closed: they go with this process. */
const folders = new Set();
process.on("exit", () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** A browser with a profile of its own, which goes with it. */
export class Chromium {
  #child;
  #folder;
  #next = 1;
  #waiting = new Map();
  #listeners = new Set();

  /** `args`: more flags. */
  static async launch({ executable = process.env.CHROMIUM ?? "/usr/bin/chromium", args = [] } = {}) {
    const browser = new Chromium();
    browser.#folder = mkdtempSync(join(tmpdir(), "guestwire-chromium-"));
    folders.add(browser.#folder);
    const all = [...chromiumFlags({ headless: true }), ...args, "--remote-debugging-pipe", `--user-data-dir=${browser.#folder}`, "about:blank"];
    browser.#child = start(executable, all, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    browser.#child.on("exit", () => browser.#refuse(() => true, "the browser has ended"));
    browser.#child.on("error", (error) => browser.#refuse(() => true, error.message));
    browser.#listen();
    await browser.send("Target.setDiscoverTargets", { discover: true });
    return browser;
  }

  #listen() {
    // Messages end with a zero; one may come in pieces, and a piece may end within a character.
    let pieces = [];
    this.#child.stdio[4].on("error", () => {}).on("data", (chunk) => {
      for (let from = 0; ; ) {
        const end = chunk.indexOf(0, from);
        pieces.push(end < 0 ? chunk.subarray(from) : chunk.subarray(from, end));
        if (end < 0) return;
        this.#take(JSON.parse(Buffer.concat(pieces).toString()));
        pieces = [];
        from = end + 1;
      }
    });
    this.#child.stdio[3].on("error", () => {});
  }

  #take({ id, result, error, method, params, sessionId }) {
    if (id === undefined) {
      if (method === "Target.detachedFromTarget") this.#refuse(({ session }) => session === params.sessionId, "the page has gone");
      for (const listener of [...this.#listeners]) listener({ method, params, sessionId });
      return;
    }
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.settle(result);
    else waiting?.refuse(new Error(`${waiting.method}: ${error.message}`));
  }

  #refuse(which, why) {
    for (const [id, one] of this.#waiting) if (which(one)) (this.#waiting.delete(id), one.refuse(new Error(`${one.method}: ${why}`)));
  }

  /** What is asked of a session that crashed is not answered. */
  refuseAll(session, why) {
    this.#refuse((one) => one.session === session, why);
  }

  send(method, params = {}, session = undefined, timeoutMs = ANSWER_MS) {
    const id = this.#next++;
    return new Promise((settle, refuse) => {
      const timer = setTimeout(() => (this.#waiting.delete(id), refuse(new Error(`${method}: no answer within ${timeoutMs} ms`))), timeoutMs);
      const over = (done) => (value) => (clearTimeout(timer), done(value));
      this.#waiting.set(id, { method, session, settle: over(settle), refuse: over(refuse) });
      this.#child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId: session })}\0`);
    });
  }

  /** Calls `listener` with every event; gives back what ends it. */
  on(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A new tab, in front of the others. */
  async open(url = "about:blank") {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, targetId, sessionId);
    await Promise.all([page.send("Page.enable"), page.send("Runtime.enable"), page.send("Inspector.enable")]);
    if (url !== "about:blank") await page.goto(url);
    return page;
  }

  /** The whole browser stands still, as on a machine that sleeps … */
  stop() {
    process.kill(-this.#child.pid, "SIGSTOP");
  }

  /** … and goes on. */
  go() {
    process.kill(-this.#child.pid, "SIGCONT");
  }

  async version() {
    return (await this.send("Browser.getVersion")).product.replace(/^.*\//, "");
  }

  async close() {
    const ended = this.#child.exitCode !== null || this.#child.signalCode !== null ? undefined : new Promise((done) => this.#child.once("exit", done));
    if (ended !== undefined) endGroup(this.#child, "SIGKILL");
    await ended;
    // What the browser's other processes still write is removed once they have gone, too.
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    folders.delete(this.#folder);
  }
}

/** One tab. */
export class Page {
  #browser;

  constructor(browser, targetId, session) {
    this.#browser = browser;
    this.targetId = targetId;
    this.session = session;
  }

  send(method, params, timeoutMs) {
    return this.#browser.send(method, params, this.session, timeoutMs);
  }

  /** Calls `listener` with this page's events. */
  on(listener) {
    return this.#browser.on((event) => event.sessionId === this.session && listener(event));
  }

  /** Awaits an event of this page. Begin to wait before doing what brings it about. */
  event(method, wanted = () => true, timeoutMs = ANSWER_MS) {
    return new Promise((settle, refuse) => {
      const timer = setTimeout(() => (off(), refuse(new Error(`no ${method} within ${timeoutMs} ms`))), timeoutMs);
      const off = this.on((event) => {
        if (event.method !== method || !wanted(event.params)) return;
        clearTimeout(timer);
        off();
        settle(event.params);
      });
    });
  }

  async goto(url) {
    const loaded = this.event("Page.loadEventFired");
    // Awaited below: until then nobody listens to its failure.
    loaded.catch(() => {});
    const { errorText } = await this.send("Page.navigate", { url });
    if (errorText !== undefined) throw new Error(`${url}: ${errorText}`);
    await loaded;
  }

  /** Calls a function in the page, with arguments as JSON has them, and awaits what it gives back. */
  async run(what, args = [], timeoutMs = ANSWER_MS) {
    const expression = `(${what})(...${JSON.stringify(args)})`;
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true, userGesture: true }, timeoutMs);
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Calls `listener` with what the page says by `name`, parsed, in this document and in those that follow it in this tab. */
  async hear(name, listener) {
    await this.send("Runtime.addBinding", { name });
    return this.on(({ method, params }) => method === "Runtime.bindingCalled" && params.name === name && listener(JSON.parse(params.payload)));
  }

  /** Brings this tab in front of the others, which are hidden from then on. */
  show() {
    return this.#browser.send("Target.activateTarget", { targetId: this.targetId });
  }

  freeze() {
    return this.send("Page.setWebLifecycleState", { state: "frozen" });
  }

  thaw() {
    return this.send("Page.setWebLifecycleState", { state: "active" });
  }

  /** Back to the page before, out of the back/forward cache if it is there. */
  async back() {
    const { currentIndex, entries } = await this.send("Page.getNavigationHistory");
    await this.send("Page.navigateToHistoryEntry", { entryId: entries[currentIndex - 1].id });
  }

  /** Ends the page's process as a crash does. */
  async crash() {
    const crashed = this.event("Inspector.targetCrashed");
    // A page that crashes does not answer.
    this.send("Page.crash").catch(() => {});
    await crashed;
    this.#browser.refuseAll(this.session, "the page has crashed");
  }

  close() {
    return this.#browser.send("Target.closeTarget", { targetId: this.targetId });
  }
}
