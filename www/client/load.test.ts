import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { glue } from "./glue.js";
import { glue as ofSession } from "./glue-session.js";
import { instantiate, loadRuntime, type WasmSource } from "./load.js";

const bytes = readFileSync("www/client/generated/core_bg.wasm");
const sessionBytes = readFileSync("www/client/generated/session/core_bg.wasm");
const served = (type: string, status = 200): Response => new Response(bytes, { status, headers: { "content-type": type } });

const sources: Record<string, () => WasmSource> = {
  "its bytes": () => bytes,
  "a compiled module": () => new WebAssembly.Module(bytes),
  "a response": () => served("application/wasm"),
  "an address": () => `data:application/wasm;base64,${bytes.toString("base64")}`,
  "a URL": () => new URL(`data:application/wasm;base64,${bytes.toString("base64")}`),
  "a request": () => new Request(`data:application/wasm;base64,${bytes.toString("base64")}`),
};
for (const [name, source] of Object.entries(sources)) {
  test(`the module is made of ${name}`, async (t) => {
    const warn = t.mock.method(console, "warn", () => {});
    const { module, instance } = await instantiate(source(), glue);
    assert.ok(module instanceof WebAssembly.Module);
    assert.ok(instance instanceof WebAssembly.Instance);
    assert.equal(warn.mock.callCount(), 0);
  });
}

test("a module served as something else is made all the same, with a warning", async (t) => {
  const warn = t.mock.method(console, "warn", () => {});
  const { instance } = await instantiate(served("application/octet-stream"), glue);
  assert.ok(instance instanceof WebAssembly.Instance);
  assert.match(String(warn.mock.calls[0]?.arguments[0]), /application\/wasm/);
});

test("a module that is not served says so", async () => {
  await assert.rejects(instantiate(served("text/html", 404), glue), /404/);
});

test("the two modules are two, each with the glue that fits it", async () => {
  const [guest, session] = await Promise.all([loadRuntime(async () => ({ glue, source: bytes })), loadRuntime(async () => ({ glue: ofSession, source: sessionBytes }))]);
  assert.notEqual(guest, session);
  assert.deepEqual([guest.glue, session.glue], [glue, ofSession]);
  const options = (protocol: string): string => JSON.stringify({ deploymentId: "d", endpoint: "http://service.test", protocol, token: { url: "/token" } });
  const parsed = (runtime: typeof guest, protocol: string): unknown => {
    try {
      // What comes after the options is not looked at when these are refused.
      runtime.enter(() => new runtime.glue.Core(options(protocol), new Uint8Array(0), "memory", "", undefined as never, undefined as never));
    } catch (thrown) {
      return thrown;
    }
    return assert.fail("a core was made of nothing");
  };
  assert.deepEqual(parsed(guest, "session"), [7038, "protocol"]);
});

test("whoever says first where a module is serves all who have the same glue", async () => {
  const provide = async (): Promise<{ glue: typeof glue; source: Uint8Array<ArrayBuffer> }> => ({ glue, source: bytes });
  assert.equal(await loadRuntime(provide), await loadRuntime(provide));
  assert.equal(await loadRuntime(async () => provide()), await loadRuntime(provide));
});
