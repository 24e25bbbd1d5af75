// Runs the simulator (or uses the one at SIMULATOR_URL) and speaks to it over a plain WebSocket and fetch. Written from
// guest-api.md and simulator.md alone; it shares nothing with the simulator or the client. Each test has a room of its
// own: a random deploymentId that no other test knows, reset when the test is over. Each file has a simulator of its own;
// when SIMULATOR_URL makes them share one, run them with --test-concurrency=1: lifting faults lifts all of them.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { dirname, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import WebSocket from "ws";
import { Inbox, byTracing } from "./inbox.mjs";

export * from "./inbox.mjs";
export { randomUUID };

const PROJECT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const START_TIMEOUT_MS = 15_000;
const OPEN_TIMEOUT_MS = 5_000;
const POLL_MS = 15;

export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
export const HEX32 = /^[0-9a-f]{32}$/;
export const ISO_MS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
export const IS_SHARED = process.env.SIMULATOR_URL !== undefined;

function startSimulator() {
  const binary = resolve(process.cwd(), process.env.SIMULATOR_BIN ?? resolve(PROJECT, "target/debug/simulator"));
  const child = spawn(binary, ["--listen", "127.0.0.1:0", "--bot", "silent"], { stdio: ["ignore", "pipe", "inherit"] });
  process.on("exit", () => child.kill());
  return new Promise((settle, reject) => {
    const timer = setTimeout(() => reject(new Error(`${binary} printed no first line`)), START_TIMEOUT_MS);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${binary} ended with ${code}`)));
    createInterface({ input: child.stdout }).once("line", (line) => {
      clearTimeout(timer);
      // Nothing of the child may keep this process alive once its tests are done.
      child.unref();
      child.stdout.unref();
      settle(line);
    });
  });
}

/** The first line on the simulator's standard output, verbatim. */
export const firstLine = IS_SHARED ? JSON.stringify({ url: process.env.SIMULATOR_URL }) : await startSimulator();
export const url = JSON.parse(firstLine).url.replace(/\/$/, "");
export const wsUrl = url.replace(/^http/, "ws");

export const http = (path, init) => fetch(path.startsWith("http") ? path : url + path, init);

/** Polls a control endpoint (which cannot push) until `done` holds for what it read. */
export async function until(read, done, timeoutMs = 4000) {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await read();
    if (done(value)) return value;
    if (performance.now() > deadline) {
      throw new Error(`never true within ${timeoutMs} ms: ${done}; last read ${JSON.stringify(value)?.slice(0, 600)}`);
    }
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
}

/** Lets real time pass, only for rules that are about time itself. */
export const pass = (ms) => new Promise((wake) => setTimeout(wake, ms));

async function control(method, path, body) {
  const response = await http(`/_sim/${path}`, {
    method,
    headers: { "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} /_sim/${path} ${JSON.stringify(body)} answered ${response.status}: ${text}`);
  return text === "" ? undefined : JSON.parse(text);
}

/** One connection of one guest. */
export class Guest {
  constructor(room, socket, token, lenient) {
    this.room = room;
    this.socket = socket;
    this.token = token;
    this.inbox = new Inbox({ lenient });
    this.upgradeHeaders = undefined;
    socket.on("upgrade", (response) => (this.upgradeHeaders = response.headers));
    socket.on("message", (data, binary) => this.inbox.push(binary ? data : data.toString("utf8"), binary));
    socket.on("error", () => {});
    this.closed = new Promise((settle) => {
      socket.on("close", (code, reason) => {
        this.inbox.end(`close ${code}`);
        settle({ code, reason: reason.toString() });
      });
    });
  }

  /** Sends a frame as it is given: text verbatim, an object as JSON. */
  sendRaw(frame) {
    this.socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  /** Sends a request with this guest's token and a fresh tracingId; returns the tracingId. */
  send(fields) {
    const tracingId = fields.tracingId ?? randomUUID();
    this.sendRaw({ token: this.token, tracingId, ...fields });
    return tracingId;
  }

  /** Sends a request and awaits the first frame that carries its tracingId. */
  async request(fields, timeoutMs) {
    const tracingId = this.send(fields);
    return (await this.inbox.next(byTracing(tracingId), timeoutMs)).json;
  }

  configure(fields = {}, timeoutMs) {
    return this.request({ action: "configureSession", deploymentId: this.room.deploymentId, ...fields }, timeoutMs);
  }

  sendText(text, message = {}) {
    return this.send({ action: "onMessage", message: { text, ...message, type: "Text" } });
  }

  text(text, message = {}) {
    return this.request({ action: "onMessage", message: { text, ...message, type: "Text" } });
  }

  sendEvent(event, message = {}) {
    return this.send({ action: "onMessage", message: { events: [event], ...message, type: "Event" } });
  }

  sendPresence(type, message) {
    return this.sendEvent({ eventType: "Presence", presence: { type } }, message);
  }

  sendTyping() {
    return this.sendEvent({ eventType: "Typing", typing: { type: "On" } });
  }

  async jwt() {
    const frame = await this.request({ action: "getJwt" });
    assert.equal(frame.class, "JwtResponse", JSON.stringify(frame));
    return frame.body.jwt;
  }

  /** A request with a known reply: whatever was to be sent before it has arrived when this is done. */
  async fence() {
    await this.jwt();
  }

  /** A fence on a connection whose session the service may have ended: any reply will do, or its close. */
  async settled() {
    await this.inbox.next(byTracing(this.send({ action: "getJwt" }))).catch((error) => {
      if (this.socket.readyState !== WebSocket.CLOSED) throw error;
    });
  }

  /** After a fence, nothing for which `predicate` holds has arrived since `mark`. */
  async assertNone(predicate, mark = 0) {
    await this.fence();
    assert.deepEqual(this.inbox.seen(predicate, mark).map((frame) => frame.json ?? frame.raw), []);
  }

  async history(query = "pageNumber=1&pageSize=25") {
    const response = await http(`/api/v2/webmessaging/messages?${query}`, {
      headers: { authorization: `bearer ${await this.jwt()}` },
    });
    assert.equal(response.status, 200, await response.clone().text());
    return response.json();
  }

  async close() {
    this.socket.close(1000);
    return this.closed;
  }
}

/** A deployment of one test. */
export class Room {
  constructor(t, prefix = "") {
    this.deploymentId = prefix + randomUUID();
    this.guests = [];
    t.after(async () => {
      for (const guest of this.guests) guest.socket.terminate();
      await control("POST", "reset", { deploymentId: this.deploymentId });
      for (const guest of this.guests) assert.equal(guest.inbox.broken(), undefined);
    });
  }

  socket({ origin, headers, path } = {}) {
    const target = path ?? `/v1?deploymentId=${encodeURIComponent(this.deploymentId)}&application=simulator-check-1`;
    return new WebSocket(wsUrl + target, { origin, headers, perMessageDeflate: false });
  }

  /** A connection that has been begun: its upgrade may be unanswered. */
  begin({ token = randomUUID(), lenient = false, ...options } = {}) {
    const guest = new Guest(this, this.socket(options), token, lenient);
    this.guests.push(guest);
    return guest;
  }

  /** An open connection, nothing sent. */
  async connect(options) {
    const guest = this.begin(options);
    await new Promise((settle, reject) => {
      const timer = setTimeout(() => reject(new Error("the upgrade was not answered")), OPEN_TIMEOUT_MS);
      guest.socket.once("open", () => (clearTimeout(timer), settle()));
      guest.socket.once("error", (error) => (clearTimeout(timer), reject(error)));
    });
    return guest;
  }

  /** An open and configured connection; its SessionResponse is in `session`. */
  async guest(options) {
    const guest = await this.connect(options);
    const frame = await guest.configure();
    assert.equal(frame.class, "SessionResponse", JSON.stringify(frame));
    guest.session = frame.body;
    return guest;
  }

  /** The status, headers and body of a refused upgrade. */
  refusal(options) {
    const socket = this.socket(options);
    return new Promise((settle, reject) => {
      const timer = setTimeout(() => (socket.terminate(), reject(new Error("the upgrade was not answered"))), OPEN_TIMEOUT_MS);
      const end = (result) => (clearTimeout(timer), settle(result));
      socket.on("error", () => {});
      socket.on("open", () => (socket.terminate(), end({ status: 101, headers: {} })));
      socket.on("unexpected-response", (request, response) => {
        end({ status: response.statusCode, headers: response.headers });
        request.destroy();
      });
    });
  }

  async config() {
    const response = await http(`/webdeployments/v1/deployments/${this.deploymentId}/config.json`);
    assert.equal(response.status, 200);
    return response.json();
  }

  set(switches) {
    return control("POST", "set", { deploymentId: this.deploymentId, ...switches });
  }

  agent(body) {
    return control("POST", "agent", body);
  }

  expire(body) {
    return control("POST", "expire", body);
  }

  reset() {
    return control("POST", "reset", { deploymentId: this.deploymentId });
  }

  /** Sets one fault rule or several, matched to this room unless the rule says what it matches. */
  async faults(rules) {
    const scoped = [rules].flat().map((rule) => ({ match: { deploymentId: this.deploymentId }, ...rule }));
    const { ids } = await control("POST", "faults", Array.isArray(rules) ? scoped : scoped[0]);
    assert.equal(ids.length, scoped.length);
    return ids;
  }

  liftFaults() {
    return control("DELETE", "faults");
  }

  /** Awaits that the rule has been hit `count` times. */
  hit(id, count = 1) {
    return until(
      async () => rulesOf(await control("GET", "faults")).find((rule) => rule.id === id),
      (rule) => rule !== undefined && rule.hits >= count,
    );
  }

  /** What /_sim/sessions says of one token, or undefined. */
  async session(token) {
    const answer = await control("GET", "sessions");
    return (answer.sessions ?? answer).find((session) => session.token === token);
  }

  /** The guest's and the agent's texts that the service has stored for the token, in order. */
  async storedTexts(token) {
    return ((await this.session(token))?.messages ?? []).map((message) => message.text).filter((text) => text !== undefined && text !== null);
  }

  log(since = 0) {
    return control("GET", `log?since=${since}`);
  }
}

const rulesOf = (answer) => answer.faults ?? answer.rules ?? answer;
export const listFaults = async () => rulesOf(await control("GET", "faults"));

/** A string error frame (§3.8) with the code, answering the request. */
export function assertStringError(frame, code, tracingId) {
  assert.equal(frame.class, "string", JSON.stringify(frame));
  assert.equal(frame.type, "response");
  assert.equal(frame.code, code, JSON.stringify(frame));
  assert.equal(typeof frame.body, "string");
  assert.notEqual(frame.body, "");
  if (tracingId !== undefined) assert.equal(frame.tracingId, tracingId);
}

/** Either form of a rate limit: TooManyRequestsErrorMessage (§3.7) or a string 429. */
export function isRateLimited(frame) {
  return frame.code === 429 && (frame.class === "TooManyRequestsErrorMessage" || frame.class === "string");
}
