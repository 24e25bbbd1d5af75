import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Fault } from "../client/errors.js";
import { Conversation, type ConversationHost } from "./conversation.js";
import { FakeClient } from "./fake-client.js";
import { en } from "./locales/en.js";

interface Stage {
  readonly client: FakeClient;
  readonly conversation: Conversation;
  readonly said: string[];
  readonly alerts: string[];
  /** Rows that the page was told of. */
  readonly told: unknown[];
  watching: boolean;
}

/** A conversation that goes on, or a new one, in a tab that leads. */
function stage(t: TestContext, newSession = true): Stage {
  const at = beforeItIsReady(t);
  at.client.go({ name: "ready" });
  at.client.begin({ newSession });
  return at;
}

function beforeItIsReady(t: TestContext): Stage {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_700_000_000_000 });
  return listen(new FakeClient());
}

function listen(client: FakeClient): Stage {
  const [said, alerts, told]: [string[], string[], unknown[]] = [[], [], []];
  const set = { watching: true };
  const host: ConversationHost = {
    strings: en,
    get watching() {
      return set.watching;
    },
    changed: () => undefined,
    say: (text) => void said.push(text),
    unsay: () => undefined,
    alert: (text) => void alerts.push(text),
    tell: (event, detail) => void (event === "message" && told.push(detail)),
  };
  const conversation = new Conversation(client, host);
  return Object.assign(set, { client, conversation, said, alerts, told });
}

const ana = { name: "Ana", entity: "human" } as const;

test("an incoming message is said once with its sender and counts as read when it is seen", (t) => {
  const { client, said } = stage(t);
  client.add({ text: "Hello", from: ana });
  assert.deepEqual(said, ["Ana says: Hello"]);
  assert.equal(client.unread, 0);
});

test("a trouble that ends because all was forgotten is not said, nor that it is over", (t) => {
  const { client, said } = stage(t);
  client.go({ name: "waiting", attempt: 1, retryAt: Date.now() + 60_000, reason: { kind: "network" } });
  client.go({ name: "idle" });
  t.mock.timers.tick(10_000);
  client.go({ name: "ready" });
  assert.deepEqual(said, []);
});

test("while the panel is closed it stays unread and the line is drawn above it", (t) => {
  const at = stage(t);
  at.watching = false;
  const { id } = at.client.add({ text: "Hello", from: ana });
  at.client.add({ text: "Still there?", from: ana });
  assert.equal(at.client.unread, 2);
  assert.equal(at.conversation.markerId, id);
});

test("the page of history that comes first says nothing, what follows does", (t) => {
  const { client, said } = stage(t, false);
  client.emit("metric", { kind: "resync", ms: 90 });
  for (let n = 0; n < 50; n++) client.add({ text: `old ${n}`, from: ana });
  t.mock.timers.tick(1);
  assert.deepEqual(said, []);
  client.add({ text: "new", from: ana });
  assert.deepEqual(said, ["Ana says: new"]);
});

test("where the history was empty the first answer is said", (t) => {
  const { client, said } = stage(t, false);
  client.emit("metric", { kind: "resync", ms: 90 });
  t.mock.timers.tick(1);
  client.add({ direction: "inbound", text: "Anybody there?", status: "queued" });
  client.add({ text: "Hello", from: ana });
  assert.deepEqual(said, ["Ana says: Hello"]);
});

test("the history says nothing where its being read is told before its rows", (t) => {
  const { client, said } = stage(t, false);
  client.emit("metric", { kind: "rtt", ms: 40 });
  t.mock.timers.tick(1);
  client.emit("metric", { kind: "resync", ms: 90 });
  client.add({ text: "old", from: ana });
  assert.deepEqual(said, []);
});

test("in a tab that follows the rows come before the session: they are no news, and the next one is", (t) => {
  for (const newSession of [true, false]) {
    const { client, conversation, said } = beforeItIsReady(t);
    for (let n = 0; n < 3; n++) client.add({ text: `old ${n}`, from: ana });
    client.begin({ newSession });
    client.emit("unread", { count: 0 });
    client.go({ name: "ready" });
    t.mock.timers.tick(1);
    assert.deepEqual([said, conversation.markerId], [[], undefined]);
    client.add({ text: "new", from: ana });
    assert.deepEqual(said, ["Ana says: new"]);
    t.mock.timers.reset();
  }
});

test("in a tab that follows an empty conversation the first answer is said", (t) => {
  const { client, said } = beforeItIsReady(t);
  client.begin({ newSession: false });
  client.emit("unread", { count: 0 });
  client.go({ name: "ready" });
  t.mock.timers.tick(1);
  client.add({ text: "Hello", from: ana });
  client.add({ text: "How can I help?", from: ana });
  assert.deepEqual(said, ["Ana says: Hello", "Ana says: How can I help?"]);
});

test("a tab that follows one without a line yet waits for the history as that one does", (t) => {
  const { client, said } = beforeItIsReady(t);
  client.emit("unread", { count: 0 });
  t.mock.timers.tick(1);
  client.begin({ newSession: false });
  client.go({ name: "ready" });
  client.emit("metric", { kind: "resync", ms: 90 });
  client.add({ text: "old", from: ana });
  t.mock.timers.tick(1);
  assert.deepEqual(said, []);
});

test("what comes live before the history is read is said, and the page that comes in above it says nothing", (t) => {
  for (const newestFirst of [true, false]) {
    const { client, conversation, said } = stage(t, false);
    client.unread = 1;
    client.emit("unread", { count: 1 });
    client.add({ text: "live", from: ana });
    t.mock.timers.tick(1);
    assert.deepEqual(said, ["Ana says: live"]);
    conversation.reachedEnd(false);
    client.emit("metric", { kind: "resync", ms: 90 });
    for (let n = 0; n < 25; n++) client.add({ text: `old ${n}`, from: ana }, newestFirst ? 0 : n);
    t.mock.timers.tick(1);
    assert.deepEqual([said.length, conversation.below, conversation.markerId], [1, 0, undefined]);
    client.add({ text: "new", from: ana });
    assert.deepEqual(said, ["Ana says: live", "Ana says: new"]);
    t.mock.timers.reset();
  }
});

test("a history that is read in several pieces says nothing", (t) => {
  const { client, said } = stage(t, false);
  for (let page = 0; page < 3; page++) {
    if (page === 2) client.emit("metric", { kind: "resync", ms: 900 });
    for (let n = 0; n < 25; n++) client.add({ text: `old ${page}.${n}`, from: ana });
    t.mock.timers.tick(100);
  }
  assert.deepEqual(said, []);
  client.add({ text: "new", from: ana });
  assert.deepEqual(said, ["Ana says: new"]);
});

test("an older page that another tab has asked for says nothing, nor does the next", (t) => {
  const { client, conversation, said } = stage(t, false);
  client.emit("metric", { kind: "resync", ms: 90 });
  for (let n = 0; n < 25; n++) client.add({ text: `page 1, ${n}`, from: ana }, 0);
  t.mock.timers.tick(1);
  conversation.reachedEnd(false);
  for (const page of [2, 3]) {
    for (let n = 0; n < 25; n++) client.add({ text: `page ${page}, ${n}`, from: ana }, 0);
    t.mock.timers.tick(1);
  }
  assert.deepEqual([said, conversation.below, conversation.markerId], [[], 0, undefined]);
  client.add({ text: "new", from: ana });
  assert.deepEqual([said, conversation.below], [["Ana says: new"], 1]);
});

test("what was missed while the line was away is said, above what came live first too", (t) => {
  const { client, said } = stage(t, false);
  client.emit("metric", { kind: "resync", ms: 90 });
  client.add({ text: "old", from: ana });
  t.mock.timers.tick(1);
  client.add({ text: "live again", from: ana });
  client.emit("metric", { kind: "resync", ms: 90 });
  client.add({ text: "missed", from: ana }, 1);
  assert.deepEqual(said, ["Ana says: live again", "Ana says: missed"]);
});

test("in a conversation that began here nothing is older: what was missed at its beginning is said", (t) => {
  const { client, said } = stage(t);
  client.add({ text: "second", from: ana });
  client.emit("metric", { kind: "resync", ms: 90 });
  client.add({ text: "first", from: ana }, 0);
  assert.deepEqual(said, ["Ana says: second", "Ana says: first"]);
});

test("after the list was emptied the next history says nothing either", (t) => {
  const { client, conversation, said } = stage(t, false);
  client.emit("metric", { kind: "resync", ms: 90 });
  client.add({ text: "before", from: ana });
  t.mock.timers.tick(1);
  void conversation.clear();
  client.add({ direction: "inbound", text: "waits", status: "queued" });
  client.add({ text: "after", from: ana }, 0);
  client.add({ text: "older", from: ana }, 0);
  assert.deepEqual(said, ["Ana says: after"]);
});

test("a client in the middle of its life: an older page above what it has says nothing", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_700_000_000_000 });
  const client = new FakeClient();
  client.go({ name: "ready" });
  client.begin({ newSession: false });
  client.add({ text: "there before", from: ana });
  const { said } = listen(client);
  client.add({ text: "older", from: ana }, 0);
  client.add({ text: "new", from: ana });
  assert.deepEqual(said, ["Ana says: new"]);
});

test("rows that go and come back with another leader are no news, to the page neither", (t) => {
  const { client, said, alerts, told } = stage(t);
  const hello = client.add({ text: "Hello", from: ana });
  const lost = client.add({ direction: "inbound", text: "Hi", status: "sending" });
  client.change(lost.id, { status: "failed" });
  assert.deepEqual([said, alerts, told], [["Ana says: Hello"], ["Message not sent: Hi"], [hello, lost]]);
  client.messages = [];
  for (const { id } of [lost, hello]) client.emit("removed", { id });
  client.add(hello);
  client.add({ ...lost, status: "failed" });
  client.change(lost.id, { text: "Hi" });
  assert.deepEqual([said.length, alerts.length, told.length], [1, 1, 2]);
  client.add({ text: "And this is new", from: ana });
  assert.deepEqual([said.at(-1), told.length], ["Ana says: And this is new", 3]);
});

test("older pages say nothing, and news that arrive meanwhile do", async (t) => {
  const { client, conversation, said } = stage(t, false);
  client.emit("metric", { kind: "resync", ms: 90 });
  client.add({ text: "old", from: ana });
  t.mock.timers.tick(1);
  client.pages = [Array.from({ length: 25 }, (_, n) => client.row({ text: `older ${n}`, from: ana }))];
  const loading = conversation.loadOlder();
  client.add({ text: "news", from: ana });
  await loading;
  assert.deepEqual(said, ["Ana says: news"]);
  assert.equal(conversation.older, "complete");
  assert.equal(client.messages.length, 27);
});

test("the visitor's own message and its echo say nothing", (t) => {
  const { client, conversation, said, alerts } = stage(t);
  conversation.write("Hi");
  assert.equal(conversation.send(), true);
  client.change(client.messages[0]?.id as string, { status: "sent", serverId: "s1" });
  assert.deepEqual([said, alerts], [[], []]);
  assert.equal(conversation.draft, "");
});

test("a refused message stays in the composer and the reason is shown", (t) => {
  const { client, conversation, alerts } = stage(t);
  client.refuse = Object.assign(new Error("full"), { name: "OutboxFull" });
  conversation.write("Precious words");
  assert.equal(conversation.send(), false);
  assert.equal(conversation.draft, "Precious words");
  assert.equal(conversation.refusal, en.outboxFull);
  assert.deepEqual(alerts, [en.outboxFull]);
});

test("4096 bytes are sent, one more is not", (t) => {
  const { client, conversation, alerts } = stage(t);
  conversation.write(`${"é".repeat(2048)}a`);
  assert.equal(conversation.draftBytes, 4097);
  assert.equal(conversation.send(), false);
  assert.deepEqual(alerts, [en.refusedMessage]);
  conversation.write("é".repeat(2048));
  assert.equal(conversation.send(), true);
  assert.deepEqual(client.messages.map(({ text }) => text), ["é".repeat(2048)]);
});

test("a failure is an alert, once", (t) => {
  const { client, alerts } = stage(t);
  const { id } = client.add({ direction: "inbound", text: "Hi", status: "sending" });
  client.change(id, { status: "failed" });
  client.change(id, { status: "failed" });
  assert.deepEqual(alerts, ["Message not sent: Hi"]);
});

test("a loss that lasts is said once, and so is the return", (t) => {
  const { client, said } = stage(t);
  client.go({ name: "waiting", attempt: 1, retryAt: Date.now() + 2000, reason: { kind: "network" } });
  t.mock.timers.tick(1500);
  client.go({ name: "connecting", attempt: 2 });
  client.go({ name: "waiting", attempt: 2, retryAt: Date.now() + 4000, reason: { kind: "network" } });
  t.mock.timers.tick(4000);
  client.go({ name: "ready" });
  assert.deepEqual(said, [en.sayLost, en.connectedAgain]);
});

test("a blink of the connection is not worth a word", (t) => {
  const { client, said, conversation } = stage(t);
  client.go({ name: "waiting", attempt: 1, retryAt: Date.now() + 300, reason: { kind: "network" } });
  t.mock.timers.tick(300);
  client.go({ name: "ready" });
  t.mock.timers.tick(10_000);
  assert.deepEqual(said, []);
  assert.equal(conversation.recovered, false);
});

test("that the visitor has to sign in is said in place of a loss, each time, and so is the return", (t) => {
  const { client, said, conversation } = stage(t);
  client.go({ name: "waiting", attempt: 1, retryAt: Date.now() + 1000, reason: { kind: "refused" } });
  client.go({ name: "authRequired" });
  t.mock.timers.tick(5000);
  conversation.reconnect();
  client.go({ name: "authRequired" });
  conversation.reconnect();
  client.go({ name: "ready" });
  assert.deepEqual(said, [en.signIn, en.signIn, en.connectedAgain]);
  assert.equal(conversation.recovered, true);
});

test("what the visitor writes is told as typing where the protocol knows that, and nowhere else", (t) => {
  const { client, conversation } = stage(t);
  conversation.write("Hello");
  client.protocol = "session";
  conversation.write("Hello there");
  assert.deepEqual(client.asked, ["typing"]);
  assert.equal(conversation.draft, "Hello there");
});

test("typing is said once a turn, and a message ends the turn", (t) => {
  const { client, conversation, said } = stage(t);
  for (let n = 0; n < 5; n++) {
    client.emit("typing", { active: true, from: ana, until: Date.now() + 5000 });
    t.mock.timers.tick(3000);
  }
  assert.deepEqual(said, ["Ana is typing"]);
  client.add({ text: "Hello", from: ana });
  assert.equal(conversation.typing, undefined);
  client.emit("typing", { active: true, from: ana });
  assert.deepEqual(said, ["Ana is typing", "Ana says: Hello", "Ana is typing"]);
});

test("typing ends by itself at its time", (t) => {
  const { client, conversation } = stage(t);
  client.emit("typing", { active: true, from: ana, until: Date.now() + 5000 });
  t.mock.timers.tick(4999);
  assert.equal(conversation.typing?.name, "Ana");
  t.mock.timers.tick(1);
  assert.equal(conversation.typing, undefined);
});

test("each end has its words, and only some can start again", (t) => {
  const { client, conversation } = stage(t);
  client.begin({ newSession: false, readOnly: true });
  assert.deepEqual(conversation.phase, { name: "over", text: en.endedReadOnly, restart: true });
  client.go({ name: "ended", reason: "sessionExpired" });
  assert.deepEqual(conversation.phase, { name: "over", text: en.endedExpired, restart: true });
  client.go({ name: "ended", reason: "inactive" });
  assert.deepEqual(conversation.phase, { name: "over", text: en.endedUnavailable, restart: false });
});

test("that a conversation is read-only is said once, however often the client tells of it", (t) => {
  const { client, said } = stage(t);
  for (const expiresAt of [1, 2, 3]) client.begin({ newSession: false, readOnly: true, expiresAt });
  assert.deepEqual(said, [en.endedReadOnly]);
  client.begin();
  client.begin({ readOnly: true });
  assert.deepEqual(said, [en.endedReadOnly, en.endedReadOnly]);
});

test("forgotten, it is started again by what the visitor sends next", (t) => {
  const { client, conversation } = stage(t);
  conversation.start();
  client.go({ name: "idle" });
  conversation.write("Hello again");
  conversation.send();
  conversation.start();
  assert.deepEqual(client.asked, ["start", "typing", "start", "send Hello again"]);
});

test("a client that can do nothing on this page is said to be unavailable, until another try", async (t) => {
  const { client, conversation, said } = beforeItIsReady(t);
  client.useless = Object.assign(new Error("blocked"), { name: "WasmBlocked" });
  conversation.start();
  client.go({ name: "loading" });
  client.go({ name: "idle" });
  await Promise.resolve();
  assert.deepEqual(conversation.phase, { name: "over", text: en.endedUnavailable, restart: false });
  assert.deepEqual(said, [en.endedUnavailable]);
  client.useless = undefined;
  conversation.start();
  assert.deepEqual(client.asked, ["start", "start"]);
  assert.equal(conversation.phase.name, "open");
});

test("who was forgotten while it connected may write, and so may who waits for a sign-in", async (t) => {
  const { client, conversation } = beforeItIsReady(t);
  for (const [name, state] of [["Stopped", "idle"], ["AuthRequired", "authRequired"]] as const) {
    client.useless = Object.assign(new Error(name), { name });
    client.go({ name: "idle" });
    conversation.start();
    client.go({ name: state });
    await Promise.resolve();
    assert.equal(conversation.phase.name, "open");
  }
});

test("what failed by the end of the conversation can be taken into the new one", (t) => {
  const { client, conversation } = stage(t);
  client.add({ direction: "inbound", text: "a", status: "queued" });
  client.add({ direction: "inbound", text: "b", status: "failed", error: Object.assign(new Error(), { name: "SessionEnded" }) as never });
  client.add({ direction: "inbound", text: "c", status: "failed" });
  assert.equal(conversation.leftOver, 2);
});

test("a gap stands until it is filled, which is told without its end, or a new conversation begins", (t) => {
  const { client, conversation } = stage(t);
  const standing = (): unknown[] => [conversation.gap?.from, conversation.gap?.to];
  client.emit("gap", { from: "a", to: "b", filled: false });
  assert.deepEqual(standing(), ["a", "b"]);
  client.begin({ newSession: false });
  assert.deepEqual(standing(), ["a", "b"]);
  client.emit("gap", { from: "a", filled: true });
  assert.equal(conversation.gap, undefined);
  client.emit("gap", { from: "c", filled: false });
  client.begin();
  assert.equal(conversation.gap, undefined);
});

test("what the site's owner has to mend is told with what to do about it; a network that is away and what the client mends are not", (t) => {
  const { client } = stage(t);
  const printed: unknown[][] = [];
  t.mock.method(console, "error", (...line: unknown[]) => void printed.push(line));
  const fails = (fault: Fault, name: string, code = 7000): void =>
    client.emit("error", Object.assign(new Error("It is wrong."), { name, fault, code, remediation: "Check the deployment." }));
  fails("caller", "DeploymentNotFound");
  fails("service", "DeploymentInactive");
  fails("network", "NotLoaded");
  fails("library", "Restarted");
  fails("service", "UnknownError", 0);
  assert.deepEqual(printed, ["DeploymentNotFound", "DeploymentInactive"].map((name) => [`guestwire: ${name}: It is wrong. Check the deployment.`]));
});

test("after the end no listener is left", (t) => {
  const { client, conversation, said } = stage(t);
  conversation.dispose();
  client.add({ text: "Hello", from: ana });
  assert.deepEqual(said, []);
});
