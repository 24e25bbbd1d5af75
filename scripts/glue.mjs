// The glue that wasm-bindgen writes, made into what the shim calls. The loading is the shim's (www/client/load.ts), and what is
// for other hosts, other callers and other versions goes. Whatever is looked for must be there: after an update of wasm-bindgen
// the build says what is not, instead of shipping it again.

// Every host that can parse the shim (private methods) has FinalizationRegistry and TextEncoder.encodeInto.
const cuts = [
  ["loading of the module", "function __wbg_finalize_init(", "", inFull],
  ["loading of the module", "async function __wbg_load(", "", inFull],
  ["loading of the module", "function initSync(", "", inFull],
  ["loading of the module", "async function __wbg_init(", "", inFull],
  ["loading of the module", "async function __wbg_init_once(", "", inFull],
  ["state of the loading", "let __wbg_init_promise;\n", ""],
  ["state of the loading", "let wasmModule, wasmInstance, wasm;", "let wasm;"],
  ["exported loading", "export { initSync, __wbg_init as default };", "export { __wbg_get_imports as imports, start };"],
  // The shim makes the instance: the first one while it waits, the one after a panic at once.
  [
    "reset of the state",
    "export function __wbg_reset_state () {",
    `function start(module, instance) {
    __wbg_instance_id++;
    wasm = (instance ?? new WebAssembly.Instance(module, __wbg_get_imports())).exports;
    wasm.__wbindgen_start();
}
`,
    inFull,
  ],

  // A reset is the shim's to make, never a call's own.
  ["guard of calls", "function __wbg_call_guard() {", "", inFull],
  ["guarded call", /^ *__wbg_call_guard\(\);\n/, ""],
  ["scheduled reset", "let __wbg_reinit_scheduled = false;\n", ""],
  // The shim forgets its cores before it makes fresh memory, so that none of them is called into another's.
  ["check of a stale object", /^ *if \(this\.__wbg_inst !== undefined && this\.__wbg_inst !== __wbg_instance_id\) \{\n.*\n *\}\n/, ""],
  ["mark of an object's memory", /^ *Object\.defineProperty\(this, '__wbg_inst'.*\n/, ""],
  // A core holds the host and the bag, these hold the client, and the client the core: it is never collected before it is freed.
  ["registry of objects", /^const \w*CoreFinalization = [^]*?\n\}\);\n/, ""],
  ["registered object", /^ *\w*CoreFinalization\.(un)?register\(.*\n/, ""],
  ["disposal by symbol", /^if \(Symbol\.dispose\) .*\n/, ""],
  // Numbers where they are used: see enumsOf.
  ["enum", /^export const \w+ = Object\.freeze\(\{\n[^]*?\n\}\);\n/, ""],
  // A timer or a promise may come back after a panic; a closure of a memory that is gone has nothing to say.
  ["check of a stale closure", "throw new Error('Cannot invoke closure from previous WASM instance');", "return;"],
  ["registry of closures", /^const CLOSURE_DTORS = \(typeof FinalizationRegistry === 'undefined'\)\n.*\n *: new/, "const CLOSURE_DTORS = new"],

  ["encodeInto of old hosts", "if (!('encodeInto' in cachedTextEncoder)) {", "", inFull],
  ["passing of strings", "function passStringToWasm0(", "function passStringToWasm0(arg) {\n    return passArray8ToWasm0(cachedTextEncoder.encode(arg), wasm.__wbindgen_malloc);\n}\n", inFull],
  ["passed string", ", wasm.__wbindgen_malloc, wasm.__wbindgen_realloc)", ")"],
  // Two gigabytes, after which an old Safari wanted a new decoder, are more than a chat says in the life of a page.
  ["decoding of texts", "function decodeText(", "function decodeText(bytes) {\n    return cachedTextDecoder.decode(bytes);\n}\n", inFull],
  ["limit of decoding", /^const MAX_SAFARI_DECODE_BYTES = .*\nlet numBytesDecoded = 0;\n/, ""],
  // A view costs next to nothing, and one that is not kept is never of an outgrown memory.
  ["kept view", /^let cached(DataView|Uint8Array)Memory0 = null;\n/, ""],
  ["numbers of the memory", "function getDataViewMemory0(", "function getDataViewMemory0() {\n    return new DataView(wasm.memory.buffer);\n}\n", inFull],
  ["bytes of the memory", "function getUint8ArrayMemory0(", "function getUint8ArrayMemory0() {\n    return new Uint8Array(wasm.memory.buffer);\n}\n", inFull],

  ["way to what is global in other hosts", /const ret = typeof (global|self|window) === 'undefined' \? undefined : \1;\n +return isLikeNone\(ret\) .*\n/, "return 0;\n"],
  ["way to what is global", /const ret = typeof globalThis === 'undefined' \? undefined : globalThis;\n +return isLikeNone\(ret\) .*\n/, "return addToExternrefTable0(globalThis);\n"],
  ["look at a class that may throw", /let result;\n +try \{\n +result = (.* instanceof ArrayBuffer);\n +\} catch \(_\) \{\n +result = false;\n +\}\n +const ret = result;/, "const ret = $1;"],

  ["import that may throw", /function\(\) \{ return handleError\(function \((.*)\) \{([^]*?)\n {8}\}, arguments\); \}/, "handleError(($1) => {$2\n        })"],
  ["catching of what is thrown", /^function handleError\(f, args\) \{\n( +try \{\n +return f)\.apply\(this, args\);([^]*?)\n\}\n/, "const handleError = (f) => (...args) => {\n$1(...args);$2\n};\n"],
  ["import", /^( {8}\w+): function\((.*)\) \{$/, "$1: ($2) => {"],
  ["result by itself", /let ret;\n +ret = /, "const ret = "],
  // What fails there is the end of the memory, in which nothing need be freed any more.
  ["freeing of arguments", /^ {8}try \{\n((?: {12}(?:ptr|len)\d = .*\n)+) {8}\} catch \(e\) \{\n(?: {12}if \(ptr\d\) .*\n)+ {12}throw e;\n {8}\}\n/, "$1"],
  ["taking of the pointer", "this.__destroy_into_raw()", "this.__wbg_ptr"],
  ["method that takes the pointer", /^ {4}__destroy_into_raw\(\) \{\n[^]*?\n {4}\}\n/, ""],
  // Members keep their names when the rest is minified.
  ["pointer", "__wbg_ptr", "ptr"],
  ["release of a closure", "_wbg_cb_unref(", "unref("],
  ["release of a closure", "._wbg_cb_unref =", ".unref ="],
];

/** The glue as the shim calls it, for a module with its own names still. */
export function withoutSpare(glue) {
  return withKin(cuts.reduce((text, [what, from, to, how = each]) => how(text, from, to, what), glue));
}

/** The imports in the order of what they do and not of their names: what is alike compresses best side by side. */
function withKin(glue) {
  const imports = /(?<=^ {8}__proto__: null,\n)(?: {8}\w+: [^]*?\n {8}\}\)?,\n)+/m;
  const body = (entry) => entry.slice(entry.indexOf(": "));
  return each(glue, imports, (all) => all.split(/(?<=^ {8}\}\)?,\n)/m).sort((a, b) => (body(a) < body(b) ? -1 : 1)).join(""), "list of imports");
}

const enums = /^(?:\/\*\*\n(?: \*.*\n)+)?export enum \w+ \{\n[^]*?\n\}\n/gm;

/** The enums as TypeScript, of which esbuild makes plain numbers. */
export function enumsOf(declarations) {
  return (declarations.match(enums) ?? []).join("\n");
}

/** The declarations of what is left. */
export function withoutSpareTypes(declarations) {
  // Our types lead here, and this one member would ask every site's TypeScript for a newer library than ES2022.
  const text = declarations.replaceAll(/^ *\[Symbol\.dispose\]\(\): void;\n/gm, "").replaceAll(enums, "");
  const names = [...enumsOf(declarations).matchAll(/^export enum (\w+)/gm)].map(([, name]) => name);
  return each(
    text,
    /^export function __wbg_reset_state\(\): void;\n[^]*/,
    `import type { ${names.join(", ")} } from "./enums.js";

/** What the module imports. */
export function imports(): WebAssembly.Imports;
/** Begins with fresh memory, that of \`instance\` where there is one already. What belongs to the memory before is stale. */
export function start(module: WebAssembly.Module, instance?: WebAssembly.Instance): void;
`,
    "declared loading",
  );
}

/** Gives the glue the names that `wasm-opt --minify-imports-and-exports-and-modules` printed. */
export function withNames(glue, printed) {
  const { imports, exports } = JSON.parse(printed.slice(printed.indexOf("{"), printed.lastIndexOf("}") + 1));
  let renamed = each(glue, '"./core_bg.js": import0', '"a": import0', "place for the imports");
  for (const [, long, short] of imports) renamed = each(renamed, new RegExp(`(?<=^ +)${escaped(long)}(?=: )`), () => JSON.stringify(short), long);
  const shorts = new Map(exports);
  return renamed.replaceAll(/\bwasm\.(\w+)/g, (whole, name) => (shorts.has(name) ? `wasm[${JSON.stringify(shorts.get(name))}]` : whole));
}

/** Replaces a text, or a pattern line by line, wherever it is. */
function each(text, from, to, what) {
  const pattern = new RegExp(typeof from === "string" ? escaped(from) : from.source, "gm");
  if (!pattern.test(text)) throw new Error(`the glue has no ${what} any more`);
  return text.replaceAll(pattern, to);
}

/** Replaces a whole function or block that stands at the left and begins so. */
function inFull(text, begin, to, what) {
  return each(text, new RegExp(`^${escaped(begin)}[^]*?\\n\\}\\n`), to, what);
}

function escaped(text) {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
