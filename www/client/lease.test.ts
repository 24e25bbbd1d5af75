// Leases in storage against the rules of Web Locks, in several tabs: each is an instance, and one that is killed hears nothing any more.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Leases } from "./lease.js";

type Listener = (event: StorageEvent) => void;

/** A browser with one storage: what a tab writes every other one hears of, a little later. */
function browser(t: TestContext) {
  const items = new Map<string, string>();
  const tabs: { listeners: Set<readonly [string, Listener]> }[] = [];
  let made: Set<readonly [string, Listener]> = new Set();
  let full = false;
  const tell = (key: string, newValue: string | null): void => {
    for (const { listeners } of tabs) for (const [type, listener] of listeners) if (type === "storage") queueMicrotask(() => listener({ key, newValue } as StorageEvent));
  };
  const before = { localStorage: Object.getOwnPropertyDescriptor(globalThis, "localStorage"), add: globalThis.addEventListener, remove: globalThis.removeEventListener };
  const localStorage = {
    getItem: (key: string) => items.get(key) ?? null,
    setItem(key: string, value: string) {
      if (full && (items.get(key)?.length ?? -1) < value.length) throw new DOMException("full", "QuotaExceededError");
      items.set(key, value);
      tell(key, value);
    },
    removeItem(key: string) {
      if (items.delete(key)) tell(key, null);
    },
  };
  Object.defineProperty(globalThis, "localStorage", { value: localStorage, configurable: true });
  globalThis.addEventListener = ((type: string, listener: Listener) => made.add([type, listener])) as never;
  globalThis.removeEventListener = (() => {}) as never;
  t.mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => {
    if (before.localStorage === undefined) delete (globalThis as { localStorage?: unknown }).localStorage;
    else Object.defineProperty(globalThis, "localStorage", before.localStorage);
    [globalThis.addEventListener, globalThis.removeEventListener] = [before.add, before.remove];
  });
  return {
    items,
    fill: () => { full = true; },
    /** A tab, with what becomes of its requests. */
    tab(page = new Set<Leases>()) {
      made = new Set();
      const leases = new Leases(() => crypto.randomUUID(), page);
      const tab = { listeners: made };
      tabs.push(tab);
      const story: string[] = [];
      return {
        leases,
        story,
        ask(name: string, how: { ifAvailable?: boolean; steal?: boolean } = {}) {
          let end = (): void => {};
          leases.request(name, how, (lock) => {
            story.push(lock === null ? "refused" : "granted");
            return lock === null ? undefined : new Promise<void>((resolve) => { end = resolve; });
          }).then(() => story.push("over"), () => story.push("lost"));
          return () => end();
        },
        /** Its process is gone: nothing of it runs any more. */
        kill: () => { tab.listeners.clear(); },
        hide() { for (const [type, listener] of [...tab.listeners]) if (type === "pagehide") listener({} as StorageEvent); },
      };
    },
    async pass(ms: number) {
      for (let left = ms; left > 0; left -= 20) {
        t.mock.timers.tick(20);
        await new Promise(setImmediate);
      }
    },
  };
}

test("a lease that is free is had, and one whose holder answers is not", async (t) => {
  const { tab, pass } = browser(t);
  const [one, other] = [tab(), tab()];
  const end = one.ask("a", { ifAvailable: true });
  await pass(100);
  assert.deepEqual(one.story, ["granted"]);
  other.ask("a", { ifAvailable: true });
  await pass(40);
  assert.deepEqual(other.story, ["refused", "over"], "at once");
  end();
  await pass(40);
  other.ask("a", { ifAvailable: true });
  await pass(100);
  assert.deepEqual([one.story, other.story], [["granted", "over"], ["refused", "over", "granted"]]);
});

test("who waits has it when it is given up, one of several", async (t) => {
  const { tab, pass } = browser(t);
  const [one, two, three] = [tab(), tab(), tab()];
  const end = one.ask("a");
  await pass(100);
  two.ask("a");
  three.ask("a");
  await pass(5_000);
  assert.deepEqual([two.story, three.story], [[], []]);
  end();
  await pass(200);
  assert.equal([two, three].filter(({ story }) => story.join() === "granted").length, 1);
});

test("what is left by a tab that was killed is had after two seconds without an answer", async (t) => {
  const { tab, pass } = browser(t);
  const [one, other] = [tab(), tab()];
  one.ask("a:steal", { ifAvailable: true });
  await pass(100);
  one.kill();
  other.ask("a:steal", { ifAvailable: true });
  await pass(1_900);
  assert.deepEqual(other.story, []);
  await pass(300);
  assert.deepEqual(other.story, ["granted"]);
});

test("a tab that leaves while a lease settles leaves none behind", async (t) => {
  const { tab, pass, items } = browser(t);
  const one = tab();
  one.ask("a:steal", { ifAvailable: true });
  await pass(20);
  assert.equal(items.size, 1);
  one.hide();
  assert.equal(items.size, 0);
});

test("a tab that leaves gives up what it holds, and is not told that it lost it", async (t) => {
  const { tab, pass, items } = browser(t);
  const [one, other] = [tab(), tab()];
  one.ask("a");
  await pass(100);
  other.ask("a");
  one.hide();
  assert.equal(items.size, 0);
  await pass(100);
  assert.deepEqual([one.story, other.story], [["granted"], ["granted"]]);
});

test("stolen, its holder hears of it before it is told that it holds it still", async (t) => {
  const { tab, pass } = browser(t);
  const [one, other] = [tab(), tab()];
  one.ask("a");
  await pass(100);
  // It stands still, and so hears no event.
  one.kill();
  other.ask("a", { steal: true });
  await pass(100);
  assert.deepEqual([one.story, other.story], [["granted"], ["granted"]]);
  const { held } = await one.leases.query();
  assert.deepEqual([one.story, held], [["granted", "lost"], []]);
});

test("without room for a lease a tab goes on with what it was given", async (t) => {
  const { tab, pass, items, fill } = browser(t);
  fill();
  const one = tab();
  one.ask("a", { ifAvailable: true });
  await pass(100);
  await one.leases.query();
  await pass(5_000);
  assert.deepEqual([one.story, items.size], [["granted"], 0]);
});

test("cleared with everything else, a lease stays where it is", async (t) => {
  const { tab, pass, items } = browser(t);
  const [one, other] = [tab(), tab()];
  one.ask("a");
  await pass(100);
  items.clear();
  await one.leases.query();
  other.ask("a", { ifAvailable: true });
  await pass(3_000);
  assert.deepEqual([one.story, other.story], [["granted"], ["refused", "over"]]);
});

test("two clients of one page hear each other, though storage tells a page nothing of its own", async (t) => {
  const { tab, pass } = browser(t);
  const page = new Set<Leases>();
  const [one, other] = [tab(page), tab(page)];
  one.kill();
  other.kill();
  const end = one.ask("a");
  await pass(100);
  other.ask("a", { ifAvailable: true });
  other.ask("a");
  await pass(40);
  assert.deepEqual([one.story, other.story], [["granted"], ["refused", "over"]]);
  end();
  await pass(100);
  assert.deepEqual(other.story, ["refused", "over", "granted"]);
  one.ask("a", { steal: true });
  await pass(100);
  assert.deepEqual([one.story, other.story], [["granted", "over", "granted"], ["refused", "over", "granted", "lost"]]);
});

test("disposed of, it waits for nothing", async (t) => {
  const { tab, pass } = browser(t);
  const [one, other] = [tab(), tab()];
  one.ask("a");
  await pass(100);
  one.kill();
  other.ask("a", { ifAvailable: true });
  await pass(100);
  other.leases.dispose();
  await pass(5_000);
  assert.deepEqual(other.story, []);
});
