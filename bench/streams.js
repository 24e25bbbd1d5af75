// What scripts/bench/streams.mjs measures, from inside the page: a stream, or a bare WebSocket with JSON.parse on the same frames.
// The page is cross-origin isolated by its server, so that its clock counts in 5 µs.

import { memory } from "./memory.js";

const now = () => performance.now();
/** Nothing more is waited for when nothing has come for so long, milliseconds: a busy machine stands still for some of it. */
const QUIET_MS = 20_000;
const LOOK_MS = 1_000;

/** What the monitor was given and has not told yet: a sample of its own bears no number. */
const measured = [];

const token = async () => ({ access_token: "bench", expires_in: 86_400 });

/**
 * `pick`: the event in a frame, for a bare socket. `make`: the stream, and how it is fed where it has no line of its own. `read`: the event in
 * what the stream tells by `told`. `ordered`: what keeps an order of its own.
 */
const wires = {
  conversations: {
    pick: (frame) => frame,
    make: ({ ConversationEvents }, options) => [new ConversationEvents(options)],
    told: "event",
    read: ({ event }) => event,
    ordered: () => "all",
  },
  interactions: {
    pick: ({ events }) => events[0],
    make: ({ InteractionStream }, options) => [new InteractionStream(options)],
    told: "event",
    read: (event) => event,
    ordered: () => "all",
  },
  presence: {
    pick: (frame) => frame,
    make: ({ PresenceMultiplexer }, { channels, ...options }) => [new PresenceMultiplexer({ ...options, channels: Array.from({ length: channels }, (_, n) => ({ id: `channel-${n}`, type: "presence" })) })],
    told: "update",
    read: (update) => update,
    ordered: ({ channelId }) => channelId,
  },
  // No service lets itself be asked so often: the monitor is attached to what reads a bare socket.
  latency: {
    pick: (frame) => frame,
    make({ LatencyMonitor }, { endpoint, createSocket }) {
      const listeners = new Set();
      const connect = () => new Promise((open) => {
        const socket = createSocket(`${endpoint.replace("http", "ws")}/bare`);
        socket.onopen = open;
        socket.onmessage = ({ data }) => {
          const frame = JSON.parse(data);
          measured.push(frame);
          for (const listener of listeners) listener({ kind: "rtt", ms: frame.n % 300 });
        };
      });
      return [new LatencyMonitor({ source: { on: (_, listener) => (listeners.add(listener), () => listeners.delete(listener)) } }), connect];
    },
    told: "probe",
    read: () => measured.shift(),
    ordered: () => "all",
  },
};

/** What comes of the events that are waited for. */
class Reception {
  #wire;
  #resolve;
  #watch;
  #seen = { arrived: 0, at: 0 };
  #newest = new Map();
  #offset = 0;

  constructor(wire) {
    this.#wire = wire;
  }

  /** So many events are waited for; `offset` turns the time at which they were sent into one of this page. */
  expect(socket, count, offset) {
    this.#newest.clear();
    this.#offset = offset;
    Object.assign(this, { wanted: count, arrived: 0, disordered: 0, first: undefined, last: undefined, took: offset === undefined ? undefined : new Float64Array(count) });
    socket.addEventListener("message", () => (this.first = now()), { once: true });
    this.done = new Promise((resolve) => (this.#resolve = resolve));
    this.#seen = { arrived: 0, at: now() };
    this.#watch = setInterval(() => {
      if (this.arrived > this.#seen.arrived) this.#seen = { arrived: this.arrived, at: now() };
      else if (now() - this.#seen.at > QUIET_MS) this.#end();
    }, LOOK_MS);
  }

  take(event) {
    if (this.took !== undefined) this.took[this.arrived] = now() - (event.sent + this.#offset);
    const key = wires[this.#wire].ordered(event);
    if (event.n > (this.#newest.get(key) ?? -1)) this.#newest.set(key, event.n);
    else this.disordered += 1;
    this.arrived += 1;
    if (this.arrived === this.wanted) this.#end();
  }

  #end() {
    clearInterval(this.#watch);
    this.last = now();
    this.#resolve();
  }
}

let current;

globalThis.bench = {
  isolated: crossOriginIsolated,
  memory,

  /** What the server's clock has to be added to be this page's, and how wrong that may be: the quickest of many answers. */
  async clock(feed) {
    const socket = new WebSocket(`${feed.replace("http", "ws")}/bare`);
    await new Promise((open) => (socket.onopen = open));
    let best;
    for (let n = 0; n < 200; n += 1) {
      const sent = now();
      const answer = await new Promise((came) => {
        socket.onmessage = ({ data }) => came({ at: now(), ...JSON.parse(data) });
        socket.send('{"type":"ping"}');
      });
      const trip = answer.at - sent;
      if (best === undefined || trip < best.trip) best = { trip, offset: sent + trip / 2 - answer.now };
    }
    socket.close();
    return { offset: best.offset, error: best.trip / 2 };
  },

  /** Connects a stream of a wire with these options, or a bare socket where there are none. */
  async connect(wire, feed, options) {
    const { pick, make, told, read } = wires[wire];
    const reception = new Reception(wire);
    if (options === undefined) {
      const socket = new WebSocket(`${feed.replace("http", "ws")}/bare`);
      await new Promise((open) => (socket.onopen = open));
      socket.onmessage = ({ data }) => reception.take(pick(JSON.parse(data)));
      current = { reception, socket, leave: () => socket.close() };
      return;
    }
    const streams = await import("/dist/streams.js");
    const own = { reception };
    const createSocket = (url) => (own.socket = new WebSocket(url));
    const [stream, connect] = make(streams, { endpoint: feed, token, createSocket, ...options });
    stream.on(told, (payload) => reception.take(read(payload)));
    await stream.start();
    await connect?.();
    own.figures = () => stream.metrics;
    own.leave = () => (stream.dispose(), own.socket.close());
    current = own;
  },

  expect: (count, offset) => current.reception.expect(current.socket, count, offset),

  /** All have come, or nothing comes any more. */
  async arrived() {
    const { reception } = current;
    await reception.done;
    const { arrived, disordered, first, last, took } = reception;
    return { arrived, disordered, ms: last - first, took: took && [...took.subarray(0, arrived)] };
  },

  figures: () => current.figures(),
  leave: () => current.leave(),

  /** So many round trips, each as a monitor with a line of its own tells it, and as measured over a bare socket at the same time. */
  async probes(feed, count) {
    const { LatencyMonitor } = await import("/dist/streams.js");
    const monitor = new LatencyMonitor({ endpoint: feed, token, connectionId: "bench-monitor", pingIntervalMs: 100, probeFrequencyLimitMs: 0 });
    const socket = new WebSocket(`${feed.replace("http", "ws")}/bare`);
    await new Promise((open) => (socket.onopen = open));
    const told = [];
    const bare = [];
    let sent;
    socket.onmessage = () => void bare.push(now() - sent);
    await new Promise((done) => {
      monitor.on("probe", ({ latencyMs, timedOut }) => {
        if (!timedOut) told.push(latencyMs);
        if (told.length === count) return done();
        setTimeout(() => {
          sent = now();
          socket.send('{"type":"ping"}');
        }, 50);
      });
      void monitor.start();
    });
    monitor.dispose();
    socket.close();
    return { told, bare };
  },
};
