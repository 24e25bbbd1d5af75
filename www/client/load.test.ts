import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { instantiate, type WasmSource } from "./load.js";

const bytes = readFileSync("www/client/generated/core_bg.wasm");
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
    const { module, instance } = await instantiate(source());
    assert.ok(module instanceof WebAssembly.Module);
    assert.ok(instance instanceof WebAssembly.Instance);
    assert.equal(warn.mock.callCount(), 0);
  });
}

test("a module served as something else is made all the same, with a warning", async (t) => {
  const warn = t.mock.method(console, "warn", () => {});
  const { instance } = await instantiate(served("application/octet-stream"));
  assert.ok(instance instanceof WebAssembly.Instance);
  assert.match(String(warn.mock.calls[0]?.arguments[0]), /application\/wasm/);
});

test("a module that is not served says so", async () => {
  await assert.rejects(instantiate(served("text/html", 404)), /404/);
});
