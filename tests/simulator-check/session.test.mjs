// The session protocol: systems.md G2, G3, G6-G8, simulator.md "Paths". Its faults: session-faults.test.mjs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ISO_MS, http, randomUUID, until } from "./harness.mjs";
import { SESSIONS, SessionRoom, fence, isText, messagesPath, say, textsOf, write } from "./session-room.mjs";

async function assertErrorBody(response, status) {
  assert.equal(response.status, status);
  const body = await response.json();
  assert.equal(body.status, status);
  assert.equal(typeof body.message, "string");
  assert.equal(typeof body.code, "string");
  return body;
}

/** A session in which each of these was said. */
async function conversation(t, texts) {
  const room = new SessionRoom(t);
  const session = await room.joined();
  const echoes = [];
  for (const text of texts) echoes.push(await say(session.socket, text));
  return { room, session, echoes };
}

test("G2 a session is made with a Bearer token, the scheme in any case", async (t) => {
  const room = new SessionRoom(t);
  const token = await room.accessToken();
  const ids = new Set();
  for (const scheme of ["Bearer", "bearer", "BEARER"]) {
    const response = await http(SESSIONS, {
      method: "POST",
      headers: { authorization: `${scheme} ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ deploymentId: room.deploymentId }),
    });
    assert.equal(response.status, 200);
    const answer = await response.json();
    assert.deepEqual(Object.keys(answer), ["id"]);
    ids.add(answer.id);
  }
  assert.equal(ids.size, 3);
});

for (const [name, token] of [["no token", undefined], ["an unknown token", "nonsense"]]) {
  test(`G2 a session is refused with ${name}: 401 with an ErrorBody`, async (t) => {
    const body = await assertErrorBody(await new SessionRoom(t).create(token), 401);
    assert.equal(body.code, "bad.credentials");
  });
}

for (const [name, body] of [
  ["no deploymentId", "{}"],
  ["an empty deploymentId", '{"deploymentId":""}'],
  ["a deploymentId that is no text", '{"deploymentId":7}'],
  ["a body that is not JSON", "deploymentId"],
  ["no body", undefined],
]) {
  test(`G2 a session is refused with ${name}: 400`, async (t) => {
    const room = new SessionRoom(t);
    const response = await http(SESSIONS, { method: "POST", headers: { authorization: `Bearer ${await room.accessToken()}` }, body });
    await assertErrorBody(response, 400);
  });
}

for (const prefix of ["missing", "inactive"]) {
  test(`G2 a deployment that starts with ${prefix} has no sessions: 404`, async (t) => {
    const room = new SessionRoom(t, `${prefix}-`);
    await assertErrorBody(await room.create(await room.accessToken()), 404);
  });
}

test("G2 a deployment that starts with malformed answers with a page", async (t) => {
  const room = new SessionRoom(t, "malformed-");
  const response = await room.create(await room.accessToken());
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type"), /^text\/html/);
  assert.match(await response.text(), /^<!doctype html>/i);
});

test("CORS: any origin on sessions and messages, a preflight lets Authorization through", async (t) => {
  const room = new SessionRoom(t);
  const session = await room.open();
  for (const path of [SESSIONS, messagesPath(session.id)]) {
    const preflight = await http(path, {
      method: "OPTIONS",
      headers: { origin: "https://shop.example.com", "access-control-request-method": "GET", "access-control-request-headers": "authorization" },
    });
    assert.ok(preflight.ok);
    assert.equal(preflight.headers.get("access-control-allow-origin"), "*");
    assert.match(preflight.headers.get("access-control-allow-headers"), /authorization/i);
  }
  for (const response of [await room.read(session), await room.read({ id: session.id }), await room.create(undefined)]) {
    assert.equal(response.headers.get("access-control-allow-origin"), "*");
    assert.equal(response.headers.get("access-control-expose-headers"), null);
  }
});

test("G3 nothing is sent first on a socket", async (t) => {
  const { socket } = await new SessionRoom(t).joined();
  await fence(socket);
  assert.deepEqual(socket.inbox.seen().map((frame) => frame.json), [{ type: "pong" }]);
});

test("G3 an upgrade is refused: 401 without a good token, 404 without a session, 403 for refused", async (t) => {
  const room = new SessionRoom(t);
  const session = await room.open();
  assert.equal(await room.refusedAt({ ...session, token: "nonsense" }), 401);
  assert.equal(await room.refusedAt({ ...session, token: "" }), 401);
  assert.equal((await room.refusal({ path: messagesPath(session.id) })).status, 401);
  assert.equal(await room.refusedAt({ ...session, id: randomUUID() }), 404);
  const refused = new SessionRoom(t, "refused-");
  assert.equal(await refused.refusedAt(await refused.open()), 403);
  await room.join(session);
});

test("G7 a text comes back to every socket of the session, the same everywhere; that is the ack", async (t) => {
  const room = new SessionRoom(t);
  const session = await room.joined();
  const others = [];
  for (let n = 0; n < 4; n += 1) others.push(await room.join(session));
  const stranger = await room.joined();
  const echo = await say(session.socket, "hello");
  assert.deepEqual(Object.keys(echo).sort(), ["id", "senderId", "text", "timestamp", "type"]);
  assert.equal(echo.senderId, session.id);
  assert.equal(echo.type, "text");
  assert.match(echo.timestamp, ISO_MS);
  assert.ok(Math.abs(Date.parse(echo.timestamp) - Date.now()) < 60_000);
  assert.ok(typeof echo.id === "string" && echo.id !== "");
  for (const other of others) assert.deepEqual((await other.inbox.next(isText("hello"))).json, echo);
  await fence(stranger.socket);
  assert.deepEqual(stranger.socket.inbox.seen(isText("hello")), []);
  assert.equal((await room.session(session.id)).connections, 5, "nothing pushes a socket out");
});

test("ping is answered by pong on that socket alone", async (t) => {
  const room = new SessionRoom(t);
  const session = await room.joined();
  const other = await room.join(session);
  await fence(session.socket);
  await say(other, "meanwhile");
  assert.deepEqual(other.inbox.seen().map((frame) => frame.json.type), ["text"]);
  assert.equal(session.socket.inbox.seen()[0].raw, '{"type":"pong"}');
});

test("what is not understood is ignored, and the socket goes on", async (t) => {
  const room = new SessionRoom(t);
  const { id, socket } = await room.joined();
  const tooLong = "ä".repeat(2048) + "x";
  for (const frame of [
    "{not json", "[]", { type: "text" }, { text: "no type" }, { text: 1, type: "text" }, { text: "typing", type: "typing" },
    { text: tooLong, type: "text" }, { action: "onMessage", token: id, message: { type: "Text", text: "guest API" } },
  ]) {
    socket.sendRaw(frame);
  }
  await fence(socket);
  assert.equal(socket.inbox.seen().length, 1);
  assert.deepEqual(await room.storedTexts(id), []);
  await say(socket, "ä".repeat(2048));
  assert.equal((await room.storedTexts(id)).length, 1);
});

test("G6 pages: oldest first, page.after leads to the next, the last has none", async (t) => {
  const { room, session, echoes } = await conversation(t, ["m1", "m2", "m3", "m4", "m5"]);
  await room.set({ sessionPageSize: 2 });
  const pages = [await room.page(session)];
  while (pages.at(-1).page.after !== undefined) pages.push(await room.page(session, pages.at(-1).page.after));
  assert.deepEqual(pages.map(textsOf), [["m1", "m2"], ["m3", "m4"], ["m5"]]);
  assert.deepEqual(pages.map(({ page }) => page), [{ after: echoes[1].id }, { after: echoes[3].id }, {}]);
  assert.deepEqual(pages.flatMap(({ items }) => items), echoes);
});

test("G6 after: what was stored later, nothing after the last, and 25 to a page", async (t) => {
  const texts = Array.from({ length: 27 }, (_, n) => `m${n + 1}`);
  const { room, session, echoes } = await conversation(t, texts);
  assert.deepEqual(textsOf(await room.page(session)), texts.slice(0, 25));
  assert.deepEqual(textsOf(await room.page(session, echoes[24].id)), ["m26", "m27"]);
  assert.deepEqual(await room.page(session, echoes[26].id), { items: [], page: {} });
});

test("G6 an unknown after is 400, an unknown session 404, no good token 401", async (t) => {
  const { room, session } = await conversation(t, ["m1"]);
  const { echoes: [foreign] } = await conversation(t, ["elsewhere"]);
  await assertErrorBody(await room.read(session, "unknown"), 400);
  await assertErrorBody(await room.read(session, foreign.id), 400);
  await assertErrorBody(await room.read({ ...session, id: randomUUID() }), 404);
  await assertErrorBody(await room.read({ id: session.id }), 401);
  await assertErrorBody(await room.read({ ...session, token: "nonsense" }), 401);
});

test("ten reads a minute: then 429 with Retry-After, readable across origins only with exposeHeaders", async (t) => {
  const room = new SessionRoom(t);
  const session = await room.open();
  for (let n = 0; n < 10; n += 1) assert.equal((await room.read(session)).status, 200);
  const refused = await room.read(session);
  assert.equal(refused.status, 429);
  const seconds = Number(refused.headers.get("retry-after"));
  assert.ok(Number.isInteger(seconds) && seconds > 50 && seconds <= 60, `${seconds}`);
  assert.equal(refused.headers.get("access-control-expose-headers"), null);
  assert.equal((await room.read(await room.open())).status, 200, "another session has its own minute");
  await room.set({ exposeHeaders: true });
  assert.match((await room.read(session)).headers.get("access-control-expose-headers"), /retry-after/i);
  await room.set({ limits: false });
  assert.equal((await room.read(session)).status, 200);
});

test("sessions: protocol, connections, readOnly and messages with serverId, direction, text", async (t) => {
  const room = new SessionRoom(t);
  const session = await room.joined();
  const echo = await say(session.socket, "mine");
  await room.agent({ token: session.id, do: "text", text: "theirs" });
  const guest = await room.guest();
  const shown = await room.session(session.id);
  assert.deepEqual([shown.protocol, shown.connections, shown.readOnly, shown.deploymentId], ["session", 1, false, room.deploymentId]);
  assert.deepEqual(shown.messages.map(({ direction, text }) => [direction, text]), [["Inbound", "mine"], ["Outbound", "theirs"]]);
  assert.equal(shown.messages[0].serverId, echo.id);
  assert.equal((await room.session(guest.token)).protocol, "guest");
  await session.socket.close();
  await until(() => room.session(session.id), ({ connections }) => connections === 0);
});

test("agent: a text from agent, by session and by deployment; the rest does not exist here", async (t) => {
  const room = new SessionRoom(t);
  const session = await room.joined();
  for (const [text, whose] of [["by session", { token: session.id }], ["by deployment", { deploymentId: room.deploymentId }]]) {
    await room.agent({ ...whose, do: "text", text });
    assert.equal((await session.socket.inbox.next(isText(text))).json.senderId, "agent");
  }
  assert.deepEqual(textsOf(await room.page(session)), ["by session", "by deployment"]);
  for (const act of [{ do: "typing" }, { do: "structured", content: [] }, { do: "event", text: "Join" }, { do: "disconnect" }]) {
    const body = JSON.stringify({ token: session.id, ...act });
    const response = await http("/_sim/agent", { method: "POST", headers: { "content-type": "application/json" }, body });
    assert.equal(response.status, 400);
    assert.match(await response.text(), new RegExp(`session protocol has no ${act.do}`));
  }
});

test("agent raw: an object or a string, as it is", async (t) => {
  const room = new SessionRoom(t);
  const { id, socket } = await room.joined();
  await room.agent({ token: id, do: "raw", frame: { type: "unheard-of" } });
  await room.agent({ token: id, do: "raw", frame: "{not json" });
  await socket.inbox.next(({ raw }) => raw === '{"type":"unheard-of"}');
  await socket.inbox.next(({ raw }) => raw === "{not json");
});

test("kick closes the oldest socket with 1000 and leaves the others", async (t) => {
  const room = new SessionRoom(t);
  const session = await room.joined();
  const newer = await room.join(session);
  await room.agent({ token: session.id, do: "kick" });
  assert.equal((await session.socket.closed).code, 1000);
  await say(newer, "still here");
});

test("bot echo: the answer is from bot, stored, and only text", async (t) => {
  const room = new SessionRoom(t);
  await room.set({ bot: "echo" });
  const session = await room.joined();
  await say(session.socket, "polly");
  const { json } = await session.socket.inbox.next((frame) => frame.json?.senderId === "bot");
  assert.match(json.text, /polly/);
  assert.equal(session.socket.inbox.seen().length, 2, "it does not type");
  assert.deepEqual((await room.page(session)).items.map((item) => item.senderId), [session.id, "bot"]);
});

test("an ended session: its sockets closed with 1000, then 404 for everything", async (t) => {
  const room = new SessionRoom(t);
  const session = await room.joined();
  const other = await room.join(session);
  await say(session.socket, "before the end");
  await room.expire({ what: "session", token: session.id });
  for (const { closed } of [session.socket, other]) assert.deepEqual(await closed, { code: 1000, reason: "session ended" });
  await assertErrorBody(await room.read(session), 404);
  assert.equal(await room.refusedAt(session), 404);
  assert.equal((await room.create(session.token)).status, 200, "the token is as good as before");
});

test("reset: the room's sessions are unknown and their sockets closed; other rooms are left alone", async (t) => {
  const room = new SessionRoom(t);
  const other = new SessionRoom(t);
  const session = await room.joined();
  const elsewhere = await other.joined();
  await room.reset();
  assert.equal((await session.socket.closed).code, 1000);
  assert.equal((await room.read(session)).status, 401);
  assert.equal((await room.read({ id: session.id, token: await room.accessToken() })).status, 404);
  assert.equal(await room.session(session.id), undefined);
  await say(elsewhere.socket, "unharmed");
});

test("log: action, class, token, direction and serverId of one text, in order", async (t) => {
  const room = new SessionRoom(t);
  const { next } = await room.log();
  const session = await room.joined();
  const echo = await say(session.socket, "follow me");
  await fence(session.socket);
  await session.socket.close();
  const { records } = await until(() => room.log(next), (log) => log.records.some(({ kind, token }) => kind === "close" && token === session.id));
  const mine = records.filter(({ token }) => token === session.id);
  assert.deepEqual(mine.map(({ kind, action, class: name }) => [kind, action ?? name].filter(Boolean).join(" ")), [
    "open", "frame-in message", "stored message", "frame-out message", "frame-in ping", "frame-out ping", "close",
  ]);
  assert.ok(mine.every(({ deploymentId }) => deploymentId === room.deploymentId));
  const [open, , stored, echoed, , pong, close] = mine;
  assert.equal(open.path, messagesPath(session.id));
  assert.deepEqual([stored.text, stored.serverId, stored.direction], ["follow me", echo.id, "Inbound"]);
  assert.deepEqual([echoed.class, echoed.serverId, pong.class], ["message", echo.id, "pong"]);
  assert.equal(close.code, 1000);
});

test("log: an access token is in no record, whatever was done with it", async (t) => {
  const room = new SessionRoom(t);
  const { next } = await room.log();
  const session = await room.joined();
  await say(session.socket, "logged");
  await room.faults({ on: "connect", do: "delay", ms: 10 });
  await room.join(session);
  await room.refusedAt({ ...session, id: randomUUID() });
  await room.read(session);
  await http(`${messagesPath(session.id)}?token=${session.token}`);
  await room.expire({ what: "token", token: session.token });
  await room.refusedAt(session);
  const log = await http(`/_sim/log?since=${next}`);
  const text = await log.text();
  assert.ok(text.includes(session.id) && text.includes(messagesPath(session.id)));
  assert.ok(!text.includes(session.token));
});
