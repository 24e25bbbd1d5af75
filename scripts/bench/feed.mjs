// A WebSocket server that is nothing but fast: what it sends at once is made beforehand and goes out in large writes. Of each wire of
// the streams it knows as much as a stream needs to stand. It sends to one page; the service's stand-in is simulator/.

import { createHash } from "node:crypto";
import { createServer } from "node:http";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455 §1.3
const TEXT = 1;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

/** So many frames are written at a time. */
const AT_A_TIME = 200;
/** So many channels, or interactions, are told of in turn; and so many events of an interaction before another takes its place. */
export const CHANNELS = 10;
const EVENTS_OF_ONE = 40;

const now = () => performance.now();

const iso = (ms) => new Date(ms).toISOString();

/** What each wire's frames look like: event number `n`, whose time is `at`, sent at `sent`. */
const events = {
  conversations: (n, at, sent) =>
    `{"id":"5f0c2f7e-6c1d-4f6a-9f0e-${String(n).padStart(12, "0")}","timestamp":"${iso(at)}","type":"MessageReceived","data":{"conversationId":"conversation-${n % 500}","channel":"chat","queue":"support","participant":"customer"},"n":${n},"sent":${sent}}`,
  interactions(n, at, sent) {
    // Somebody joins and leaves, then somebody else.
    const visit = n >> 1;
    const interaction = Math.floor(n / (CHANNELS * EVENTS_OF_ONE)) * CHANNELS + (visit % CHANNELS);
    const [type, reason] = n % 2 === 0 ? ["Joined", ""] : ["Left", '"reason":"transfer",'];
    return `{"events":[{"timestamp":"${iso(at)}","type":"Participant${type}","participant":"agent-${visit}","interaction":"interaction-${interaction}","channel":"voice",${reason}"n":${n},"sent":${sent}}]}`;
  },
  presence: (n, at, sent) =>
    `{"type":"presence","channelId":"channel-${n % CHANNELS}","timestamp":"${iso(at)}","eventType":"presence.changed","payload":{"userId":"agent-${n % 100}","name":"Ada Park","presence":"busy"},"n":${n},"sent":${sent}}`,
  latency: (n, at, sent) => `{"type":"pong","sequence":${n},"timestamp":"${iso(at)}","n":${n},"sent":${sent}}`,
};

/** The wires by the paths of their sockets. `bare` answers nothing. */
const wires = {
  "/v2/analytics/events/realtime": "latency",
  "/api/v2/analytics/conversations/events": "conversations",
  "/api/v2/analytics/conversations/stream": "interactions",
  "/api/v2/user/websocket": "presence",
  "/bare": "bare",
};

/** What a stream that is being made ready, or that probes its line, wants to hear. */
function answer(wire, { type, token, filter, connectionId, sequence }) {
  if (type === "ping") return { type: "pong", sequence, timestamp: iso(Date.now()), now: now() };
  if (wire === "latency" && type === "subscribe") return { type: "subscribed", connectionId };
  if (wire === "presence" && type === "subscribe") return { status: "success" };
  if (wire === "interactions" && token !== undefined) return { status: "connected" };
  if (wire === "interactions" && filter !== undefined) return { status: "subscribed" };
  return undefined;
}

/** A frame as a server sends it: not masked, in one piece (RFC 6455 §5.2). */
function frame(opcode, payload) {
  const body = Buffer.from(payload);
  const long = body.length > 125;
  const head = Buffer.alloc(long ? 4 : 2);
  head[0] = 0x80 | opcode;
  head[1] = long ? 126 : body.length;
  if (long) head.writeUInt16BE(body.length, 2);
  return Buffer.concat([head, body]);
}

/** The frames at the head of `bytes`, unmasked, and what is left of it. None of a client's is longer than 64 KiB here. */
function read(bytes) {
  const frames = [];
  let at = 0;
  while (bytes.length - at >= 6) {
    const short = bytes[at + 1] & 0x7f;
    const head = short === 126 ? 8 : 6;
    if (short === 127) throw new Error("a frame that is too long");
    if (bytes.length - at < head) break;
    const length = short === 126 ? bytes.readUInt16BE(at + 2) : short;
    if (bytes.length - at < head + length) break;
    const mask = bytes.subarray(at + head - 4, at + head);
    const body = Buffer.from(bytes.subarray(at + head, at + head + length));
    for (let i = 0; i < length; i += 1) body[i] ^= mask[i % 4];
    frames.push({ opcode: bytes[at] & 0x0f, body });
    at += head + length;
  }
  return { frames, rest: bytes.subarray(at) };
}

/** Starts the server; `{ url, burst, pace, close }`. What is sent goes to the socket that was opened last. */
export async function startFeed() {
  let latest;
  const sockets = new Set();
  const began = Date.now();
  const server = createServer((_request, response) => response.writeHead(426, { "access-control-allow-origin": "*" }).end());
  server.on("upgrade", (request, socket) => {
    const wire = wires[new URL(request.url, "http://localhost").pathname];
    if (wire === undefined) return void socket.end("HTTP/1.1 404 Not Found\r\n\r\n");
    const accept = createHash("sha1").update(request.headers["sec-websocket-key"] + GUID).digest("base64");
    socket.setNoDelay(true);
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    latest = socket;
    sockets.add(socket.on("close", () => sockets.delete(socket)));
    let rest = Buffer.alloc(0);
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      const received = read(Buffer.concat([rest, chunk]));
      rest = received.rest;
      for (const { opcode, body } of received.frames) {
        if (opcode === PING) socket.write(frame(PONG, body));
        if (opcode === CLOSE) socket.end(frame(CLOSE, body));
        const reply = opcode === TEXT ? answer(wire, JSON.parse(body)) : undefined;
        if (reply !== undefined) socket.write(frame(TEXT, JSON.stringify(reply)));
      }
    });
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));

  /** Writes; settles when there is room for more. */
  const write = (socket, bytes) => (socket.write(bytes) ? undefined : new Promise((room) => socket.once("drain", room).once("close", room)));

  return {
    url: `http://127.0.0.1:${server.address().port}`,

    /** Makes `count` events of a wire, from number `from` on, ten to a millisecond; what it gives back sends them as fast as they go. */
    burst(wire, from, count) {
      const chunks = [];
      for (let n = from; n < from + count; n += AT_A_TIME) {
        const frames = [];
        for (let m = n; m < Math.min(n + AT_A_TIME, from + count); m += 1) frames.push(frame(TEXT, events[wire](m, began + Math.floor(m / 10), 0)));
        chunks.push(Buffer.concat(frames));
      }
      return async function send() {
        const socket = latest;
        for (const chunk of chunks) await write(socket, chunk);
      };
    },

    /** Sends `count` events at so many a second, each in a write of its own and with the time of that. */
    async pace(wire, count, perSecond) {
      const socket = latest;
      const from = now();
      for (let n = 0; n < count && !socket.destroyed; ) {
        const due = Math.min(count, Math.floor(((now() - from) / 1000) * perSecond) + 1);
        for (; n < due; n += 1) socket.write(frame(TEXT, events[wire](n, Date.now(), now())));
        if (n < count) await new Promise((later) => setTimeout(later, 1));
      }
    },

    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((done) => (server.closeAllConnections(), server.close(done)));
    },
  };
}
