import assert from "node:assert/strict";
import { test } from "node:test";
import type { TokenSource } from "./api.js";
import { Host } from "./host.js";

const asking = (token: unknown, debug?: (line: string) => void): Host => new Host({ token: token as TokenSource, debug, event: () => assert.fail("nothing is told") });

test("a token is asked of the page and comes as an answer that holds it", async () => {
  const given = { access_token: "secret of the page", expires_in: 60, token_type: "bearer" };
  let asked = 0;
  const response = await asking(async () => ((asked += 1), given)).token();
  assert.equal(asked, 1);
  assert.ok(response.ok);
  assert.deepEqual(await response.json(), given);
});

test("a page may give it at once", async () => {
  const response = await asking(() => ({ access_token: "t", expires_in: 60 })).token();
  assert.deepEqual(await response.json(), { access_token: "t", expires_in: 60 });
});

test("a page that throws or rejects has none to give", async () => {
  const why = new Error("signed out");
  await assert.rejects(asking(() => { throw why; }).token(), why);
  await assert.rejects(asking(() => Promise.reject(why)).token(), why);
});

test("whatever else a page gives harms nobody: it is an answer without a token, or none", async () => {
  const circular: Record<string, unknown> = {};
  circular["itself"] = circular;
  for (const given of [undefined, null, 7, "t", [], {}, Symbol("t"), () => "t"]) {
    const text = await (await asking(async () => given).token()).text();
    assert.ok(!text.includes("access_token"), text);
  }
  for (const given of [circular, 7n]) await assert.rejects(asking(async () => given).token(), TypeError);
});

test("a token is not in the log", async () => {
  const lines: string[] = [];
  const host = asking(async () => ({ access_token: "hush", expires_in: 60 }), (line) => void lines.push(line));
  await host.token();
  assert.throws(() => new Host({ createSocket: () => undefined as never, debug: (line) => void lines.push(line), event: () => undefined }).socket("ws://service.test/messages?token=hush"), TypeError);
  assert.deepEqual(lines, ["socket ws://service.test/messages"]);
});

test("what admits to a session or a channel is not in the log either", () => {
  const lines: string[] = [];
  const socket = { send: () => {}, close: () => {} } as unknown as WebSocket;
  const host = new Host({ createSocket: () => socket, debug: (line) => void lines.push(line), event: () => undefined });
  for (const url of ["ws://service.test/sessions/hush/messages?token=hush", "ws://service.test/channels/hush", "ws://service.test/v1?deploymentId=d"]) host.socket(url);
  assert.deepEqual(lines, ["socket ws://service.test/", "socket ws://service.test/", "socket ws://service.test/v1"]);
});
