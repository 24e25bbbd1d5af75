// Every limit of §4.4 that a simulator can enforce, each at its edge: what is just allowed, what is just too much.
// Not here, because no test can wait for it: 15 days of history retention.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Room, assertStringError, byClass, byTracing, http, isRateLimited, pass, randomUUID, until,
} from "./harness.mjs";

const echo = { action: "echo", message: { text: "ping", type: "Text" } };
const bytes = (text) => Buffer.byteLength(text, "utf8");

async function answers(guest, tracingIds) {
  const frames = [];
  for (const id of tracingIds) frames.push((await guest.inbox.next(byTracing(id))).json);
  return frames;
}

test("§4.4 messages per session per second 5: the 6th is TooManyRequestsErrorMessage of §3.7 and is not stored", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const frames = await answers(guest, [1, 2, 3, 4, 5, 6].map((n) => guest.sendText(`m${n}`)));
  assert.deepEqual(frames.slice(0, 5).map((frame) => frame.body.text), ["m1", "m2", "m3", "m4", "m5"]);
  const refused = frames[5];
  assert.equal(refused.type, "response");
  assert.equal(refused.class, "TooManyRequestsErrorMessage");
  assert.equal(refused.code, 429);
  assert.equal(refused.body.errorCode, 4029);
  assert.ok(Number.isInteger(refused.body.retryAfter) && refused.body.retryAfter >= 1);
  assert.equal(typeof refused.body.errorMessage, "string");
  assert.deepEqual(await room.storedTexts(guest.token), ["m1", "m2", "m3", "m4", "m5"]);
});

test("§4.4 messages per second are counted per session, over all its connections", async (t) => {
  const room = new Room(t);
  const one = await room.guest();
  const two = await room.guest({ token: one.token });
  const first = [1, 2, 3].map((n) => one.sendText(`a${n}`));
  const second = [1, 2, 3].map((n) => two.sendText(`b${n}`));
  const frames = [...(await answers(one, first)), ...(await answers(two, second))];
  assert.equal(frames.filter(isRateLimited).length, 1);
  assert.equal((await room.storedTexts(one.token)).length, 5);
});

test("§4.4 another session is not limited by this one", async (t) => {
  const room = new Room(t);
  const busy = await room.guest();
  const calm = await room.guest();
  const frames = await answers(busy, [1, 2, 3, 4, 5, 6].map((n) => busy.sendText(`m${n}`)));
  assert.ok(isRateLimited(frames[5]), JSON.stringify(frames[5]));
  assert.equal((await calm.text("calm")).body.text, "calm");
});

test("§3.7 after retryAfter seconds the message is taken", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const frames = await answers(guest, [1, 2, 3, 4, 5, 6].map((n) => guest.sendText(`m${n}`)));
  assert.ok(isRateLimited(frames[5]), JSON.stringify(frames[5]));
  await pass(frames[5].body.retryAfter * 1000 + 20);
  assert.equal((await guest.text("m6 again")).body.text, "m6 again");
});

test("§4.4 WebSocket requests per connection per minute 60: the 61st is a 429; another connection has its own", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const frames = await answers(guest, Array.from({ length: 60 }, () => guest.send({ action: "getJwt" })));
  // configureSession was the first of the sixty.
  assert.deepEqual(frames.slice(0, 59).map((frame) => frame.class), Array(59).fill("JwtResponse"));
  assert.ok(isRateLimited(frames[59]), JSON.stringify(frames[59]));
  const other = await room.guest({ token: guest.token });
  await other.fence();
});

test("§4.4 configure per session per minute 60: the 61st is a 429, whichever connection asks", async (t) => {
  const room = new Room(t);
  const token = randomUUID();
  const one = await room.connect({ token });
  const two = await room.connect({ token });
  const configure = { action: "configureSession", deploymentId: room.deploymentId };
  for (const guest of [one, two]) {
    const frames = await answers(guest, Array.from({ length: 30 }, () => guest.send(configure)));
    assert.deepEqual(frames.map((frame) => frame.class), Array(30).fill("SessionResponse"));
  }
  const three = await room.connect({ token });
  const refused = await three.configure();
  assert.ok(isRateLimited(refused), JSON.stringify(refused));
  const stranger = await room.connect();
  assert.equal((await stranger.configure()).class, "SessionResponse");
});

test("§4.4 new connections per deployment per minute 1000: the 1001st upgrade is refused; another deployment is not", async (t) => {
  const room = new Room(t);
  const statuses = [];
  for (let batch = 0; batch < 20; batch += 1) {
    statuses.push(...(await Promise.all(Array.from({ length: 50 }, () => room.refusal()))));
  }
  assert.deepEqual(statuses.map(({ status }) => status), Array(1000).fill(101));
  assert.equal((await room.refusal()).status, 429);
  assert.equal((await new Room(t).refusal()).status, 101);
});

test("§4.4 history GETs per session per minute 10: the 11th is 429 with an ErrorBody; another session has its own", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const other = await room.guest();
  const get = async (jwt) => http("/api/v2/webmessaging/messages?pageNumber=1&pageSize=25", { headers: { authorization: `bearer ${jwt}` } });
  const jwts = [await guest.jwt(), await guest.jwt()];
  for (let n = 0; n < 10; n += 1) assert.equal((await get(jwts[n % 2])).status, 200);
  const refused = await get(await guest.jwt());
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get("access-control-allow-origin"), "*");
  const body = await refused.json();
  assert.equal(body.status, 429);
  assert.equal(typeof body.message, "string");
  assert.equal(typeof body.code, "string");
  assert.equal((await get(await other.jwt())).status, 200);
});

test("§4.4 echo per connection per minute 2: the 3rd is a 429 frame; another connection has its own", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  assert.equal((await guest.request(echo)).class, "StructuredMessage");
  assert.equal((await guest.request(echo)).class, "StructuredMessage");
  const refused = await guest.request(echo);
  assert.ok(isRateLimited(refused), JSON.stringify(refused));
  const other = await room.guest({ token: guest.token });
  assert.equal((await other.request(echo)).class, "StructuredMessage");
});

test("§4.4 open connections per session 3: three stay, the 4th pushes one out", async (t) => {
  const room = new Room(t);
  const token = randomUUID();
  const guests = [await room.guest({ token }), await room.guest({ token }), await room.guest({ token })];
  for (const guest of guests) await guest.assertNone(byClass("ConnectionClosedEvent"));
  await room.guest({ token });
  await guests[0].inbox.next(byClass("ConnectionClosedEvent"));
});

const PLACES = {
  "message.channel": (attributes) => ({ message: { text: "attributes", type: "Text", channel: { metadata: { customAttributes: attributes } } } }),
  "top-level channel": (attributes) => ({ message: { text: "attributes", type: "Text" }, channel: { metadata: { customAttributes: attributes } } }),
};

for (const [place, fields] of Object.entries(PLACES)) {
  test(`§4.4 custom attributes 2048 bytes in ${place}: 2048 of keys and values pass, 2049 are 4013`, async (t) => {
    const room = new Room(t);
    const guest = await room.guest();
    // §5.8: the sum of UTF-8 bytes of all keys and values; "ä" has two.
    const attributes = (total) => ({ kä: "v".repeat(1000), k2: "ä".repeat(400) + "v".repeat(total - 3 - 1000 - 2 - 800) });
    const size = (map) => Object.entries(map).reduce((sum, [key, value]) => sum + bytes(key) + bytes(value), 0);
    assert.equal(size(attributes(2048)), 2048);
    assert.equal((await guest.request({ action: "onMessage", ...fields(attributes(2048)) })).class, "StructuredMessage");
    assertStringError(await guest.request({ action: "onMessage", ...fields(attributes(2049)) }), 4013);
    assert.equal((await room.storedTexts(guest.token)).length, 1);
  });
}

test("§4.4 custom attributes of a Join count too: 2049 bytes are 4013 and nobody joined", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const id = guest.sendPresence("Join", { channel: { metadata: { customAttributes: { k: "v".repeat(2048) } } } });
  assertStringError((await guest.inbox.next(byTracing(id))).json, 4013);
  assert.equal((await guest.history()).total, 0);
});

for (const [name, fits, tooMuch] of [
  ["one-byte characters", "a".repeat(4096), "a".repeat(4097)],
  ["two-byte characters", "é".repeat(2048), `${"é".repeat(2048)}a`],
  ["four-byte characters", "😀".repeat(1024), "😀".repeat(1025)],
]) {
  test(`§4.4 guest message text 4096 bytes, ${name}: 4096 pass, more is 4011 and is not stored`, async (t) => {
    const room = new Room(t);
    const guest = await room.guest();
    assert.equal((await guest.text(fits)).body.text, fits);
    assertStringError(await guest.text(tooMuch), 4011);
    assert.deepEqual(await room.storedTexts(guest.token), [fits]);
  });
}

test("§10 a text of 20000 bytes is 4011 too, and the connection goes on", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  assertStringError(await guest.text("x".repeat(20_000)), 4011);
  await guest.fence();
});

test("§4.4 agent to guest text 4000 characters: 4000 reach the guest, 4001 are refused", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  await room.agent({ token: guest.token, do: "text", text: "x".repeat(4000) });
  await guest.inbox.next((frame) => frame.json?.body?.text?.length === 4000);
  const refused = await http("/_sim/agent", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token: guest.token, do: "text", text: "x".repeat(4001) }),
  });
  assert.ok(refused.status >= 400 && refused.status < 500, `status ${refused.status}`);
  await guest.assertNone((frame) => frame.json?.body?.text?.length === 4001);
});

const upload = (fields) => ({
  action: "onAttachment", attachmentId: randomUUID(), fileName: "photo.png", fileType: "image/png", fileSize: 1000, errorsAsJson: true, ...fields,
});

for (const [name, allowed, refused, code] of [
  // Whether a KB has 1000 or 1024 bytes is open (§6.2 divides by 1000): both readings agree on these two sizes.
  ["10 MB", { fileSize: 10_240_000 }, { fileSize: 10_485_761 }, 4002],
  ["not empty", { fileSize: 1 }, { fileSize: 0 }, 4102],
  ["file name < 1024 characters", { fileName: `${"n".repeat(1019)}.png` }, { fileName: `${"n".repeat(1020)}.png` }, 4005],
  ["extension required", { fileName: "photo.png" }, { fileName: "photo" }, 4001],
]) {
  test(`§4.4 attachment ${name}: the edge passes, beyond it is ${code}`, async (t) => {
    const guest = await new Room(t).guest();
    const passed = await guest.request(upload(allowed));
    assert.equal(passed.class, "PresignedUrlResponse", JSON.stringify(passed));
    const error = await guest.request(upload(refused));
    assert.equal(error.class, "GenerateUrlError", JSON.stringify(error));
    assert.equal(error.body.errorCode, code);
  });
}

test("§4.4 guest session inactivity: 259200 s by default, as configured when set", async (t) => {
  const room = new Room(t);
  assert.equal((await room.guest()).session.durationSeconds, 259200);
  await room.set({ sessionDurationSeconds: 900 });
  const { durationSeconds, expirationDate } = (await room.guest()).session;
  assert.equal(durationSeconds, 900);
  assert.ok(Math.abs(expirationDate - (Date.now() / 1000 + 900)) < 5);
});

test("§4.4 typing at most once per 5 s: the second is limited, by a 429 frame or in the log", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const { next } = await room.log();
  const first = guest.sendTyping();
  await guest.assertNone(byTracing(first));
  const second = guest.sendTyping();
  await guest.fence();
  const replies = guest.inbox.seen(byTracing(second)).map((frame) => frame.json);
  for (const reply of replies) assert.ok(isRateLimited(reply), JSON.stringify(reply));
  const limited = (await room.log(next)).records.filter((record) => record.kind === "limited" && record.token === guest.token);
  assert.equal(limited.length, 1);
});

test("limits false: none of the rates is enforced for the deployment", async (t) => {
  const room = new Room(t);
  await room.set({ limits: false });
  const guest = await room.guest();
  const frames = await answers(guest, Array.from({ length: 8 }, (_, n) => guest.sendText(`m${n}`)));
  assert.deepEqual(frames.map((frame) => frame.class), Array(8).fill("StructuredMessage"));
  for (let n = 0; n < 3; n += 1) assert.equal((await guest.request(echo)).class, "StructuredMessage");
  for (let n = 0; n < 11; n += 1) await guest.history();
  const many = await answers(guest, Array.from({ length: 60 }, () => guest.send({ action: "getJwt" })));
  assert.deepEqual(many.map((frame) => frame.class), Array(60).fill("JwtResponse"));
});

test("a refusal by a limit is in the log as limited", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  for (let n = 0; n < 3; n += 1) await guest.request(echo);
  const { records } = await until(() => room.log(), ({ records }) => records.some((record) => record.kind === "limited" && record.token === guest.token));
  assert.equal(records.filter((record) => record.kind === "limited" && record.token === guest.token).length, 1);
});
