// What the optimiser cannot know: nobody reads a panic's words.

import binaryen from "binaryen";
import { Linked, relocation } from "./linked.mjs";

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
  /::fmt::Debug>::fmt( \(\.\d+\))?$/,
];

/** What js-sys exports for modules that suspend (JSPI). None of ours does: wasm-bindgen drops the export, but not what it needs. */
const ofSuspending = /^(__wbg_jspi_task_poll$|js_sys::futures::jspi::(task_waker|SpawnedTask)::)/;

/**
 * Makes traps of the functions that only word a panic and takes out what nobody reads any more: their texts and tables, the
 * places in the sources. `bytes` is what the linker gives with `--emit-relocs --demangle`.
 */
export function withoutWords(bytes) {
  const linked = new Linked(bytes);
  const traps = linked.functions.filter(({ name }) => wordsOfPanic.some((words) => words.test(name)));
  // Fewer would mean that the names have changed, and that all of it is shipped again.
  if (traps.length < 10) throw new Error(`only ${traps.length} functions that word a panic were found in the module`);
  traps.push(...linked.functions.filter(({ name }) => ofSuspending.test(name)));
  for (const fn of traps) linked.trap(fn);
  let live = stillRead(linked);
  // A function that only dead data named, in a table of a type's methods, may have been the last that read other data.
  for (let unread; (unread = unreadSlots(linked, live, traps[0].index)).length > 0; live = stillRead(linked)) linked.fillSlots(unread, traps[0].index);
  linked.keepOnly(readOnly(linked), live);
  return linked.toBytes();
}

/** The symbols that code which can run still names, itself or by way of data. */
function stillRead(linked) {
  const live = new Set(namedByCode(linked));
  const isIn = (symbol, segment, { at }) => segment === linked.segments[symbol.segment] && at >= segment.start + symbol.offset && at < segment.start + symbol.offset + symbol.size;
  const symbols = linked.symbols.filter(({ size }) => size > 0);
  const named = linked.segments.flatMap((segment) => segment.places.map((place) => ({ symbol: place.symbol, within: symbols.filter((symbol) => isIn(symbol, segment, place)), always: segment !== readOnly(linked) })));
  for (let before; before !== live.size; ) {
    before = live.size;
    for (const { symbol, within, always } of named) if (always || within.length === 0 || within.some((one) => live.has(one))) live.add(symbol);
  }
  return live;
}

/**
 * What the code names, seen by the optimiser: a caller of a trap loses the words that it passed along. Addresses are hidden
 * from it meanwhile, so nothing that it concludes rests on where the data lies.
 */
function namedByCode(linked) {
  const { bytes, hidden } = linked.opaque();
  const module = binaryen.readBinary(bytes);
  module.setFeatures(binaryen.Features.All);
  binaryen.setOptimizeLevel(2);
  binaryen.setShrinkLevel(1);
  module.optimize();
  const text = module.emitText();
  module.dispose();
  const globals = new Map([...text.matchAll(/\(export "(hidden\.\d+)" \(global ([^\s()]+)\)\)/g)].map(([, name, global]) => [global, hidden.get(name)]));
  if (globals.size !== hidden.size) throw new Error(`${globals.size} of ${hidden.size} hidden addresses are in the optimiser's text`);
  const read = new Set([...text.matchAll(/\(global\.get ([^\s()]+)\)/g)].map(([, global]) => globals.get(global)));
  read.delete(undefined);
  // The offset of a load or store cannot be hidden: these count wherever the function can be reached.
  const reachable = new Set([...linked.exported, ...linked.slots.values()]);
  for (const index of reachable) {
    for (const { type, symbol } of linked.functions[index - linked.imported]?.places ?? []) {
      if (type === relocation.functionCall) reachable.add(symbol.index);
      if (type === relocation.addressInAccess) read.add(symbol);
    }
  }
  return read;
}

function unreadSlots(linked, live, filler) {
  const called = new Set([...live].map(({ index }) => index));
  return [...linked.slots].filter(([, index]) => index !== filler && !called.has(index)).map(([slot]) => slot);
}

function readOnly(linked) {
  const found = linked.segments.filter(({ name }) => name === ".rodata");
  if (found.length !== 1) throw new Error(`${found.length} segments of the module are .rodata`);
  return found[0];
}
