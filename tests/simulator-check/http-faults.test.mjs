// simulator.md "faults" on http: status, history-lag, delay and what §10 asks for on uploads and history.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Room, byClass, byTracing, http, isText, until } from "./harness.mjs";

const HISTORY = "/api/v2/webmessaging/messages";
const configPath = (room) => `/webdeployments/v1/deployments/${room.deploymentId}/config.json`;
const history = (jwt) => http(`${HISTORY}?pageNumber=1&pageSize=25`, { headers: { authorization: `bearer ${jwt}` } });

test("status {status, retryAfter, body}: history answers that, once", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  await guest.text("there");
  const jwt = await guest.jwt();
  const body = { message: "slow down", code: "too.many.requests", status: 429 };
  await room.faults({ on: "http", match: { path: HISTORY, token: guest.token }, do: "status", status: 429, retryAfter: 4, body });
  const refused = await history(jwt);
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get("retry-after"), "4");
  assert.equal(refused.headers.get("access-control-allow-origin"), "*");
  assert.equal(refused.headers.get("access-control-expose-headers"), null);
  assert.deepEqual(await refused.json(), body);
  const fine = await history(jwt);
  assert.equal(fine.status, 200);
  assert.equal((await fine.json()).entities[0].text, "there");
});

test("status 200 with a body: a history page with a Receipt and unknown content", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const body = {
    entities: [
      { id: "1", type: "Receipt", direction: "Outbound", status: "Delivered" },
      { id: "2", type: "Structured", direction: "Outbound", channel: { time: "2026-01-06T13:26:15.174Z" }, content: [{ contentType: "Hologram", hologram: {} }] },
    ],
    pageSize: 25, pageNumber: 1, total: 2, pageCount: 1,
  };
  await room.faults({ on: "http", match: { path: HISTORY, token: guest.token }, do: "status", status: 200, body });
  const response = await history(await guest.jwt());
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), body);
});

for (const status of [404, 500, 503]) {
  test(`status ${status}: the config answers that while the rule holds`, async (t) => {
    const room = new Room(t);
    await room.faults({ on: "http", match: { path: configPath(room) }, do: "status", status, count: 2 });
    assert.equal((await http(configPath(room))).status, status);
    assert.equal((await http(configPath(room))).status, status);
    assert.equal((await http(configPath(room))).status, 200);
  });
}

test("status on one path leaves the others alone", async (t) => {
  const room = new Room(t);
  await room.faults({ on: "http", match: { path: configPath(room) }, do: "status", status: 500 });
  assert.equal((await http(configPath(room).replace("config.json", "domains.json"))).status, 200);
  assert.equal((await http(configPath(room))).status, 500);
});

for (const status of [403, 500]) {
  test(`§10 PUT ${status}: the upload is refused, no UploadSuccessEvent; the next PUT passes`, async (t) => {
    const room = new Room(t);
    const guest = await room.guest();
    const { body } = await guest.request({
      action: "onAttachment", fileName: "a.png", fileType: "image/png", fileSize: 3, errorsAsJson: true,
    });
    const put = () => http(body.url, { method: "PUT", headers: { "content-type": "image/png", ...body.headers }, body: "abc" });
    await room.faults({ on: "http", match: { path: new URL(body.url).pathname }, do: "status", status });
    assert.equal((await put()).status, status);
    await guest.assertNone(byClass("UploadSuccessEvent"));
    assert.ok((await put()).ok);
    await guest.inbox.next(byClass("UploadSuccessEvent"));
  });
}

test("§10 upload success never sent, as a fault: lose the UploadSuccessEvent", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const { body } = await guest.request({
    action: "onAttachment", fileName: "a.png", fileType: "image/png", fileSize: 3, errorsAsJson: true,
  });
  const [id] = await room.faults({ on: "frame-out", match: { deploymentId: room.deploymentId, class: "UploadSuccessEvent" }, do: "lose" });
  assert.ok((await http(body.url, { method: "PUT", headers: { "content-type": "image/png", ...body.headers }, body: "abc" })).ok);
  await room.hit(id);
  await guest.assertNone(byClass("UploadSuccessEvent"));
});

test("history-lag {ms}: what was just stored is not in the history yet, and is later", async (t) => {
  const room = new Room(t);
  await room.set({ limits: false });
  const guest = await room.guest();
  await room.faults({ on: "http", match: { path: HISTORY, token: guest.token }, do: "history-lag", ms: 5000, count: 0 });
  const began = performance.now();
  await guest.text("lags behind");
  assert.deepEqual(await room.storedTexts(guest.token), ["lags behind"]);
  assert.deepEqual((await guest.history()).entities, []);
  const page = await until(() => guest.history(), ({ entities }) => entities.length === 1, 20_000);
  assert.ok(performance.now() - began >= 4990);
  assert.equal(page.entities[0].text, "lags behind");
  await room.liftFaults();
});

test("delay {ms} on http: the answer is that late and complete", async (t) => {
  const room = new Room(t);
  await room.faults({ on: "http", match: { path: configPath(room) }, do: "delay", ms: 300 });
  const began = performance.now();
  assert.equal((await room.config()).id, room.deploymentId);
  assert.ok(performance.now() - began >= 290);
});

test("§10 same-millisecond times: two messages with one time keep two ids", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  const time = "2026-01-06T13:26:15.174Z";
  for (const n of [1, 2]) {
    const id = String(n).repeat(32);
    await room.agent({
      token: guest.token, do: "raw",
      frame: { type: "message", class: "StructuredMessage", code: 200, body: { id, type: "Text", text: `tie ${n}`, direction: "Outbound", channel: { time } } },
    });
  }
  const frames = [await guest.inbox.next(isText("tie 1")), await guest.inbox.next(isText("tie 2"))];
  assert.deepEqual(frames.map((frame) => frame.json.body.channel.time), [time, time]);
});

test("§10 4029 with retryAfter, as a fault, leaves the connection as it was", async (t) => {
  const room = new Room(t);
  const guest = await room.guest();
  await room.faults({
    on: "frame-in", match: { token: guest.token, action: "onMessage" }, do: "reply",
    frame: { type: "response", class: "TooManyRequestsErrorMessage", code: 429, body: { retryAfter: 3, errorCode: 4029, errorMessage: "too high" }, tracingId: "$tracingId" },
  });
  const tracingId = guest.sendText("later, please");
  const { json } = await guest.inbox.next(byTracing(tracingId));
  assert.equal(json.body.retryAfter, 3);
  assert.equal((await guest.text("later, please")).body.text, "later, please");
});
