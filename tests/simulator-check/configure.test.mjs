// §10 rows: bad requests, before configure, `configureSession`, `getConfiguration`; §3.3; the connection limit of §4.4.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Room, assertStringError, byClass, byTracing, isText, randomUUID, until } from "./harness.mjs";

test("§10 no session: configureSession creates one, newSession true, with every field of §3.3", async (t) => {
  const room = new Room(t);
  const guest = await room.connect();
  const before = Math.floor(Date.now() / 1000);
  const tracingId = guest.send({
    action: "configureSession",
    deploymentId: room.deploymentId,
    startNew: false,
    journeyContext: { customer: { id: guest.token, idType: "cookie" }, customerSession: { id: "", type: "web" } },
  });
  const { json, raw } = await guest.inbox.next(byTracing(tracingId));
  const after = Math.ceil(Date.now() / 1000);
  assert.equal(json.type, "response");
  assert.equal(json.class, "SessionResponse");
  assert.equal(json.code, 200);
  const { body } = json;
  assert.equal(body.connected, true);
  assert.equal(body.newSession, true);
  assert.ok(!body.readOnly);
  assert.ok(!body.clearedExistingSession);
  assert.equal(body.maxCustomDataBytes, 2048);
  assert.equal(body.allowedMedia.inbound.maxFileSizeKB, 10240);
  assert.match(raw, /"maxFileSizeKB":\s*10240[,}\s]/);
  assert.ok(body.allowedMedia.inbound.fileTypes.length > 0);
  for (const fileType of body.allowedMedia.inbound.fileTypes) assert.match(fileType.type, /^[\w*.+-]+\/[\w*.+-]+$/);
  assert.ok(body.blockedExtensions.includes(".exe"));
  for (const extension of body.blockedExtensions) assert.match(extension, /^\../);
  assert.equal(body.durationSeconds, 259200);
  assert.ok(body.expirationDate >= before + 259200 - 1 && body.expirationDate <= after + 259200 + 1, "epoch seconds");
});

test("§2.1 the minimal form is accepted; a reply to a request without tracingId has none", async (t) => {
  const room = new Room(t);
  const guest = await room.connect();
  guest.sendRaw({ action: "configureSession", deploymentId: room.deploymentId, token: guest.token });
  const { json } = await guest.inbox.next(byClass("SessionResponse"));
  assert.equal(json.body.newSession, true);
  assert.ok(!("tracingId" in json));
});

test("§10 session live: configureSession answers newSession false, on the same connection and on the next", async (t) => {
  const room = new Room(t);
  const first = await room.guest();
  assert.equal((await first.configure()).body.newSession, false);
  await first.close();
  const second = await room.guest({ token: first.token });
  assert.equal(second.session.newSession, false);
  assert.equal(second.session.connected, true);
  assert.ok(!second.session.readOnly);
});

test("§0 the token is the guest: another token is another session", async (t) => {
  const room = new Room(t);
  const one = await room.guest();
  const other = await room.guest();
  assert.equal(other.session.newSession, true);
  await one.text("for one only");
  await other.assertNone(isText("for one only"));
  assert.deepEqual(await room.storedTexts(other.token), []);
});

test("§10 a line that dropped without a close frame leaves the session live", async (t) => {
  const room = new Room(t);
  const first = await room.guest();
  await first.text("before the drop");
  first.socket.terminate();
  const second = await room.guest({ token: first.token });
  assert.equal(second.session.newSession, false);
  assert.equal((await second.history()).entities[0].text, "before the drop");
});

test("§10 the 4th connection of a token: ConnectionClosedEvent{} to the oldest, which is closed; the other three stay", async (t) => {
  const room = new Room(t);
  const token = randomUUID();
  const guests = [];
  for (let index = 0; index < 4; index += 1) guests.push(await room.guest({ token }));
  const { json } = await guests[0].inbox.next(byClass("ConnectionClosedEvent"));
  assert.equal(json.type, "message");
  assert.equal(json.code, 200);
  assert.deepEqual(json.body, {});
  await guests[0].closed;
  await guests[3].text("still three");
  for (const guest of guests.slice(1)) {
    await guest.fence();
    assert.equal(guest.inbox.seen(isText("still three")).length, 1);
    assert.deepEqual(guest.inbox.seen(byClass("ConnectionClosedEvent")), []);
  }
  assert.equal((await room.session(token)).connections, 3);
});

test("§10 the 5th connection of a token pushes out the second: always the oldest", async (t) => {
  const room = new Room(t);
  const token = randomUUID();
  const guests = [];
  for (let index = 0; index < 5; index += 1) guests.push(await room.guest({ token }));
  for (const guest of guests.slice(0, 2)) {
    await guest.inbox.next(byClass("ConnectionClosedEvent"));
    await guest.closed;
  }
  for (const guest of guests.slice(2)) await guest.assertNone(byClass("ConnectionClosedEvent"));
});

test("§10 configure twice on a connection counts as one connection", async (t) => {
  const room = new Room(t);
  const token = randomUUID();
  const guests = [];
  for (let index = 0; index < 3; index += 1) {
    guests.push(await room.guest({ token }));
    await guests[index].configure();
  }
  for (const guest of guests) await guest.assertNone(byClass("ConnectionClosedEvent"));
});

test("§10 a connection that was closed gives its place back", async (t) => {
  const room = new Room(t);
  const token = randomUUID();
  const guests = [];
  for (let index = 0; index < 3; index += 1) guests.push(await room.guest({ token }));
  await guests[1].close();
  await until(() => room.session(token), (session) => session.connections === 2);
  await room.guest({ token });
  await guests[0].assertNone(byClass("ConnectionClosedEvent"));
});

test("§10 read-only and not startNew: readOnly true, connected true", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  await room.agent({ token: guest.token, do: "disconnect", readOnly: true });
  await until(() => room.session(guest.token), (session) => session.readOnly === true);
  const again = await room.guest({ token: guest.token });
  assert.equal(again.session.readOnly, true);
  assert.equal(again.session.connected, true);
  assert.ok(!again.session.newSession);
});

test("§10 read-only and startNew: a new session that can be written", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  await room.agent({ token: guest.token, do: "disconnect", readOnly: true });
  await until(() => room.session(guest.token), (session) => session.readOnly === true);
  const { body } = await guest.configure({ startNew: true });
  assert.equal(body.newSession, true);
  assert.equal(body.connected, true);
  assert.ok(!body.readOnly);
  assert.equal((await guest.text("after start new")).body.text, "after start new");
});

test("§5.2 start new chat: closeSession, SessionResponse{connected:false,readOnly:true}, configure startNew, Join", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  await room.agent({ token: guest.token, do: "disconnect", readOnly: true });
  await until(() => room.session(guest.token), (session) => session.readOnly === true);
  const closed = await guest.request({ action: "closeSession", closeAllConnections: true });
  assert.equal(closed.class, "SessionResponse");
  assert.equal(closed.body.connected, false);
  assert.equal(closed.body.readOnly, true);
  const started = await guest.configure({ startNew: true });
  assert.equal(started.body.connected, true);
  assert.equal(started.body.newSession, true);
  assert.ok(!started.body.readOnly);
  const joined = (await guest.inbox.next(byTracing(guest.sendPresence("Join")))).json;
  assert.equal(joined.body.direction, "Inbound");
  assert.equal(joined.body.events[0].presence.type, "Join");
});

test("§10 expired, expiredConfigure 4006: configureSession answers string 4006", async (t) => {
  const room = new Room(t);
  await room.set({ expiredConfigure: "4006" });
  const guest = await room.guest();
  await guest.close();
  await room.expire({ what: "session", token: guest.token });
  const again = await room.connect({ token: guest.token });
  assertStringError(await again.configure(), 4006);
});

test("§10 expired, expiredConfigure new: configureSession answers a new session", async (t) => {
  const room = new Room(t);
  await room.set({ expiredConfigure: "new" });
  const guest = await room.guest();
  await guest.close();
  await room.expire({ what: "session", token: guest.token });
  const again = await room.connect({ token: guest.token });
  const frame = await again.configure();
  assert.equal(frame.class, "SessionResponse");
  assert.equal(frame.body.newSession, true);
});

for (const [name, frame] of [
  ["an unknown action", { action: "no-such-action" }],
  ["no action", { action: undefined }],
  ["a missing token", { action: "getJwt", token: undefined }],
]) {
  test(`§10 ${name}: string 400, and the connection goes on`, async (t) => {
    const room = new Room(t);
    const guest = await room.guest();
    const tracingId = randomUUID();
    assertStringError(await guest.request({ ...frame, tracingId }), 400, tracingId);
    await guest.fence();
  });
}

for (const [name, text] of [
  ["text that is not JSON", "not json"],
  ["JSON that was cut off", '{"action":"getJwt","token":"'],
  ["an array", "[]"],
  ["a JSON string", '"getJwt"'],
  ["null", "null"],
]) {
  test(`§10 bad JSON (${name}): string 400, and the connection goes on`, async (t) => {
    const guest = await new Room(t).guest();
    guest.sendRaw(text);
    const { json } = await guest.inbox.next(byClass("string"));
    assertStringError(json, 400);
    assert.ok(!("tracingId" in json));
    await guest.fence();
  });
}

test("§2.1 configureSession without deploymentId is refused as bad (400) or as missing a parameter (4020)", async (t) => {
  const guest = await new Room(t).connect();
  const frame = await guest.request({ action: "configureSession" });
  assert.ok(frame.code === 400 || frame.code === 4020, JSON.stringify(frame));
  assertStringError(frame, frame.code);
});

const REQUESTS = [
  { action: "onMessage", message: { text: "too early", type: "Text" } },
  { action: "getJwt" },
  { action: "echo", message: { text: "ping", type: "Text" } },
  { action: "onAttachment", fileName: "a.png", fileType: "image/png", fileSize: 10, errorsAsJson: true },
  { action: "closeSession", closeAllConnections: true },
];

for (const request of REQUESTS) {
  test(`§10 ${request.action} before configure on this connection: string 4007 or 403`, async (t) => {
    const room = new Room(t);
    const guest = await room.connect();
    const frame = await guest.request(request);
    assert.ok(frame.code === 4007 || frame.code === 403, JSON.stringify(frame));
    assertStringError(frame, frame.code);
    assert.equal((await guest.configure()).body.newSession, true, "nothing was created");
    assert.deepEqual(await room.storedTexts(guest.token), []);
  });
}

test("§10 a session that is live elsewhere does not configure this connection", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const other = await room.connect({ token: guest.token });
  const frame = await other.text("not configured here");
  assert.ok(frame.code === 4007 || frame.code === 403, JSON.stringify(frame));
  await guest.assertNone(isText("not configured here"));
});

for (const code of [4007, 403]) {
  test(`§10 [?] before configure is switchable: unconfigured ${code}`, async (t) => {
    const room = new Room(t);
    await room.set({ unconfigured: String(code) });
    const guest = await room.connect();
    assertStringError(await guest.text("too early"), code);
  });
}

test("§10 getConfiguration: GetConfigurationResponse of §2.10", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const frame = await guest.request({ action: "getConfiguration", deploymentId: room.deploymentId });
  assert.equal(frame.type, "response");
  assert.equal(frame.class, "GetConfigurationResponse");
  assert.equal(frame.code, 200);
  assert.deepEqual(frame.body.allowedMedia, guest.session.allowedMedia);
  assert.deepEqual(frame.body.blockedExtensions, guest.session.blockedExtensions);
  assert.equal(frame.body.maxCustomDataBytes, 2048);
  assert.equal(typeof frame.body.messageRoutingEnabled, "boolean");
});
