// Access tokens of the session protocol: systems.md G1 and I1, simulator.md "Paths".

import assert from "node:assert/strict";
import { test } from "node:test";
import { http, pass, randomUUID } from "./harness.mjs";
import { SessionRoom } from "./session-room.mjs";

const FORM = { "content-type": "application/x-www-form-urlencoded" };
const oauth = (form, headers = {}) => http("/oauth/token", { method: "POST", headers: { ...FORM, ...headers }, body: form });
const inForm = (id, secret) => `grant_type=client_credentials&client_id=${encodeURIComponent(id)}&client_secret=${encodeURIComponent(secret)}`;
const asBasic = (id, secret) => ({
  authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString("base64")}`,
});

async function assertError(response, status, error) {
  assert.equal(response.status, status);
  assert.deepEqual(await response.json(), { error });
}

for (const [name, ask] of [
  ["in the form", (id, secret) => oauth(inForm(id, secret))],
  ["as HTTP Basic", (id, secret) => oauth("grant_type=client_credentials", asBasic(id, secret))],
]) {
  test(`client credentials ${name}: a bearer token for a day, good for a session`, async (t) => {
    const room = new SessionRoom(t);
    const response = await ask("client", "s3cret & more");
    assert.equal(response.status, 200);
    const { access_token: token, token_type: type, expires_in: seconds } = await response.json();
    assert.equal(type, "bearer");
    assert.equal(seconds, 86_400);
    assert.equal(typeof token, "string");
    assert.equal((await room.create(token)).status, 200);
  });

  test(`client credentials ${name}: the secret "wrong" is refused`, async () => {
    await assertError(await ask("client", "wrong"), 401, "invalid_client");
  });
}

for (const [name, form, status, error] of [
  ["no credentials", "grant_type=client_credentials", 401, "invalid_client"],
  ["no secret", "grant_type=client_credentials&client_id=client", 401, "invalid_client"],
  ["an empty secret", "grant_type=client_credentials&client_id=client&client_secret=", 401, "invalid_client"],
  ["another grant", "grant_type=password&client_id=client&client_secret=s", 400, "unsupported_grant_type"],
  ["no grant", "client_id=client&client_secret=s", 400, "invalid_request"],
  ["nothing at all", "", 400, "invalid_request"],
]) {
  test(`a grant with ${name}: ${status} ${error}`, async () => {
    await assertError(await oauth(form), status, error);
  });
}

test("no two tokens are the same", async () => {
  const tokens = new Set();
  for (let n = 0; n < 5; n += 1) tokens.add((await (await oauth(inForm("client", "s"))).json()).access_token);
  assert.equal(tokens.size, 5);
});

test("GET is 405 on both token endpoints", async () => {
  assert.equal((await http("/oauth/token")).status, 405);
  assert.equal((await http("/demo-backend/token")).status, 405);
});

test("a site's backend: the same JSON, whatever is posted", async (t) => {
  const room = new SessionRoom(t);
  for (const body of [undefined, "{}", "not read"]) {
    const response = await http("/demo-backend/token", { method: "POST", body });
    assert.equal(response.status, 200);
    const answer = await response.json();
    assert.deepEqual([answer.token_type, answer.expires_in], ["bearer", 86_400]);
    assert.equal((await room.create(answer.access_token)).status, 200);
  }
});

test("CORS: any origin, nothing exposed, and a preflight that lets the headers through", async () => {
  for (const path of ["/oauth/token", "/demo-backend/token"]) {
    const preflight = await http(path, {
      method: "OPTIONS",
      headers: { origin: "https://shop.example.com", "access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type" },
    });
    assert.ok(preflight.ok);
    assert.equal(preflight.headers.get("access-control-allow-origin"), "*");
    assert.match(preflight.headers.get("access-control-allow-headers"), /authorization/i);
    assert.match(preflight.headers.get("access-control-allow-headers"), /content-type/i);
    const response = await http(path, { method: "POST", headers: { origin: "https://shop.example.com", ...FORM }, body: inForm("client", "wrong") });
    assert.equal(response.headers.get("access-control-allow-origin"), "*");
    assert.equal(response.headers.get("access-control-expose-headers"), null);
  }
});

test("accessTokenSeconds of a deployment: of its backend tokens, and of the client that bears its name", async (t) => {
  const room = new SessionRoom(t);
  await room.set({ accessTokenSeconds: 120 });
  assert.equal((await (await room.backendToken()).json()).expires_in, 120);
  assert.equal((await (await oauth(inForm(room.deploymentId, "s"))).json()).expires_in, 120);
  assert.equal((await (await oauth(inForm(randomUUID(), "s"))).json()).expires_in, 86_400);
});

test("a short token runs out by itself: 401, and its socket is closed with 1008", async (t) => {
  const room = new SessionRoom(t);
  await room.set({ accessTokenSeconds: 5 });
  const began = performance.now();
  const session = await room.joined();
  assert.equal((await room.read(session)).status, 200);
  assert.deepEqual(await session.socket.closed, { code: 1008, reason: "token expired" });
  assert.ok(performance.now() - began >= 4950);
  assert.equal((await room.read(session)).status, 401);
  assert.equal((await room.create(session.token)).status, 401);
  assert.equal(await room.refusedAt(session), 401);
  assert.equal((await room.read({ id: session.id, token: await room.accessToken() })).status, 200);
});

for (const [name, body] of [
  ["a session's id", (room, { id }) => ({ token: id })],
  ["an access token", (room, { token }) => ({ token })],
  ["a deployment", (room) => ({ deploymentId: room.deploymentId })],
]) {
  test(`expire token by ${name}: 401, sockets closed with 1008, other deployments untouched`, async (t) => {
    const room = new SessionRoom(t);
    const other = new SessionRoom(t);
    const session = await room.joined();
    const elsewhere = await other.joined();
    await room.expire({ what: "token", ...body(room, session) });
    assert.deepEqual(await session.socket.closed, { code: 1008, reason: "token expired" });
    assert.equal((await room.read(session)).status, 401);
    assert.equal(await room.refusedAt(session), 401);
    assert.equal((await other.read(elsewhere)).status, 200);
    assert.equal(elsewhere.socket.socket.readyState, elsewhere.socket.socket.OPEN);
    const fresh = { id: session.id, token: await room.accessToken() };
    assert.equal((await room.read(fresh)).status, 200, "the session goes on with another token");
    await room.join(fresh);
  });
}

test("an older token's socket goes, a newer one's stays", async (t) => {
  const room = new SessionRoom(t);
  const session = await room.joined();
  const renewed = { id: session.id, token: await room.accessToken() };
  const socket = await room.join(renewed);
  await room.expire({ what: "token", token: session.token });
  assert.equal((await session.socket.closed).code, 1008);
  await pass(50);
  assert.equal(socket.socket.readyState, socket.socket.OPEN);
});

test("reset: tokens are unknown afterwards", async (t) => {
  const room = new SessionRoom(t);
  const other = new SessionRoom(t);
  const token = await room.accessToken();
  const elsewhere = await other.accessToken();
  await room.reset();
  assert.equal((await room.create(token)).status, 401);
  assert.equal((await other.create(elsewhere)).status, 200);
});
