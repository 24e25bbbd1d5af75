// simulator.md "faults": how a rule matches, and every `do` on the socket at least once. HTTP faults: http-faults.test.mjs.
// Where simulator.md leaves a field open: `drop` on frame-in drops before storing, with `after` once stored.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  Room, assertStringError, byClass, byTracing, http, isText, listFaults, randomUUID, until,
} from "./harness.mjs";

// The rules under test belong to one simulator, and lifting removes them all: these tests run one after the other.

const onMessage = (room, more = {}) => ({ deploymentId: room.deploymentId, action: "onMessage", ...more });
const message = (room) => ({ deploymentId: room.deploymentId, class: "StructuredMessage" });
const NO_CLOSE_FRAME = 1006;
/** So late that what comes at first has been looked for long before, and how long it is waited for. */
const LATE_MS = 5000;
const PATIENCE_MS = 20_000;

test("refuse {status, retryAfter}: the upgrade answers that status, once; then all is well", async (t) => {
  const room = new Room(t);
  await room.faults({ on: "connect", do: "refuse", status: 503, retryAfter: 7 });
  const { status, headers } = await room.refusal();
  assert.equal(status, 503);
  assert.equal(headers["retry-after"], "7");
  assert.equal((await room.guest()).session.connected, true);
});

for (const status of [401, 403, 429]) {
  test(`refuse {status: ${status}}`, async (t) => {
    const room = new Room(t);
    await room.faults({ on: "connect", do: "refuse", status });
    const refusal = await room.refusal();
    assert.equal(refusal.status, status);
    assert.equal(refusal.headers["retry-after"], undefined);
  });
}

test("blackhole: the upgrade is not answered while others are", async (t) => {
  const room = new Room(t);
  const [id] = await room.faults({ on: "connect", do: "blackhole" });
  const lost = room.begin();
  await room.hit(id);
  const next = await room.guest();
  await next.fence();
  assert.equal(lost.socket.readyState, lost.socket.CONNECTING);
});

test("accept-then-close {code}: open, then that close, before any frame", async (t) => {
  const room = new Room(t);
  await room.faults({ on: "connect", do: "accept-then-close", code: 1011 });
  const guest = await room.connect();
  assert.equal((await guest.closed).code, 1011);
  assert.deepEqual(guest.inbox.seen(), []);
});

test("drop on frame-in: no close frame, nothing stored", async (t) => {
  const room = new Room(t);
  await room.faults({ on: "frame-in", match: onMessage(room), do: "drop" });
  const guest = await room.guest();
  guest.sendText("lost on the way");
  assert.equal((await guest.closed).code, NO_CLOSE_FRAME);
  assert.deepEqual(await room.storedTexts(guest.token), []);
  assert.equal((await room.guest({ token: guest.token })).session.newSession, false);
});

test("drop on frame-in with after: stored, but the echo never came", async (t) => {
  const room = new Room(t);
  await room.faults({ on: "frame-in", match: onMessage(room), do: "drop", after: true });
  const guest = await room.guest();
  guest.sendText("stored without ack");
  assert.equal((await guest.closed).code, NO_CLOSE_FRAME);
  assert.deepEqual(await room.storedTexts(guest.token), ["stored without ack"]);
  assert.deepEqual(guest.inbox.seen(isText("stored without ack")), []);
});

test("drop on connect: the line goes without a close frame", async (t) => {
  const room = new Room(t);
  await room.faults({ on: "connect", do: "drop" });
  const guest = room.begin();
  assert.equal((await guest.closed).code, NO_CLOSE_FRAME);
  assert.deepEqual(guest.inbox.seen(), []);
});

test("drop on frame-out: stored, and the line goes before the echo, without a close frame", async (t) => {
  const room = new Room(t);
  await room.faults({ on: "frame-out", match: message(room), do: "drop" });
  const guest = await room.guest();
  guest.sendText("stored, echo cut off");
  assert.equal((await guest.closed).code, NO_CLOSE_FRAME);
  assert.deepEqual(guest.inbox.seen(byClass("StructuredMessage")), []);
  assert.deepEqual(await room.storedTexts(guest.token), ["stored, echo cut off"]);
});

test("close on frame-out: stored, and the close comes instead of the echo", async (t) => {
  const room = new Room(t);
  await room.faults({ on: "frame-out", match: message(room), do: "close", code: 1012 });
  const guest = await room.guest();
  guest.sendText("stored, then restarted");
  assert.equal((await guest.closed).code, 1012);
  assert.deepEqual(guest.inbox.seen(byClass("StructuredMessage")), []);
  assert.deepEqual(await room.storedTexts(guest.token), ["stored, then restarted"]);
});

for (const [code, reason] of [[1001, "going away"], [1011, undefined], [1012, "restart"], [4000, "app"]]) {
  test(`close {code: ${code}${reason ? ", reason" : ""}}: that close frame`, async (t) => {
    const room = new Room(t);
    await room.faults({ on: "frame-in", match: onMessage(room), do: "close", code, reason });
    const guest = await room.guest();
    guest.sendText("brings about the close");
    assert.deepEqual(await guest.closed, { code, reason: reason ?? "" });
  });
}

test("stall up: the frame waits, the downlink works; lifted, it is stored even if the client has closed meanwhile", async (t) => {
  const room = new Room(t);
  const [id] = await room.faults({ on: "frame-in", match: onMessage(room), do: "stall", direction: "up" });
  const guest = await room.guest();
  guest.sendText("stuck in the uplink");
  await room.hit(id);
  await room.agent({ token: guest.token, do: "text", text: "downlink works" });
  await guest.inbox.next(isText("downlink works"));
  assert.deepEqual(await room.storedTexts(guest.token), ["downlink works"]);
  guest.socket.terminate();
  await guest.closed;
  const again = await room.guest({ token: guest.token });
  assert.deepEqual((await again.history()).entities.map((entity) => entity.text), ["downlink works"]);
  await room.liftFaults();
  await again.inbox.next(isText("stuck in the uplink"));
  assert.deepEqual(await room.storedTexts(guest.token), ["downlink works", "stuck in the uplink"]);
});

test("stall down: frames are stored, nothing arrives; lifted, all arrive in order", async (t) => {
  const room = new Room(t);
  await room.faults({ on: "frame-out", match: message(room), do: "stall", direction: "down" });
  const guest = await room.guest();
  const mark = guest.inbox.mark();
  guest.sendText("one");
  guest.sendText("two");
  const jwt = guest.send({ action: "getJwt" });
  await until(() => room.storedTexts(guest.token), (texts) => texts.length === 2);
  const other = await room.guest({ token: guest.token });
  await other.fence();
  assert.deepEqual(guest.inbox.seen(() => true, mark).map((frame) => frame.json), []);
  await room.liftFaults();
  await guest.inbox.next(byTracing(jwt));
  const texts = guest.inbox.seen(byClass("StructuredMessage")).map((frame) => frame.json.body.text);
  assert.deepEqual(texts, ["one", "two"]);
});

test("stall both {ms}: what is sent meanwhile is answered when the time is over, in order", async (t) => {
  const room = new Room(t);
  await room.faults({ on: "frame-in", match: onMessage(room), do: "stall", direction: "both", ms: 400 });
  const guest = await room.guest();
  const began = performance.now();
  const first = guest.sendText("one");
  const second = guest.sendText("two");
  const frame = await guest.inbox.next(byTracing(first));
  assert.ok(frame.at - began >= 390, `${frame.at - began} ms`);
  await guest.inbox.next(byTracing(second));
  assert.deepEqual(await room.storedTexts(guest.token), ["one", "two"]);
});

test("delay {ms} on frame-out: the echo is that late", async (t) => {
  const room = new Room(t);
  await room.faults({ on: "frame-out", match: message(room), do: "delay", ms: 300 });
  const guest = await room.guest();
  const began = performance.now();
  const frame = await guest.inbox.next(byTracing(guest.sendText("late echo")));
  assert.ok(frame.at - began >= 290, `${frame.at - began} ms`);
});

test("delay {ms} on connect: the upgrade is answered that late", async (t) => {
  const room = new Room(t);
  await room.faults({ on: "connect", do: "delay", ms: 300 });
  const began = performance.now();
  const guest = await room.guest();
  assert.ok(performance.now() - began >= 290);
  assert.equal(guest.session.newSession, true);
});

test("delay {ms} on frame-in: the message is stored that late", async (t) => {
  const room = new Room(t);
  await room.faults({ on: "frame-in", match: onMessage(room), do: "delay", ms: 300 });
  const guest = await room.guest();
  const began = performance.now();
  const frame = await guest.inbox.next(byTracing(guest.sendText("late")));
  assert.ok(frame.at - began >= 290, `${frame.at - began} ms`);
  assert.deepEqual(await room.storedTexts(guest.token), ["late"]);
});

test("reorder {window}: every frame arrives once, and not in the order of sending", async (t) => {
  const room = new Room(t);
  await room.faults({ on: "frame-out", match: message(room), do: "reorder", window: 2, count: 0 });
  const guest = await room.guest();
  const sent = ["one", "two", "three", "four"];
  const ids = sent.map((text) => guest.sendText(text));
  for (const id of ids) await guest.inbox.next(byTracing(id));
  const arrived = guest.inbox.seen(byClass("StructuredMessage")).map((frame) => frame.json.body.text);
  assert.deepEqual([...arrived].sort(), [...sent].sort());
  assert.notDeepEqual(arrived, sent);
  assert.deepEqual(await room.storedTexts(guest.token), sent);
});

test("duplicate on frame-out: the same frame twice, stored once", async (t) => {
  const room = new Room(t);
  await room.faults({ on: "frame-out", match: message(room), do: "duplicate" });
  const guest = await room.guest();
  guest.sendText("double");
  const first = await guest.inbox.next(isText("double"));
  const second = await guest.inbox.next(isText("double"));
  assert.equal(second.raw, first.raw);
  assert.deepEqual(await room.storedTexts(guest.token), ["double"]);
});

test("duplicate of an agent's message: the same frame twice", async (t) => {
  const room = new Room(t);
  await room.faults({ on: "frame-out", match: message(room), do: "duplicate" });
  const guest = await room.guest();
  await room.agent({ token: guest.token, do: "text", text: "redelivered" });
  const first = await guest.inbox.next(isText("redelivered"));
  assert.equal((await guest.inbox.next(isText("redelivered"))).raw, first.raw);
});

test("lose on frame-out: the echo is lost, the message is stored, the connection is fine", async (t) => {
  const room = new Room(t);
  await room.faults({ on: "frame-out", match: message(room), do: "lose" });
  const guest = await room.guest();
  guest.sendText("echo lost");
  await guest.assertNone(isText("echo lost"));
  assert.deepEqual(await room.storedTexts(guest.token), ["echo lost"]);
  assert.equal((await guest.text("next")).body.text, "next");
});

test("lose on frame-in: the message is not stored, the connection is fine", async (t) => {
  const room = new Room(t);
  await room.faults({ on: "frame-in", match: onMessage(room), do: "lose" });
  const guest = await room.guest();
  guest.sendText("never arrived");
  await guest.assertNone(isText("never arrived"));
  assert.deepEqual(await room.storedTexts(guest.token), []);
});

for (const request of [{ action: "getJwt" }, { action: "echo", message: { text: "ping", type: "Text" } }]) {
  test(`lose: ${request.action} is swallowed`, async (t) => {
    const room = new Room(t);
    await room.faults({ on: "frame-in", match: { deploymentId: room.deploymentId, action: request.action }, do: "lose" });
    const guest = await room.guest();
    const swallowed = guest.send(request);
    await guest.assertNone(byTracing(swallowed));
  });
}

// They wait for most of the time, and neither lifts a rule, so they go side by side.
describe("what is stored late", { concurrency: true }, () => {
  test("late-store {ms}: the message is not there at first, and is stored and echoed later", async (t) => {
    const room = new Room(t);
    await room.faults({ on: "frame-in", match: onMessage(room), do: "late-store", ms: LATE_MS });
    const guest = await room.guest();
    const began = performance.now();
    const tracingId = guest.sendText("stored late");
    await guest.fence();
    assert.deepEqual(await room.storedTexts(guest.token), []);
    await until(() => room.storedTexts(guest.token), (texts) => texts.length === 1, PATIENCE_MS);
    assert.ok(performance.now() - began >= LATE_MS - 10);
    await guest.inbox.next(byTracing(tracingId));
  });

  test("late-store: the message is stored although its connection is gone", async (t) => {
    const room = new Room(t);
    const [id] = await room.faults({ on: "frame-in", match: onMessage(room), do: "late-store", ms: LATE_MS });
    const guest = await room.guest();
    guest.sendText("from a dead line");
    await room.hit(id);
    guest.socket.terminate();
    assert.deepEqual(await room.storedTexts(guest.token), []);
    await until(() => room.storedTexts(guest.token), (texts) => texts.includes("from a dead line"), PATIENCE_MS);
  });
});

for (const [as, isGarbage] of [
  ["text", (frame) => !frame.binary && frame.json === undefined],
  ["binary", (frame) => frame.binary],
  ["deep", (frame) => !frame.binary && /^(?:[^\[{]*[[{]){100}/.test(frame.raw)],
  ["huge", (frame) => !frame.binary && frame.raw.length >= 1_000_000],
]) {
  test(`garbage {as: ${as}}: that frame arrives, and the connection goes on`, async (t) => {
    const room = new Room(t);
    await room.faults({ on: "frame-out", match: message(room), do: "garbage", as });
    const guest = await room.guest({ lenient: true });
    const tracingId = guest.sendText("behind the garbage");
    await guest.inbox.next(isGarbage);
    await guest.inbox.next(byTracing(tracingId));
    assert.equal(guest.inbox.seen(isGarbage).length, 1);
    await guest.fence();
  });
}

test("reply {frame}: the request gets that frame, with its tracingId, and is not processed", async (t) => {
  const room = new Room(t);
  const frame = {
    type: "response", class: "TooManyRequestsErrorMessage", code: 429, tracingId: "$tracingId",
    body: { retryAfter: 3, errorCode: 4029, errorMessage: "Message rate too high for this session" },
  };
  await room.faults({ on: "frame-in", match: onMessage(room), do: "reply", frame });
  const guest = await room.guest();
  const tracingId = randomUUID();
  assert.deepEqual(await guest.request({ action: "onMessage", tracingId, message: { text: "refused", type: "Text" } }), { ...frame, tracingId });
  assert.deepEqual(await room.storedTexts(guest.token), []);
});

test("reply {frame} as a string: sent as text, $tracingId replaced", async (t) => {
  const room = new Room(t);
  const frame = '{"type":"response","class":"string","code":4011,"body":"message too long","tracingId":"$tracingId"}';
  await room.faults({ on: "frame-in", match: onMessage(room), do: "reply", frame });
  const guest = await room.guest();
  assertStringError(await guest.text("refused"), 4011);
});

for (const code of [503, 429, 401, 403]) {
  test(`reply: configureSession answered ${code}; the next one is processed`, async (t) => {
    const room = new Room(t);
    const frame = { type: "response", class: "string", code, body: "Request failed.", tracingId: "$tracingId" };
    await room.faults({ on: "frame-in", match: { deploymentId: room.deploymentId, action: "configureSession" }, do: "reply", frame });
    const guest = await room.connect();
    assertStringError(await guest.configure(), code);
    assert.equal((await guest.configure()).body.newSession, true);
  });
}

test("nth: the rule takes effect at the nth match; count: for so many", async (t) => {
  const room = new Room(t);
  await room.faults({ on: "frame-in", match: onMessage(room), nth: 2, count: 2, do: "lose" });
  const guest = await room.guest();
  for (const text of ["one", "two", "three", "four"]) guest.sendText(text);
  await guest.fence();
  assert.deepEqual(await room.storedTexts(guest.token), ["one", "four"]);
});

test("count 0: the rule holds until it is removed; DELETE removes all", async (t) => {
  const room = new Room(t);
  await room.faults({ on: "frame-in", match: onMessage(room), count: 0, do: "lose" });
  const guest = await room.guest();
  for (const text of ["one", "two", "three"]) guest.sendText(text);
  await guest.fence();
  assert.deepEqual(await room.storedTexts(guest.token), []);
  await room.liftFaults();
  assert.deepEqual(await listFaults(), []);
  assert.equal((await guest.text("four")).body.text, "four");
});

test("match token: only that guest is hit", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const other = await room.guest();
  await room.faults({ on: "frame-in", match: { token: guest.token, action: "onMessage" }, do: "lose", count: 0 });
  assert.equal((await other.text("passes")).body.text, "passes");
  guest.sendText("lost");
  await guest.fence();
  assert.deepEqual(await room.storedTexts(guest.token), []);
  await room.liftFaults();
});

test("match deploymentId: only that deployment is hit", async (t) => {
  const room = new Room(t);
  const other = new Room(t);
  await room.faults({ on: "connect", do: "refuse", status: 503, count: 0 });
  assert.equal((await other.refusal()).status, 101);
  assert.equal((await room.refusal()).status, 503);
  await room.liftFaults();
});

test("match class: only frames of that class are hit", async (t) => {
  const room = new Room(t);
  await room.faults({ on: "frame-out", match: { deploymentId: room.deploymentId, class: "JwtResponse" }, do: "lose" });
  const guest = await room.guest();
  const lost = guest.send({ action: "getJwt" });
  assert.equal((await guest.text("not hit")).body.text, "not hit");
  await guest.assertNone(byTracing(lost));
});

test("a list of rules gets as many ids; GET lists them with their hits; a hit is in the log as fault", async (t) => {
  const room = new Room(t);
  const [lose, close] = await room.faults([
    { on: "frame-in", match: onMessage(room), do: "lose" },
    { on: "frame-in", match: { deploymentId: room.deploymentId, action: "echo" }, do: "close", code: 1012 },
  ]);
  assert.notEqual(lose, close);
  const { next } = await room.log();
  const guest = await room.guest();
  guest.sendText("hit");
  await guest.fence();
  const rules = await listFaults();
  assert.equal(rules.find((rule) => rule.id === lose).hits, 1);
  assert.equal(rules.find((rule) => rule.id === close).hits, 0);
  assert.equal((await room.log(next)).records.filter((record) => record.kind === "fault").length, 1);
  await room.liftFaults();
});

test("no rule, no fault: after DELETE the list is empty and nothing is hit", async (t) => {
  const room = new Room(t);
  await room.faults({ on: "connect", do: "refuse", status: 503 });
  assert.equal((await listFaults()).length, 1);
  const response = await http("/_sim/faults", { method: "DELETE" });
  assert.ok(response.ok);
  assert.deepEqual(await listFaults(), []);
  assert.equal((await room.guest()).session.newSession, true);
});
