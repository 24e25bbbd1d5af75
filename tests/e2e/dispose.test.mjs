// What a client leaves behind on a page, counted in Chromium: nothing. Everything that outlives a call is wrapped before any of
// our code runs, and counted before and after a hundred clients, each disposed of at another moment of its life.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BROKEN_LINE, deployment, profile, until, url } from "./stage.mjs";

const minutes = 60_000;
const ROUNDS = 100;

/** Runs in the page before anything else: counts what is alive. */
function count() {
  // A page begins as a blank one, which is no place for any of this.
  if (!location.protocol.startsWith("http")) return;
  const alive = { timers: new Set(), intervals: new Set(), listeners: new Map(), sockets: new Set(), channels: new Set(), locks: new Set(), requests: new Set(), observers: new Set(), closures: new Map() };
  const memories = new Set();

  for (const [set, clear, kept, once] of [["setTimeout", "clearTimeout", alive.timers, true], ["setInterval", "clearInterval", alive.intervals, false]]) {
    const [begin, end] = [window[set], window[clear]];
    window[set] = (run, ...rest) => {
      const id = begin(() => {
        if (once) kept.delete(id);
        run();
      }, ...rest);
      kept.add(id);
      return id;
    };
    window[clear] = (id) => (kept.delete(id), end(id));
  }

  // A listener is its target, type, function and phase. Those of a target that is over go with it.
  const isOver = (target) => (target instanceof Node ? !target.isConnected : target instanceof AbortSignal ? target.aborted : target instanceof WebSocket && target.readyState === WebSocket.CLOSED);
  const numbers = new WeakMap();
  let numbered = 0;
  const number = (thing) => (numbers.has(thing) ? numbers : numbers.set(thing, ++numbered)).get(thing);
  const name = (target, type, listener, options) => `${target.constructor.name} ${type} ${number(target)} ${number(listener)} ${typeof options === "object" ? options?.capture === true : options === true}`;
  const { addEventListener, removeEventListener } = EventTarget.prototype;
  EventTarget.prototype.addEventListener = function (type, listener, options) {
    const target = this ?? window;
    if (listener && !options?.signal?.aborted) {
      const key = name(target, type, listener, options);
      alive.listeners.set(key, target);
      const gone = () => alive.listeners.delete(key);
      if (options?.once) addEventListener.call(target, type, gone, options);
      if (options?.signal) addEventListener.call(options.signal, "abort", gone);
    }
    return addEventListener.call(target, type, listener, options);
  };
  EventTarget.prototype.removeEventListener = function (type, listener, options) {
    const target = this ?? window;
    if (listener) alive.listeners.delete(name(target, type, listener, options));
    return removeEventListener.call(target, type, listener, options);
  };

  window.WebSocket = class extends WebSocket {
    constructor(...args) {
      super(...args);
      alive.sockets.add(this);
      addEventListener.call(this, "close", () => alive.sockets.delete(this));
    }
  };
  window.BroadcastChannel = class extends BroadcastChannel {
    constructor(...args) {
      super(...args);
      alive.channels.add(this);
    }
    close() {
      alive.channels.delete(this);
      super.close();
    }
  };
  for (const kind of ["MutationObserver", "ResizeObserver", "IntersectionObserver"])
    window[kind] = class extends window[kind] {
      observe(...args) {
        alive.observers.add(this);
        super.observe(...args);
      }
      disconnect() {
        alive.observers.delete(this);
        super.disconnect();
      }
    };
  const during = (kept, promise) => {
    kept.add(promise);
    const over = () => kept.delete(promise);
    promise.then(over, over);
    return promise;
  };
  const { request } = LockManager.prototype;
  LockManager.prototype.request = function (...args) {
    return during(alive.locks, request.apply(this, args));
  };
  const { fetch } = window;
  window.fetch = (...args) => during(alive.requests, fetch(...args));

  // What lives in the module and is known outside, callbacks above all, is registered for finalization while it lives and taken out
  // when it is dropped: what is left in here was left to the garbage collector, or leaked.
  const { register, unregister } = FinalizationRegistry.prototype;
  FinalizationRegistry.prototype.register = function (target, held, token) {
    if (token) alive.closures.set(token, (alive.closures.get(token) ?? 0) + 1);
    return register.call(this, target, held, token);
  };
  FinalizationRegistry.prototype.unregister = function (token) {
    alive.closures.delete(token);
    return unregister.call(this, token);
  };
  const { instantiate } = WebAssembly;
  WebAssembly.instantiate = async (...args) => {
    const result = await instantiate(...args);
    // By kind and not by name: a release build names its exports as short as it can.
    for (const one of Object.values((result.instance ?? result).exports)) if (one instanceof WebAssembly.Memory) memories.add(one);
    return result;
  };

  window.alive = () => {
    for (const [key, target] of alive.listeners) if (isOver(target)) alive.listeners.delete(key);
    return { ...Object.fromEntries(Object.entries(alive).map(([kind, kept]) => [kind, kept.size])), of: [...alive.listeners.keys()].map((key) => key.split(" ").slice(0, 2).join(" ")) };
  };
  window.memory = () => [...memories].reduce((sum, memory) => sum + memory.buffer.byteLength, 0);
}

const NOTHING = { timers: 0, intervals: 0, listeners: 0, sockets: 0, channels: 0, locks: 0, requests: 0, observers: 0, closures: 0, of: [] };

/** A page of the simulator's that does nothing by itself, everything on it counted. */
async function emptyPage(t, options) {
  const context = await profile(t, options);
  await context.route(`${url}/bare.js`, (route) => route.fulfill({ contentType: "text/javascript", body: "" }));
  await context.addInitScript(count);
  const page = await context.newPage();
  await page.goto(`${url}/bare.html`);
  return page;
}

/** Once loaded the module has one closure for as long as the page: that of the queue its futures run from. */
const LOADED = { ...NOTHING, closures: 1 };
const back = (page) => until(() => page.evaluate(() => window.alive()), (alive) => JSON.stringify(alive) === JSON.stringify(LOADED), "everything is back at the baseline");

for (const [protocol, name] of [["guest", "guest API"], ["session", "session protocol"]]) test(`a hundred clients of the ${name}, created and disposed of at every moment of their lives, leave nothing`, { timeout: 4 * minutes }, async (t) => {
  const service = deployment(t, protocol);
  const refusing = deployment(t, protocol);
  // A hundred times the same guest within a minute is more than the service's limits are made for.
  await service.set({ limits: false });
  await refusing.faults({ on: "connect", count: 0, do: "refuse", status: 503 });
  const page = await emptyPage(t, { expects: BROKEN_LINE });
  assert.deepEqual(await page.evaluate(() => window.alive()), NOTHING);

  const run = ({ deploymentId, refusingId, rounds, first }) =>
    page.evaluate(
      async ({ deploymentId, refusingId, protocol, rounds, first }) => {
        const { GuestClient } = await import("/dist/index.js");
        const endpoint = location.origin;
        const tokenUrl = (id) => `/demo-backend/token?deploymentId=${id}`;
        const speaking = (id) => (protocol === "session" ? { protocol, token: { url: tokenUrl(id) } } : {});
        const create = (id = deploymentId, options = {}) => new GuestClient({ deploymentId: id, endpoint, ...speaking(id), ...options });
        const reached = (client, ...names) => new Promise((done) => {
          if (names.includes(client.state.name)) return done();
          const off = client.on("state", ({ name }) => names.includes(name) && (off(), done()));
        });
        const quietly = (promise) => void promise.catch(() => undefined);
        const begun = (client) => (quietly(client.start()), client);
        const most = { sockets: 0, listeners: 0, timers: 0, locks: 0, closures: 0 };
        const note = () => {
          const now = window.alive();
          for (const kind of Object.keys(most)) most[kind] = Math.max(most[kind], now[kind]);
        };
        const lasting = new AbortController();
        const sent = [];
        const say = (client, round) => {
          sent.push(`Round ${round}`);
          return client.send(`Round ${round}`);
        };
        const moments = {
          "at once": () => create(),
          "while the module is brought": () => begun(create()),
          "while connecting": async () => {
            const client = begun(create());
            await reached(client, "connecting");
            return client;
          },
          // The page's signal goes on living.
          "ready": async () => {
            const client = begun(create(deploymentId, { signal: lasting.signal }));
            await reached(client, "ready");
            if (protocol === "guest") client.typing();
            return client;
          },
          "with a message on its way": async (round) => {
            const client = begun(create());
            await reached(client, "ready");
            quietly(say(client, round).done);
            return client;
          },
          "with a message confirmed": async (round) => {
            const client = begun(create());
            await say(client, round).done;
            return client;
          },
          "while an older page is read": async () => {
            const client = begun(create());
            await reached(client, "ready");
            quietly(client.history());
            return client;
          },
          "refused and waiting": async () => {
            const client = begun(create(refusingId));
            await reached(client, "waiting", "paused", "offline");
            return client;
          },
          "in line behind another": async () => {
            const leader = begun(create());
            await reached(leader, "ready");
            const follower = begun(create());
            await new Promise((done) => follower.on("tab", ({ role }) => role === "follower" && done()));
            note();
            leader.dispose();
            return follower;
          },
          "stopped, by the page's own signal": async () => {
            const controller = new AbortController();
            const client = begun(create(deploymentId, { signal: controller.signal, storage: "memory" }));
            await reached(client, "ready");
            await client.stop();
            note();
            controller.abort();
            return client;
          },
        };
        // What the page itself still waits for is its own; when that comes, nobody is there any more.
        const late = [];
        if (protocol === "session") {
          moments["while the page looks for a token"] = async () => {
            let client;
            await new Promise((asked) => {
              client = begun(create(deploymentId, { token: () => (asked(), new Promise((give) => late.push(give))) }));
            });
            return client;
          };
        }
        const names = Object.keys(moments);
        for (let round = first; round < first + rounds; round++) {
          const client = await moments[names[round % names.length]](round);
          note();
          client.dispose();
          client.dispose();
        }
        for (const give of late) give(await (await fetch(tokenUrl(deploymentId), { method: "POST" })).json());
        return { most, sent, memory: window.memory() };
      },
      { deploymentId, refusingId, protocol, rounds, first },
    );

  const ids = { deploymentId: service.deploymentId, refusingId: refusing.deploymentId };
  const early = await run({ ...ids, rounds: 20, first: 0 });
  await back(page);
  const late = await run({ ...ids, rounds: ROUNDS - 20, first: 20 });
  await back(page);
  // The counting counts: while they lived there was something of each kind.
  for (const [kind, most] of Object.entries(late.most)) assert.ok(most > 0, `${kind} were never seen`);
  assert.equal(late.memory, early.memory, "the module's memory grew");
  assert.ok(early.memory > 0);
  for (const { deploymentId } of [service, refusing]) {
    const locks = await page.evaluate(async (id) => {
      const { held, pending } = await navigator.locks.query();
      return [...held, ...pending].filter(({ name }) => name.includes(id)).length;
    }, deploymentId);
    assert.equal(locks, 0);
  }
  await until(() => service.sessions(), (sessions) => sessions.every(({ connections }) => connections === 0), "the service has no connection left");

  // What they accepted and could not send is not lost with them: one more client sends it.
  await page.evaluate(async ({ deploymentId, protocol }) => {
    const { GuestClient } = await import("/dist/index.js");
    // With a token the guest API too has the other module: that would be another memory, with a queue of its own.
    const speaking = protocol === "session" ? { protocol, token: { url: `/demo-backend/token?deploymentId=${deploymentId}` } } : {};
    const client = new GuestClient({ deploymentId, endpoint: location.origin, ...speaking });
    client.start().catch(() => undefined);
    await client.send("The last").done;
    client.dispose();
  }, { ...ids, protocol });
  await back(page);
  const stored = await service.stored();
  assert.deepEqual(stored, [...early.sent, ...late.sent, "The last"]);
});

for (const [protocol, name] of [["guest", "guest API"], ["session", "session protocol"]]) test(`twenty chat elements over the ${name}, put on the page, opened, and taken away leave nothing`, { timeout: 3 * minutes }, async (t) => {
  const service = deployment(t, protocol);
  await service.set({ limits: false });
  const page = await emptyPage(t);
  await page.evaluate(() => import("/dist/define.js"));
  await page.evaluate(async ({ deploymentId, protocol, rounds }) => {
    for (let round = 0; round < rounds; round++) {
      const chat = document.createElement("guestwire-chat");
      chat.setAttribute("deployment-id", deploymentId);
      chat.setAttribute("endpoint", location.origin);
      if (protocol === "session") {
        chat.setAttribute("protocol", protocol);
        chat.setAttribute("token-url", `/demo-backend/token?deploymentId=${deploymentId}`);
      }
      if (round % 2 === 0) chat.setAttribute("open", "");
      const ready = new Promise((done) => chat.addEventListener("guestwire-state", ({ detail }) => detail.name === "ready" && done()));
      document.querySelector("main").append(chat);
      chat.open();
      await ready;
      if (window.alive().observers === 0 || window.alive().sockets === 0) throw new Error("nothing was counted");
      chat.remove();
      // Moving an element takes it away and puts it back within one task, so the end comes after that.
      await new Promise((done) => queueMicrotask(() => queueMicrotask(done)));
    }
  }, { deploymentId: service.deploymentId, protocol, rounds: 20 });
  await back(page);
  await until(() => service.sessions(), (sessions) => sessions.every(({ connections }) => connections === 0), "the service has no connection left");
});
