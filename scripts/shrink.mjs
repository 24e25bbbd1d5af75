// What the optimiser cannot know: nobody reads a panic's words.

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
