// The guest API on a plain WebSocket and fetch, every frame of it recorded. Nothing of the product is used: what it believes is
// what is being asked.

import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import WebSocket from "ws";
import { Redactor } from "./redact.mjs";

const OPEN_MS = 15_000;
const REPLY_MS = 10_000;
const HTTP_MS = 20_000;
/** Requests on one connection in a minute: below the 60 that are allowed (guest-api.md §4.4). */
const REQUESTS_PER_MINUTE = 50;
const MINUTE = 60_000;

/** Says that a question got no answer; the others go on. */
export class Unanswered extends Error {}

/** Where a deployment's service is (guest-api.md §1.1). */
export function places({ region, endpoint }) {
  if (endpoint !== undefined) {
    const base = endpoint.replace(/\/+$/, "");
    return { socket: `${base.replace(/^http/, "ws")}/v1`, api: base, cdn: base };
  }
  return { socket: `wss://webmessaging.${region}/v1`, api: `https://api.${region}`, cdn: `https://api-cdn.${region}` };
}

export const pass = (ms) => new Promise((wake) => setTimeout(wake, ms));

/** What a promise comes to within so long, else undefined; no timer is left behind. */
export function within(promise, ms) {
  let timer;
  const over = new Promise((done) => (timer = setTimeout(done, ms)));
  return Promise.race([promise, over]).finally(() => clearTimeout(timer));
}

/** One deployment under question: its places, its record, and the connections that are open to it. */
export class Wire {
  records = [];
  /** Every frame that came, parsed, of all connections: some questions are about what happens to be seen. */
  seen = [];
  #started = performance.now();
  #lines = new Set();
  #redactor = new Redactor();

  constructor({ deployment, region, endpoint, origin }) {
    this.deployment = deployment;
    this.origin = origin;
    this.places = places({ region, endpoint });
    this.#redactor.hide("deployment", deployment);
  }

  record(fields) {
    this.records.push({ at: Math.round(performance.now() - this.#started), ...fields });
  }

  recordFrame(dir, connection, text) {
    this.record({ dir, connection, frame: this.#redactor.redact(text) });
  }

  /** A guest: a token that has not been used. */
  guest(name, token = randomUUID()) {
    this.#redactor.hide("token", token);
    return new Guest(this, name, token);
  }

  open(name) {
    const { socket: base } = this.places;
    const url = `${base}?deploymentId=${encodeURIComponent(this.deployment)}&application=guestwire-live-check`;
    const line = new Line(this, name, new WebSocket(url, { origin: this.origin, perMessageDeflate: false }));
    this.#lines.add(line);
    this.record({ dir: "open", connection: name, to: this.#redactor.address(url) });
    return line.opened();
  }

  /** Reads an address; `{ status, headers, body }`, the body parsed where it is JSON. */
  async http(url, { method = "GET", headers = {}, body } = {}) {
    const all = { ...(this.origin === undefined ? {} : { origin: this.origin }), ...headers };
    const started = performance.now();
    const response = await fetch(url, { method, headers: all, body, signal: AbortSignal.timeout(HTTP_MS), redirect: "error" }).catch((error) => {
      throw new Unanswered(`${method} ${new URL(url).pathname}: ${error.cause?.code ?? error.cause?.message ?? error.message}`);
    });
    const text = await response.text();
    const shown = ["access-control-allow-origin", "access-control-expose-headers", "retry-after", "content-type"];
    const kept = Object.fromEntries(shown.filter((name) => response.headers.has(name)).map((name) => [name, response.headers.get(name)]));
    this.record({ dir: "http", method, url: this.#redactor.address(url), status: response.status, ms: Math.round(performance.now() - started), headers: kept, body: text === "" ? undefined : this.#redactor.redact(text) });
    let parsed;
    try {
      parsed = JSON.parse(text);
    } catch {
      parsed = undefined;
    }
    return { status: response.status, headers: response.headers, body: parsed };
  }

  config() {
    return this.http(`${this.places.cdn}/webdeployments/v1/deployments/${encodeURIComponent(this.deployment)}/config.json`);
  }

  async close() {
    await Promise.all([...this.#lines].map((line) => line.close()));
  }
}

/** One guest and the connections that use its token. */
class Guest {
  #count = 0;

  constructor(wire, name, token) {
    this.wire = wire;
    this.name = name;
    this.token = token;
  }

  async connect() {
    const line = await this.wire.open(`${this.name}${(this.#count += 1)}`);
    line.token = this.token;
    return line;
  }

  /** An open connection and the answer to its configure. */
  async configured(fields = {}) {
    const line = await this.connect();
    line.session = await line.configure(fields);
    return line;
  }

  /** A page of the history, by a fresh JWT over the given line. */
  async history(line, { page = 1, size = 25, jwt } = {}) {
    const token = jwt ?? (await line.jwt()).jwt;
    const { api } = this.wire.places;
    return this.wire.http(`${api}/api/v2/webmessaging/messages?pageNumber=${page}&pageSize=${size}`, { headers: { authorization: `bearer ${token}` } });
  }
}

/** One connection. Frames are kept in order and awaited by what they are. */
export class Line {
  frames = [];
  closed;
  #wire;
  #socket;
  #waiting = new Set();
  #sentAt = [];

  constructor(wire, name, socket) {
    this.#wire = wire;
    this.name = name;
    this.#socket = socket;
    socket.on("message", (data, binary) => this.#take(binary ? undefined : data.toString("utf8"), data.length));
    socket.on("error", () => {}); // the close that follows says it
    this.closed = new Promise((done) => {
      socket.on("close", (code) => {
        wire.record({ dir: "close", connection: name, code });
        done(code);
        for (const waiting of [...this.#waiting]) waiting.look();
      });
    });
  }

  get isOpen() {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  opened() {
    return new Promise((done, fail) => {
      const timer = setTimeout(() => (this.#socket.terminate(), fail(new Unanswered("the service did not answer the upgrade"))), OPEN_MS);
      this.#socket.once("open", () => (clearTimeout(timer), done(this)));
      this.#socket.once("unexpected-response", (request, response) => {
        clearTimeout(timer);
        request.destroy();
        fail(new Unanswered(`the service refused the connection (HTTP ${response.statusCode}); is the deployment active, and does it allow the origin? See --origin`));
      });
      this.#socket.once("error", (error) => (clearTimeout(timer), fail(new Unanswered(`no connection: ${error.message}`))));
    });
  }

  #take(text, bytes) {
    if (text === undefined) return this.#wire.record({ dir: "received", connection: this.name, frame: { binary: bytes } });
    this.#wire.recordFrame("received", this.name, text);
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return;
    }
    this.frames.push(frame);
    this.#wire.seen.push(frame);
    for (const waiting of [...this.#waiting]) waiting.look();
  }

  /** The first frame from `since` on for which `is` holds; undefined when it does not come. */
  next(is, { since = 0, ms = REPLY_MS } = {}) {
    return new Promise((done) => {
      const end = (frame) => {
        clearTimeout(timer);
        this.#waiting.delete(waiting);
        done(frame);
      };
      const timer = setTimeout(() => end(undefined), ms);
      const look = () => {
        const frame = this.frames.slice(since).find(is);
        if (frame !== undefined || this.#socket.readyState === WebSocket.CLOSED) end(frame);
      };
      const waiting = { look };
      this.#waiting.add(waiting);
      look();
    });
  }

  /** Sends a request and gives its tracingId; waits first where the connection has been busy. */
  async send(fields) {
    await this.#pace();
    const request = { token: this.token, tracingId: randomUUID(), ...fields };
    const text = JSON.stringify(request);
    this.#wire.recordFrame("sent", this.name, text);
    this.#socket.send(text);
    return request.tracingId;
  }

  async #pace() {
    const now = performance.now();
    this.#sentAt = this.#sentAt.filter((at) => now - at < MINUTE);
    if (this.#sentAt.length >= REQUESTS_PER_MINUTE) await pass(this.#sentAt[0] + MINUTE - now);
    this.#sentAt.push(performance.now());
  }

  /** Sends a request and awaits the frame that carries its tracingId. */
  async request(fields, ms = REPLY_MS) {
    const tracingId = await this.send(fields);
    return this.next((frame) => frame.tracingId === tracingId, { ms });
  }

  async configure(fields = {}, ms) {
    const frame = await this.request({ action: "configureSession", deploymentId: this.#wire.deployment, ...fields }, ms);
    if (frame?.class !== "SessionResponse") throw new Unanswered(`configureSession was answered by ${describe(frame)}`);
    return frame.body;
  }

  /** Sends a text and awaits its echo, known by the text: whether ids come back is one of the questions. */
  async say(text, message = {}, fields = {}) {
    const since = this.frames.length;
    const tracingId = await this.send({ action: "onMessage", message: { text, ...message, type: "Text" }, ...fields });
    const frame = await this.next((one) => isEchoOf(text)(one) || (one.tracingId === tracingId && isRefusal(one)), { since });
    return { tracingId, frame };
  }

  presence(type) {
    return this.send({ action: "onMessage", message: { events: [{ eventType: "Presence", presence: { type } }], type: "Event" } });
  }

  async jwt() {
    const frame = await this.request({ action: "getJwt" });
    if (frame?.class !== "JwtResponse") throw new Unanswered(`getJwt was answered by ${describe(frame)}`);
    return frame.body;
  }

  async close() {
    if (this.#socket.readyState === WebSocket.CLOSED) return;
    this.#socket.close(1000);
    await within(this.closed, 2_000);
    this.#socket.terminate();
  }
}

export const isEchoOf = (text) => (frame) => frame.class === "StructuredMessage" && frame.body?.direction === "Inbound" && frame.body.text === text;
export const isRefusal = (frame) => frame.class === "string" || frame.code >= 300 || /error/i.test(frame.class ?? "");

/** A frame in a few words. */
export function describe(frame) {
  if (frame === undefined) return "nothing";
  const code = frame.class === "string" || frame.code === 200 ? frame.code : `${frame.code}${frame.body?.errorCode === undefined ? "" : `/${frame.body.errorCode}`}`;
  return frame.code === 200 ? frame.class : `${frame.class} ${code}`;
}
