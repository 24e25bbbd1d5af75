// The client alone, as a site's own code holds it: what it leaves behind, what it survives, and what it says where it cannot work.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BROKEN_LINE, deployment, profile, until, url } from "./stage.mjs";

/** A page of the simulator's origin with nothing on it; with a policy of the test's choice it is the browser's own making. */
async function open(context, policy) {
  const page = await context.newPage();
  await page.route("**/favicon.ico", (route) => route.fulfill({ status: 204 }));
  if (policy !== undefined) await page.route(`${url}/_sim/sessions?deploymentId=none`, (route) => route.fulfill({ contentType: "text/html", headers: { "content-security-policy": policy }, body: "" }));
  await page.goto(`${url}/_sim/sessions?deploymentId=none`);
  await page.evaluate(() => {
    /** Makes a client and keeps a diary of it. */
    window.make = async (deploymentId, options = {}) => {
      const { GuestClient } = await import("/dist/index.js");
      const client = new GuestClient({ deploymentId, endpoint: location.origin, ...options });
      const diary = { states: [], errors: [], roles: [], sent: [] };
      client.on("state", ({ name }) => diary.states.push(name));
      client.on("error", ({ name }) => diary.errors.push(name));
      client.on("tab", ({ role }) => diary.roles.push(role));
      client.on("receipt", ({ id, status }) => status === "sent" && diary.sent.push(id));
      return Object.assign(window, { client, diary });
    };
    window.texts = () => window.client.messages.filter(({ text }) => text !== undefined).map(({ text, status }) => `${text} (${status})`);
  });
  return page;
}

/** Runs before any script of a page: counts what is alive. */
function countTheLiving() {
  const alive = { timers: new Set(), listeners: new Map(), sockets: new Set(), channels: new Set(), finalizers: new Map() };
  for (const [set, clear] of [["setTimeout", "clearTimeout"], ["setInterval", "clearInterval"]]) {
    const [really, stop] = [window[set], window[clear]];
    window[set] = (run, ms, ...rest) => {
      const id = really((...args) => {
        if (set === "setTimeout") alive.timers.delete(id);
        return run(...args);
      }, ms, ...rest);
      alive.timers.add(id);
      return id;
    };
    window[clear] = (id) => (alive.timers.delete(id), stop(id));
  }
  const { addEventListener, removeEventListener } = EventTarget.prototype;
  const key = (type, listener, options) => `${type}/${typeof options === "object" ? Boolean(options?.capture) : Boolean(options)}`;
  EventTarget.prototype.addEventListener = function (type, listener, options) {
    if (this === window || this === document) alive.listeners.set(listener, (alive.listeners.get(listener) ?? new Set()).add(key(type, listener, options)));
    return addEventListener.call(this, type, listener, options);
  };
  EventTarget.prototype.removeEventListener = function (type, listener, options) {
    alive.listeners.get(listener)?.delete(key(type, listener, options));
    return removeEventListener.call(this, type, listener, options);
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
  // The glue registers every closure and object of the module that JavaScript holds, and takes it off when it is freed.
  const { register, unregister } = FinalizationRegistry.prototype;
  FinalizationRegistry.prototype.register = function (target, value, token) {
    alive.finalizers.set(token ?? {}, true);
    return register.call(this, target, value, token);
  };
  FinalizationRegistry.prototype.unregister = function (token) {
    alive.finalizers.delete(token);
    return unregister.call(this, token);
  };
  window.living = async () => {
    const { held, pending } = await navigator.locks.query();
    const listeners = [...alive.listeners.values()].reduce((sum, { size }) => sum + size, 0);
    return { timers: alive.timers.size, listeners, sockets: alive.sockets.size, channels: alive.channels.size, closures: alive.finalizers.size, locks: held.length + pending.length };
  };
}

test("dispose leaves nothing: a hundred clients, disposed of in every state", async (t) => {
  const context = await profile(t, { expects: BROKEN_LINE });
  await context.addInitScript(countTheLiving);
  const { deploymentId } = deployment(t);
  const page = await open(context);
  const round = ({ name, count }) => page.evaluate(async ({ name, count }) => {
    for (let index = 0; index < count; index += 1) {
      const { client } = await window.make(`${name}-${index}`);
      const started = client.start().catch(() => {});
      if (index % 4 === 0) await started;
      if (index % 4 === 1) await new Promise((resolve) => client.on("state", ({ name }) => name === "connecting" && resolve()));
      if (index % 4 === 2) client.send("still here").done.catch(() => {});
      client.dispose();
      await started;
    }
  }, { name, count });
  const nothingMore = (before) => until(() => page.evaluate(() => window.living()), (now) => JSON.stringify(now) === JSON.stringify(before), `back to ${JSON.stringify(before)}`);
  // The module itself keeps what it needs for as long as it lives.
  await round({ name: `${deploymentId}-first`, count: 4 });
  const before = await until(() => page.evaluate(() => window.living()), ({ timers, sockets, locks }) => timers + sockets + locks === 0, "the first round is over");
  const during = await page.evaluate(async (name) => {
    const { client } = await window.make(name);
    await client.start();
    const counted = await window.living();
    client.dispose();
    return counted;
  }, `${deploymentId}-one`);
  for (const [what, count] of Object.entries(during)) assert.ok(what === "channels" || count > before[what], `a client that lives has ${what}`);
  await round({ name: deploymentId, count: 100 });
  await nothingMore(before);
});

test("what is typed before the module can be loaded is sent by the next life of the page", async (t) => {
  const context = await profile(t, { expects: BROKEN_LINE });
  const service = deployment(t);
  const page = await open(context);
  await page.route("**/core-inline.js", (route) => route.abort());
  const receipts = await page.evaluate(async (id) => {
    const { client, diary } = await window.make(id);
    client.start().catch(() => {});
    const failed = new Promise((resolve) => client.on("error", resolve));
    const durable = ["one", "two", "three"].map((text) => client.send(text).durable);
    await failed;
    return { durable, state: client.state.name, errors: diary.errors, texts: window.texts() };
  }, service.deploymentId);
  assert.deepEqual(receipts, { durable: [true, true, true], state: "loading", errors: ["NotLoaded"], texts: ["one (queued)", "two (queued)", "three (queued)"] });
  await page.close();
  const next = await open(context);
  await next.evaluate(async (id) => {
    await window.make(id);
    await window.client.start();
  }, service.deploymentId);
  assert.deepEqual(await until(() => service.stored(), ({ length }) => length === 3, "all three are stored"), ["one", "two", "three"]);
  await until(() => next.evaluate(() => window.texts()), (texts) => texts.every((text) => text.endsWith("(sent)")), "all three are told as sent");
});

test("a second tab meets the guard, may take over, and the first one follows", async (t) => {
  const context = await profile(t);
  const service = deployment(t);
  const start = (page) => page.evaluate(async (id) => {
    await window.make(id);
    window.client.start().catch(() => {});
  }, service.deploymentId);
  const roles = (page, expected) => until(() => page.evaluate(() => window.diary.roles), (told) => JSON.stringify(told) === JSON.stringify(expected), `roles ${expected}`);
  const [first, second] = [await open(context), await open(context)];
  await start(first);
  await roles(first, ["leader"]);
  await start(second);
  await roles(second, ["follower"]);
  await second.evaluate(() => window.client.takeOver());
  await roles(second, ["follower", "leader"]);
  await roles(first, ["leader", "follower"]);
  await second.evaluate(() => window.client.send("from the second").done);
  assert.deepEqual(await service.stored(), ["from the second"]);
  await second.close();
  await roles(first, ["leader", "follower", "leader"]);
  await first.evaluate(() => window.client.send("from the first").done);
  assert.deepEqual(await service.stored(), ["from the second", "from the first"]);
});

test("a panic under a frame is survived: same listeners, same message, one copy", async (t) => {
  const context = await profile(t);
  const service = deployment(t);
  const page = await open(context);
  await service.faults({ on: "frame-in", match: { action: "onMessage" }, count: 1, do: "stall", direction: "up" });
  await page.evaluate(async (id) => {
    await window.make(id, { storage: "memory" });
    await window.client.start();
    window.kept = window.client.send("through the panic");
    const { charCodeAt } = String.prototype;
    String.prototype.charCodeAt = () => {
      String.prototype.charCodeAt = charCodeAt;
      throw new WebAssembly.RuntimeError("unreachable");
    };
  }, service.deploymentId);
  await service.says("hello");
  await until(() => page.evaluate(() => window.diary.errors), ({ length }) => length > 0, "the panic is told");
  await service.lift();
  const delivered = await page.evaluate(async () => ({ same: (await window.kept.done).id === window.kept.id, errors: window.diary.errors }));
  assert.deepEqual(delivered, { same: true, errors: ["Restarted"] });
  assert.deepEqual(await service.stored(), ["through the panic"]);
});

test("a policy without WebAssembly is one error that names the header to add", async (t) => {
  const context = await profile(t, { expects: [/Content Security Policy/] });
  const page = await open(context, "default-src 'self'; script-src 'self'");
  const told = await page.evaluate(async () => {
    const { client, diary } = await window.make("blocked");
    const { name, remediation } = await client.start().catch((error) => error);
    return { name, remediation, errors: diary.errors };
  });
  assert.equal(told.name, "WasmBlocked");
  assert.match(told.remediation, /Content-Security-Policy: script-src 'self' 'wasm-unsafe-eval'/);
  assert.deepEqual(told.errors, ["WasmBlocked"]);
});

test("storage filled to the quota: the message is sent all the same, and said not to be durable", async (t) => {
  const context = await profile(t);
  const service = deployment(t);
  const page = await open(context);
  const { durable, warnings } = await page.evaluate(async (id) => {
    await window.make(id);
    await window.client.start();
    for (let step = 1 << 23, text = ""; step >= 1; step >>= 1) {
      try {
        localStorage.setItem("filler", text + "x".repeat(step));
        text += "x".repeat(step);
      } catch {
        // Half of it.
      }
    }
    const warnings = [];
    window.client.on("warning", ({ code }) => warnings.push(code));
    const receipt = window.client.send("no room");
    await receipt.done;
    return { durable: receipt.durable, warnings };
  }, service.deploymentId);
  assert.equal(durable, false);
  assert.ok(warnings.includes(7050));
  assert.deepEqual(await service.stored(), ["no room"]);
});
