// Everybody who takes part in a soak: the browser with its tabs, the service, who writes on either side, and who writes down what happens.

import { setTimeout as pass } from "node:timers/promises";
import { Chromium } from "../devtools.mjs";
import { kinds } from "./faults.mjs";
import { line } from "./schedule.mjs";
import { Service } from "./service.mjs";
import { Tab } from "./tab.mjs";

/** Hidden pages are throttled to a timer a minute after ten seconds instead of five minutes. */
const ARGS = ["--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/10"];
/** How often what cannot be awaited is looked at. */
const LOOK_MS = 250;
/** What the service logs is taken before it forgets. */
const LOG_MS = 1_000;
/** Once nothing is broken any more, everything has to have come right after this (faults.md: ten healthy minutes). */
const HEAL_MS = 600_000;

export class Crew {
  tabs = [];
  // ---- what the verdict goes by
  written = [];
  said = [];
  sent = new Set();
  failed = new Map();
  doubts = new Map();
  wipes = [];
  ends = [];
  problems = [];
  // ---- what the figures go by
  metrics = [];
  met = new Map();
  refused = 0;
  counts = { connects: 0, limited: 0, evicted: 0, gaps: 0, warnings: 0 };
  /** The conversations' tokens in the order in which they began. */
  #tokens = [];
  #began = performance.now();
  #numbers = { g: 0, a: 0 };
  #writing = Promise.resolve();
  #news = Promise.resolve();
  #over = false;

  /** `trace` is given every event; `say` what somebody may want to watch. */
  static async gather({ site, simulator, tabs, executable, trace, say }) {
    const crew = new Crew();
    Object.assign(crew, { site, trace, say, service: new Service(simulator.url) });
    crew.browser = await Chromium.launch({ executable, args: ARGS });
    crew.blank = await crew.browser.open();
    crew.tabs = Array.from({ length: tabs }, (_, index) => new Tab(crew, index));
    for (const tab of crew.tabs) await tab.open();
    crew.#began = performance.now();
    crew.#log = crew.#readLog();
    return crew;
  }
  #log;

  get url() {
    return `${this.site.url}/page.html?deployment=${this.service.deploymentId}&endpoint=${this.service.endpoint}`;
  }

  get awayUrl() {
    return `${this.site.url}/away.html`;
  }

  /** Milliseconds since the beginning. */
  now() {
    return Math.round(performance.now() - this.#began);
  }

  note(what, more) {
    this.trace({ t: this.now(), what, ...more });
  }

  problem(text) {
    this.problems.push(text);
    this.note("problem", { text });
    this.say(`${this.#stamp()} · ${text}`);
  }

  #stamp() {
    return `+${(this.now() / 1000).toFixed(1)} s`.padStart(10);
  }

  /** A blank tab comes in front of the others. */
  cover() {
    return this.blank.show();
  }

  /** A page knows nothing any more but what is stored: it is over, or was put away and reads anew. */
  ended(tab, how) {
    this.ends.push(this.now());
    this.note("ended", { tab: tab.index, life: tab.life, how });
  }

  /** A page tells something. */
  hear(tab, { what, at, ...more }) {
    this.note(what, { tab: tab.index, life: tab.life, ...more });
    const { text, status, code } = more;
    if (what === "double") this.problem(`tab ${tab.index + 1} shows ${text} twice`);
    if (what === "doubt") this.doubts.set(text, (this.doubts.get(text) ?? 0) + 1);
    if (what === "gap" && !more.filled) this.counts.gaps += 1;
    if (what === "warning" || what === "error") this.counts.warnings += 1;
    if (what === "metric") {
      const from = this.now() - more.ms;
      this.metrics.push({ kind: more.kind, ms: more.ms, disturbed: tab.impaired.some(([began, over]) => began <= this.now() && (over ?? Infinity) >= from) });
    }
    if (what === "status") {
      if (status === "sent") this.sent.add(text);
      if (status === "failed" || status === "expired") this.failed.set(text, { text, status, code });
      else this.failed.delete(text);
    }
  }

  /** What is written, and what clears storage, comes one after the other: what was accepted before what is known. */
  #inTurn(work) {
    const done = this.#writing.then(work);
    this.#writing = done.catch(() => {});
    return done;
  }

  wipe(tab) {
    return this.#inTurn(async () => {
      await tab.call("wipe");
      this.wipes.push(this.now());
      this.note("wiped", { tab: tab.index });
    });
  }

  /** Awaits that a tab has nothing to send, for at most so long. */
  async idle(tab, ms) {
    for (const until = this.now() + ms; this.now() < until; await pass(LOOK_MS)) if ((await tab.call("look")).outbox === 0) return;
  }

  /** The guest writes the next message, into this tab or, where it cannot be written in, into another one; `here`: into this one in any case. */
  write(wanted, { here = false } = {}) {
    return this.#inTurn(async () => {
      const tab = here ? wanted : [wanted, ...this.tabs].find(({ shut }) => !shut);
      if (tab === undefined) return false;
      const text = `g${this.#numbers.g + 1}`;
      const one = { text, at: this.now(), known: false };
      const answer = await tab.call("say", [text]).catch((error) => ({ died: error.message }));
      if (answer.refused !== undefined) {
        this.refused += 1;
        this.note("refused", { tab: tab.index, ...answer });
        return true;
      }
      this.#numbers.g += 1;
      one.known = answer.died === undefined;
      if (answer.durable === false) this.problem(`${text} was accepted, but not durably`);
      this.written.push(one);
      this.note("written", { tab: tab.index, life: tab.life, text, ...answer });
      return true;
    });
  }

  async speak() {
    const text = `a${this.#numbers.a + 1}`;
    if (!(await this.service.says(text))) return;
    this.#numbers.a += 1;
    this.said.push(text);
    this.note("said", { text });
  }

  /** Plays a schedule to its end, and lets every fault heal. */
  async play({ faults, guest, agent }) {
    const on = async (all, act) => {
      for (const one of all) {
        await pass(Math.max(0, one.at - this.now()));
        await act(one);
      }
    };
    const under = [];
    await Promise.all([
      on(faults, (fault) => void under.push(this.#befall(fault))),
      on(guest, async ({ count, tab }) => {
        for (let n = 0; n < count; n += 1) while (!(await this.write(this.tabs[tab]))) await pass(LOOK_MS);
      }),
      on(agent, async ({ count }) => {
        for (let n = 0; n < count; n += 1) await this.speak();
      }),
    ]);
    await Promise.all(under);
  }

  async #befall(fault) {
    const kind = kinds[fault.kind];
    const tab = this.tabs[fault.tab];
    const run = async () => {
      this.say(`${line({ ...fault, at: this.now() })}`);
      this.note("fault", fault);
      const span = [this.now()];
      if (kind.ofPage) {
        for (const one of fault.kind === "sleep" ? this.tabs : [tab]) one.impaired.push(span);
        if (!kind.usable) tab.shut = true;
      }
      const met = await kind.act({ crew: this, tab, service: this.service }, fault).catch((error) => {
        this.problem(`${fault.kind} could not be done: ${error.message}`);
        return false;
      });
      span.push(this.now());
      if (kind.ofPage) tab.shut = false;
      if (met !== false) this.met.set(fault.kind, (this.met.get(fault.kind) ?? 0) + 1);
      this.note("healed", { kind: fault.kind, met: met !== false });
    };
    return kind.ofPage ? tab.queue(run) : run();
  }

  async #readLog() {
    for (; !this.#over; await pass(LOG_MS)) await this.#takeNews();
  }

  /** One look after the other, so that no record is counted twice. */
  #takeNews() {
    this.#news = this.#news.then(async () => {
      for (const record of await this.service.news()) {
        this.trace({ t: this.now(), what: "log", ...record });
        if (record.kind === "open") this.counts.connects += 1;
        if (record.token !== undefined && !this.#tokens.includes(record.token)) this.#tokens.push(record.token);
        if (record.kind in this.counts) this.counts[record.kind] += 1;
      }
    });
    return this.#news;
  }

  /** What each conversation holds, oldest first. */
  async sessions() {
    await this.#takeNews();
    const began = ({ token }) => this.#tokens.indexOf(token);
    return (await this.service.sessions()).sort((one, other) => began(one) - began(other));
  }

  /** Nothing is broken any more: awaits that every tab has nothing left to send and shows what the service holds. Gives back the verdict's input. */
  async heal() {
    await this.service.lift();
    for (const tab of this.tabs) await tab.show();
    const deadline = performance.now() + HEAL_MS;
    let last = "";
    for (;;) {
      const state = await this.#settled().catch((error) => error.message);
      if (state === undefined) return;
      if (state !== last) this.note("healing", { state });
      last = state;
      if (performance.now() > deadline) return this.problem(`not come right within ${HEAL_MS / 60_000} minutes: ${last}`);
      await pass(LOOK_MS * 2);
    }
  }

  /** What is still to come, if anything. */
  async #settled() {
    const looks = await Promise.all(this.tabs.map((tab) => tab.call("look")));
    const waiting = looks.reduce((sum, { outbox }) => sum + outbox, 0);
    if (waiting > 0) return `${waiting} messages wait`;
    if (!looks.some(({ state }) => state.name === "ready")) return `no tab is ready: ${looks.map(({ state }) => state.name)}`;
    const live = (await this.service.sessions()).filter(({ connections }) => connections > 0);
    if (live.length !== 1) return `${live.length} conversations are connected`;
    const last = live[0].messages.findLast(({ text }) => typeof text === "string")?.text;
    const lists = await this.lists();
    const behind = lists.filter(({ rows }) => last !== undefined && !rows.some(({ text }) => text === last));
    return behind.length > 0 ? `tab ${behind[0].tab + 1} does not show ${last}` : undefined;
  }

  /** Notes what the first tab takes at a time of the run, if it lives then. */
  async weigh(at, name, heaps) {
    await pass(Math.max(0, at - this.now()));
    await this.tabs[0].queue(async () => (heaps[name] = await this.tabs[0].heap())).catch(() => {});
  }

  lists() {
    return Promise.all(this.tabs.map(async (tab) => ({ tab: tab.index, rows: await tab.call("list") })));
  }

  /** All of the conversation is read, by whoever is connected. */
  async readAll() {
    for (const tab of this.tabs) {
      const { state } = await tab.call("look");
      if (state.name === "ready") await tab.call("readAll", [], HEAL_MS).catch((error) => this.problem(`older messages could not be read: ${error.message}`));
    }
  }

  async part() {
    this.#over = true;
    await this.#log?.catch(() => {});
    await this.browser?.close();
  }
}
