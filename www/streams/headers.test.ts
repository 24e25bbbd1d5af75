import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { headed } from "./headers.js";

const made: unknown[][] = [];
const socket = {} as WebSocket;
const factory = (...given: unknown[]): WebSocket => (made.push(given), socket);
const address = "wss://service.test/api/v2/user/websocket?access_token=secret";
const { WebSocket } = globalThis;

afterEach(() => {
  made.length = 0;
  for (const name of ["document", "importScripts", "Deno"]) Reflect.deleteProperty(globalThis, name);
  Object.assign(globalThis, { WebSocket });
});

test("in Node the token leaves the query, and nothing else does", () => {
  assert.equal(headed(factory)!("wss://service.test/path?a=1&access_token=secret&b=%20"), socket);
  const [[url, protocols, init]] = made as [[string, undefined, object]];
  assert.deepEqual([url, protocols, init], ["wss://service.test/path?a=1&b=+", undefined, { headers: { Authorization: "Bearer secret" } }]);
});

test("an address without a token is left as it is", () => {
  headed(factory)!("wss://service.test/channels/c%201?x=%20");
  assert.deepEqual(made, [["wss://service.test/channels/c%201?x=%20", undefined]]);
});

test("Node's own WebSocket gets it in the place of the protocols", () => {
  Object.assign(globalThis, { WebSocket: class { constructor(...given: unknown[]) { made.push(given); } } });
  headed(undefined)!(address);
  assert.deepEqual(made, [["wss://service.test/api/v2/user/websocket", { headers: { Authorization: "Bearer secret" } }]]);
  headed(undefined)!("wss://service.test/channels/c1");
  assert.deepEqual(made[1], ["wss://service.test/channels/c1", { headers: {} }]);
});

test("a Node without one says so", () => {
  Object.assign(globalThis, { WebSocket: undefined });
  assert.throws(() => headed(undefined)!(address), { name: "NoWebSocket" });
});

for (const [where, mark] of [["a page", "document"], ["a worker", "importScripts"], ["Deno", "Deno"]] as const) {
  test(`in ${where} the page's factory is left alone, and the token in the query`, () => {
    Object.assign(globalThis, { [mark]: {} });
    assert.equal(headed(factory), factory);
    assert.equal(headed(undefined), undefined);
  });
}
