// §10 `getJwt` and **History**; §3.6, §5.7.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Room, byTracing, http, isText, randomUUID } from "./harness.mjs";

const PATH = "/api/v2/webmessaging/messages";
const get = (jwt, query = "pageNumber=1&pageSize=25", scheme = "bearer") =>
  http(`${PATH}?${query}`, { headers: jwt === undefined ? {} : { authorization: `${scheme} ${jwt}` } });

async function assertErrorBody(response, status) {
  assert.equal(response.status, status);
  const body = await response.json();
  assert.equal(body.status, status);
  assert.equal(typeof body.message, "string");
  assert.equal(typeof body.code, "string");
}

/** A guest with `count` texts, m1 the oldest, in a deployment whose rates are off. */
async function conversation(t, count) {
  const room = new Room(t);
  await room.set({ limits: false });
  const guest = await room.guest();
  for (let n = 1; n <= count; n += 1) await guest.text(`m${n}`);
  return { room, guest };
}

test("§10 getJwt: JwtResponse with exp 60 s from now, in epoch seconds", async (t) => {
  const guest = await new Room(t).guest();
  const before = Date.now() / 1000;
  const tracingId = randomUUID();
  const frame = await guest.request({ action: "getJwt", tracingId });
  assert.equal(frame.type, "response");
  assert.equal(frame.class, "JwtResponse");
  assert.equal(frame.code, 200);
  assert.equal(frame.tracingId, tracingId);
  assert.equal(typeof frame.body.jwt, "string");
  assert.notEqual(frame.body.jwt, "");
  assert.ok(frame.body.exp >= Math.floor(before) + 59 && frame.body.exp <= Math.ceil(Date.now() / 1000) + 61);
});

test("§5.7 history of a new session is an empty page", async (t) => {
  const guest = await new Room(t).guest();
  const page = await guest.history();
  assert.deepEqual(page.entities, []);
  assert.equal(page.total, 0);
  assert.equal(page.pageNumber, 1);
  assert.equal(page.pageSize, 25);
  assert.ok(Number.isInteger(page.pageCount));
});

test("§10 history is newest first; entities are bodies without envelope or tracingId, with the ids of the echo", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const first = await guest.text("first");
  await room.agent({ token: guest.token, do: "text", text: "second" });
  const second = (await guest.inbox.next(isText("second"))).json;
  const third = await guest.text("third");
  const { entities } = await guest.history();
  assert.deepEqual(entities.map((entity) => entity.text), ["third", "second", "first"]);
  assert.deepEqual(entities.map((entity) => entity.direction), ["Inbound", "Outbound", "Inbound"]);
  for (const [entity, frame] of [[entities[0], third], [entities[1], second], [entities[2], first]]) {
    assert.equal(entity.id, frame.body.id);
    assert.equal(entity.type, "Text");
    assert.equal(entity.channel.time, frame.body.channel.time);
    assert.equal(entity.channel.messageId, frame.body.channel.messageId);
    for (const member of ["tracingId", "class", "code", "body"]) assert.ok(!(member in entity), member);
  }
  assert.ok(["Human", "Bot"].includes(entities[1].originatingEntity));
});

test("§10 total counts stored entries including presence events and excluding typing", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  await guest.inbox.next(byTracing(guest.sendPresence("Join")));
  guest.sendTyping();
  await guest.text("one");
  await room.agent({ token: guest.token, do: "typing" });
  await room.agent({ token: guest.token, do: "text", text: "two" });
  await guest.inbox.next(isText("two"));
  const { entities, total } = await guest.history();
  assert.equal(total, 3);
  assert.deepEqual(entities.map((entity) => entity.text ?? entity.events[0].presence.type), ["two", "one", "Join"]);
});

test("§5.7 pages: pageNumber from 1, pageSize as asked, pageCount and total", async (t) => {
  const { guest } = await conversation(t, 5);
  const pages = [];
  for (const pageNumber of [1, 2, 3]) pages.push(await guest.history(`pageNumber=${pageNumber}&pageSize=2`));
  assert.deepEqual(pages.map((page) => page.entities.map((entity) => entity.text)), [["m5", "m4"], ["m3", "m2"], ["m1"]]);
  for (const [index, page] of pages.entries()) {
    assert.equal(page.pageNumber, index + 1);
    assert.equal(page.pageSize, 2);
    assert.equal(page.pageCount, 3);
    assert.equal(page.total, 5);
  }
});

test("§10 a page beyond the end is 200 with entities []", async (t) => {
  const { guest } = await conversation(t, 3);
  const page = await guest.history("pageNumber=7&pageSize=2");
  assert.deepEqual(page.entities, []);
  assert.equal(page.total, 3);
});

test("§5.7 server paging defaults to pageSize 25 and pageNumber 1", async (t) => {
  const { guest } = await conversation(t, 27);
  const page = await guest.history("");
  assert.equal(page.pageSize, 25);
  assert.equal(page.pageNumber, 1);
  assert.equal(page.pageCount, 2);
  assert.equal(page.total, 27);
  assert.deepEqual([page.entities.length, page.entities[0].text, page.entities[24].text], [25, "m27", "m3"]);
});

test("§5.7 a page of 100 holds more than 25 entries (Java)", async (t) => {
  const { guest } = await conversation(t, 27);
  assert.equal((await guest.history("pageNumber=1&pageSize=100")).entities.length, 27);
});

test("§10 a bad JWT: 401 with an ErrorBody", async () => {
  await assertErrorBody(await get("not.a.jwt"), 401);
});

test("§10 no JWT: 401 with an ErrorBody", async () => {
  await assertErrorBody(await get(undefined), 401);
});

test("§10 a JWT whose signature was changed: 401", async (t) => {
  const guest = await new Room(t).guest();
  const jwt = await guest.jwt();
  await assertErrorBody(await get(jwt.slice(0, -1) + (jwt.endsWith("A") ? "B" : "A")), 401);
});

test("§10 an expired JWT: 401 with an ErrorBody; a fresh one is taken", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const jwt = await guest.jwt();
  assert.equal((await get(jwt)).status, 200);
  await room.expire({ what: "jwt", token: guest.token });
  await assertErrorBody(await get(jwt), 401);
  assert.equal((await get(await guest.jwt())).status, 200);
});

test("§5.7 the scheme is taken as bearer and as Bearer", async (t) => {
  const guest = await new Room(t).guest();
  const jwt = await guest.jwt();
  for (const scheme of ["bearer", "Bearer"]) assert.equal((await get(jwt, "pageNumber=1&pageSize=25", scheme)).status, 200);
});

test("§3.6 a JWT opens the history of its own session only", async (t) => {
  const room = new Room(t);
  const one = await room.guest();
  const other = await room.guest();
  await one.text("one's");
  await other.text("other's");
  assert.deepEqual((await one.history()).entities.map((entity) => entity.text), ["one's"]);
  assert.deepEqual((await other.history()).entities.map((entity) => entity.text), ["other's"]);
});

test("§5.7 history counts are integers on the wire", async (t) => {
  const guest = await new Room(t).guest();
  const raw = await (await get(await guest.jwt())).text();
  for (const member of ["pageSize", "pageNumber", "total", "pageCount"]) assert.match(raw, new RegExp(`"${member}":\\s*\\d+[,}\\s]`));
});

test("§3.4.4 structured messages of the agent are in history with their content", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const content = [{ contentType: "QuickReply", quickReply: { text: "Yes", payload: "y" } }];
  await room.agent({ token: guest.token, do: "structured", text: "Pick", content });
  await guest.inbox.next(isText("Pick"));
  const [entity] = (await guest.history()).entities;
  assert.equal(entity.type, "Structured");
  assert.deepEqual(entity.content, content);
});
