// From sources to `dist/`: the wasm by cargo, wasm-bindgen and wasm-opt, the scripts by esbuild, the types by tsc.
// `npm run build -- --dev` leaves out wasm-opt and minifying. What is up to date is not made again.

import { build as bundle, transformSync } from "esbuild";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join, relative, resolve } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { targetDirectory } from "./cargo.mjs";
import { onlyStreamCodes } from "./codes.mjs";
import { enumsOf, withNames, withoutSpare, withoutSpareTypes } from "./glue.mjs";
import { ask, at, isScript, main, need, say, Stop } from "./process.mjs";
import { thirdPartyLicences } from "./licences.mjs";
import { files, hash, unlessFresh } from "./stamp.mjs";
import { setupBuild, wasmBindgenVersion } from "./setup.mjs";

const generated = at("www", "client", "generated");

/** The modules: what each can do, where its glue goes, and its name in `dist/`. */
const modules = [
  { name: "core", features: "guest", folder: "" },
  { name: "core-session", features: "guest,session", folder: "session" },
  { name: "core-streams", features: "streams", folder: "streams" },
  { name: "core-notifications", features: "notifications", folder: "notifications" },
];
const dist = at("dist");
const types = join(dist, "types");

// What rustc turns on for wasm32-unknown-unknown, and no more: `--all-features` would let the optimiser write instructions
// that browsers we promise do not have.
const wasmFeatures = ["bulk-memory", "bulk-memory-opt", "call-indirect-overlong", "multivalue", "mutable-globals", "nontrapping-float-to-int", "reference-types", "sign-ext"];

/** The entries of the package: their names in `dist/` are fixed. */
const entries = {
  index: "www/client/index.ts",
  slim: "www/client/slim.ts",
  "core-inline": "www/client/generated/core-inline.js",
  "core-session-inline": "www/client/generated/session/core-inline.js",
  "glue-session": "www/client/glue-session.ts",
  tabs: "www/client/tabs.ts",
  lease: "www/client/lease.ts",
  define: "www/widget/define.ts",
};
/** Bundled apart: who opens a chat fetches nothing of the streams, not even a byte of a chunk that both would share. */
const streamEntries = {
  streams: "www/streams/index.ts",
  "core-streams-inline": "www/client/generated/streams/core-inline.js",
  "core-notifications-inline": "www/client/generated/notifications/core-inline.js",
  "glue-notifications": "www/streams/glue-notifications.ts",
};
const isDouble = (path) => /^fake-\w+\./.test(basename(path));
const isTest = (path) => /\.test\.tsx?$/.test(path) || isDouble(path);

/** Builds everything that is not up to date. */
export async function build({ dev = false } = {}) {
  const mode = dev ? "dev" : "release";
  await step("wasm", "the WebAssembly modules (cargo, wasm-bindgen, wasm-opt)", wasmInputs(mode), [generated], () => buildModules(dev));
  const scripts = ["build.mjs", "codes.mjs", "licences.mjs"].map((name) => at("scripts", name));
  const sources = hash([at("www"), at("Cargo.lock"), at("package-lock.json"), at("tsconfig.json"), ...scripts], [mode], isTest);
  await step("scripts", "the scripts (esbuild)", sources, [dist], () => buildScripts(dev), (path) => path === types);
  await step("types", "the types (tsc)", sources, [types], buildTypes);
}

async function step(name, what, inputs, outputs, work, skip) {
  const started = performance.now();
  process.stdout.write(`Building ${what} … `);
  const ran = await unlessFresh(name, inputs, outputs, work, skip).catch((error) => {
    say("failed");
    throw error;
  });
  say(ran ? `${((performance.now() - started) / 1000).toFixed(1)} s` : "up to date");
}

function wasmInputs(mode) {
  const sources = [at("src"), at("Cargo.toml"), at("Cargo.lock"), ...["build.mjs", "glue.mjs", "linked.mjs", "shrink.mjs"].map((name) => at("scripts", name))];
  return hash(sources, [mode, ask("rustc", ["--version"]) ?? "", wasmBindgenVersion()]);
}

async function buildModules(dev) {
  const fresh = `${generated}.new`;
  rmSync(fresh, { recursive: true, force: true });
  const finishing = [];
  for (const { features, folder } of modules) {
    const module = await compileModule(features, dev, finishing.length);
    // While the next one is compiled.
    const finished = finishModule(module, join(fresh, folder), dev);
    finished.catch(() => {}); // it is heard below
    finishing.push(finished);
  }
  await Promise.all(finishing);
  rmSync(generated, { recursive: true, force: true });
  mkdirSync(at("www", "client"), { recursive: true });
  renameSync(fresh, generated);
}

/** Gives the path of the module, which the next one's does not overwrite. */
async function compileModule(features, dev, number) {
  const { withoutWords } = await import("./shrink.mjs");
  const target = "wasm32-unknown-unknown";
  // As a cdylib alone: with an rlib beside it cargo leaves link-time optimisation out, without a word.
  await need("cargo", ["rustc", "--package", "guestwire", "--lib", "--crate-type", "cdylib", "--no-default-features", "--features", features, "--target", target, "--profile", "wasm", ...withoutPaths(), ...(dev ? [] : ["--", ...rustcFlags])], { why: "The library does not compile for WebAssembly: the lines above say why." });
  const built = join(targetDirectory(), target, "wasm", "guestwire.wasm");
  const module = join(dirname(built), `guestwire.${number}.wasm`);
  const bytes = readFileSync(built);
  writeFileSync(module, dev ? bytes : withoutWords(bytes));
  return module;
}

async function finishModule(module, fresh, dev) {
  // The shim says where the module is (hence no default path) and brings up fresh memory after a panic (hence the reset).
  const flags = ["--omit-default-module-path", "--experimental-reset-state-function"];
  await need("wasm-bindgen", [module, "--target", "web", "--out-name", "core", "--out-dir", fresh, ...flags, ...(dev ? [] : ["--remove-producers-section"])]);
  const wasm = join(fresh, "core_bg.wasm");
  const glue = join(fresh, "core.js");
  const declaration = join(fresh, "core.d.ts");
  const declared = readFileSync(declaration, "utf8");
  writeFileSync(glue, withoutSpare(readFileSync(glue, "utf8")));
  writeFileSync(join(fresh, "enums.ts"), enumsOf(declared));
  writeFileSync(declaration, withoutSpareTypes(declared));
  if (!dev) {
    const allowed = wasmFeatures.map((name) => `--enable-${name}`);
    const names = await need("wasm-opt", [...smallest, "--minify-imports-and-exports-and-modules", "--mvp-features", ...allowed, "--strip-debug", "--strip-producers", "--strip-target-features", wasm, "-o", `${wasm}.opt`]);
    renameSync(`${wasm}.opt`, wasm);
    writeFileSync(glue, withNames(readFileSync(glue, "utf8"), names));
  }
  const text = (await smallestGzip(readFileSync(wasm), dev)).toString("base64");
  writeFileSync(join(fresh, "core-inline.js"), `/** The module core_bg.wasm: base64 of gzip. */\nexport const wasmGzipBase64 = "${text}";\n`);
  writeFileSync(join(fresh, "core-inline.d.ts"), "/** The module core_bg.wasm: base64 of gzip. */\nexport declare const wasmGzipBase64: string;\n");
}

const rustcFlags = [
  // For shrink.mjs the linker keeps where every address stands, and names functions as people write them.
  ...["--emit-relocs", "--demangle"].map((flag) => `-Clink-arg=${flag}`),
  // Only the JSON reader recurses, and not deep: a megabyte, the preset, would be memory taken for nothing, and longer addresses
  // behind it (80 bytes).
  "-Clink-arg=-zstack-size=131072",
  // LLVM inlines up to 5 when it is to be small; that is 350 bytes of brotli more, as 15 is 240 more, and 20 1300.
  "-Cllvm-args=-inline-threshold=10",
  // What these make is fast in a loop and long: their rewriting of loops (360 bytes), values kept instead of computed again (140),
  // code moved to where it is used (20).
  ...["-disable-lsr", "-enable-pre=false", "-disable-machine-cse", "-instcombine-max-sink-users=0"].map((flag) => `-Cllvm-args=${flag}`),
];

/** What of wasm-opt makes the least of brotli and gzip; the figures are brotli, each on top of what stands below it. */
const smallest = [
  // What is called in one place only is copied there when it is no longer than this (40 bytes of the chat, 80 of the streams).
  "--one-caller-inline-max-function-size=26",
  // Not -Oz: what it saves in bytes it loses when compressed. After the first run control flow is built anew (350 bytes), and the
  // last two find some more (110 and 40).
  ...["-Os", "--flatten", "--rereloop", "-Os", "-Os", "-Os"],
  // A value that is computed twice compresses better than one that is kept (300 bytes), and one that is kept better where it was
  // than moved to where it is used (60).
  ...["--skip-pass=local-cse", "--skip-pass=simplify-locals"],
  // What is of one room is of one kind, and compresses best side by side (140 bytes).
  "--reorder-functions-by-name",
  // The first KB is the end of the stack (which comes first): only a stack that runs over there would notice (220 bytes).
  "--low-memory-unused",
  // How an access is aligned is a hint that engines on every platform of ours ignore (210 bytes).
  "--dealign",
];

/** Nothing of this machine in what is shipped: the places of a panic name source files. */
function withoutPaths() {
  const cargo = process.env.CARGO_HOME ?? join(homedir(), ".cargo");
  const flags = [`--remap-path-prefix=${cargo}/registry/src=crates`, `--remap-path-prefix=${at()}=.`];
  return ["--config", `target.wasm32-unknown-unknown.rustflags=${JSON.stringify(flags)}`];
}

/** Zopfli spends two seconds on what zlib does at once, and gives a twentieth less. */
async function smallestGzip(bytes, dev) {
  if (dev) return gzipSync(bytes);
  const { gzipAsync } = await import("@gfx/zopfli");
  return Buffer.from(await gzipAsync(bytes, { numiterations: 15 }));
}

async function buildScripts(dev) {
  const missing = [...Object.values(entries), ...Object.values(streamEntries), "www/loader/guestwire.ts"].filter((path) => !existsSync(at(path)));
  if (missing.length > 0) throw new Stop(`Not there: ${missing.join(", ")}.`);
  // Made beside and moved in when whole: a mistake in a source leaves the last build standing for whoever serves it.
  const fresh = `${dist}.new`;
  rmSync(fresh, { recursive: true, force: true });
  const common = { absWorkingDir: at(), bundle: true, target: "es2022", minify: !dev, sourcemap: dev ? "linked" : "external", legalComments: "none", jsx: "automatic", jsxImportSource: "preact", plugins: dev ? [] : [smallSheets] };
  const modular = { ...common, outdir: fresh, format: "esm", splitting: true, chunkNames: "chunks/[name]-[hash]", metafile: true };
  const inputs = [...(await esbuild({ ...modular, entryPoints: entries })), ...(await esbuild({ ...modular, entryPoints: streamEntries, plugins: [onlyStreamCodes] }))];
  await esbuild({ ...common, entryPoints: { guestwire: "www/loader/guestwire.ts" }, outdir: fresh, format: "iife" });
  if (!dev) for (const path of files([fresh]).filter((name) => /\.js$/.test(name) && !name.endsWith("-inline.js"))) await makeSmaller(path);
  for (const { name, folder } of modules) cpSync(join(generated, folder, "core_bg.wasm"), join(fresh, `${name}.wasm`));
  writeFileSync(join(fresh, "third-party-licences.txt"), thirdPartyLicences(inputs));
  await buildDemo(common, join(fresh, "demo"));
  mkdirSync(dist, { recursive: true });
  for (const name of readdirSync(dist)) if (name !== "types") rmSync(join(dist, name), { recursive: true });
  for (const name of readdirSync(fresh)) renameSync(join(fresh, name), join(dist, name));
  rmSync(fresh, { recursive: true });
}

/** What esbuild leaves: 200 bytes of the chat's script and 430 of the element's, brotli. What is joined or copied to be shorter compresses worse. */
async function makeSmaller(path) {
  const { minify } = await import("terser");
  const map = `${path}.map`;
  const module = basename(path) !== "guestwire.js";
  const made = await minify(readFileSync(path, "utf8"), {
    module,
    ecma: 2022,
    compress: { passes: 3, inline: 1, sequences: false },
    format: { comments: false },
    sourceMap: { filename: basename(path), content: readFileSync(map, "utf8") },
  });
  writeFileSync(path, made.code);
  writeFileSync(map, made.map);
}

async function buildDemo(common, out) {
  const demo = at("www", "demo");
  const all = files([demo], isTest);
  const pages = all.filter((path) => path.endsWith(".html"));
  // A page's script has the page's name; everything else is brought in by these.
  const scripts = pages.map((page) => [".ts", ".tsx"].map((ending) => page.replace(/\.html$/, ending)).concat(basename(page) === "index.html" ? [join(demo, "demo.ts"), join(demo, "demo.tsx")] : []).find((path) => existsSync(path))).filter(Boolean);
  await esbuild({ ...common, entryPoints: scripts, outdir: out, outbase: demo, format: "esm", plugins: [...common.plugins, servedPackage] });
  for (const path of all.filter((name) => !/\.tsx?$/.test(name))) cpSync(path, join(out, path.slice(demo.length)));
}

// A sheet is text to the minifier, spaces, comments and all. Nothing but these goes: the rules stay as they were written.
const smallSheets = {
  name: "small-sheets",
  setup(plugin) {
    plugin.onLoad({ filter: /sheet\.ts$/ }, ({ path }) => {
      const small = (_, css) => `= ${JSON.stringify(transformSync(css, { loader: "css", minifyWhitespace: true }).code.trim())};`;
      return { loader: "ts", contents: readFileSync(path, "utf8").replaceAll(/= `\n([^`$]*)`;/g, small) };
    });
  },
};

// The demo runs the built package as a site would, not a copy of its own: its imports of the client and the element stay
// imports of what is served under /dist/.
const served = { [at("www", "client", "index")]: "/dist/index.js", [at("www", "client", "slim")]: "/dist/slim.js", [at("www", "widget", "define")]: "/dist/define.js", [at("www", "streams", "index")]: "/dist/streams.js" };
const servedPackage = {
  name: "served-package",
  setup(plugin) {
    plugin.onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir }) => {
      const url = served[resolve(resolveDir, path).replace(/\.[jt]s$/, "")];
      return url === undefined ? undefined : { path: url, external: true };
    });
  },
};

/** Bundles; gives back the paths that were read, when a metafile is asked for. */
async function esbuild(options) {
  try {
    const { metafile } = await bundle({ ...options, logLevel: "silent" });
    return Object.keys(metafile?.inputs ?? {});
  } catch (error) {
    const lines = (error.errors ?? []).map(({ text, location }) => (location === null ? text : `${location.file}:${location.line}: ${text}`));
    throw new Stop(lines.length === 0 ? String(error) : `esbuild:\n${lines.join("\n")}`);
  }
}

async function buildTypes() {
  rmSync(types, { recursive: true, force: true });
  const args = ["-p", "tsconfig.json", "--noEmit", "false", "--declaration", "--emitDeclarationOnly", "--rootDir", "www", "--outDir", "dist/types"];
  await need("tsc", args, { show: true, why: "tsc finds errors: the lines above name them." });
  for (const name of ["demo", "loader"]) rmSync(join(types, name), { recursive: true, force: true });
  // tsc copies no declaration that was written by hand or by wasm-bindgen, and ours refer to these.
  const declarations = files([generated]).filter((path) => path.endsWith(".d.ts") && !path.endsWith(".wasm.d.ts"));
  for (const path of declarations) cpSync(path, join(types, "client", "generated", relative(generated, path)));
  for (const path of files([types]).filter(isDouble)) rmSync(path);
}

if (isScript(import.meta.url)) {
  await main(async () => {
    await setupBuild();
    await build({ dev: process.argv.includes("--dev") });
    const wasm = readFileSync(join(dist, "core.wasm"));
    say(`dist/ is ready; core.wasm is ${wasm.length} bytes, ${brotliCompressSync(wasm).length} as brotli. \`npm run size\` has all sizes.`);
  });
}
