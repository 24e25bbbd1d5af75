// Storage that somebody else has written into, in Chromium: whatever stands under our keys, the chat comes up, says what it put aside, sends
// what is typed, runs nothing of it, and leaves alone what is not ours.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import { Visit, deployment, profile, until, url } from "./stage.mjs";

const SCRIPT = `"><img src=x onerror="window.hurt='image'"><script>window.hurt='script'</script>`;
const KIB = 1024;
const deep = (levels) => "[".repeat(levels) + "]".repeat(levels);
const nested = (levels) => '{"v":'.repeat(levels) + "1" + "}".repeat(levels);
const record = (id, more) => JSON.stringify({ v: 1, id, at: Date.now(), text: "kept", ...more });
const polluted = '{"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}}}';
const uuid = () => randomUUID();

/** What stands in storage, by the end of its key; `kept` are texts that are good all the same, and go out. */
const STORES = {
  "scripts": () => ({ session: SCRIPT, e: SCRIPT, [`m:1:${uuid()}`]: SCRIPT, [`m:2:${SCRIPT}`]: SCRIPT }),
  "a session that is none": () => ({ session: "null", [`m:1:${uuid()}`]: "null" }),
  "a session of another shape": () => ({ session: '{"v":1,"token":{"__proto__":{"polluted":1}},"known":"yes","newest":[],"newestTime":"1e999"}' }),
  "a session with a token that is a script and a header": () => ({ session: JSON.stringify({ v: 1, token: `${SCRIPT}\r\nX-Evil: 1\u0000`, known: true }) }),
  "a session with a token of a megabyte": () => ({ session: JSON.stringify({ v: 1, token: "x".repeat(1 << 20) }) }),
  "deep JSON": () => ({ session: deep(100_000), [`m:1:${uuid()}`]: nested(50_000), [`m:2:${uuid()}`]: deep(64), e: deep(10_000) }),
  "a value of a megabyte": () => ({ [`m:1:${uuid()}`]: "x".repeat(1 << 20), [`m:2:${uuid()}`]: JSON.stringify({ v: 1, text: "y".repeat(1 << 20) }) }),
  "prototypes": () => ({ session: polluted, __proto__x: polluted, [`m:1:${uuid()}`]: polluted, "m:2:__proto__": polluted, "m:__proto__:constructor": polluted }),
  "numbers beyond any": () => {
    const [one, two] = [uuid(), uuid()];
    return { [`m:99999999999999999999999:${one}`]: record(one), [`m:-1:${two}`]: record(two), [`m:NaN:${uuid()}`]: "{}", [`m:1e308:${uuid()}`]: "{}", "m::": "{}", "m:": "", "m:1:": "{}" };
  },
  "times beyond any": () => {
    const ids = [uuid(), uuid(), uuid()];
    return Object.fromEntries([9e15, -1, "yesterday"].map((at, n) => [`m:${n + 1}:${ids[n]}`, record(ids[n], { at })]));
  },
  "a thousand records of nothing": () => Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`m:${n}:${uuid()}`, `{"v":1,"text":${n}`])),
  "records in each other's names": () => {
    const [one, two] = [uuid(), uuid()];
    return { [`m:1:${one}`]: record(two), [`m:2:${two}`]: record(one) };
  },
  "letters that are half of one": () => ({ session: '{"v":1,"token":"\ud800"}', [`m:1:${uuid()}`]: '{"v":1,"text":"\udfff"}' }),
};

/** A message that somebody has put there in good form is one that waits: its words are words. */
const GOOD = () => {
  const id = uuid();
  return [`m:7:${id}`, record(id, { text: `${SCRIPT} javascript:window.hurt=1`, attributes: JSON.parse('{"shoe":"42"}') }), `${SCRIPT} javascript:window.hurt=1`];
};

/** Keys that are not of this deployment, whatever they look like. */
const FOREIGN = (id) => ({ [`gw1:${id}x:session`]: "other", [`gw1:${id}`]: "no colon", "gw1:": "nobody", "gw1:other:m:1:x": record("x"), "gw2:": SCRIPT, cart: polluted, length: "3", getItem: "x", [SCRIPT]: "y" });

async function harm(page) {
  return page.evaluate(() => {
    const root = document.querySelector("guestwire-chat").shadowRoot;
    return {
      hurt: window.hurt,
      foreign: [...root.querySelectorAll("script, style, iframe, h1, b, .log img")].map(({ outerHTML }) => outerHTML),
      handlers: [...root.querySelectorAll("*")].flatMap((node) => node.getAttributeNames()).filter((name) => name.startsWith("on")),
      polluted: [Object.keys(Object.prototype), {}.polluted],
    };
  });
}
const UNHARMED = { hurt: undefined, foreign: [], handlers: [], polluted: [[], undefined] };

describe("hostile storage", { concurrency: 4 }, () => {
  for (const [name, store] of Object.entries(STORES)) {
    test(`${name}: the chat comes up, sends, and keeps within its bounds`, async (t) => {
      const context = await profile(t);
      const service = deployment(t);
      const id = service.deploymentId;
      const foreign = FOREIGN(id);
      const [key, value, words] = GOOD();
      const page = await context.newPage();
      await page.route("**/bare.js", (route) => route.fulfill({ contentType: "text/javascript", body: "" }));
      await page.goto(`${url}/bare.html`);
      await page.evaluate(([prefix, ours, theirs]) => {
        for (const [end, value] of ours) localStorage.setItem(prefix + end, value);
        for (const [key, value] of theirs) localStorage.setItem(key, value);
      }, [`gw1:${id}:`, [...Object.entries(store()), [key, value]], Object.entries(foreign)]);
      // Left, not closed: of a page that is closed at once the browser may lose what it wrote last.
      await page.goto("about:blank");

      const visitor = new Visit(service, page);
      await visitor.load();
      await visitor.ready();
      await visitor.say("Still here");
      await until(() => service.stored(), (stored) => stored.includes("Still here"), "what is typed is stored");
      const stored = await service.stored();
      assert.ok(stored.includes(words) && stored.indexOf(words) < stored.indexOf("Still here"), `what waited in good form went out, and first: ${stored}`);
      await service.says("So are we");
      await visitor.log.getByText("So are we", { exact: true }).waitFor();
      assert.ok((await visitor.log.locator(".bubble .text").allTextContents()).includes(words), "its words are shown as words");
      assert.deepEqual(await harm(visitor.page), UNHARMED);

      const kept = await visitor.page.evaluate(() => Array.from({ length: Storage.prototype.__lookupGetter__("length").call(localStorage) }, (_, n) => localStorage.key(n)).map((key) => [key, localStorage.getItem(key)]));
      assert.deepEqual(Object.fromEntries(kept.filter(([key]) => Object.hasOwn(foreign, key))), foreign, "what is not ours is as it was");
      const ours = kept.filter(([key]) => key.startsWith(`gw1:${id}:`));
      const bytes = ours.reduce((sum, [key, value]) => sum + 2 * (key.length + value.length), 0);
      assert.ok(bytes <= 256 * KIB, `${bytes} bytes under our keys: ${ours.map(([key, value]) => `${key.slice(0, 60)} ${value.length}`)}`);

      // And once more from what is left.
      await visitor.load();
      await visitor.ready();
      await visitor.say("And again");
      await until(() => service.stored(), (stored) => stored.filter((text) => text === "And again").length === 1 && stored.filter((text) => text === "Still here").length === 1, "once each");
      assert.deepEqual(await harm(visitor.page), UNHARMED);
    });
  }
});
