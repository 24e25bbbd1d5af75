// Several tabs of one visitor: one socket, one conversation, whichever of them leads (faults.md row 29).

import assert from "node:assert/strict";
import { test } from "node:test";
import { open } from "./bare.mjs";
import { TICK_MS, dueAt, heldMs, watchStalls } from "./eyes.mjs";
import { BROKEN_LINE, SOON_MS, deployment, profile, until } from "./stage.mjs";

/** A take-over by a tab that is looked at, and what a busy machine adds to it. */
const TAKEN_OVER_MS = 5_000 + 3_000;

/** So many tabs of one visitor, each started when the one before has its part. */
async function tabs(t, count, { options = {}, prepare, protocol, ...profiled } = {}) {
  const context = await profile(t, profiled);
  // Asked for by every page that a browser opens, those that no test opens itself included.
  await context.route("**/favicon.ico", (route) => route.fulfill({ status: 204 }));
  if (prepare !== undefined) await context.addInitScript(prepare);
  const service = deployment(t, protocol);
  const spoken = protocol === "session" ? { protocol, token: { url: `/demo-backend/token?deploymentId=${service.deploymentId}` } } : {};
  const pages = [];
  for (let at = 0; at < count; at += 1) {
    pages.push(await tab(context, service, { ...spoken, ...options }));
    await role(pages.at(-1), at === 0 ? "leader" : "follower");
  }
  return { context, service, pages };
}

async function tab(context, service, options) {
  const page = await open(context);
  await start(page, service, options);
  return page;
}

async function start(page, service, options = {}) {
  await page.evaluate(`(${watchStalls})(${TICK_MS}, "Date")`);
  await page.evaluate(async ([id, given]) => {
    const { client, diary } = await window.make(id, given);
    client.on("tab", () => { diary.turnedAt = Date.now(); });
    Object.assign(diary, { removed: [], unread: [], typing: [] });
    client.on("removed", ({ id: removed }) => diary.removed.push(removed));
    client.on("unread", ({ count }) => diary.unread.push(count));
    client.on("typing", ({ active }) => diary.typing.push(active));
    window.started = client.start().then(() => "started", ({ name }) => name);
  }, [service.deploymentId, options]);
}

const role = (page, expected, timeoutMs) => until(() => page.evaluate(() => window.diary.roles.at(-1)), (told) => told === expected, `a ${expected}`, timeoutMs);
/** Awaits that one of these leads, and in time: counted from `from`, without the moments in which the machine did not let its page run. */
async function leads(pages, from = Date.now()) {
  const look = async () => {
    for (const page of pages) if ((await page.evaluate(() => window.diary.roles.at(-1))) === "leader") return page;
    return undefined;
  };
  const leader = await until(look, (page) => page !== undefined, "a new leader");
  const { at, stalls } = await leader.evaluate(() => ({ at: window.diary.turnedAt, stalls: window.stalls() }));
  assert.ok(at <= dueAt(stalls, from, TAKEN_OVER_MS), `led after ${at - from} ms, of which its page stood still for ${heldMs(stalls, from, at)}`);
  return leader;
}
const shows = (page, expected) => until(() => page.evaluate(() => window.texts()), (told) => JSON.stringify(told) === JSON.stringify(expected), `shows ${expected}`);
/** Settles when the message is sent; what is so long under way is told with what the page knows of it. */
const says = (page, text) =>
  page.evaluate(([said, ms]) => {
    const { done } = window.client.send(said);
    const late = new Promise((_, reject) => setTimeout(() => reject(new Error(`${said} is not sent: ${JSON.stringify([window.texts(), window.client.state, window.diary])}`)), ms));
    return Promise.race([done.then(({ serverId }) => typeof serverId), late]);
  }, [text, SOON_MS]);
const state = (page, expected) => until(() => page.evaluate(() => window.client.state.name), (told) => told === expected, `is ${expected}`);
const sent = (...texts) => texts.map((text) => `${text} (sent)`);
const lines = async (service) => (await service.records()).filter(({ kind }) => kind === "open").length;

for (const [of, protocol] of [["", undefined], ["over the session protocol ", "session"]]) {
  test(`${of}every tab shows the same conversation over one line, and each may write`, async (t) => {
    const { service, pages: [first, second, third] } = await tabs(t, 3, { protocol });
    assert.equal(await second.evaluate(() => window.started), "started");
    await says(first, "from the leader");
    await service.says("an answer");
    assert.equal(await says(second, "from a follower"), "string");
    assert.equal(await says(third, "from another"), "string");
    const expected = sent("from the leader", "an answer", "from a follower", "from another");
    for (const page of [first, second, third]) await shows(page, expected);
    assert.deepEqual(await service.stored(), ["from the leader", "from a follower", "from another"]);
    assert.equal(await lines(service), 1);
    for (const page of [first, second, third]) assert.deepEqual(await page.evaluate(() => window.diary.removed), []);
  });

  test(`${of}the leader is closed: a follower goes on with the same list, and nothing is lost or doubled`, async (t) => {
    const { service, pages: [first, second, third] } = await tabs(t, 3, { protocol });
    await says(first, "one");
    await service.says("two");
    await shows(third, sent("one", "two"));
    await first.close();
    const leader = await until(async () => {
      for (const page of [second, third]) if ((await page.evaluate(() => window.diary.roles.at(-1))) === "leader") return page;
      return undefined;
    }, (page) => page !== undefined, "a new leader", TAKEN_OVER_MS);
    const follower = leader === second ? third : second;
    assert.equal(await says(follower, "three"), "string");
    await service.says("four");
    assert.equal(await says(leader, "five"), "string");
    for (const page of [second, third]) {
      await shows(page, sent("one", "two", "three", "four", "five"));
      assert.deepEqual(await page.evaluate(() => window.diary.removed), [], "the list has not blinked");
    }
    assert.deepEqual(await service.stored(), ["one", "three", "five"]);
  });

  test(`${of}a leader that does not answer is replaced, and sends nothing when it comes to itself`, async (t) => {
    const { context, service, pages: [first, second] } = await tabs(t, 2, { protocol, expects: BROKEN_LINE });
    const devtools = await context.newCDPSession(first);
    await devtools.send("Debugger.enable");
    await says(first, "before");
    await shows(second, sent("before"));
    // Stopped as by a breakpoint: no timer, no message, no news of a lost lock.
    const stopped = new Promise((settle) => devtools.once("Debugger.paused", settle));
    const stuck = first.evaluate(() => {
      window.client.send("typed in the last moment");
      // eslint-disable-next-line no-debugger
      debugger;
      return window.client.send("typed as it came to itself").done.then(() => "sent");
    });
    await stopped;
    await leads([second]);
    assert.equal(await says(second, "from the new leader"), "string");
    await devtools.send("Debugger.resume");
    assert.equal(await stuck, "sent");
    await role(first, "follower");
    const all = await until(() => service.stored(), ({ length }) => length >= 4, "all is stored");
    assert.deepEqual(all.toSorted(), ["before", "from the new leader", "typed as it came to itself", "typed in the last moment"]);
    for (const page of [first, second]) await until(() => page.evaluate(() => window.texts()), (texts) => texts.length === 4 && texts.every((text) => text.endsWith("(sent)")), "all four");
  });
}

test("of five tabs one holds the line, and after it the next", async (t) => {
  const { service, pages } = await tabs(t, 5);
  for (const [n, page] of pages.entries()) assert.equal(await says(page, `from ${n}`), "string");
  const expected = sent("from 0", "from 1", "from 2", "from 3", "from 4");
  for (const page of pages) await shows(page, expected);
  assert.equal(await lines(service), 1);
  await pages[0].close();
  const left = pages.slice(1);
  const roles = () => Promise.all(left.map((page) => page.evaluate(() => window.diary.roles.at(-1))));
  await until(roles, (told) => told.toSorted().join() === "follower,follower,follower,leader", "one leader", TAKEN_OVER_MS);
  for (const [n, page] of left.entries()) assert.equal(await says(page, `again ${n}`), "string");
  for (const page of left) await shows(page, [...expected, ...sent("again 0", "again 1", "again 2", "again 3")]);
  assert.equal((await service.stored()).length, 9);
});

test("a tab that comes later shows what was there, also while the line is down", async (t) => {
  const { context, service, pages: [first] } = await tabs(t, 1, { expects: BROKEN_LINE });
  await says(first, "before");
  await service.goAway();
  await state(first, "offline");
  await first.evaluate(() => void window.client.send("waiting"));
  const second = await tab(context, service);
  await shows(second, ["before (sent)", "waiting (queued)"]);
  await state(second, "offline");
  await second.evaluate(() => void window.client.send("behind it"));
  for (const page of [first, second]) await shows(page, ["before (sent)", "waiting (queued)", "behind it (queued)"]);
  await service.lift();
  for (const page of [first, second]) await shows(page, sent("before", "waiting", "behind it"));
  assert.deepEqual(await service.stored(), ["before", "waiting", "behind it"]);
});

test("what a follower missed is asked for once, however much there was", async (t) => {
  const { service, pages: [first, second] } = await tabs(t, 2);
  await says(first, "one");
  await shows(second, sent("one"));
  const asked = await first.evaluate(async (name) => {
    const line = new BroadcastChannel(name);
    let hellos = 0;
    const listed = new Promise((settle) => {
      line.onmessage = ({ data }) => {
        if (data.do === "hello") hellos += 1;
        if (data.do === "list") settle();
      };
    });
    for (let seq = 1_000; seq < 1_200; seq += 1) line.postMessage({ do: "event", term: "another", seq, event: { type: "unread", count: seq } });
    await listed;
    return hellos;
  }, `guestwire:${service.deploymentId}:local`);
  assert.ok(asked <= 2, `${asked} times for one list`);
  assert.equal(await says(second, "two"), "string");
  for (const page of [first, second]) await shows(page, sent("one", "two"));
});

test("attributes that a follower was given go with what it sends when it leads", async (t) => {
  const { service, pages: [first, second] } = await tabs(t, 2);
  await second.evaluate(() => window.client.setAttributes({ page: "pricing" }));
  await first.close();
  await role(second, "leader", TAKEN_OVER_MS);
  await says(second, "How much is it?");
  const [message] = (await service.sessions()).flatMap(({ messages }) => messages);
  assert.deepEqual([message.text, message.customAttributes], ["How much is it?", { page: "pricing" }]);
});

test("what a follower is asked for the leader does", async (t) => {
  const { service, pages: [first, second] } = await tabs(t, 2);
  await service.says("one", "two");
  await until(() => second.evaluate(() => window.client.unread), (count) => count === 2, "unread in the follower");
  await second.evaluate(() => window.client.markRead());
  await until(() => first.evaluate(() => window.client.unread), (count) => count === 0, "read in the leader");
  await service.agent({ do: "typing", on: true });
  // It ends by itself after five seconds.
  await until(() => second.evaluate(() => window.diary.typing), (told) => told.includes(true), "typing in the follower");
  const mark = await service.mark();
  await second.evaluate(() => window.client.typing());
  await service.record(({ kind, action, text }) => kind === "frame-in" && action === "onMessage" && text === undefined, mark);
  assert.deepEqual(await second.evaluate(() => window.client.history()), { loaded: 0, complete: true });
});

test("a message that failed in one tab is sent again, or taken back, in another", async (t) => {
  const { service, pages: [first, second] } = await tabs(t, 2, { expects: BROKEN_LINE });
  await service.faults({ on: "frame-in", match: { action: "onMessage", type: "Text" }, do: "reply", frame: { type: "response", class: "string", code: 4011, body: "no", tracingId: "$tracingId" } });
  const id = await first.evaluate(async () => {
    const { id: said, done } = window.client.send("again");
    await done.catch(() => {});
    return said;
  });
  await shows(second, ["again (failed)"]);
  assert.equal(await second.evaluate((failed) => window.client.retry(failed).done.then(({ id: sentId }) => sentId), id), id);
  await shows(first, sent("again"));
  await service.goAway();
  await state(second, "offline");
  const waiting = await first.evaluate(() => window.client.send("never mind").id);
  await shows(second, ["again (sent)", "never mind (queued)"]);
  assert.equal(await second.evaluate((queued) => window.client.cancel(queued), waiting), true);
  for (const page of [first, second]) await shows(page, sent("again"));
  assert.equal(await second.evaluate(() => { try { return window.client.retry("unheard of"); } catch ({ name }) { return name; } }), "UnknownMessage");
});

test("two followers do not take the lead in turn", async (t) => {
  // The old leader, come to itself, may try a line before it hears that it does not lead any more.
  const { context, pages: [first, second, third] } = await tabs(t, 3, { expects: [/^WebSocket connection to .* WebSocket is closed before the connection is established/] });
  const devtools = await context.newCDPSession(first);
  await devtools.send("Debugger.enable");
  const stopped = new Promise((settle) => devtools.once("Debugger.paused", settle));
  // eslint-disable-next-line no-debugger
  const stuck = first.evaluate(() => { debugger; });
  await stopped;
  // Both begin to ask in the same moment, and so come to doubt it in the same.
  const moment = Date.now() + 500;
  await Promise.all([second, third].map((page) => page.evaluate((at) => new Promise((done) => setTimeout(() => done(document.dispatchEvent(new Event("visibilitychange"))), at - Date.now())), moment)));
  await leads([second, third], moment);
  // For as long again as it takes to doubt a leader twice, the other one hears from the new leader.
  await second.evaluate(() => new Promise((later) => setTimeout(later, 5_000)));
  const roles = await Promise.all([second, third].map((page) => page.evaluate(() => window.diary.roles)));
  assert.deepEqual(roles.toSorted((one, other) => one.length - other.length), [["follower"], ["follower", "leader"]]);
  await devtools.send("Debugger.resume");
  await stuck;
});

/** As a tab behind others: hidden, and its timers fire once a minute. */
const goHidden = (page) =>
  page.evaluate(() => {
    Object.defineProperty(document, "hidden", { value: true, configurable: true });
    Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
    const soon = globalThis.setTimeout;
    globalThis.setTimeout = (run, ms, ...more) => soon(run, ms > 0 ? Math.max(ms, 60_000) : ms, ...more);
    document.dispatchEvent(new Event("visibilitychange"));
  });

test("a leader that nobody looks at and whose line is down leaves the lead to a tab that is looked at", async (t) => {
  const { service, pages: [first, second] } = await tabs(t, 2, { expects: BROKEN_LINE });
  await says(first, "one");
  await shows(second, sent("one"));
  await goHidden(first);
  // While all is well it leads on: a change would cost a line.
  assert.equal(await says(second, "two"), "string");
  assert.equal(await lines(service), 1);
  await service.goAway();
  await role(second, "leader", TAKEN_OVER_MS);
  await role(first, "follower");
  await second.evaluate(() => void window.client.send("three"));
  await service.lift();
  await second.evaluate(() => window.client.reconnect());
  await shows(second, sent("one", "two", "three"));
  assert.deepEqual(await service.stored(), ["one", "two", "three"]);
});

test("a leader that nobody looks at and that does not bring a message away leaves the lead to a tab that is looked at", async (t) => {
  const { service, pages: [first, second] } = await tabs(t, 2, { expects: BROKEN_LINE });
  await says(first, "one");
  await shows(second, sent("one"));
  await goHidden(first);
  // Its line is dead, and nothing says so: it would be found out minutes later.
  await service.faults({ on: "frame-in", match: { action: "onMessage", type: "Text" }, do: "lose" });
  assert.equal(await says(second, "two"), "string");
  assert.equal(await second.evaluate(() => window.diary.roles.at(-1)), "leader");
  await shows(second, sent("one", "two"));
  assert.deepEqual(await service.stored(), ["one", "two"]);
});

for (const [by, at] of [["a follower", 1], ["the leader", 0]]) {
  test(`what ${by} forgets every tab forgets`, async (t) => {
    const { service, pages } = await tabs(t, 2);
    const [first, second] = pages;
    await says(first, "said");
    await shows(second, sent("said"));
    await pages[at].evaluate(() => window.client.forget());
    for (const page of pages) {
      await shows(page, []);
      await state(page, "idle");
    }
    const kept = await first.evaluate((id) => Object.keys(localStorage).filter((key) => key.startsWith(`gw1:${id}:`)), service.deploymentId);
    assert.deepEqual(kept.map((key) => key.split(":").at(-1)), ["e"]);
  });
}

test("what a follower has unread is forgotten with the rest", async (t) => {
  const { service, pages: [first, second] } = await tabs(t, 2);
  await says(first, "said");
  await service.says("an answer");
  await until(() => second.evaluate(() => window.client.unread), (count) => count === 1, "unread");
  await second.evaluate(() => window.client.forget());
  assert.deepEqual(await second.evaluate(() => [window.client.unread, window.diary.unread.at(-1), window.client.session]), [0, 0, undefined]);
});

test("a page that forgets before it has the module signs the other tabs out, those put away included", async (t) => {
  const { context, service, pages: [first] } = await tabs(t, 1);
  await says(first, "said");
  const second = await open(context);
  // The module never comes: it is a page that only signs out.
  await second.route("**/core-inline.js", () => {});
  await second.evaluate(async (id) => {
    const { GuestClient } = await import("/dist/index.js");
    await new GuestClient({ deploymentId: id, endpoint: location.origin }).forget();
  }, service.deploymentId);
  await state(first, "idle");
  await shows(first, []);
  const kept = await first.evaluate((id) => Object.keys(localStorage).filter((key) => key.startsWith(`gw1:${id}:`)), service.deploymentId);
  assert.deepEqual(kept.map((key) => key.split(":").at(-1)), ["e"]);
});

test("what a follower asked for while its code was on the way is answered, also when it leads by then", async (t) => {
  const { context, service, pages: [first] } = await tabs(t, 1);
  await says(first, "said");
  const second = await open(context);
  let come;
  const held = new Promise((settle) => { come = settle; });
  await second.route("**/tabs.js", async (route) => { await held; await route.continue(); });
  await start(second, service);
  await role(second, "follower");
  await second.evaluate(() => { window.asked = window.client.history().then(() => "read", ({ name }) => name); });
  await first.close();
  await role(second, "leader", TAKEN_OVER_MS);
  come();
  await state(second, "ready");
  const answer = await second.evaluate((ms) => Promise.race([window.asked, new Promise((settle) => setTimeout(settle, ms, "nothing"))]), SOON_MS);
  assert.notEqual(answer, "nothing");
});

test("a new conversation that a follower asks for is everybody's", async (t) => {
  const { service, pages } = await tabs(t, 2);
  const [first, second] = pages;
  await says(first, "one");
  await service.expire("session");
  // Nothing is under way when it ends: of that nobody could tell whether it arrived.
  for (const page of pages) await state(page, "ended");
  await first.evaluate(() => void window.client.send("too late"));
  for (const page of pages) await shows(page, ["one (sent)", "too late (queued)"]);
  await second.evaluate(() => window.client.restart({ outbox: "send" }));
  for (const page of pages) {
    await state(page, "ready");
    await shows(page, sent("too late"));
  }
  assert.equal(await says(second, "three"), "string");
  await shows(first, sent("too late", "three"));
});

test("signed out, every tab is", async (t) => {
  const { service, pages } = await tabs(t, 2);
  await says(pages[0], "said");
  await service.agent({ do: "raw", frame: { type: "message", class: "LogoutEvent", code: 200, body: { eventType: "Logout" } } });
  for (const page of pages) {
    await state(page, "ended");
    await shows(page, []);
  }
});

test("a duplicated tab with a conversation of its own begins another", async (t) => {
  const { context, service, pages: [first] } = await tabs(t, 1, { options: { storage: "session" } });
  await says(first, "mine");
  // As a browser duplicates a tab: the new one has a copy of the storage.
  const [second] = await Promise.all([context.waitForEvent("page"), first.evaluate(() => void window.open(location.href))]);
  await second.evaluate((id) => { if (!Object.keys(sessionStorage).some((key) => key.startsWith(`gw1:${id}:`))) throw new Error("nothing was copied"); }, service.deploymentId);
  await first.evaluate(() => { window.copy = window.make.toString(); });
  await second.evaluate(`window.make = ${await first.evaluate(() => window.make.toString())}; window.texts = ${await first.evaluate(() => window.texts.toString())};`);
  await start(second, service, { storage: "session" });
  await role(second, "leader");
  assert.equal(await says(second, "another's"), "string");
  await shows(second, sent("another's"));
  await shows(first, sent("mine"));
  assert.equal((await service.sessions()).length, 2);
});

/** As on a page of a plain-http host. */
const withoutLocks = () => Object.defineProperty(Navigator.prototype, "locks", { value: undefined });

/** The page ends as if it were killed: what it holds by a lease is not given up. */
const leaveLeases = (page) =>
  page.evaluate(() => addEventListener("pagehide", () => {
    for (const [key, value] of window.leases) localStorage.setItem(key, value);
  }) ?? (window.leases = Object.entries(localStorage).filter(([key]) => key.startsWith("gw1:lock:"))).length);

test("without Web Locks one tab leads all the same, and another when it is gone", async (t) => {
  const { service, pages: [first, second, third] } = await tabs(t, 3, { prepare: withoutLocks });
  assert.equal(await second.evaluate(() => navigator.locks), undefined);
  assert.equal(await says(second, "one"), "string");
  await first.close();
  await until(async () => Promise.all([second, third].map((page) => page.evaluate(() => window.diary.roles.at(-1)))), (roles) => roles.toSorted().join() === "follower,leader", "one leader", TAKEN_OVER_MS);
  assert.equal(await says(third, "two"), "string");
  for (const page of [second, third]) await shows(page, sent("one", "two"));
  assert.deepEqual(await service.stored(), ["one", "two"]);
});

test("without Web Locks a leader that was killed is replaced by one that was there, and by one that comes", async (t) => {
  const { context, service, pages: [first, second] } = await tabs(t, 2, { prepare: withoutLocks });
  assert.equal(await says(first, "one"), "string");
  assert.ok((await leaveLeases(first)) > 0);
  await first.goto("about:blank");
  await leads([second]);
  assert.equal(await says(second, "two"), "string");
  assert.ok((await leaveLeases(second)) > 0);
  await second.goto("about:blank");
  const third = await tab(context, service, {});
  await leads([third]);
  assert.equal(await says(third, "three"), "string");
  await shows(third, sent("one", "two", "three"));
  assert.deepEqual(await service.stored(), ["one", "two", "three"]);
});

test("without Web Locks a tab with a conversation of its own that was killed finds it when it is loaded anew", async (t) => {
  const { service, pages: [page] } = await tabs(t, 1, { prepare: withoutLocks, options: { storage: "session" } });
  assert.equal(await says(page, "before"), "string");
  assert.ok((await leaveLeases(page)) > 0);
  const make = await page.evaluate(() => window.make.toString());
  const texts = await page.evaluate(() => window.texts.toString());
  await page.reload();
  await page.evaluate(`window.make = ${make}; window.texts = ${texts};`);
  await start(page, service, { storage: "session" });
  await leads([page]);
  await shows(page, sent("before"));
  assert.equal(await says(page, "after"), "string");
  assert.equal((await service.sessions()).length, 1);
});
