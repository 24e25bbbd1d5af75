// §10 row `configureAuthenticatedSession`, the token endpoints, step-up, downgrade and logout; §7.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Room, assertStringError, byClass, http, isEvent, isText, randomUUID } from "./harness.mjs";

const BASE = "/api/v2/webdeployments/token";
const post = (name, body) =>
  http(`${BASE}/${name}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
const exchange = (room, oauth) => post("oauthcodegrantjwtexchange", { deploymentId: room.deploymentId, oauth });
const byCode = (code) => ({ code, redirectUri: "https://app.example.com/cb", codeVerifier: "v".repeat(43) });
const revoke = (jwt) => http(`${BASE}/revoke`, { method: "DELETE", headers: { authorization: `Bearer ${jwt}` } });

async function signIn(room, code = `code-${randomUUID()}`) {
  const response = await exchange(room, byCode(code));
  assert.equal(response.status, 200, await response.clone().text());
  return response.json();
}

const authenticate = (guest, jwt) =>
  guest.request({ action: "configureAuthenticatedSession", deploymentId: guest.room.deploymentId, startNew: false, data: { code: jwt } });

async function authenticated(room, jwt, options) {
  const guest = await room.connect(options);
  const frame = await authenticate(guest, jwt);
  assert.equal(frame.class, "SessionResponse", JSON.stringify(frame));
  guest.session = frame.body;
  return guest;
}

test("§7 exchange of an authorization code: jwt and refreshToken", async (t) => {
  const { jwt, refreshToken } = await signIn(new Room(t));
  assert.ok(typeof jwt === "string" && jwt !== "");
  assert.ok(typeof refreshToken === "string" && refreshToken !== "");
});

test("§7 exchange of an id token (implicit flow): jwt", async (t) => {
  const response = await exchange(new Room(t), { idToken: "id-token", nonce: "n-1" });
  assert.equal(response.status, 200);
  const { jwt } = await response.json();
  assert.ok(typeof jwt === "string" && jwt !== "");
});

test("§7 exchange without code or id token is refused", async (t) => {
  const { status } = await exchange(new Room(t), {});
  assert.ok([400, 401, 403].includes(status), `status ${status}`);
});

test("§10 configureAuthenticatedSession with the jwt: SessionResponse", async (t) => {
  const room = new Room(t);
  const { jwt } = await signIn(room);
  const guest = await room.connect();
  const frame = await authenticate(guest, jwt);
  assert.equal(frame.type, "response");
  assert.equal(frame.class, "SessionResponse");
  assert.equal(frame.body.connected, true);
  assert.equal(frame.body.newSession, true);
  assert.ok(!frame.body.clearedExistingSession);
  assert.equal((await guest.text("signed in")).body.text, "signed in");
  await guest.close();
  assert.equal((await authenticated(room, jwt, { token: guest.token })).session.newSession, false);
});

test("§10 configureAuthenticatedSession with an unknown code: 403 Try to authenticate again", async (t) => {
  const guest = await new Room(t).connect();
  const frame = await authenticate(guest, "not-a-known-jwt");
  assertStringError(frame, 403);
  assert.match(frame.body, /^Try to authenticate again/i);
});

test("§2.2 configureAuthenticatedSession without data.code is refused", async (t) => {
  const room = new Room(t);
  const guest = await room.connect();
  const frame = await guest.request({ action: "configureAuthenticatedSession", deploymentId: room.deploymentId });
  assert.ok([400, 401, 403, 4020].includes(frame.code), JSON.stringify(frame));
  assertStringError(frame, frame.code);
});

test("§10 configureAuthenticatedSession with an expired code: 401; with a refreshed one it goes on", async (t) => {
  const room = new Room(t);
  const { jwt, refreshToken } = await signIn(room);
  const guest = await authenticated(room, jwt);
  await guest.close();
  await room.expire({ what: "token", token: guest.token });
  const again = await room.connect({ token: guest.token });
  assertStringError(await authenticate(again, jwt), 401);
  const refreshed = await (await post("refresh", { refreshToken })).json();
  assert.notEqual(refreshed.jwt, jwt);
  assert.equal((await authenticate(again, refreshed.jwt)).class, "SessionResponse");
});

test("§7 refresh: a new jwt that works; the old refresh token is kept", async (t) => {
  const room = new Room(t);
  const { refreshToken } = await signIn(room);
  for (let n = 0; n < 2; n += 1) {
    const response = await post("refresh", { refreshToken });
    assert.equal(response.status, 200);
    const { jwt } = await response.json();
    assert.equal((await authenticated(room, jwt)).session.connected, true);
  }
});

test("§7 refresh with an unknown refresh token is refused", async () => {
  const { status } = await post("refresh", { refreshToken: "never given out" });
  assert.ok([400, 401, 403].includes(status), `status ${status}`);
});

test("§10 plain configureSession with a token known as authenticated: 4017", async (t) => {
  const room = new Room(t);
  const { jwt } = await signIn(room);
  const guest = await authenticated(room, jwt);
  await guest.close();
  const again = await room.connect({ token: guest.token });
  assertStringError(await again.configure(), 4017);
});

test("§10 deployment auth required: plain configureSession is 403, the authenticated one passes", async (t) => {
  const room = new Room(t);
  await room.set({ authRequired: true });
  assert.equal((await room.config()).auth.enabled, true);
  const guest = await room.connect();
  assertStringError(await guest.configure(), 403);
  const { jwt } = await signIn(room);
  assert.equal((await authenticate(guest, jwt)).class, "SessionResponse");
});

test("§10 step-up: SessionResponse, Inbound Presence SignIn with the name, the guest's messages move along", async (t) => {
  const room = new Room(t);
  const { jwt } = await signIn(room);
  const guest = await room.guest();
  await guest.text("written as a guest");
  const frame = await authenticate(guest, jwt);
  assert.equal(frame.class, "SessionResponse", JSON.stringify(frame));
  assert.ok(!frame.body.clearedExistingSession);
  const { json } = await guest.inbox.next(isEvent("Presence", "SignIn"));
  assert.equal(json.type, "message");
  assert.equal(json.body.direction, "Inbound");
  assert.equal(typeof json.body.channel.from.firstName, "string");
  assert.equal(typeof json.body.channel.from.lastName, "string");
  const texts = (await guest.history()).entities.map((entity) => entity.text);
  assert.ok(texts.includes("written as a guest"), texts.join());
  assert.equal((await guest.text("written signed in")).body.text, "written signed in");
});

test("§10 step-up: the other connections of the guest session get ConnectionClosedEvent{reason:signedIn}", async (t) => {
  const room = new Room(t);
  const { jwt } = await signIn(room);
  const guest = await room.guest();
  const other = await room.guest({ token: guest.token });
  await authenticate(guest, jwt);
  const { json } = await other.inbox.next(byClass("ConnectionClosedEvent"));
  assert.deepEqual(json.body, { reason: "signedIn" });
  await guest.assertNone(byClass("ConnectionClosedEvent"));
});

test("§10 step-up: the user's other session is closed and clearedExistingSession is true", async (t) => {
  const room = new Room(t);
  const { jwt } = await signIn(room);
  const elsewhere = await authenticated(room, jwt);
  const guest = await room.guest();
  const frame = await authenticate(guest, jwt);
  assert.equal(frame.body.clearedExistingSession, true);
  await elsewhere.inbox.next(byClass("ConnectionClosedEvent"));
  await guest.text("only here");
  await elsewhere.settled();
  assert.deepEqual(elsewhere.inbox.seen(isText("only here")), []);
});

test("§10 step-up makes the token authenticated: a plain configureSession is 4017 from then on", async (t) => {
  const room = new Room(t);
  const { jwt } = await signIn(room);
  const guest = await room.guest();
  await authenticate(guest, jwt);
  await guest.close();
  const again = await room.connect({ token: guest.token });
  assertStringError(await again.configure(), 4017);
});

test("§7 step-up needs auth.allowSessionUpgrade: 403 without it, the guest session goes on", async (t) => {
  const room = new Room(t);
  await room.set({ allowSessionUpgrade: false });
  assert.equal((await room.config()).auth.allowSessionUpgrade, false);
  const { jwt } = await signIn(room);
  const guest = await room.guest();
  assertStringError(await authenticate(guest, jwt), 403);
  assert.equal((await guest.text("still a guest")).body.text, "still a guest");
});

test("§7 logout: DELETE revoke is 2xx and every connection gets LogoutEvent{}", async (t) => {
  const room = new Room(t);
  const { jwt } = await signIn(room);
  const guest = await authenticated(room, jwt);
  const other = await authenticated(room, jwt, { token: guest.token });
  const stranger = await room.guest();
  assert.ok((await revoke(jwt)).ok);
  for (const connection of [guest, other]) {
    const { json } = await connection.inbox.next(byClass("LogoutEvent"));
    assert.equal(json.type, "message");
    assert.equal(json.code, 200);
    assert.deepEqual(json.body, {});
  }
  await stranger.assertNone(byClass("LogoutEvent"));
});

test("§7 a revoked jwt configures nothing any more", async (t) => {
  const room = new Room(t);
  const { jwt } = await signIn(room);
  const guest = await authenticated(room, jwt);
  assert.ok((await revoke(jwt)).ok);
  await guest.inbox.next(byClass("LogoutEvent"));
  const again = await room.connect();
  const frame = await authenticate(again, jwt);
  assert.ok(frame.code === 401 || frame.code === 403, JSON.stringify(frame));
  assertStringError(frame, frame.code);
});

test("§7 revoke with an unknown jwt: 401", async () => {
  assert.equal((await revoke("not-a-known-jwt")).status, 401);
});

test("§2.2 the SessionResponse of configureAuthenticatedSession has the same fields as a guest's", async (t) => {
  const room = new Room(t);
  const { jwt } = await signIn(room);
  const { session } = await authenticated(room, jwt);
  assert.equal(session.maxCustomDataBytes, 2048);
  assert.equal(session.durationSeconds, 259200);
  assert.equal(session.allowedMedia.inbound.maxFileSizeKB, 10240);
  assert.ok(session.blockedExtensions.includes(".exe"));
});
