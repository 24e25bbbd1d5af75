// What can go wrong in a soak: at the service and on the line, by the simulator's rules, and with the page, by the browser. Each kind draws its
// own particulars when the schedule is made, heals by itself, and says whether it was met.

import { setTimeout as pass } from "node:timers/promises";

const TEXT = { action: "onMessage", type: "Text" };
const HISTORY = { path: "/api/v2/webmessaging/messages" };
/** A service may be so late in storing, and its history in showing; together no more than the five seconds that the client allows for. */
const LATE_MS = [200, 2_500];

/** A kind whose rules lie there for `ms`; met when one of them was. A frame that says nothing is sent to meet them, or a message is written. */
const rules = (ms, choose, make, { byMessage = false } = {}) => ({
  ms,
  choose,
  async act({ service, crew, tab }, fault) {
    const ids = await service.faults(make(fault));
    await (byMessage ? crew.write(tab) : service.poke());
    await pass(fault.ms);
    return (await service.lift(ids)).some((hits) => hits > 0);
  },
});
const none = () => ({});
const always = (rule) => ({ count: 0, ...rule });
/** Ends the connection that is up, so that the rules beside it are met. */
const CUT = { on: "frame-out", do: "drop" };

/** A kind that is done to one page, which can neither be written in nor spoken to meanwhile unless `usable`. */
const page = (ms, choose, act, more = {}) => ({ ms, choose, ofPage: true, act, ...more });

export const kinds = {
  // ---- the line

  /** The connection is gone, and nobody said goodbye. */
  drop: rules([200, 2_000], none, () => [CUT]),
  /** The same under a message, before or after the service has stored it. */
  "drop-message": rules([2_000, 6_000], (chance) => ({ after: chance.pick([true, false]) }), ({ after }) => [{ on: "frame-in", match: TEXT, do: "drop", after }], { byMessage: true }),
  close: rules([200, 2_000], (chance) => ({ code: chance.pick([1000, 1001, 1011, 1012, 4000]) }), ({ code }) => [{ on: "frame-out", do: "close", code }]),
  /** Bytes under way to the service are held and delivered late, also when the client has long given the socket up. */
  "stall-up": rules([6_000, 25_000], none, ({ ms }) => [{ on: "frame-in", match: TEXT, do: "stall", direction: "up", ms }], { byMessage: true }),
  "stall-down": rules([2_000, 20_000], none, ({ ms }) => [{ on: "frame-out", do: "stall", direction: "down", ms }]),
  "stall-both": rules([2_000, 20_000], none, ({ ms }) => [{ on: "frame-out", do: "stall", direction: "both", ms }]),
  delay: rules([3_000, 10_000], (chance) => ({ by: chance.between(100, 3_000) }), ({ by }) => [always({ on: "frame-out", do: "delay", ms: by })]),
  /** No connection and no answer to anything, for a while. */
  gone: rules([2_000, 10_000], none, () => [always({ on: "connect", do: "drop" }), always({ on: "http", do: "drop" }), CUT]),
  /** The upgrade is not answered. */
  blackhole: rules([3_000, 12_000], none, () => [always({ on: "connect", do: "blackhole" }), CUT]),

  // ---- the service

  refuse: rules([2_000, 8_000], (chance) => ({ status: chance.pick([429, 503]) }), ({ status }) => [always({ on: "connect", do: "refuse", status }), CUT]),
  "accept-then-close": rules([2_000, 6_000], none, () => [always({ on: "connect", do: "accept-then-close", code: 1011 }), CUT]),
  "lose-echo": rules([2_000, 6_000], none, () => [{ on: "frame-out", match: TEXT, do: "lose" }], { byMessage: true }),
  "lose-message": rules([2_000, 6_000], none, () => [{ on: "frame-in", match: TEXT, do: "lose" }], { byMessage: true }),
  "late-store": rules([3_000, 8_000], (chance) => ({ by: chance.between(...LATE_MS) }), ({ by }) => [{ on: "frame-in", match: TEXT, do: "late-store", ms: by }], { byMessage: true }),
  duplicate: rules([3_000, 10_000], none, () => [always({ on: "frame-out", do: "duplicate" })]),
  reorder: rules([3_000, 10_000], none, () => [{ on: "frame-out", match: { class: "StructuredMessage" }, do: "reorder", window: 2, count: 4 }]),
  garbage: rules([1_000, 3_000], (chance) => ({ as: chance.pick(["text", "binary", "deep", "huge"]) }), ({ as }) => [{ on: "frame-out", do: "garbage", as }]),
  "history-fails": rules([3_000, 15_000], (chance) => ({ status: chance.pick([429, 500, 503]) }), ({ status }) => [always({ on: "http", match: HISTORY, do: "status", status, retryAfter: 2 }), CUT]),
  "history-lags": rules([4_000, 12_000], (chance) => ({ by: chance.between(...LATE_MS) }), ({ by }) => [always({ on: "http", match: HISTORY, do: "history-lag", ms: by }), CUT]),

  // ---- the page

  reload: page([0, 0], none, ({ tab }) => tab.reload(), { ends: true }),
  /** The tab's process is gone, some of the time in the moment in which something was written. */
  kill: page([0, 3_000], (chance) => ({ writing: chance.pick(["no", "before", "just then"]) }), async ({ tab, crew }, { ms, writing }) => {
    const written = writing === "no" ? undefined : crew.write(tab, { here: true });
    if (writing === "before") await written;
    await tab.kill();
    await pass(ms);
    await tab.open();
  }, { ends: true }),
  "close-tab": page([0, 3_000], none, async ({ tab }, { ms }) => {
    await tab.close();
    await pass(ms);
    await tab.open();
  }, { ends: true }),
  freeze: page([1_000, 20_000], none, ({ tab }, { ms }) => tab.freeze(() => pass(ms))),
  /** Behind another tab; after ten seconds its timers come once a minute. */
  hide: page([3_000, 45_000], none, async ({ tab, crew }, { ms }) => {
    await crew.cover();
    await pass(ms);
    await tab.show();
  }, { usable: true }),
  /** Another page in the same tab, and back. */
  bfcache: page([500, 10_000], none, ({ tab }, { ms }) => tab.leave(() => pass(ms))),
  /** The browser says `offline`, and nothing can be asked for; its sockets stay, or are dead without a word. */
  offline: page([1_000, 12_000], (chance) => ({ dead: chance.pick([true, false]) }), async ({ tab, service }, { ms, dead }) => {
    const ids = dead ? await service.faults([{ on: "frame-out", do: "stall", direction: "both", ms }]) : [];
    if (dead) await service.poke();
    await tab.network(false);
    await pass(ms);
    await tab.network(true);
    if (dead) await service.lift(ids);
  }, { usable: true }),
  flapping: page([5_000, 5_000], none, async ({ tab }, { ms }) => {
    for (let n = 0; n < 20; n += 1) {
      await tab.network(n % 2 === 1);
      await pass(ms / 20);
    }
    await tab.network(true);
  }, { usable: true }),
  /** The page's thread is busy. */
  busy: page([1_000, 12_000], none, ({ tab }, { ms }) => tab.call("stall", [ms], ms * 5 + 30_000)),
  slow: page([3_000, 15_000], none, async ({ tab }, { ms }) => {
    await tab.page.send("Emulation.setCPUThrottlingRate", { rate: 6 });
    await pass(ms);
    await tab.page.send("Emulation.setCPUThrottlingRate", { rate: 1 });
  }, { usable: true }),
  /** The browser's processes stand still, all of them. */
  sleep: page([2_500, 10_000], none, async ({ crew }, { ms }) => {
    crew.browser.stop();
    await pass(ms);
    crew.browser.go();
  }),
  /** What the site has stored is gone, under a page that goes on or one that is loaded again at once; mostly while nothing waits to
   *  be sent, if that comes about within `ms`. */
  wipe: page([0, 40_000], (chance) => ({ idle: chance.pick([true, true, false]) }), async ({ tab, crew }, { ms, idle }) => {
    if (idle) await crew.idle(tab, ms);
    await crew.wipe(tab);
  }),
  "wipe-and-reload": page([0, 40_000], (chance) => ({ idle: chance.pick([true, true, false]) }), async ({ tab, crew }, { ms, idle }) => {
    if (idle) await crew.idle(tab, ms);
    await crew.wipe(tab);
    await tab.reload();
  }, { ends: true }),
};
