// §10 rows Typing, Presence Join, Presence Clear, `closeSession`; the agent's disconnect of §3.4.5; §3.9.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  HEX32, ISO_MS, Room, assertStringError, byClass, byTracing, isEvent, isText, randomUUID,
} from "./harness.mjs";

const disconnected = isEvent("Presence", "Disconnect");

test("§10 Join: broadcast Inbound with tracingId to the sender, and stored", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const other = await room.guest({ token: guest.token });
  const tracingId = guest.sendPresence("Join");
  const { json } = await guest.inbox.next(byTracing(tracingId));
  assert.equal(json.type, "message");
  assert.equal(json.class, "StructuredMessage");
  assert.equal(json.code, 200);
  assert.equal(json.body.type, "Event");
  assert.equal(json.body.direction, "Inbound");
  assert.match(json.body.id, HEX32);
  assert.match(json.body.channel.time, ISO_MS);
  assert.deepEqual(json.body.events, [{ eventType: "Presence", presence: { type: "Join" } }]);
  const copy = (await other.inbox.next(isEvent("Presence", "Join"))).json;
  assert.equal(copy.body.id, json.body.id);
  const { total, entities } = await guest.history();
  assert.equal(total, 1);
  assert.equal(entities[0].id, json.body.id);
  assert.deepEqual(entities[0].events, json.body.events);
});

test("§2.6 Join may carry custom attributes", async (t) => {
  const guest = await new Room(t).guest();
  const id = guest.sendPresence("Join", { channel: { metadata: { customAttributes: { A: "B" } } } });
  assert.equal((await guest.inbox.next(byTracing(id))).json.body.events[0].presence.type, "Join");
});

test("§10 [?] Join on a joined session is a no-op: it is stored once", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  await guest.inbox.next(byTracing(guest.sendPresence("Join")));
  guest.sendPresence("Join");
  await guest.fence();
  assert.equal((await guest.history()).total, 1);
});

test("§10 [?] joinAgain store: a repeated Join is stored again", async (t) => {
  const room = new Room(t);
  await room.set({ joinAgain: "store" });
  const guest = await room.guest();
  for (let n = 0; n < 2; n += 1) await guest.inbox.next(byTracing(guest.sendPresence("Join")));
  assert.equal((await guest.history()).total, 2);
});

test("§10 Join starts the bot", async (t) => {
  const room = new Room(t);
  await room.set({ bot: "script" });
  const guest = await room.guest();
  guest.sendPresence("Join");
  const { json } = await guest.inbox.next((frame) => frame.json?.body?.direction === "Outbound" && frame.json.body.type === "Text");
  assert.equal(json.body.originatingEntity, "Bot");
  assert.notEqual(json.body.text, "");
});

test("§10 Typing: no reply is needed and no error comes; it is not in history", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const other = await room.guest({ token: guest.token });
  const tracingId = guest.sendTyping();
  await guest.assertNone((frame) => byTracing(tracingId)(frame) && frame.json.class === "string");
  await other.assertNone(byClass("string"));
  assert.equal((await guest.history()).total, 0);
  assert.deepEqual((await room.session(guest.token)).messages, []);
});

test("§10 Typing when it is disabled: 403", async (t) => {
  const room = new Room(t);
  await room.set({ typing: false });
  assert.equal((await room.config()).messenger.apps.conversations.showUserTypingIndicator, false);
  const guest = await room.guest();
  assertStringError((await guest.inbox.next(byTracing(guest.sendTyping()))).json, 403);
});

test("§10 Clear: Inbound Clear, then SessionClearedEvent and ConnectionClosedEvent to all", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const other = await room.guest({ token: guest.token });
  await guest.text("to be forgotten");
  const tracingId = guest.sendPresence("Clear");
  const clear = (await guest.inbox.next(byTracing(tracingId))).json;
  assert.equal(clear.body.direction, "Inbound");
  assert.deepEqual(clear.body.events, [{ eventType: "Presence", presence: { type: "Clear" } }]);
  for (const connection of [guest, other]) {
    const cleared = await connection.inbox.next(byClass("SessionClearedEvent"));
    const closed = await connection.inbox.next(byClass("ConnectionClosedEvent"));
    assert.equal(cleared.json.type, "message");
    assert.equal(cleared.json.code, 200);
    assert.deepEqual(cleared.json.body, {});
    assert.equal(closed.json.type, "message");
    assert.deepEqual(closed.json.body, {});
    const order = connection.inbox.seen().map((frame) => frame.json.class);
    assert.ok(order.indexOf("SessionClearedEvent") < order.indexOf("ConnectionClosedEvent"), order.join());
  }
  assert.ok(guest.inbox.seen().findIndex(byTracing(tracingId)) < guest.inbox.seen().findIndex(byClass("SessionClearedEvent")));
});

test("§10 Clear deletes the session: the same token starts a new, empty one", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  await guest.text("to be forgotten");
  guest.sendPresence("Clear");
  await guest.inbox.next(byClass("ConnectionClosedEvent"));
  guest.socket.close(1000);
  await guest.closed;
  const again = await room.guest({ token: guest.token });
  assert.equal(again.session.newSession, true);
  assert.deepEqual((await again.history()).entities, []);
});

test("§10 Clear when it is disabled: 403 with the documented body, the session lives", async (t) => {
  const room = new Room(t);
  await room.set({ clear: false });
  assert.equal((await room.config()).messenger.apps.conversations.conversationClear.enabled, false);
  const guest = await room.guest();
  await guest.text("to be kept");
  const { json } = await guest.inbox.next(byTracing(guest.sendPresence("Clear")));
  assertStringError(json, 403);
  assert.equal(json.body, "Presence events Conversation Clear are not supported");
  await guest.assertNone(byClass("SessionClearedEvent"));
  assert.equal((await guest.history()).entities[0].text, "to be kept");
});

test("§10 closeSession: SessionResponse{connected:false,readOnly:true} to the requester, ConnectionClosedEvent to the others", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const others = [await room.guest({ token: guest.token }), await room.guest({ token: guest.token })];
  const tracingId = randomUUID();
  const frame = await guest.request({ action: "closeSession", closeAllConnections: true, tracingId });
  assert.equal(frame.type, "response");
  assert.equal(frame.class, "SessionResponse");
  assert.equal(frame.body.connected, false);
  assert.equal(frame.body.readOnly, true);
  for (const other of others) {
    const { json } = await other.inbox.next(byClass("ConnectionClosedEvent"));
    assert.equal(json.body.reason, undefined);
  }
  assert.deepEqual(guest.inbox.seen(byClass("ConnectionClosedEvent")), []);
});

test("§10 closeSession does not touch another guest", async (t) => {
  const room = new Room(t);
  const stranger = await room.guest();
  const guest = await room.guest();
  await guest.request({ action: "closeSession", closeAllConnections: true });
  await stranger.assertNone(byClass("ConnectionClosedEvent"));
  assert.equal((await stranger.text("untouched")).body.text, "untouched");
});

test("§3.4.5 disconnect ReadOnly: Presence Disconnect with metadata.readOnly, then 409, then readOnly on configure", async (t) => {
  const room = new Room(t);
  await room.set({ conversationDisconnect: "ReadOnly" });
  const { conversationDisconnect } = (await room.config()).messenger.apps.conversations;
  assert.deepEqual(conversationDisconnect, { enabled: true, type: "ReadOnly" });
  const guest = await room.guest();
  await room.agent({ token: guest.token, do: "disconnect" });
  const { json } = await guest.inbox.next(disconnected);
  assert.equal(json.type, "message");
  assert.equal(json.body.type, "Event");
  assert.equal(json.body.direction, "Outbound");
  assert.equal(json.body.metadata.readOnly, "true");
  assertStringError(await guest.text("too late"), 409);
  assert.equal((await guest.configure()).body.readOnly, true);
  assert.equal((await room.session(guest.token)).readOnly, true);
});

test("§3.4.5 disconnect Send: the event comes without readOnly and the guest may keep writing", async (t) => {
  const room = new Room(t);
  await room.set({ conversationDisconnect: "Send" });
  const guest = await room.guest();
  await room.agent({ token: guest.token, do: "disconnect" });
  const { json } = await guest.inbox.next(disconnected);
  assert.equal(json.body.direction, "Outbound");
  assert.equal(json.body.metadata?.readOnly, undefined);
  assert.equal((await guest.text("still writing")).body.text, "still writing");
  assert.ok(!(await guest.configure()).body.readOnly);
});

test("§3.4.5 disconnect disabled: the guest gets no Disconnect event", async (t) => {
  const room = new Room(t);
  await room.set({ conversationDisconnect: "off" });
  assert.equal((await room.config()).messenger.apps.conversations.conversationDisconnect.enabled, false);
  const guest = await room.guest();
  await room.agent({ token: guest.token, do: "disconnect" });
  await guest.assertNone(disconnected);
  assert.equal((await guest.text("goes on")).body.text, "goes on");
});

test("§3.4.5 disconnect reaches every connection and is stored", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const other = await room.guest({ token: guest.token });
  await room.agent({ token: guest.token, do: "disconnect", readOnly: true });
  const { json } = await guest.inbox.next(disconnected);
  assert.equal((await other.inbox.next(disconnected)).json.body.id, json.body.id);
  const { entities, total } = await guest.history();
  assert.equal(total, 1);
  assert.equal(entities[0].id, json.body.id);
  assert.equal(entities[0].metadata.readOnly, "true");
});

test("§5.1 history and getJwt stay possible in a read-only session", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  await guest.text("before");
  await room.agent({ token: guest.token, do: "disconnect", readOnly: true });
  await guest.inbox.next(disconnected);
  assert.deepEqual((await guest.history()).entities.map((entity) => entity.text ?? "event"), ["event", "before"]);
});

test("§10 Clear in a conversation with an agent removes what the agent wrote too", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  await room.agent({ token: guest.token, do: "text", text: "from the agent" });
  await guest.inbox.next(isText("from the agent"));
  guest.sendPresence("Clear");
  await guest.inbox.next(byClass("ConnectionClosedEvent"));
  const again = await room.guest({ token: guest.token });
  assert.equal((await again.history()).total, 0);
});
