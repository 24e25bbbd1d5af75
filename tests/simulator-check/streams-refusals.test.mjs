// Who is let in on the streams: wire.md "Tokens", "Plain GET", and each stream's refusals; systems.md I1 (HTTP Basic).

import assert from "node:assert/strict";
import { test } from "node:test";
import { http, randomUUID } from "./harness.mjs";
import { CONVERSATIONS, INTERACTIONS, PRESENCE, REALTIME, StreamRoom, ask, bearer, ended } from "./stream-room.mjs";

const PATHS = [REALTIME, CONVERSATIONS, INTERACTIONS, PRESENCE];
const statusOf = async (path, headers) => (await http(path, { headers })).status;

/** An access token of the client-credentials grant with HTTP Basic; `scope` is ignored. */
async function granted(client, form = "grant_type=client_credentials&scope=analytics:conversations:view") {
  const authorization = `Basic ${Buffer.from(`${client}:secret`).toString("base64")}`;
  const headers = { "content-type": "application/x-www-form-urlencoded", authorization };
  const response = await http("/oauth/token", { method: "POST", headers, body: form });
  assert.equal(response.status, 200);
  return (await response.json()).access_token;
}

test("a token of the grant with HTTP Basic is good on every stream", async (t) => {
  const room = new StreamRoom(t);
  const token = await granted("client");
  await room.at(`${CONVERSATIONS}?access_token=${token}&session_id=${randomUUID()}`);
  await room.at(PRESENCE, bearer(token));
  assert.deepEqual(await ask(await room.at(INTERACTIONS), { token }), { status: "connected" });
  const answer = await ask(await room.at(REALTIME), await room.subscription({ token }));
  assert.deepEqual(answer, { type: "subscribed", connectionId: "monitor-0001" });
});

test("a socket belongs to the deployment of its token", async (t) => {
  const room = new StreamRoom(t);
  await room.prober();
  await room.listener();
  await room.stranger();
  await room.subscriber();
  const listed = await room.streams();
  assert.deepEqual(listed.map(({ path }) => path).sort(), [...PATHS].sort());
  assert.ok(listed.every(({ deploymentId, connection }) => deploymentId === room.deploymentId && Number.isInteger(connection)));
});

for (const path of PATHS) {
  test(`GET ${path} without an upgrade: 401, 403, else 426`, async (t) => {
    const room = new StreamRoom(t);
    const refused = new StreamRoom(t, "refused-");
    const token = await room.accessToken();
    assert.equal(await statusOf(path), 401);
    assert.equal(await statusOf(path, bearer("nonsense")), 401);
    assert.equal(await statusOf(`${path}?access_token=nonsense`), 401);
    assert.equal(await statusOf(path, bearer(await refused.accessToken())), 403);
    assert.equal(await statusOf(path, bearer(token)), 426);
    assert.equal(await statusOf(`${path}?access_token=${token}`), 426);
    await room.expire({ what: "token", token });
    assert.equal(await statusOf(path, bearer(token)), 401);
  });

  test(`GET ${path}: any origin may read it, and a preflight is answered`, async (t) => {
    const room = new StreamRoom(t);
    const token = await room.accessToken();
    const answer = await http(path, { headers: { ...bearer(token), origin: "https://example.com" } });
    assert.equal(answer.headers.get("access-control-allow-origin"), "*");
    assert.equal(answer.headers.get("access-control-expose-headers"), null);
    const asked = { origin: "https://example.com", "access-control-request-method": "GET", "access-control-request-headers": "authorization" };
    const preflight = await http(path, { method: "OPTIONS", headers: asked });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.get("access-control-allow-origin"), "*");
    assert.match(preflight.headers.get("access-control-allow-headers"), /authorization/i);
    assert.match(preflight.headers.get("access-control-allow-methods"), /GET/);
  });
}

test("E is refused 401 by the token, then 400 by the session id", async (t) => {
  const room = new StreamRoom(t);
  const token = await room.accessToken();
  const refusal = async (query) => (await room.refusal({ path: `${CONVERSATIONS}?${new URLSearchParams(query)}` })).status;
  const session = randomUUID();
  assert.equal(await refusal({ session_id: session }), 401);
  assert.equal(await refusal({ access_token: "nonsense", session_id: session }), 401);
  assert.equal(await refusal({ access_token: "nonsense" }), 401);
  assert.equal(await refusal({ access_token: token }), 400);
  for (const id of ["", "1", "6f9619ff-8b86-1d01-b42d-00cf4fc964ff", "6f9619ff8b864d01b42d00cf4fc964ff"]) {
    assert.equal(await refusal({ access_token: token, session_id: id }), 400, id);
  }
  assert.equal(await refusal({ access_token: token, session_id: session }), 101);
  assert.equal(await refusal({ access_token: token, session_id: session.toUpperCase() }), 101);
});

test("E: the eleventh socket of a deployment is refused 429 with Retry-After 5, and a GET says so", async (t) => {
  const room = new StreamRoom(t);
  const token = await room.accessToken();
  const sockets = [];
  for (let n = 0; n < 10; n += 1) sockets.push(await room.listener({ token }));
  const refused = await room.refusal({ path: room.conversationsPath({ token }) });
  assert.deepEqual([refused.status, refused.headers["retry-after"]], [429, "5"]);
  const probe = await http(CONVERSATIONS, { headers: bearer(token) });
  assert.deepEqual([probe.status, probe.headers.get("retry-after")], [429, "5"]);
  assert.equal(await statusOf(INTERACTIONS, bearer(token)), 426);
  const other = new StreamRoom(t);
  await other.listener();
  await sockets[3].close();
  assert.equal(await statusOf(CONVERSATIONS, bearer(token)), 426);
  await room.listener({ token });
});

test("E: streamConnections sets how many there may be", async (t) => {
  const room = new StreamRoom(t);
  await room.set({ streamConnections: 1 });
  const token = await room.accessToken();
  await room.listener({ token });
  assert.equal((await room.refusal({ path: room.conversationsPath({ token }) })).status, 429);
});

test("P is refused 401 without a good token, in the header or in the query", async (t) => {
  const room = new StreamRoom(t);
  const token = await room.accessToken();
  const refusal = async (path, headers) => (await room.refusal({ path, headers })).status;
  assert.equal(await refusal(PRESENCE), 401);
  assert.equal(await refusal(PRESENCE, bearer("nonsense")), 401);
  assert.equal(await refusal(`${PRESENCE}?access_token=nonsense`), 401);
  assert.equal(await refusal(PRESENCE, bearer(token)), 101);
  assert.equal(await refusal(`${PRESENCE}?access_token=${token}`), 101);
});

test("P: the sixth socket of a deployment is refused 429, and a GET says so", async (t) => {
  const room = new StreamRoom(t);
  const sockets = [];
  for (let n = 0; n < 5; n += 1) sockets.push(await room.subscriber());
  const token = await room.accessToken();
  assert.equal((await room.refusal({ path: PRESENCE, headers: bearer(token) })).status, 429);
  const probe = await http(PRESENCE, { headers: bearer(token) });
  assert.equal(probe.status, 429);
  assert.match(probe.headers.get("retry-after"), /^\d+$/);
  await sockets[0].close();
  await room.subscriber();
});

test("a forbidden client is refused 403 on E and P, and told 403 on L and I", async (t) => {
  const room = new StreamRoom(t, "refused-");
  const token = await room.accessToken();
  assert.equal((await room.refusal({ path: room.conversationsPath({ token }) })).status, 403);
  assert.equal((await room.refusal({ path: PRESENCE, headers: bearer(token) })).status, 403);
  const prober = await room.at(REALTIME);
  const told = await ask(prober, await room.subscription());
  assert.deepEqual([told.type, told.status], ["error", 403]);
  assert.equal((await ended(prober)).code, 1008);
  const reader = await room.at(INTERACTIONS);
  assert.equal((await ask(reader, { token })).status, "error");
  assert.equal((await ended(reader)).code, 1008);
});

test("the log holds no access token", async (t) => {
  const room = new StreamRoom(t);
  const token = await room.accessToken();
  await room.listener({ token });
  await room.at(PRESENCE, bearer(token));
  await ask(await room.at(INTERACTIONS), { token });
  const prober = await room.at(REALTIME);
  await ask(prober, await room.subscription({ token }));
  const broken = await room.at(INTERACTIONS);
  broken.sendRaw(`{"token":"${token}"`);
  await ended(broken);
  await http(`${CONVERSATIONS}?access_token=${token}`);
  const log = await room.log();
  const own = log.records.filter((record) => record.deploymentId === room.deploymentId);
  assert.ok(own.some(({ kind, path }) => kind === "open" && path === CONVERSATIONS));
  assert.ok(own.some(({ kind, action }) => kind === "frame-in" && action === "subscribe"));
  assert.ok(!JSON.stringify(log).includes(token));
});

test("expiring the tokens of a deployment closes its sockets with 1008; a reset with 1000", async (t) => {
  const room = new StreamRoom(t);
  const open = async () => [await room.prober(), await room.listener(), await room.reader(), await room.subscriber()];
  const expired = await open();
  await room.expire({ what: "token", deploymentId: room.deploymentId });
  for (const socket of expired) assert.deepEqual(await ended(socket), { code: 1008, reason: "token expired" });
  const reset = await open();
  await room.reset();
  for (const socket of reset) assert.equal((await ended(socket)).code, 1000);
  assert.deepEqual(await room.streams(), []);
});
