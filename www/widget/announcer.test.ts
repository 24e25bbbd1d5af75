import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Announcer, PAUSE_MS, STAY_MS } from "./announcer.js";

/** As much of a live region as the announcer uses. */
class Region {
  readonly said: string[] = [];
  standing = 0;
  readonly ownerDocument = {
    createElement: () => {
      const node = { textContent: "", remove: () => void this.standing-- };
      return node;
    },
  };
  append(node: { textContent: string }): void {
    this.standing++;
    this.said.push(node.textContent);
  }
}

function announcer(t: TestContext): { polite: Region; assertive: Region; speak: Announcer } {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const [polite, assertive] = [new Region(), new Region()];
  return { polite, assertive, speak: new Announcer((urgency) => (urgency === "polite" ? polite : assertive) as unknown as Element) };
}

test("one message is said at once and once", (t) => {
  const { polite, speak } = announcer(t);
  speak.say("Ana says: hello");
  assert.deepEqual(polite.said, ["Ana says: hello"]);
  t.mock.timers.tick(10_000);
  assert.deepEqual(polite.said, ["Ana says: hello"]);
});

test("a burst of 20 in a second is said in at most three announcements with all its words", (t) => {
  const { polite, speak } = announcer(t);
  for (let n = 1; n <= 20; n++) {
    speak.say(`message ${n}`);
    t.mock.timers.tick(50);
  }
  t.mock.timers.tick(PAUSE_MS);
  assert.ok(polite.said.length <= 3, `${polite.said.length} announcements`);
  assert.deepEqual(polite.said.join("\n").split("\n"), Array.from({ length: 20 }, (_, n) => `message ${n + 1}`));
});

test("a saying is taken out of the region when it was read", (t) => {
  const { polite, speak } = announcer(t);
  speak.say("hello");
  t.mock.timers.tick(STAY_MS - 1);
  assert.equal(polite.standing, 1);
  t.mock.timers.tick(1);
  assert.equal(polite.standing, 0);
});

test("a loss interrupts and does not wait for the pause", (t) => {
  const { assertive, polite, speak } = announcer(t);
  speak.say("one");
  speak.alert("Message not sent: hello");
  assert.deepEqual(assertive.said, ["Message not sent: hello"]);
  assert.deepEqual(polite.said, ["one"]);
});

test("what is no longer true when its turn comes is not said", (t) => {
  const { polite, speak } = announcer(t);
  speak.say("one");
  speak.say("Ana is typing");
  speak.unsay("Ana is typing");
  speak.say("Ana says: hello");
  t.mock.timers.tick(PAUSE_MS);
  assert.deepEqual(polite.said, ["one", "Ana says: hello"]);
});

test("nothing is said after the end", (t) => {
  const { polite, speak } = announcer(t);
  speak.say("one");
  speak.say("two");
  speak.dispose();
  t.mock.timers.tick(10_000);
  assert.deepEqual(polite.said, ["one"]);
});
