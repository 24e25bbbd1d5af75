// What a visitor downloads, against the budgets of budgets.json. The packed files are measured, by brotli, one by one as a
// server sends them, with every import followed, also the lazy ones and `new URL(…, import.meta.url)`.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import { build } from "./build.mjs";
import { at, isScript, main, say, Stop } from "./process.mjs";
import { setupBuild } from "./setup.mjs";

/** The size of a file as brotli 11. */
export function brotli(file) {
  const bytes = readFileSync(file);
  return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }).length;
}

/** Every file that `entries` bring in, themselves included, but for those whose name is in `without`. */
export async function closure(entries, without = []) {
  const { build: bundle } = await import("esbuild");
  const found = new Set();
  const visit = async (file) => {
    if (found.has(file) || without.includes(basename(file))) return;
    if (!existsSync(file)) throw new Stop(`${file} is imported and not there.`);
    found.add(file);
    if (!file.endsWith(".js")) return;
    for (const path of await imports(bundle, file)) {
      if (path.startsWith(".")) await visit(join(dirname(file), path));
      else throw new Stop(`${file} imports ${path}, which is not in the package.`);
    }
  };
  for (const entry of entries) await visit(entry);
  return [...found].sort();
}

async function imports(bundle, file) {
  // Bundling with everything left external lists the imports as the parser sees them, whatever the minifier made of them.
  const external = { name: "external", setup: (plugin) => plugin.onResolve({ filter: /.*/ }, ({ kind, path }) => (kind === "entry-point" ? undefined : { path, external: true })) };
  const { metafile } = await bundle({ entryPoints: [file], bundle: true, write: false, metafile: true, format: "esm", logLevel: "silent", plugins: [external] });
  const urls = [...readFileSync(file, "utf8").matchAll(/new URL\(\s*["'`]([^"'`]+)["'`]\s*,\s*import\.meta\.url\s*\)/g)].map((match) => (match[1].startsWith(".") ? match[1] : `./${match[1]}`));
  return [...Object.values(metafile.inputs).flatMap((input) => input.imports.map(({ path }) => path)), ...urls];
}

/** Fetched where there is a `token`, and not before. */
const SESSION = ["core-session-inline.js", "glue-session.js"];
/** Fetched where there is another tab, or no Web Lock, and not before. */
const TABS = ["tabs.js", "lease.js"];
/** Fetched for the dialect of the notifications service, and not before. */
const NOTIFICATIONS = ["core-notifications-inline.js", "glue-notifications.js"];

/** The budgets as `{ name, files, instead?, total, limit }`, for a built `dist` folder; `instead` of the files in it come the row's own. */
export async function measure(dist, budgets) {
  const inDist = (...names) => names.map((name) => join(dist, name));
  const external = await closure(inDist("slim.js", "core.wasm"), ["core-inline.js", ...SESSION, ...TABS]);
  const inlined = await closure(inDist("index.js"), [...SESSION, ...TABS]);
  const open = await closure(inDist("define.js"), [...SESSION, ...TABS]);
  const openExternal = await closure(inDist("define.js", "core.wasm"), ["core-inline.js", ...SESSION, ...TABS]);
  const loader = await closure(inDist("guestwire.js"));
  // Its module stands in the place of the other one, so what it costs is the difference.
  const glue = (await closure(inDist("glue-session.js"))).filter((path) => !open.includes(path));
  const session = [...glue, ...inDist("core-session.wasm")];
  const tabs = (await closure(inDist(...TABS))).filter((path) => !open.includes(path));
  const streams = await closure(inDist("streams.js", "core-streams.wasm"), ["core-streams-inline.js", ...NOTIFICATIONS]);
  const ofNotifications = (await closure(inDist("glue-notifications.js"))).filter((path) => !streams.includes(path));
  const notifications = [...ofNotifications, ...inDist("core-notifications.wasm")];
  const rows = [
    { name: "chat, external wasm (slim)", files: external, limit: budgets.chatExternal },
    { name: "chat, inlined wasm (index)", files: inlined, limit: Math.floor(budgets.chatInlinedTimes * total(external)) },
    { name: "loader before interaction", files: loader, limit: budgets.loader },
    { name: "open to first text, inlined", files: open, limit: budgets.openInlined },
    { name: "open to first text, external", files: openExternal, limit: budgets.openExternal },
    { name: "session protocol, on top", files: session, instead: inDist("core.wasm"), limit: budgets.lazyChunk },
    { name: "several tabs, on top", files: tabs, limit: budgets.lazyChunk },
    { name: "streams, external wasm (all four)", files: streams, limit: budgets.streamsExternal },
    { name: "notifications dialect, on top", files: notifications, instead: inDist("core-streams.wasm"), limit: budgets.lazyChunk },
  ];
  return rows.map((row) => ({ ...row, total: total(row.files) - total(row.instead ?? []) }));
}

const total = (paths) => paths.reduce((sum, path) => sum + brotli(path), 0);

/**
 * Prints the rows; gives back the names of those that are over their budget and, apart, of those that are over but no larger
 * than the debt that `budgets.debt` owns up to: that number may only fall, and goes when the budget is met.
 */
export function report(rows, dist, print, debt = {}) {
  const over = [];
  const owed = [];
  for (const { name, files: parts, instead = [], total: sum, limit } of rows) {
    const known = sum > limit && sum <= (debt[name] ?? 0);
    if (sum > limit) (known ? owed : over).push(name);
    print(`${sum <= limit ? "ok  " : known ? "OWED" : "OVER"} ${name.padEnd(30)} ${String(sum).padStart(6)} of ${limit}${known ? `, no more than ${debt[name]} until then` : ""}`);
    for (const path of parts) print(`       ${relative(dist, path).padEnd(34)} ${String(brotli(path)).padStart(6)}`);
    for (const path of instead) print(`       ${`instead of ${relative(dist, path)}`.padEnd(34)} ${String(-brotli(path)).padStart(6)}`);
  }
  return { over, owed };
}

/** The README's table of the same rows. */
function writeReadme(rows) {
  const kilobytes = (bytes) => (bytes / 1024).toFixed(1);
  const table = rows.map(({ name, total: sum, limit }) => `| ${name} | ${kilobytes(sum)} KB | ${kilobytes(limit)} KB |`);
  const text = readFileSync(at("README.md"), "utf8");
  const between = /(<!-- sizes:[^\n]*-->\n)[\s\S]*?(<!-- \/sizes -->)/;
  if (!between.test(text)) throw new Stop("README.md has no place for the sizes.");
  writeFileSync(at("README.md"), text.replace(between, `$1| | size | budget |\n| --- | --- | --- |\n${table.join("\n")}\n$2`));
}

if (isScript(import.meta.url)) {
  await main(async () => {
    await setupBuild();
    await build();
    const budgets = JSON.parse(readFileSync(at("scripts", "budgets.json"), "utf8"));
    const rows = await measure(at("dist"), budgets);
    say(`\nbrotli, bytes`);
    const { over, owed } = report(rows, at("dist"), say, budgets.debt);
    if (process.argv.includes("--readme")) writeReadme(rows);
    if (owed.length > 0) say(`\nNot within budget yet: ${owed.join("; ")}.`);
    say(`\n${rows.length - over.length - owed.length} passed, ${over.length} failed, ${owed.length} skipped`);
    if (over.length > 0) throw new Stop(`Over budget: ${over.join("; ")}.`);
  });
}
