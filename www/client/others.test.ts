// The channel to the other tabs, and a page that is put away (faults.md row 16): an open one keeps a page out of the back/forward cache.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Bag } from "./bag.js";
import { Others } from "./others.js";

test("the channel is closed as the page is put away, at once, and opened again as it comes back from the cache alone", (t) => {
  const channels: { name: string; open: boolean; said: unknown[]; onmessage?: (event: { data: unknown }) => void }[] = [];
  class FakeChannel {
    open = true;
    readonly said: unknown[] = [];
    constructor(readonly name: string) { channels.push(this); }
    postMessage(said: unknown): void {
      if (!this.open) throw new DOMException("closed", "InvalidStateError");
      this.said.push(said);
    }
    close(): void { this.open = false; }
  }
  const page = new EventTarget();
  const before = { BroadcastChannel: globalThis.BroadcastChannel, add: globalThis.addEventListener, remove: globalThis.removeEventListener };
  globalThis.BroadcastChannel = FakeChannel as never;
  globalThis.addEventListener = page.addEventListener.bind(page) as never;
  globalThis.removeEventListener = page.removeEventListener.bind(page) as never;
  t.after(() => { [globalThis.BroadcastChannel, globalThis.addEventListener, globalThis.removeEventListener] = [before.BroadcastChannel, before.add, before.remove]; });

  let forgotten = 0;
  const bag = new Bag((run) => run());
  const others = new Others(bag, () => assert.fail("there is no other tab"), () => { forgotten += 1; });
  others.meet("");
  assert.equal(channels.length, 0, "nothing is shared without a name");
  others.meet("gw:d:local");
  assert.deepEqual(channels.map(({ name, open }) => [name, open]), [["gw:d:local", true]]);

  page.dispatchEvent(new Event("pagehide"));
  assert.equal(channels[0]!.open, false);
  others.say({ do: "forget" });
  assert.deepEqual(channels[0]!.said, [], "put away, nothing is said, and nothing thrown");
  page.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: false }));
  assert.equal(channels.length, 1, "a page that is shown for the first time has one");

  page.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
  assert.deepEqual(channels.map(({ open }) => open), [false, true]);
  others.say({ do: "forget" });
  assert.deepEqual(channels[1]!.said, [{ do: "forget" }]);
  channels[1]!.onmessage!({ data: { do: "forget" } });
  assert.equal(forgotten, 1);

  bag.empty();
  assert.equal(channels[1]!.open, false);
  page.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
  assert.equal(channels.length, 2, "disposed of, it listens no more");
});

test("a browser that forbids the channel with its storage has no other tabs, and nothing else is harmed", (t) => {
  const page = new EventTarget();
  const before = { BroadcastChannel: globalThis.BroadcastChannel, add: globalThis.addEventListener };
  globalThis.BroadcastChannel = class { constructor() { throw new DOMException("denied", "SecurityError"); } } as never;
  globalThis.addEventListener = page.addEventListener.bind(page) as never;
  t.after(() => { [globalThis.BroadcastChannel, globalThis.addEventListener] = [before.BroadcastChannel, before.add]; });
  const errors: unknown[] = [];
  page.addEventListener = ((type: string, run: (event: Event) => void) => EventTarget.prototype.addEventListener.call(page, type, (event) => {
    try { run(event); } catch (error) { errors.push(error); }
  })) as never;
  globalThis.addEventListener = page.addEventListener as never;
  const others = new Others(new Bag((run) => run()), () => assert.fail("there is no other tab"), () => {});
  others.meet("gw:d:local");
  page.dispatchEvent(new Event("pagehide"));
  page.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
  others.say({ do: "forget" });
  assert.deepEqual(errors, []);
});
