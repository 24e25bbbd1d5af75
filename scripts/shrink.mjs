// What the optimiser cannot know: nobody reads a panic's words, names of imports are nobody's, and a closure of a memory that
// is gone has nothing to say.

import binaryen from "binaryen";

// A panic ends in a trap; the shim brings up fresh memory and says so. These functions only put the words together that a
// panic hook would print, and there is none. As traps they take the formatting of numbers, slices and characters with them.
const wordsOfPanic = [
  /::panicking::/,
  /::panic_already_(mutably_)?borrowed$/,
  /::option::(unwrap|expect)_failed$/,
  /::result::unwrap_failed$/,
  /::str::slice_error_fail(_rt)?$/,
  /::slice::index::slice_\w*fail\w*$/,
  /::assert_failed$/,
  /::raw_vec::(handle_error|capacity_overflow)$/,
  /::Fallibility>::capacity_overflow$/,
  /::alloc::(handle_alloc_error|rust_oom)\b/,
  /::(rust_begin_unwind|rust_panic|__rust_alloc_error_handler)$/,
  /::fmt::Debug>::fmt(\.\d+)?$/,
];

/** Makes traps of the functions that only word a panic. Needs the name section. */
export function withoutWords(wasm) {
  const module = binaryen.readBinary(wasm);
  let changed = 0;
  for (let index = 0; index < module.getNumFunctions(); index += 1) {
    const reference = module.getFunctionByIndex(index);
    const { name, module: imported } = binaryen.getFunctionInfo(reference);
    const plain = name.replaceAll(/\[[0-9a-f]{16}\]/g, "").replace(/::h[0-9a-f]{16}$/, "");
    if (imported !== "" || !wordsOfPanic.some((words) => words.test(plain))) continue;
    binaryen.Function.setBody(reference, module.unreachable());
    changed += 1;
  }
  // Fewer would mean that the names have changed, and that all of it is shipped again.
  if (changed < 10) throw new Error(`only ${changed} functions that word a panic were found in the module`);
  const shrunk = module.emitBinary();
  module.dispose();
  return shrunk;
}

/** Gives the glue the names that `wasm-opt --minify-imports-and-exports-and-modules` printed. */
export function withNames(glue, printed) {
  const { imports, exports } = JSON.parse(printed.slice(printed.indexOf("{"), printed.lastIndexOf("}") + 1));
  let renamed = once(glue, /"\.\/core_bg\.js": import0/, '"a": import0', "place for the imports");
  for (const [, long, short] of imports) renamed = once(renamed, new RegExp(`^( +)${escaped(long)}(: function|\\b(?=:))`, "m"), `$1${JSON.stringify(short)}$2`, long);
  const shorts = new Map(exports);
  renamed = renamed.replaceAll(/\bwasm\.(\w+)/g, (whole, name) => (shorts.has(name) ? `wasm[${JSON.stringify(shorts.get(name))}]` : whole));
  return renamed;
}

/** A closure of a memory that is gone is silent: a timer or a promise may come back to it after a panic. */
export function withSilence(glue) {
  return once(glue, /throw new Error\('Cannot invoke closure from previous WASM instance'\);/, "return;", "the check for stale closures");
}

function once(text, pattern, replacement, what) {
  if (!pattern.test(text)) throw new Error(`the glue has no ${what} any more`);
  return text.replace(pattern, replacement);
}

function escaped(text) {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
