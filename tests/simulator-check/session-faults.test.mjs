// simulator.md "faults" on the wire of the session protocol: matched by session, deployment, action, class and path.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { http, until } from "./harness.mjs";
import { SESSIONS, SessionRoom, fence, isText, messagesPath, say, textsOf, write } from "./session-room.mjs";

// The rules under test belong to one simulator, and lifting removes them all: these tests run one after the other.

const message = (room) => ({ deploymentId: room.deploymentId, action: "message" });
const NO_CLOSE_FRAME = 1006;
/** So late that what comes at first has been looked for long before, and how long it is waited for. */
const LATE_MS = 5000;
const PATIENCE_MS = 20_000;

test("lose on frame-in: not stored, and the socket goes on", async (t) => {
  const room = new SessionRoom(t);
  const { id, socket } = await room.joined();
  await room.faults({ on: "frame-in", match: { token: id, action: "message", type: "text" }, do: "lose" });
  await fence(socket);
  write(socket, "lost");
  await say(socket, "there");
  assert.deepEqual(await room.storedTexts(id), ["there"]);
});

test("lose on frame-out: stored, and no echo", async (t) => {
  const room = new SessionRoom(t);
  const session = await room.joined();
  await room.faults({ on: "frame-out", match: { deploymentId: room.deploymentId, class: "message" }, do: "lose" });
  write(session.socket, "echo lost");
  await fence(session.socket);
  assert.deepEqual(session.socket.inbox.seen(isText("echo lost")), []);
  assert.deepEqual(textsOf(await room.page(session)), ["echo lost"]);
});

test("lose a pong: the match is by class", async (t) => {
  const room = new SessionRoom(t);
  const { socket } = await room.joined();
  await room.faults({ on: "frame-out", match: { deploymentId: room.deploymentId, class: "pong" }, do: "lose" });
  socket.sendRaw({ type: "ping" });
  await say(socket, "behind it");
  assert.equal(socket.inbox.seen().length, 1);
  await fence(socket);
});

for (const [after, stored] of [[false, []], [true, ["cut off"]]]) {
  test(`drop {after: ${after}}: no close frame, ${after ? "stored without an echo" : "nothing stored"}`, async (t) => {
    const room = new SessionRoom(t);
    const session = await room.joined();
    await room.faults({ on: "frame-in", match: message(room), do: "drop", after });
    write(session.socket, "cut off");
    assert.equal((await session.socket.closed).code, NO_CLOSE_FRAME);
    assert.deepEqual(session.socket.inbox.seen(), []);
    assert.deepEqual(textsOf(await room.page(session)), stored);
    await room.join(session);
  });
}

test("close on frame-in: that close frame", async (t) => {
  const room = new SessionRoom(t);
  const { socket } = await room.joined();
  await room.faults({ on: "frame-in", match: message(room), do: "close", code: 1012, reason: "restart" });
  write(socket, "brings about the close");
  assert.deepEqual(await socket.closed, { code: 1012, reason: "restart" });
});

test("stall up: held, and stored when lifted although the client has closed meanwhile", async (t) => {
  const room = new SessionRoom(t);
  const { id, socket } = await room.joined();
  const [rule] = await room.faults({ on: "frame-in", match: message(room), do: "stall", direction: "up" });
  write(socket, "stuck");
  await room.hit(rule);
  await room.agent({ token: id, do: "text", text: "downlink works" });
  await socket.inbox.next(isText("downlink works"));
  socket.socket.terminate();
  assert.deepEqual(await room.storedTexts(id), ["downlink works"]);
  await room.liftFaults();
  await until(() => room.storedTexts(id), (texts) => texts.includes("stuck"));
});

// They wait for most of the time, and neither lifts a rule, so they go side by side.
describe("what is stored or read late", { concurrency: true }, () => {
  test("late-store: stored that late although its socket is gone, and echoed to the next one", async (t) => {
    const room = new SessionRoom(t);
    const session = await room.joined();
    const [rule] = await room.faults({ on: "frame-in", match: message(room), do: "late-store", ms: LATE_MS });
    const began = performance.now();
    write(session.socket, "late");
    await room.hit(rule);
    session.socket.socket.terminate();
    const next = await room.join(session);
    assert.deepEqual(textsOf(await room.page(session)), []);
    await next.inbox.next(isText("late"), PATIENCE_MS);
    assert.ok(performance.now() - began >= LATE_MS - 10);
    assert.deepEqual(textsOf(await room.page(session)), ["late"]);
  });

  test("history-lag on frame-in: echoed at once, read later", async (t) => {
    const room = new SessionRoom(t);
    await room.set({ limits: false });
    const session = await room.joined();
    await room.faults({ on: "frame-in", match: message(room), do: "history-lag", ms: LATE_MS });
    const began = performance.now();
    await say(session.socket, "lags behind");
    assert.deepEqual(textsOf(await room.page(session)), []);
    await until(() => room.page(session), ({ items }) => items.length === 1, PATIENCE_MS);
    assert.ok(performance.now() - began >= LATE_MS - 10);
  });
});

test("history-lag on http: this read misses what is younger", async (t) => {
  const room = new SessionRoom(t);
  const session = await room.joined();
  await say(session.socket, "young");
  await room.faults({ on: "http", match: { token: session.id, path: "/messages" }, do: "history-lag", ms: 60_000 });
  assert.deepEqual(textsOf(await room.page(session)), []);
  assert.deepEqual(textsOf(await room.page(session)), ["young"]);
});

test("duplicate: in twice is two messages, out twice is one", async (t) => {
  const room = new SessionRoom(t);
  const session = await room.joined();
  await room.faults([
    { on: "frame-in", match: message(room), do: "duplicate" },
    { on: "frame-out", match: message(room), nth: 3, do: "duplicate" },
  ]);
  const first = await say(session.socket, "stored twice");
  const second = (await session.socket.inbox.next(isText("stored twice"))).json;
  assert.notEqual(first.id, second.id);
  const third = await say(session.socket, "sent twice");
  assert.deepEqual((await session.socket.inbox.next(isText("sent twice"))).json, third);
  assert.deepEqual(textsOf(await room.page(session)), ["stored twice", "stored twice", "sent twice"]);
});

test("reorder: the newer of two is stored first", async (t) => {
  const room = new SessionRoom(t);
  const { id, socket } = await room.joined();
  await room.faults({ on: "frame-in", match: message(room), do: "reorder", window: 2 });
  write(socket, "one");
  write(socket, "two");
  await socket.inbox.next(isText("one"));
  assert.deepEqual(await room.storedTexts(id), ["two", "one"]);
});

test("garbage in front of the echo, and a reply in the platform's place", async (t) => {
  const room = new SessionRoom(t);
  const { id, socket } = await room.joined();
  await room.faults({ on: "frame-out", match: message(room), do: "garbage", as: "binary" });
  await say(socket, "behind the garbage");
  assert.deepEqual(socket.inbox.seen().map(({ binary }) => binary), [true, false]);
  await room.faults({ on: "frame-in", match: message(room), do: "reply", frame: { type: "maintenance" } });
  write(socket, "not processed");
  await socket.inbox.next(({ json }) => json?.type === "maintenance");
  assert.deepEqual(await room.storedTexts(id), ["behind the garbage"]);
});

test("refuse on connect: by session and by deployment; then all is well", async (t) => {
  const room = new SessionRoom(t);
  const session = await room.open();
  const other = await room.open();
  await room.faults({ on: "connect", match: { token: session.id }, do: "refuse", status: 503 });
  await room.join(other);
  assert.equal(await room.refusedAt(session), 503);
  await room.faults({ on: "connect", do: "refuse", status: 429, retryAfter: 3 });
  const { status, headers } = await room.refusal({ path: `${messagesPath(session.id)}?token=${session.token}` });
  assert.deepEqual([status, headers["retry-after"]], [429, "3"]);
  await room.join(session);
});

test("blackhole on connect: unanswered until it is lifted", async (t) => {
  const room = new SessionRoom(t);
  const session = await room.open();
  const [rule] = await room.faults({ on: "connect", do: "blackhole" });
  const waiting = room.begin({ path: `${messagesPath(session.id)}?token=${session.token}`, lenient: true });
  await room.hit(rule);
  assert.equal(waiting.socket.readyState, waiting.socket.CONNECTING);
  const opened = new Promise((settle) => waiting.socket.once("open", settle));
  await room.liftFaults();
  await opened;
  await say(waiting, "at last");
});

test("status on the token endpoints: by path, and by deployment where one is named", async (t) => {
  const room = new SessionRoom(t);
  await room.set({ accessTokenSeconds: 600 });
  const oauth = (client) =>
    http("/oauth/token", { method: "POST", body: new URLSearchParams({ grant_type: "client_credentials", client_id: client, client_secret: "s" }) });
  await room.faults({ on: "http", match: { path: "/oauth/token", deploymentId: room.deploymentId }, do: "status", status: 429, retryAfter: 4 });
  assert.equal((await oauth("somebody else")).status, 200);
  const refused = await oauth(room.deploymentId);
  assert.deepEqual([refused.status, refused.headers.get("retry-after")], [429, "4"]);
  assert.equal((await oauth(room.deploymentId)).status, 200);
  await room.faults({ on: "http", do: "status", status: 503 });
  assert.equal((await room.backendToken()).status, 503);
  assert.equal((await room.backendToken()).status, 200);
});

test("status on sessions and messages: once, and then as ever", async (t) => {
  const room = new SessionRoom(t);
  const token = await room.accessToken();
  await room.faults({ on: "http", match: { deploymentId: room.deploymentId, path: SESSIONS }, do: "status", status: 500 });
  assert.equal((await room.create(token)).status, 500);
  const { id } = await (await room.create(token)).json();
  await room.faults({ on: "http", match: { token: id }, do: "status", status: 401 });
  assert.equal((await room.read({ id, token })).status, 401);
  assert.equal((await room.read({ id, token })).status, 200);
});
