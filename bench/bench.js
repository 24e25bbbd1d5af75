// What scripts/bench.mjs measures, from inside the page. Nothing of the client is loaded before a measurement asks for it. The page
// is cross-origin isolated by its server, so that its clock counts in 5 µs.

import { memory } from "./memory.js";

const now = () => performance.now();

/** Every socket that was opened, the frames it received, and when it sent what. */
const sockets = [];
class Observed extends WebSocket {
  received = [];
  constructor(...args) {
    super(...args);
    sockets.push(this);
    super.addEventListener("message", ({ data, isTrusted }) => isTrusted && this.received.push(data));
  }
  send(data) {
    if (/"action":"onMessage"/.test(data) && !/"type":"Event"/.test(data)) Observed.sent?.(now());
    super.send(data);
  }
}
globalThis.WebSocket = Observed;

const once = (client, event, is) => new Promise((done) => {
  const off = client.on(event, (payload) => {
    if (!is(payload)) return;
    off();
    done(now());
  });
});

const hex = (bytes) => Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, "0")).join("");
const words = "Your order has left our warehouse and should reach you between Tuesday and Thursday, depending on the carrier.".split(" ");

/** Frames such as the service sent one, with ids, times and texts of their own. */
function framesLike(sample, count) {
  const time = Date.parse(sample.body.channel.time);
  return Array.from({ length: count }, (_, n) => {
    const text = `${n}: ${words.slice(0, 4 + (n % (words.length - 4))).join(" ")}`;
    const channel = { ...sample.body.channel, time: new Date(time + n + 1).toISOString(), messageId: crypto.randomUUID() };
    return JSON.stringify({ ...sample, body: { ...sample.body, id: hex(16), text, channel } });
  });
}

/** The agent's last text as it came over the wire. */
async function sampleOf(client, speak) {
  const came = once(client, "message", ({ message }) => message.direction === "outbound" && message.kind === "text");
  await speak();
  await came;
  const frame = sockets.at(-1).received.map((data) => JSON.parse(data)).findLast(({ body }) => body?.direction === "Outbound" && body.type === "Text");
  return frame;
}

function deliver(data) {
  sockets.at(-1).dispatchEvent(new MessageEvent("message", { data }));
}

let client;

globalThis.bench = {
  isolated: crossOriginIsolated,

  /** Imports the client and comes to ready; milliseconds from import and from start(). */
  async start(options) {
    const began = now();
    const { GuestClient } = await import("/dist/index.js");
    const imported = now();
    client = new GuestClient(options);
    await client.start();
    return { fromImport: now() - began, fromStart: now() - imported };
  },

  /** Another client in the same page, up to ready; the module is there already. */
  async again(options) {
    const { GuestClient } = await import("/dist/index.js");
    const other = new GuestClient(options);
    const began = now();
    await other.start();
    const took = now() - began;
    other.dispose();
    return took;
  },

  /** Brings `count` messages through the socket's own event, one by one, and times each. */
  async receive(count, read) {
    const sample = await sampleOf(client, () => globalThis.speak("a sample"));
    const frames = framesLike(sample, count);
    const before = client.messages.length;
    const took = new Float64Array(count);
    const began = now();
    for (let n = 0; n < count; n += 1) {
      const from = now();
      deliver(frames[n]);
      took[n] = now() - from;
      if (read && n % 10 === 9) client.markRead();
    }
    const all = now() - began;
    return { all, took: [...took], added: client.messages.length - before };
  },

  /** The same, one message to a frame of the screen, so that an element can draw each. */
  async receiveDrawn(count) {
    const sample = await sampleOf(client, () => globalThis.speak("a sample"));
    for (const frame of framesLike(sample, count)) {
      deliver(frame);
      await new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)));
    }
    return client.messages.length;
  },

  memory,

  /** An open element with a client of its own making. */
  async element(options) {
    await import("/dist/define.js");
    const chat = document.createElement("guestwire-chat");
    chat.setAttribute("deployment-id", options.deploymentId);
    chat.setAttribute("endpoint", options.endpoint);
    chat.setAttribute("open", "");
    document.body.append(chat);
    // Made once the element is connected and has drawn itself.
    while (chat.client === undefined) await new Promise(requestAnimationFrame);
    client = chat.client;
  },

  async ready() {
    if (client.state.name !== "ready") await once(client, "state", ({ name }) => name === "ready");
  },

  /** Resolves at the moment the first message goes to the socket. */
  async firstSend(options, withElement) {
    const sent = new Promise((done) => (Observed.sent = done));
    if (withElement) {
      await bench.element(options);
    } else {
      const { GuestClient } = await import("/dist/index.js");
      client = new GuestClient(options);
      void client.start();
    }
    client.send("hello");
    return sent;
  },

  /** Writes while the line is down; gives back once all of them wait. */
  async writeOffline(count, cut) {
    const down = once(client, "state", ({ name }) => name !== "ready" && name !== "suspect");
    if (cut === "typing") client.typing();
    else client.send("in flight");
    await down;
    for (let n = 0; n < count; n += 1) client.send(`waiting ${n}`);
    return client.outbox.length;
  },

  /** From the browser's `online` to ready and to an outbox that is empty. */
  flushed() {
    const ready = once(client, "state", ({ name }) => name === "ready");
    const empty = once(client, "outbox", ({ length }) => length === 0);
    const online = new Promise((done) => addEventListener("online", () => done(now()), { once: true }));
    globalThis.flushing = Promise.all([online, ready, empty]).then(([at, first, last]) => ({ ready: first - at, flushed: last - at }));
  },

  state: () => client?.state.name,
  outbox: () => client?.outbox.length,
};
