// The check's own eyes: what §3 and "Never send" of §10 forbid is seen, and the fixtures of guest-api.md pass.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Inbox, isText, ruleBroken } from "./inbox.mjs";

const frame = (raw, binary = false) => {
  let json;
  try {
    json = JSON.parse(raw);
  } catch {
    json = undefined;
  }
  return { raw, binary, json };
};
const structured = (body) => JSON.stringify({
  type: "message", class: "StructuredMessage", code: 200,
  body: { id: "5befde6373a23f32f20b59b4e1cba0e6", type: "Text", text: "Hi", direction: "Outbound", channel: { time: "2022-08-22T19:24:26.704Z" }, ...body },
});

for (const [name, raw] of [
  ["§3.3", '{"type":"response","class":"SessionResponse","code":200,"body":{"connected":true,"newSession":true},"tracingId":"t"}'],
  ["§3.4.1", structured({ metadata: { correlationId: "1.5" }, originatingMessageId: null })],
  ["§3.4.6", '{"type":"response","class":"StructuredMessage","code":200,"body":{"text":"ping","type":"Text","direction":"Inbound","id":"echo_id"},"tracingId":"t"}'],
  ["§3.8", '{"type":"response","class":"string","code":4011,"body":"message too long","tracingId":"t"}'],
  ["§3.9", '{"type":"message","class":"ConnectionClosedEvent","code":200,"body":{"reason":"signedIn"}}'],
]) {
  test(`the fixture of ${name} breaks no rule`, () => assert.equal(ruleBroken(frame(raw)), undefined));
}

for (const [name, broken] of [
  ["a binary frame", frame("x", true)],
  ["text that is not JSON", frame("{")],
  ["an array", frame("[]")],
  ["an envelope without code", frame('{"type":"message","class":"LogoutEvent","body":{}}')],
  ["an unknown type", frame('{"type":"push","class":"LogoutEvent","code":200,"body":{}}')],
  ["an unknown class", frame('{"type":"message","class":"Hologram","code":200,"body":{}}')],
  ["a string class with an object body", frame('{"type":"response","class":"string","code":400,"body":{}}')],
  ["a null tracingId", frame('{"type":"message","class":"LogoutEvent","code":200,"body":{},"tracingId":null}')],
  ["null metadata", frame(structured({ metadata: null }))],
  ["null content", frame(structured({ content: null }))],
  ["a float for a count", frame('{"type":"response","class":"SessionResponse","code":200,"body":{"connected":true,"maxCustomDataBytes":2048.0}}')],
  ["a message without id", frame(structured({ id: undefined }))],
  ["a message without channel.time", frame(structured({ channel: {} }))],
  ["a time without milliseconds", frame(structured({ channel: { time: "2022-08-22T19:24:26Z" } }))],
  ["metadata that is not a string", frame(structured({ metadata: { durationSeconds: 5 } }))],
]) {
  test(`${name} is seen to break a rule`, () => assert.equal(typeof ruleBroken(broken), "string"));
}

test("a wait takes a frame once, and frames that nobody asked for stay", async () => {
  const inbox = new Inbox();
  inbox.push(structured({ text: "a" }), false);
  inbox.push(structured({ text: "b" }), false);
  assert.equal((await inbox.next(isText("b"))).json.body.text, "b");
  await assert.rejects(inbox.next(isText("b"), 1), /no such frame/);
  assert.equal((await inbox.next(isText("a"))).json.body.text, "a");
  assert.equal(inbox.seen().length, 2);
});

test("a wait fails when the connection ends or when a broken frame arrives", async () => {
  const ended = new Inbox();
  const wait = ended.next(isText("a"));
  ended.end("close 1006");
  await assert.rejects(wait, /close 1006/);
  const strict = new Inbox();
  const other = strict.next(isText("a"));
  strict.push(structured({ content: null }), false);
  await assert.rejects(other, /broke a rule/);
  assert.match(strict.broken(), /null at/);
});
