// The client alone, as a site's own code holds it: what it survives, and what it says where it cannot work. (What it leaves
// behind is dispose.test.mjs.)

import assert from "node:assert/strict";
import { test } from "node:test";
import { open } from "./bare.mjs";
import { BROKEN_LINE, deployment, profile, until, url } from "./stage.mjs";

test("what is typed before the module can be loaded is sent by the next life of the page", async (t) => {
  const context = await profile(t, { expects: BROKEN_LINE });
  const service = deployment(t);
  const page = await open(context);
  await page.route("**/core-inline.js", (route) => route.abort());
  const receipts = await page.evaluate(async (id) => {
    const { client, diary } = await window.make(id);
    client.start().catch(() => {});
    const failed = new Promise((resolve) => client.on("error", resolve));
    const durable = ["one", "two", "three"].map((text) => client.send(text).durable);
    await failed;
    return { durable, state: client.state.name, errors: diary.errors, texts: window.texts() };
  }, service.deploymentId);
  assert.deepEqual(receipts, { durable: [true, true, true], state: "loading", errors: ["NotLoaded"], texts: ["one (queued)", "two (queued)", "three (queued)"] });
  // Left before it is closed: of a page that is closed at once the browser may lose what it wrote last.
  await page.goto("about:blank");
  await page.close();
  const next = await open(context);
  await next.evaluate(async (id) => {
    await window.make(id);
    await window.client.start();
  }, service.deploymentId);
  assert.deepEqual(await until(() => service.stored(), ({ length }) => length === 3, "all three are stored"), ["one", "two", "three"]);
  await until(() => next.evaluate(() => window.texts()), (texts) => texts.every((text) => text.endsWith("(sent)")), "all three are told as sent");
});

test("a panic under a frame is survived: same listeners, same message, one copy", async (t) => {
  const context = await profile(t);
  const service = deployment(t);
  const page = await open(context);
  await service.faults({ on: "frame-in", match: { action: "onMessage" }, count: 1, do: "stall", direction: "up" });
  await page.evaluate(async (id) => {
    await window.make(id, { storage: "memory" });
    await window.client.start();
    window.kept = window.client.send("through the panic");
    const { encode } = TextEncoder.prototype;
    TextEncoder.prototype.encode = () => {
      TextEncoder.prototype.encode = encode;
      throw new WebAssembly.RuntimeError("unreachable");
    };
  }, service.deploymentId);
  await service.says("hello");
  await until(() => page.evaluate(() => window.diary.errors), ({ length }) => length > 0, "the panic is told");
  await service.lift();
  const delivered = await page.evaluate(async () => ({ same: (await window.kept.done).id === window.kept.id, errors: window.diary.errors }));
  assert.deepEqual(delivered, { same: true, errors: ["Restarted"] });
  assert.deepEqual(await service.stored(), ["through the panic"]);
});

test("a policy without WebAssembly is one error that names the header to add", async (t) => {
  const context = await profile(t, { expects: [/Content Security Policy/] });
  const page = await open(context, "default-src 'self'; script-src 'self'");
  const told = await page.evaluate(async () => {
    const { client, diary } = await window.make("blocked");
    const { name, remediation } = await client.start().catch((error) => error);
    return { name, remediation, errors: diary.errors };
  });
  assert.equal(told.name, "WasmBlocked");
  assert.match(told.remediation, /Content-Security-Policy: script-src 'self' 'wasm-unsafe-eval'/);
  assert.deepEqual(told.errors, ["WasmBlocked"]);
});

test("storage filled to the quota: the message is sent all the same, and said not to be durable", async (t) => {
  const context = await profile(t);
  const service = deployment(t);
  const page = await open(context);
  const { durable, warnings } = await page.evaluate(async (id) => {
    await window.make(id);
    await window.client.start();
    for (let step = 1 << 23, text = ""; step >= 1; step >>= 1) {
      try {
        localStorage.setItem("filler", text + "x".repeat(step));
        text += "x".repeat(step);
      } catch {
        // Half of it.
      }
    }
    const warnings = [];
    window.client.on("warning", ({ code }) => warnings.push(code));
    const receipt = window.client.send("no room");
    await receipt.done;
    return { durable: receipt.durable, warnings };
  }, service.deploymentId);
  assert.equal(durable, false);
  assert.ok(warnings.includes(7050));
  assert.deepEqual(await service.stored(), ["no room"]);
});
