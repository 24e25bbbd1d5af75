import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { GuestEvents, GuestOptions, Message } from "./api.js";
import { Client } from "./client.js";
import { GuestwireError } from "./errors.js";
import { GuestClient } from "./index.js";
import type { Provide } from "./load.js";

const options: GuestOptions = { deploymentId: "d1", endpoint: "http://service.test" };
const never: Provide = () => new Promise(() => {});

/** A client whose module never arrives. */
class Waiting extends Client {
  constructor(given: Partial<GuestOptions> = {}, provide: Provide = never) {
    super({ ...options, ...given }, provide);
  }
}

/** A page's storage, which can be full: what it keeps are its own properties, as a browser's are. */
class PageStorage {
  [key: string]: unknown;
  #full = false;
  fill(): void { this.#full = true; }
  getItem(key: string): string | null { return (this[key] as string | undefined) ?? null; }
  removeItem(key: string): void { delete this[key]; }
  setItem(key: string, value: string): void {
    if (this.#full) throw new DOMException("full", "QuotaExceededError");
    this[key] = value;
  }
}

/** What the page's storage keeps. */
const kept = (): [string, string][] => Object.entries(page) as [string, string][];

let page: PageStorage;
const clients: Client[] = [];
const track = <T extends Client>(client: T): T => (clients.push(client), client);

beforeEach(() => {
  page = new PageStorage();
  Object.assign(globalThis, { document: { hidden: false }, localStorage: page });
});
afterEach(() => {
  for (const client of clients.splice(0)) client.dispose();
  delete (globalThis as { document?: unknown }).document;
});

function refused(run: () => unknown): [number, string | undefined] {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof GuestwireError);
    return [error.code, error.field];
  }
  return assert.fail("nothing was thrown");
}

test("wrong options are refused at once, by field", () => {
  const field = (given: object): string | undefined => refused(() => new Waiting(given))[1];
  assert.equal(field({ deploymentId: "" }), "deploymentId");
  assert.equal(field({ deploymentId: "a/b" }), "deploymentId");
  assert.equal(field({ endpoint: undefined }), "region");
  assert.equal(field({ region: "mypurecloud.de" }), "endpoint");
  assert.equal(field({ endpoint: undefined, region: "evil.test/x" }), "region");
  assert.equal(field({ endpoint: "ftp://x" }), "endpoint");
  assert.equal(field({ storage: "disk" }), "storage");
  assert.equal(field({ consent: true }), "consent");
  assert.equal(field({ attributes: { a: 1 } }), "attributes");
  assert.equal(field({ backoff: { baseMs: 0, maxMs: 1 } }), "backoff");
  assert.equal(field({ createSocket: "x" }), "createSocket");
  assert.equal(field({ protocol: "other" }), "protocol");
});

test("a message sent before the module is up is a row at once, and stored under the core's key", () => {
  const client = track(new Waiting({ attributes: { plan: "gold" } }));
  const told: GuestEvents["message"][] = [];
  client.on("message", (event) => void told.push(event));
  const receipt = client.send("hello", { attributes: { a: "b" } });
  assert.equal(receipt.durable, true);
  assert.deepEqual(told.map(({ message, index }) => [message.id, message.text, message.status, index]), [[receipt.id, "hello", "queued", 0]]);
  assert.deepEqual(client.messages, client.outbox);
  const [[key, value]] = kept() as [[string, string]];
  assert.equal(key, `gw1:d1:m:1:${receipt.id}`);
  const { at, ...rest } = JSON.parse(value) as Record<string, unknown>;
  assert.ok(Number.isInteger(at));
  assert.deepEqual(rest, { v: 1, id: receipt.id, text: "hello", attributes: { plan: "gold", a: "b" } });
  assert.match(receipt.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("its number is larger than every one there, whoever wrote it", () => {
  page.setItem("gw1:d1:m:41:00000000-0000-4000-8000-000000000000", "{}");
  page.setItem("gw1:other:m:99:00000000-0000-4000-8000-000000000000", "{}");
  const client = track(new Waiting());
  const ids = [client.send("one").id, client.send("two").id];
  assert.deepEqual(Object.keys(page).slice(2), [`gw1:d1:m:42:${ids[0]}`, `gw1:d1:m:43:${ids[1]}`]);
});

test("where storage is full the message is kept and said not to be durable", () => {
  page.fill();
  const client = track(new Waiting());
  assert.equal(client.send("hello").durable, false);
  assert.equal(client.messages[0]?.text, "hello");
});

test("before consent nothing is stored; with it, what was typed is", () => {
  const client = track(new Waiting({ consent: "required" }));
  const { id, durable } = client.send("hello");
  assert.equal(durable, false);
  assert.equal(kept().length, 0);
  client.grantConsent();
  assert.deepEqual(Object.keys(page), [`gw1:d1:m:1:${id}`]);
});

test("what an earlier visit left is forgotten without consent too", async () => {
  Object.assign(page, { "gw1:d1:session": "{}", "gw1:d1:m:1:x": "{}", "gw1:other:session": "{}" });
  await track(new Waiting({ consent: "required" })).forget();
  assert.deepEqual(Object.keys(page), ["gw1:other:session"]);
});

test("what is forgotten before the module is up is forgotten by a tab that sleeps as well, and said to those awake", async (t) => {
  const said: [string, unknown][] = [];
  let open = 0;
  const before = globalThis.BroadcastChannel;
  globalThis.BroadcastChannel = class {
    constructor(readonly name: string) { open += 1; }
    postMessage(what: unknown): void { said.push([this.name, what]); }
    close(): void { open -= 1; }
  } as never;
  t.after(() => { globalThis.BroadcastChannel = before; });
  Object.assign(page, { "gw1:d1:session": "{}", "gw1:d1:e": "of the tab that led" });
  await track(new Waiting()).forget();
  assert.deepEqual(said, [["guestwire:d1:local", { do: "forget" }]]);
  assert.equal(open, 0);
  // Its own fence is what a tab that wakes up looks for.
  assert.deepEqual(Object.keys(page), ["gw1:d1:e"]);
  assert.notEqual(page["gw1:d1:e"], "of the tab that led");
  await track(new Waiting({ deploymentId: "d2" })).forget();
  assert.deepEqual(Object.keys(page), ["gw1:d1:e"], "where nothing was, nothing is written");
});

test("what the core would refuse is refused before there is one", () => {
  const client = track(new Waiting());
  assert.deepEqual(refused(() => client.send("  ")), [7002, "text"]);
  assert.deepEqual(refused(() => client.send("é".repeat(2049))), [7003, "text"]);
  assert.deepEqual(refused(() => client.send("x", { attributes: { a: 1 as unknown as string } })), [7000, "attributes"]);
  assert.deepEqual(refused(() => client.send("x", { attachments: ["a"] })), [7038, "attachments"]);
  assert.deepEqual(refused(() => client.retry("nobody")), [7006, "id"]);
  for (let count = 0; count < 200; count += 1) client.send("x");
  assert.deepEqual(refused(() => client.send("x")), [7004, undefined]);
});

test("a message taken back before the module is up is gone from list and storage", async () => {
  const client = track(new Waiting());
  const removed: string[] = [];
  client.on("removed", ({ id }) => void removed.push(id));
  const receipt = client.send("hello");
  assert.equal(client.cancel(receipt.id), true);
  assert.equal(client.cancel(receipt.id), false);
  assert.deepEqual([removed, client.messages.length, kept().length], [[receipt.id], 0, 0]);
  await assert.rejects(receipt.done, { name: "Cancelled" });
});

test("a choice is a structured message with its label", () => {
  const client = track(new Waiting());
  client.reply({ text: "Yes", payload: "cookie1", type: "QuickReply", messageId: "m1" });
  const stored = JSON.parse(kept()[0]![1]) as Record<string, unknown>;
  assert.equal(stored["text"], "Yes");
  assert.equal(stored["type"], "Structured");
  assert.deepEqual(stored["content"], [{ contentType: "ButtonResponse", buttonResponse: { type: "QuickReply", text: "Yes", payload: "cookie1", originatingMessageId: "m1" } }]);
  assert.deepEqual(refused(() => client.reply({ text: "no payload" })), [7000, "choice"]);
});

test("what the session protocol does not know is refused by name, before the module is there", async () => {
  const client = track(new Waiting({ protocol: "session", token: { url: "/token" } }));
  assert.equal(client.protocol, "session");
  assert.deepEqual(refused(() => client.typing()), [7038, "typing"]);
  assert.deepEqual(refused(() => client.setAttributes({ plan: "gold" })), [7038, "attributes"]);
  assert.deepEqual(refused(() => client.send("x", { attributes: { plan: "gold" } })), [7038, "attributes"]);
  assert.deepEqual(refused(() => client.send("x", { attachments: ["a"] })), [7038, "attachments"]);
  assert.deepEqual(refused(() => client.reply({ text: "Yes", payload: "p", type: "QuickReply" })), [7038, "choice"]);
  assert.deepEqual(refused(() => client.attach(new Blob(["x"]))), [7038, "attach"]);
  await assert.rejects(client.clear(), { code: 7038, field: "clear" });
  assert.equal(kept().length, 0);
  assert.equal(client.send("text is what it knows").durable, true);
});

test("the guest API knows all of it", () => {
  const client = track(new Waiting());
  assert.equal(client.protocol, "guest");
  client.typing();
  client.setAttributes({ plan: "gold" });
  client.reply({ text: "Yes", payload: "p", type: "QuickReply" });
  assert.equal(client.messages.length, 1);
});

test("a module that policy blocks is one error that names the header, and refuses start", async () => {
  const blocked = (): never => { throw new WebAssembly.CompileError("Refused to compile or instantiate WebAssembly module because 'unsafe-eval' is not an allowed source of script in the following Content Security Policy directive"); };
  const client = track(new Waiting({ createSocket: () => assert.fail() }, blocked));
  const told: GuestwireError[] = [];
  client.on("error", (error) => void told.push(error));
  await assert.rejects(client.start(), { code: 7100, remediation: /wasm-unsafe-eval/ });
  assert.deepEqual(told.map(({ code }) => code), [7100]);
});

test("a host without WebSocket says so when it is started, unless it is given one", async () => {
  const { WebSocket } = globalThis;
  Object.assign(globalThis, { WebSocket: undefined });
  try {
    await assert.rejects(track(new Waiting()).start(), { name: "NoWebSocket", remediation: /createSocket/ });
  } finally {
    Object.assign(globalThis, { WebSocket });
  }
});

test("what nobody waits for is no unhandled rejection", async () => {
  const unhandled: unknown[] = [];
  const hear = (reason: unknown): void => void unhandled.push(reason);
  process.on("unhandledRejection", hear);
  const { WebSocket } = globalThis;
  Object.assign(globalThis, { WebSocket: undefined });
  try {
    void track(new Waiting()).start();
    const client = new GuestClient(new Service().options);
    await client.start();
    client.send("still on its way");
    const stopped = client.stop({ flushMs: 3_000 });
    client.dispose();
    await stopped;
    // They are told after all that was due in the turn they went wrong in.
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    assert.deepEqual(unhandled, []);
  } finally {
    Object.assign(globalThis, { WebSocket });
    process.off("unhandledRejection", hear);
  }
});

test("restart() without saying what to do with the unsent rejects by the field's name", async () => {
  const restart = track(new Waiting()).restart as (this: Client) => Promise<unknown>;
  await assert.rejects(restart.call(clients[0]!), { name: "InvalidOption", field: "outbox" });
});

test("a module that cannot be reached leaves start waiting", async () => {
  const client = track(new Waiting({ createSocket: () => assert.fail() }, () => Promise.reject(new TypeError("Failed to fetch"))));
  const failed = new Promise<GuestwireError>((resolve) => client.on("error", resolve, { once: true }));
  let settled = false;
  client.start().finally(() => (settled = true)).catch(() => {});
  assert.equal((await failed).code, 7101);
  assert.deepEqual([client.state.name, settled], ["loading", false]);
});

test("an aborted signal disposes: what waits is refused, sending is too", async () => {
  const controller = new AbortController();
  const client = new Waiting({ signal: controller.signal, createSocket: () => assert.fail() });
  const [started, { done }] = [client.start(), client.send("hello")];
  controller.abort();
  await assert.rejects(started, { code: 7001 });
  await assert.rejects(done, { code: 7001 });
  assert.equal(client.state.name, "stopped");
  assert.equal(refused(() => client.send("more"))[0], 7001);
  assert.equal(kept().length, 1, "what is stored stays");
});

// ---- with the module

type Frame = Record<string, unknown> & { action: string; token: string; tracingId: string };

/** A service that configures and echoes, on sockets of the page's own making. */
class Service {
  sockets: Fake[] = [];
  readonly options: GuestOptions = {
    ...options,
    storage: "memory",
    createSocket: (url) => new Fake(this, url) as unknown as WebSocket,
    fetch: async (request) => {
      if ((request as Request).url.includes("/config.json")) return Response.json(CONFIG);
      return Response.json({ entities: this.entities, pageSize: 100, pageNumber: 1, total: this.entities.length, pageCount: 1 });
    },
  };
  entities: object[] = [];
  readonly tokens = new Set<string>();
  /** Keeps what comes in from being answered. */
  deaf = false;
}

const CONFIG = {
  id: "d1", version: "1", languages: ["en-us"], defaultLanguage: "en-us", apiEndpoint: "http://service.test", status: "Active",
  auth: { enabled: false }, journeyEvents: { enabled: false },
  messenger: { enabled: true, styles: { primaryColor: "#123456" }, launcherButton: { visibility: "On" }, fileUpload: { modes: [] }, apps: { conversations: { messagingEndpoint: "ws://service.test", conversationClear: { enabled: true }, autoStart: { enabled: false } } } },
};

class Fake {
  onopen: ((event: object) => void) | null = null;
  onmessage: ((event: object) => void) | null = null;
  onclose: ((event: object) => void) | null = null;
  onerror: ((event: object) => void) | null = null;
  binaryType = "";
  closed = false;
  readonly #service: Service;
  constructor(service: Service, readonly url: string) {
    this.#service = service;
    service.sockets.push(this);
    setImmediate(() => this.onopen?.({ type: "open" }));
  }
  send(text: string): void {
    if (!this.#service.deaf) setImmediate(() => this.#answer(JSON.parse(text) as Frame));
  }
  close(): void {
    if (this.closed) return;
    this.closed = true;
    setImmediate(() => this.onclose?.({ type: "close", code: 1000, reason: "", wasClean: true }));
  }
  say(frame: object): void {
    this.onmessage?.({ type: "message", data: JSON.stringify(frame) });
  }
  #answer({ action, token, tracingId, message }: Frame): void {
    const newSession = !this.#service.tokens.has(token);
    this.#service.tokens.add(token);
    if (action === "configureSession") this.say({ type: "response", class: "SessionResponse", code: 200, body: { connected: true, newSession, readOnly: false }, tracingId });
    if (action === "getJwt") this.say({ type: "response", class: "JwtResponse", code: 200, body: { jwt: "j", exp: Math.floor(Date.now() / 1000) + 60 }, tracingId });
    if (action === "onMessage") {
      const body = { ...(message as object), id: `s-${tracingId}`, direction: "Inbound", channel: { time: new Date().toISOString(), messageId: tracingId } };
      this.#service.entities.unshift(body);
      this.say({ type: "message", class: "StructuredMessage", code: 200, body, tracingId });
    }
  }
}

const texts = (messages: readonly Message[]): (string | undefined)[] => messages.map(({ text }) => text);

test("a conversation: typed before the module, ready, sent, answered", async () => {
  const service = new Service();
  const client = track(new GuestClient(service.options));
  const early = client.send("early");
  const session = await client.start();
  assert.deepEqual([session.newSession, session.readOnly], [true, false]);
  const delivered = await early.done;
  assert.equal(delivered.id, early.id);
  assert.equal(delivered.serverId, `s-${early.id}`);
  const late = client.send("late");
  assert.equal(client.messages.at(-1)?.id, late.id, "the row is there when send returns");
  await late.done;
  assert.deepEqual(texts(client.messages), ["early", "late"]);
  assert.deepEqual(client.outbox, []);
});

/** The module is up. */
async function loaded(client: Client): Promise<void> {
  while (!(client.diagnostics() as { loaded: boolean }).loaded) await new Promise((resolve) => setImmediate(resolve));
}

test("attributes that the core refuses when it comes up do not keep it from starting", async () => {
  const client = track(new GuestClient(new Service().options));
  client.setAttributes({ note: "x".repeat(3_000) });
  assert.equal((await client.start()).newSession, true);
});

test("what was forgotten before the module was up does not start when it is", async () => {
  const service = new Service();
  const client = track(new GuestClient(service.options));
  const started = client.start();
  await client.forget();
  await assert.rejects(started, { code: 7001 });
  await loaded(client);
  assert.deepEqual([service.sockets.length, client.state.name], [0, "idle"]);
});

test("a debug function that throws loses no event and makes no accepted message look refused", async (t) => {
  const reported = t.mock.method(console, "error", () => undefined);
  const service = new Service();
  const client = track(new GuestClient({ ...service.options, debug: () => { throw new Error("the page's own"); } }));
  const told: string[] = [];
  client.on("receipt", ({ status }) => void told.push(status));
  await client.start();
  const { id, done } = client.send("hello");
  assert.equal((await done).id, id);
  assert.deepEqual(told, ["sending", "sent"]);
  await client.stop();
  assert.ok(reported.mock.callCount() > 0, "its errors are told to the page");
});

test("what waits for consent says that nothing is being done", async () => {
  const client = track(new GuestClient({ ...new Service().options, consent: "required" }));
  const state = (): string => client.state.name;
  const started = client.start();
  assert.equal(state(), "loading");
  await loaded(client);
  assert.equal(state(), "idle");
  client.grantConsent();
  await started;
  assert.equal(state(), "ready");
});

test("a conversation that was forgotten has no session", async () => {
  const client = track(new GuestClient(new Service().options));
  await client.start();
  await client.forget();
  assert.deepEqual([client.session, client.state.name], [undefined, "idle"]);
});

test("a socket of the page's own making that tells its end from within close() or send() is only closed", async () => {
  class Hasty extends Fake {
    override close(): void {
      if (this.closed) return;
      this.closed = true;
      this.onclose?.({ type: "close", code: 1000, reason: "", wasClean: true });
    }
    override send(text: string): void {
      if (text.includes("the last")) this.close();
      else super.send(text);
    }
  }
  const service = new Service();
  const client = track(new GuestClient({ ...service.options, createSocket: (url) => new Hasty(service, url) as unknown as WebSocket }));
  const errors: number[] = [];
  client.on("error", ({ code }) => void errors.push(code));
  await client.start();
  client.send("the last");
  assert.equal(client.state.name, "waiting");
  client.reconnect();
  await client.start();
  await client.stop();
  assert.deepEqual(errors, []);
});

test("a disposed client that is to forget stays stopped", async () => {
  const client = track(new Waiting());
  client.dispose();
  await client.forget();
  assert.equal(client.state.name, "stopped");
});

test("a listener that throws or calls back harms nobody", async () => {
  const service = new Service();
  const client = track(new GuestClient(service.options));
  const order: string[] = [];
  const real = console.error;
  console.error = () => {};
  try {
    client.on("message", ({ message }) => {
      order.push(message.text ?? "");
      if (message.text === "one") client.send("two");
      throw new Error("hostile");
    });
    client.on("message", ({ message, index }) => assert.equal(client.messages[index], message, "the list is what was told so far"));
    await client.start();
    await client.send("one").done;
    await Promise.all(client.outbox.map(({ id }) => new Promise<void>((resolve) => client.on("receipt", (receipt) => receipt.id === id && receipt.status === "sent" && resolve()))));
  } finally {
    console.error = real;
  }
  assert.deepEqual(order, ["one", "two"]);
  assert.deepEqual(service.entities.map((entity) => (entity as { text: string }).text), ["two", "one"]);
});

test("refusals of the core come as errors of the client", async () => {
  const service = new Service();
  const client = track(new GuestClient(service.options));
  await client.start();
  assert.deepEqual(refused(() => client.send("é".repeat(2049))), [7003, "text"]);
  assert.deepEqual(refused(() => client.retry("nobody")), [7006, "id"]);
  await assert.rejects(client.restart({ outbox: "send" }), { name: "NotEnded" });
});

/** A frame under which the module traps, as it would over a broken invariant. */
function panicUnder(frame: () => void): void {
  const { encode } = TextEncoder.prototype;
  TextEncoder.prototype.encode = () => {
    TextEncoder.prototype.encode = encode;
    throw new WebAssembly.RuntimeError("unreachable");
  };
  frame();
}

test("after a panic every client goes on with its listeners and what it kept in memory", async () => {
  const service = new Service();
  const other = new Service();
  const client = track(new GuestClient(service.options));
  const bystander = track(new GuestClient({ ...other.options, deploymentId: "d2" }));
  await Promise.all([client.start(), bystander.start()]);
  service.deaf = true;
  const kept = client.send("kept in memory only");
  const faults: number[] = [];
  client.on("error", ({ code }) => void faults.push(code));
  bystander.on("error", ({ code }) => void faults.push(code));

  panicUnder(() => service.sockets[0]!.say({ type: "message" }));
  assert.deepEqual(faults, [7102, 7102]);
  assert.ok(service.sockets[0]!.closed && other.sockets[0]!.closed, "the sockets of the dead memory are closed");
  service.deaf = false;
  const delivered = await kept.done;
  assert.equal(delivered.id, kept.id);
  assert.deepEqual(texts(client.messages), ["kept in memory only"]);
  assert.equal(service.entities.length, 1);
  await bystander.send("still here").done;
});

test("a client that was disposed of frees nothing in a memory that is not its own", async () => {
  const service = new Service();
  const other = new Service();
  const gone = new GuestClient(service.options);
  const stays = track(new GuestClient({ ...other.options, deploymentId: "d2" }));
  await Promise.all([gone.start(), stays.start()]);
  // In one task: what is to be freed later, and the end of the memory that it is in.
  gone.dispose();
  panicUnder(() => other.sockets[0]!.say({ type: "message" }));
  await stays.start();
  const { serverId } = await stays.send("still here").done;
  assert.equal(other.entities.length, 1);
  assert.ok(serverId.length > 0);
});

test("a disposed client leaves nothing behind, also under its own factory", async () => {
  const service = new Service();
  const client = new GuestClient(service.options);
  await client.start();
  const waiting = client.history();
  client.dispose();
  await assert.rejects(waiting);
  assert.ok(service.sockets.every(({ closed }) => closed));
  const suicidal: GuestClient = new GuestClient({ ...service.options, createSocket: (url) => (suicidal.dispose(), new Fake(service, url) as unknown as WebSocket) });
  await assert.rejects(suicidal.start(), { code: 7001 });
});
