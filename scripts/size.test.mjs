// The size check itself: follows every kind of import, and a file over its budget fails.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, test } from "node:test";
import { closure, measure, report } from "./size.mjs";

const dist = mkdtempSync(join(tmpdir(), "guestwire-size-"));
after(() => rmSync(dist, { recursive: true }));

mkdirSync(join(dist, "chunks"));
const put = (name, content) => writeFileSync(join(dist, name), content);
put("chunks/a.js", "export const a = 1;");
put("index.js", 'import { a } from "./chunks/a.js";\nexport const load = () => import("./core-inline.js");\nexport { a };');
put("slim.js", 'import { a } from "./chunks/a.js";\nexport const load = () => import("./core.js");\nexport { a };');
put("core.js", "export const glue = 1;");
put("core.wasm", randomBytes(1000));
put("core-inline.js", `export const text = "${randomBytes(1000).toString("base64")}";`);
put("define.js", 'import { load } from "./index.js";\nexport { load };');
put("glue-session.js", 'import { a } from "./chunks/a.js";\nexport const glue = a;');
put("core-session.wasm", randomBytes(1200));
put("tabs.js", "export const tabs = 1;");
put("lease.js", "export const lease = 1;");
put("streams.js", 'export const load = () => import("./core-streams-inline.js");');
put("core-streams.wasm", randomBytes(500));
put("glue-notifications.js", 'export const glue = 1;');
put("core-notifications.wasm", randomBytes(700));
put("core-streams-inline.js", `export const text = "${randomBytes(500).toString("base64")}";`);
put("guestwire.js", 'const there = document.currentScript.src;\nimport(new URL("./define.js", there));');

const budgets = { chatExternal: 1500, chatInlinedTimes: 2, loader: 500, openInlined: 2000, openExternal: 2000, lazyChunk: 300, streamsExternal: 600 };
const names = (paths) => paths.map((path) => basename(path)).sort();

test("static and lazy imports are followed", async () => {
  assert.deepEqual(names(await closure([join(dist, "index.js")])), ["a.js", "core-inline.js", "index.js"]);
  assert.deepEqual(names(await closure([join(dist, "slim.js")])), ["a.js", "core.js", "slim.js"]);
});

test("a file named by new URL(…, import.meta.url) is followed", async () => {
  put("by-url.js", 'export const url = new URL("core.wasm", import.meta.url);');
  assert.deepEqual(names(await closure([join(dist, "by-url.js")])), ["by-url.js", "core.wasm"]);
});

test("an import of another package is refused", async () => {
  put("bare.js", 'import "left-pad";');
  await assert.rejects(closure([join(dist, "bare.js")]), /left-pad, which is not in the package/);
});

test("all within their budgets pass", async () => {
  assert.deepEqual(report(await measure(dist, budgets), dist, () => {}), { over: [], owed: [] });
});

test("a file over its budget fails, and only the budgets it counts for", async () => {
  put("core.wasm", randomBytes(1600));
  const { over } = report(await measure(dist, budgets), dist, () => {});
  put("core.wasm", randomBytes(1000));
  assert.deepEqual(over, ["chat, external wasm (slim)"]);
});

test("growth in a shared chunk counts for everything that imports it", async () => {
  put("chunks/a.js", `export const a = "${randomBytes(3000).toString("base64")}";`);
  const { over } = report(await measure(dist, budgets), dist, () => {});
  put("chunks/a.js", "export const a = 1;");
  assert.deepEqual(over, ["chat, external wasm (slim)", "open to first text, inlined", "open to first text, external"]);
});

test("the session protocol counts with what it brings on top, not with what it stands in the place of", async () => {
  const row = (await measure(dist, budgets)).find(({ name }) => name === "session protocol, on top");
  assert.deepEqual(names(row.files), ["core-session.wasm", "glue-session.js"], "what the page has already is not fetched again");
  assert.ok(row.total > 200 && row.total < 300, `${row.total}`);
  put("core-session.wasm", randomBytes(1500));
  const { over } = report(await measure(dist, budgets), dist, () => {});
  put("core-session.wasm", randomBytes(1200));
  assert.deepEqual(over, ["session protocol, on top"]);
});

test("a byte over is over, the budget itself is not", () => {
  const row = (sum) => ({ name: "x", files: [], total: sum, limit: 100 });
  assert.deepEqual(report([row(100)], dist, () => {}), { over: [], owed: [] });
  assert.deepEqual(report([row(101)], dist, () => {}), { over: ["x"], owed: [] });
});

test("a debt is told and may only fall", () => {
  const row = (sum) => ({ name: "x", files: [], total: sum, limit: 100 });
  const debt = { x: 120 };
  assert.deepEqual(report([row(120)], dist, () => {}, debt), { over: [], owed: ["x"] });
  assert.deepEqual(report([row(121)], dist, () => {}, debt), { over: ["x"], owed: [] });
  assert.deepEqual(report([row(100)], dist, () => {}, debt), { over: [], owed: [] });
});
