// Hostile neighbours, in Chromium: another script of the same origin says everything it can think of on the channel of the tabs, before, while
// and after they talk there. What it says may be believed where it is in good form, for whoever can say it can read storage as well;
// but nothing of it throws, runs or stays, and what the visitor types goes out once and in order.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Visit, deployment, profile, until, url } from "./stage.mjs";

/** Runs in the neighbour's page: the channel, what is heard on it, and what can be said there. */
function neighbour(name) {
  const channel = new BroadcastChannel(name);
  const heard = [];
  channel.addEventListener("message", ({ data }) => heard.push(data));
  const script = `"><img src=x onerror="window.hurt='image'"><script>window.hurt='script'</script>`;
  const address = "javascript:window.hurt='address'";
  const polluting = () => JSON.parse('{"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}},"toString":null,"then":1,"length":1e9}');
  const nest = (levels, wrap) => Array.from({ length: levels }).reduce((inner) => wrap(inner), script);
  const circle = () => {
    const one = { type: "snapshot" };
    return Object.assign(one, { one, rows: [one] });
  };
  const row = (more) => ({
    id: "__proto__", serverId: script, direction: "outbound", kind: "text", time: 1e308, status: "sent", text: script, code: -1, body: JSON.stringify({ id: script, type: "Text", direction: "Outbound", text: script, channel: { time: script, from: { nickname: script, image: address } }, metadata: polluting() }),
    from: { name: script, image: address, entity: script }, content: [{ contentType: script }, { contentType: "Card", card: { title: script, image: address, actions: [{ type: "Link", text: script, url: address }] } }, null], attachments: [{ id: script, fileName: script, url: address }], metadata: polluting(), ...more,
  });
  const snapshot = () => ({ state: { name: script }, session: { newSession: script, expiresAt: Number.NaN }, rows: [row(), row({ id: "a" }), row({ id: "a" }), null, 7, script], messages: [row()], outbox: [row({ status: "queued" })], unread: -1, leader: script, epoch: Number.MAX_VALUE });

  /** Values of every type that a channel can carry. */
  const values = [
    undefined, null, true, 0, -0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 10n ** 30n, "", script, address, "__proto__", "\ud800", '{"type":', JSON.stringify(snapshot()), new Date(Number.NaN), /(a+)+$/,
    new Map([[script, script]]), new Set([script]), new ArrayBuffer(8), new Error(script), new Blob([script]), [], [,,,], {}, Object.create(null), polluting(), circle(), row(), snapshot(), [snapshot()],
  ];
  /** And some that are large or deep. */
  const large = ["x".repeat(1 << 20), "[".repeat(50_000), new Uint8Array(1 << 20), Array(10_000).fill(null), nest(1_000, (inner) => [inner]), nest(1_000, (inner) => ({ rows: inner }))];
  // Not "forget": said in good form it is obeyed, as what deletes storage is.
  const words = [
    "hello", "ask", "here", "list", "event", "call", "done", "added", "lead",
    "snapshot", "rows", "state", "session", "message", "removed", "emptied", "tab", "adopt", "bye", "__proto__", "constructor", "toString", script, 0, -1, 99, Number.NaN,
  ];
  /** The forms that a message between tabs may have. */
  const forms = (word, value) => [
    { do: word }, { do: word, ...value }, { do: word, to: value, from: value, term: value, seq: value, rows: value, state: value, session: value, unread: value, event: value, call: value, text: value, ticket: value, done: value, key: value, value },
    { do: word, event: { type: value, message: value, index: value } }, { [word]: value }, { type: word, ...(typeof value === "object" ? value : { value }) }, { type: word, payload: value, data: value, event: value, text: value, index: value, id: value, ticket: value, to: value, from: value },
    { kind: word, value }, [word, value],
  ];
  const say = (message) => {
    try {
      channel.postMessage(message);
      return 1;
    } catch {
      return 0; // What cannot be copied cannot be said.
    }
  };
  /** Lets everybody hear what was said so far. */
  const pause = () => new Promise((wake) => setTimeout(wake));

  /** What was heard, said again, each time with something else in one of its places. */
  function* twisted(message) {
    const places = [];
    const walk = (at, path) => {
      if (path.length > 0) places.push(path);
      if (typeof at === "object" && at !== null && path.length < 6) for (const key of Object.keys(at).slice(0, 12)) walk(at[key], [...path, key]);
    };
    walk(message, []);
    const replaced = (at, [key, ...rest], value) => {
      const copy = Array.isArray(at) ? [...at] : { ...at };
      if (rest.length > 0) copy[key] = replaced(at[key], rest, value);
      else if (value === twisted) delete copy[key];
      else copy[key] = value;
      return copy;
    };
    yield message;
    for (const path of places) for (const value of [twisted, ...values]) yield replaced(message, path, value);
  }

  window.neighbour = {
    heard,
    async shout() {
      let said = 0;
      for (const word of words) {
        for (const value of values) for (const message of forms(word, value)) said += say(message);
        for (const value of large) said += say({ [word]: value });
        await pause();
      }
      for (const value of [...values, ...large]) said += say(value);
      await pause();
      return said;
    },
    /** What a leader may tell next, and what a follower may ask for: in good form but for one thing. */
    async forge() {
      const events = ["state", "session", "message", "updated", "moved", "removed", "gap", "typing", "receipt", "outbox", "unread", "tab", "metric", "warning", "error", "emptied", "done", "__proto__"];
      const good = () => ({ id: "forged", serverId: "forged", direction: "outbound", kind: "text", time: Date.now(), status: "sent", text: "forged", body: "{}" });
      const bad = [row(), ...Object.keys(good()).flatMap((member) => values.map((value) => ({ ...good(), [member]: value }))), { ...good(), body: "{" }, { ...good(), body: "null" }, { ...good(), time: 8.64e15 + 1 }];
      let said = 0;
      let last = heard.findLast((message) => message.term !== undefined);
      channel.addEventListener("message", ({ data }) => (data.term === undefined ? undefined : (last = data)));
      const next = (event) => (said += say({ do: "event", term: last.term, seq: last.seq + 1, event }));
      for (const type of events) {
        for (const value of values) {
          next({ type, index: value, message: value, from: value, to: value, state: value, count: value, id: value, ticket: value, code: value, leader: value, body: value, kind: value });
          await pause();
        }
        for (const message of ["message", "updated"].includes(type) ? bad : [good()]) for (const index of [0, 1e9, -1]) next({ type, index, message, from: index, to: index, id: message.id });
        await pause();
      }
      for (const { from } of heard.filter((message) => message.do === "hello")) {
        for (const rows of [...bad.map((one) => [one]), [good(), good()], values, ...values]) said += say({ do: "list", to: from, term: last.term, seq: last.seq, state: { name: "ready" }, session: undefined, unread: 0, rows });
        for (const value of values) said += say({ do: "list", to: from, term: last.term, seq: last.seq, state: value, session: value, unread: value, rows: [] });
        await pause();
      }
      // Not what a follower may ask for in good form: to begin anew, say, would be done.
      for (let call = -1; call < 40; call += 1) for (const value of values) if (typeof value !== "string") said += say({ do: "call", from: "x", call, text: value, ticket: 0 });
      for (const key of ["cart", "__proto__", "gw1:other:m:1:x", `${name}:m:1:x`]) for (const value of [script, ...values]) said += say({ do: "added", key, value });
      await pause();
      return said;
    },
    async twist(most) {
      const kinds = new Map(heard.map((message) => [JSON.stringify(Object.keys(message ?? {}).sort()) + String(message?.type ?? message?.event?.type), message]));
      let said = 0;
      for (const message of kinds.values()) {
        let of = 0;
        for (const other of twisted(message)) {
          if ((of += 1) > most) break;
          said += say(other);
          if (said % 100 === 0) await pause();
        }
      }
      await pause();
      return { kinds: kinds.size, said };
    },
  };
}

/** A tab of the demo, and the neighbour beside it. */
async function street(t) {
  const context = await profile(t);
  const service = deployment(t);
  const name = `guestwire:${service.deploymentId}:local`;
  const evil = await context.newPage();
  await evil.route("**/bare.js", (route) => route.fulfill({ contentType: "text/javascript", body: "" }));
  await evil.goto(`${url}/bare.html`);
  await evil.evaluate(neighbour, name);
  const tab = async () => {
    const visitor = new Visit(service, await context.newPage());
    await visitor.load();
    return visitor;
  };
  return { service, name, evil, tab };
}

async function assertUnharmed({ page }) {
  const found = await page.evaluate(() => {
    const root = document.querySelector("guestwire-chat").shadowRoot;
    return {
      hurt: window.hurt,
      foreign: [...root.querySelectorAll("script, style, iframe, h1, b, .log img:not([src^='http'])")].map(({ outerHTML }) => outerHTML),
      links: [...root.querySelectorAll("a")].map(({ protocol }) => protocol).filter((protocol) => !["https:", "http:", "mailto:", "tel:"].includes(protocol)),
      handlers: [...root.querySelectorAll("*")].flatMap((node) => node.getAttributeNames()).filter((name) => name.startsWith("on")),
      polluted: [Object.keys(Object.prototype), {}.polluted],
    };
  });
  assert.deepEqual(found, { hurt: undefined, foreign: [], links: [], handlers: [], polluted: [[], undefined] });
}

/** The visitor types, the service has it once and behind what was typed before. */
async function goesOn({ service }, visitor, ...texts) {
  const before = (await service.stored()).filter((text) => text.startsWith("typed "));
  for (const text of texts) await visitor.say(`typed ${text}`);
  const expected = [...before, ...texts.map((text) => `typed ${text}`)];
  await until(() => service.stored(), (stored) => stored.filter((text) => text.startsWith("typed ")).length >= expected.length, `${texts} are stored`);
  assert.deepEqual((await service.stored()).filter((text) => text.startsWith("typed ")), expected);
}

describe("hostile neighbours", { concurrency: 3 }, () => {
  test("shouting at a tab that comes up, while it talks and after: nothing throws or runs, the conversation goes on", async (t) => {
    const here = await street(t);
    const early = here.evil.evaluate(() => window.neighbour.shout());
    const visitor = await here.tab();
    await visitor.ready();
    // It is this name that the tabs share.
    assert.ok((await here.evil.evaluate(() => navigator.locks.query())).held.some(({ name }) => name === here.name));
    await goesOn(here, visitor, "while it shouts");
    assert.ok((await early) > 5_000);
    await here.service.says("An answer");
    await visitor.log.getByText("An answer", { exact: true }).waitFor();
    assert.ok((await here.evil.evaluate(() => window.neighbour.shout())) > 5_000);
    await goesOn(here, visitor, "after it", "and again");
    await assertUnharmed(visitor);
    await visitor.sees(["You: typed while it shouts (Sent)", "Agent: An answer", "You: typed after it (Sent)", "You: typed and again (Sent)"]);
    assert.equal((await here.service.records()).filter(({ kind }) => kind === "open").length, 1, "the line was never replaced");
    await visitor.assertNothingAlarming();
  });

  test("shouting at one tab that leads and one that follows: both live, and whoever leads next has what was said", async (t) => {
    const here = await street(t);
    const first = await here.tab();
    await first.ready();
    await goesOn(here, first, "in the first");
    const second = await here.tab();
    await here.evil.evaluate(() => window.neighbour.shout());
    await goesOn(here, first, "after it");
    for (const visitor of [first, second]) await assertUnharmed(visitor);
    await first.page.close();
    await second.ready();
    await goesOn(here, second, "in the second");
    const told = () => second.rows().then((rows) => rows.filter((row) => row.startsWith("You: typed ")));
    await until(told, (rows) => rows.length === 3 && rows.every((row) => row.endsWith("(Sent)")), "all three are there, once, and sent");
    await assertUnharmed(second);
  });

  test("saying again what the tabs say to each other, twisted in every place", async (t) => {
    const here = await street(t);
    const first = await here.tab();
    await first.ready();
    await goesOn(here, first, "in the first");
    const second = await here.tab();
    await here.service.says("An answer");
    await first.log.getByText("An answer", { exact: true }).waitFor();
    await goesOn(here, first, "again");
    const { kinds, said } = await here.evil.evaluate(() => window.neighbour.twist(400));
    assert.ok(kinds >= 4 && said > 1_000, `${kinds} kinds of messages were heard, ${said} were said`);
    assert.ok((await here.evil.evaluate(() => window.neighbour.forge())) > 2_000);
    for (const visitor of [first, second]) await assertUnharmed(visitor);
    assert.deepEqual(await first.page.evaluate(() => ["cart", "__proto__", "gw1:other:m:1:x"].map((key) => localStorage.getItem(key))), [null, null, null], "nothing is written under keys that are not ours");
    // What is typed in the tab that follows goes out by the one that leads; both live.
    await goesOn(here, second, "in the second");
    await goesOn(here, first, "in the first again");
    // Whatever was believed: a tab that is loaded anew has what the service has.
    await second.page.close();
    await first.load();
    await first.ready();
    await goesOn(here, first, "after it");
    const told = () => first.rows().then((rows) => rows.filter((row) => row.startsWith("You: typed ")));
    await until(told, (rows) => JSON.stringify(rows) === JSON.stringify(["in the first", "again", "in the second", "in the first again", "after it"].map((text) => `You: typed ${text} (Sent)`)), "what the service has");
    await assertUnharmed(first);
  });
});
