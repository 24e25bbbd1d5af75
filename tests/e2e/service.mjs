// What the tests of the demo know of the service: a simulator that runs for one file of tests, and one deployment's side of it, what
// it stored, what it saw, and how to break it. It knows no browser; `stage.mjs` beside it and the stage of the three engines do.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { dirname, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const PROJECT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
/** The strictest policy a site can serve and still run the module; nothing here may need more. */
export const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; require-trusted-types-for 'script'; trusted-types 'none'";
/** What a busy machine may take for something that is not about time. */
export const SOON_MS = 30_000;
const POLL_MS = 50;
const START_TIMEOUT_MS = 15_000;

/** Where the simulator of this file of tests is. */
export let url;

/** Starts it; it ends with this process. */
export async function startSimulator() {
  const program = resolve(process.cwd(), process.env.SIMULATOR_BIN ?? resolve(PROJECT, "target/debug/simulator"));
  const child = spawn(program, ["--listen", "127.0.0.1:0", "--www", resolve(PROJECT, "dist/demo"), "--bot", "silent", "--csp", POLICY], { stdio: ["ignore", "pipe", "inherit"] });
  process.on("exit", () => child.kill());
  url = await new Promise((settle, reject) => {
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

/** A deployment for one test, forgotten after it. */
export function deployment(t, protocol) {
  const service = new Service(`e2e-${randomUUID()}`, protocol);
  t.after(() => service.reset());
  return service;
}
