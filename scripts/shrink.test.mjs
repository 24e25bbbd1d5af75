// What is taken out of the module and what has to stay, on a linked module put together here byte by byte, and run afterwards.

import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutWords } from "./shrink.mjs";

const BASE = 1024;
const [FUNCTION_CALL, SLOT_IN_DATA, IN_ACCESS, IN_CODE, IN_DATA] = [0, 2, 3, 4, 5];
const isAddress = (type) => type >= IN_ACCESS;
const [I32, FUNCTION_TYPE, FUNCREF] = [0x7f, 0x60, 0x70];
const [END, IF, CALL, CALL_INDIRECT, GET, LOAD, CONST, NO_VALUE] = [0x0b, 0x04, 0x10, 0x11, 0x20, 0x28, 0x41, 0x40];

const number = (value) => (value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...number(value >>> 7)]);
const signed = (value) => (value < 0x40 ? [value] : [(value & 0x7f) | 0x80, ...signed(value >>> 7)]);
const wide = (value) => [0, 7, 14, 21, 28].map((shift) => ((value >>> shift) & 0x7f) | (shift < 28 ? 0x80 : 0));
const words = (...values) => values.flatMap((value) => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff));
const text = (value) => [...Buffer.from(value)];
const name = (value) => [...number(value.length), ...text(value)];
const vector = (items) => [...number(items.length), ...items.flat()];
const section = (id, content) => [id, ...number(content.length), ...content];
const custom = (title, content) => section(0, [...name(title), ...content]);

/** Named by nobody who can be called but `run`, which is exported; every `panic` is a word of a panic. */
const functionNames = ["say", ...Array.from({ length: 10 }, (_, at) => `core::panicking::panic_${at}`), "run", "method", "other"];
const indexOf = (title) => functionNames.indexOf(title);

/** `.rodata` at BASE: `title: { at, bytes, places }`, a place being `[offset, type, symbol]`; then `.data`. */
const rodata = {
  passed: { at: 0, bytes: text("passed to a panic\0") },
  said: { at: 18, bytes: text("said\0") },
  within: { at: 23, bytes: text("read by a panic alone\0") },
  found: { at: 45, bytes: text("found by way of a record\0") },
  record: { at: 72, bytes: words(BASE + 45), places: [[0, IN_DATA, "found"]] },
  deadRecord: { at: 76, bytes: words(BASE + 80), places: [[0, IN_DATA, "beyond"]] },
  beyond: { at: 80, bytes: text("named by a dead record\0") },
  deadMethods: { at: 104, bytes: words(1), places: [[0, SLOT_IN_DATA, "method"]] },
  methods: { at: 108, bytes: words(2), places: [[0, SLOT_IN_DATA, "other"]] },
  ofMethod: { at: 112, bytes: text("of a method nobody calls\0") },
  ofOther: { at: 137, bytes: text("of a method\0") },
  numbers: { at: 152, bytes: words(7, 42) },
  written: { at: 160, bytes: text("named by what can be written\0") },
};
const writable = { at: 192, bytes: words(BASE + 160), place: [0, IN_DATA, "written"] };

const dataNames = Object.keys(rodata);
const symbolOf = (title) => (title in rodata ? functionNames.length + dataNames.indexOf(title) : indexOf(title));
const call = (title) => [CALL, [FUNCTION_CALL, title]];
const address = (title) => [CONST, [IN_CODE, title]];

const bodies = [
  [address("within"), call("say")],
  ...Array.from({ length: 9 }, () => []),
  [
    [GET, 0, IF, NO_VALUE], address("passed"), call("core::panicking::panic_0"), address("deadRecord"), call("core::panicking::panic_1"), [END],
    [GET, 0, IF, NO_VALUE], address("deadMethods"), call("core::panicking::panic_2"), [END],
    address("said"), call("say"),
    address("record"), [LOAD, 2, 0], call("say"),
    [CONST, 4, LOAD, 2, [IN_ACCESS, "numbers"]], call("say"),
    [CONST, 0], address("methods"), [LOAD, 2, 0, CALL_INDIRECT, 0, 0],
  ],
  [address("ofMethod"), call("say")],
  [address("ofOther"), call("say")],
];

/** The module as the linker would give it; `wrong` is added to every address that the code holds, `global` is the value of a constant. */
function linked({ names = functionNames, wrong = 0, relocations = true, global = 0 } = {}) {
  const inCode = [];
  const inData = [];
  const relocation = (list, offset, type, symbol) => list.push([type, ...number(offset), ...number(symbolOf(symbol)), ...(isAddress(type) ? [0] : [])]);
  const code = number(bodies.length);
  for (const body of bodies) {
    const bytes = [0];
    const places = [];
    for (const part of body.flat()) {
      if (typeof part === "number") bytes.push(part);
      else {
        places.push([bytes.length, ...part]);
        bytes.push(...wide(isAddress(part[0]) ? BASE + rodata[part[1]].at + wrong : indexOf(part[1])));
      }
    }
    bytes.push(END);
    code.push(...number(bytes.length));
    for (const [offset, type, symbol] of places) relocation(inCode, code.length + offset, type, symbol);
    code.push(...bytes);
  }

  const readOnly = new Array(writable.at).fill(0);
  for (const { at, bytes } of Object.values(rodata)) readOnly.splice(at, bytes.length, ...bytes);
  const data = [2];
  const segment = (at, bytes, places) => {
    data.push(0, CONST, ...signed(at), END, ...number(bytes.length));
    for (const [offset, type, symbol] of places) relocation(inData, data.length + offset, type, symbol);
    data.push(...bytes);
  };
  segment(BASE, readOnly, Object.values(rodata).flatMap(({ at, places = [] }) => places.map(([offset, ...rest]) => [at + offset, ...rest])));
  segment(BASE + writable.at, writable.bytes, [writable.place]);

  const symbols = [...functionNames.map((title, at) => [0, ...(at === 0 ? [0x10, 0] : [0, at, ...name(title)])]), ...dataNames.map((title) => [1, 0, ...name(title), 0, ...number(rodata[title].at), ...number(rodata[title].bytes.length)])];
  const part = (kind, content) => [kind, ...number(content.length), ...content];
  const linking = [2, ...part(5, vector([".rodata", ".data"].map((title) => [...name(title), 4, 0]))), ...part(8, vector(symbols))];
  return Uint8Array.from([
    0, ...text("asm"), 1, 0, 0, 0,
    ...section(1, vector([[FUNCTION_TYPE, 1, I32, 0]])),
    ...section(2, vector([[...name("env"), ...name("say"), 0, 0]])),
    ...section(3, vector(bodies.map(() => [0]))),
    ...section(4, vector([[FUNCREF, 0, 3]])),
    ...section(5, vector([[0, 1]])),
    ...section(6, vector([[I32, 1, CONST, 0, END], [I32, 0, CONST, ...signed(global), END]])),
    ...section(7, vector([[...name("run"), 0, indexOf("run")], [...name("memory"), 2, 0]])),
    ...section(9, vector([[0, CONST, 1, END, ...vector([[indexOf("method")], [indexOf("other")]])]])),
    ...section(10, code),
    ...section(11, data),
    ...(relocations ? [...custom("linking", linking), ...custom("reloc.CODE", [8, ...vector(inCode)]), ...custom("reloc.DATA", [9, ...vector(inData)])] : []),
    ...custom("name", part(1, vector(names.map((title, at) => [at, ...name(title)])))),
  ]);
}

function start(bytes) {
  const said = [];
  const read = (at) => {
    const memory = Buffer.from(exports.memory.buffer);
    return memory.toString("latin1", at, memory.indexOf(0, at));
  };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { say: (value) => said.push(value < BASE ? value : read(value)) } });
  return { run: exports.run, said, read, memory: () => Buffer.from(exports.memory.buffer) };
}

const everythingAlive = ["said", "found by way of a record", 42, "of a method"];

test("the module under test runs before anything is taken out, and its panic speaks", () => {
  const { run, said } = start(linked());
  run(0);
  assert.deepEqual(said, everythingAlive);
  run(1);
  assert.deepEqual(said.slice(4), ["read by a panic alone", ...everythingAlive]);
});

test("what is read is found where it was moved to: by code, by data, by an offset, by a method of a table", () => {
  const { run, said } = start(withoutWords(linked()));
  run(0);
  assert.deepEqual(said, everythingAlive);
});

test("a panic is a trap", () => {
  const { run, said } = start(withoutWords(linked()));
  assert.throws(() => run(1), WebAssembly.RuntimeError);
  assert.deepEqual(said, []);
});

test("what only a panic, dead data or a method that nobody calls named is gone, and nothing else", () => {
  const all = Buffer.from(withoutWords(linked())).toString("latin1");
  const isThere = (title) => all.includes(Buffer.from(rodata[title].bytes).toString("latin1"));
  assert.deepEqual(["passed", "within", "beyond", "ofMethod"].filter(isThere), []);
  assert.deepEqual(["said", "found", "ofOther", "numbers", "written"].filter((title) => !isThere(title)), []);
});

test("data that can be written stays in its place, and what it names is named where it went", () => {
  const { memory, read } = start(withoutWords(linked()));
  assert.equal(read(memory().readUInt32LE(BASE + writable.at)), "named by what can be written");
});

test("what remains is close together, aligned as it was", () => {
  // By alignment: the numbers (8), the record and the methods (4 each), then said, found, ofOther and written, texts all.
  const { memory } = start(withoutWords(linked()));
  const foundAt = BASE + 8 + 4 + 4 + 5;
  const expected = [...words(7, 42), ...words(foundAt), ...words(2), ...text("said\0found by way of a record\0of a method\0named by what can be written\0")];
  assert.deepEqual([...memory().subarray(BASE, BASE + expected.length + 8)], [...expected, ...new Array(8).fill(0)]);
});

test("a linker or a compiler that has changed is told, not guessed at", () => {
  assert.throws(() => withoutWords(linked({ relocations: false })), /section 0 linking/);
  assert.throws(() => withoutWords(linked({ wrong: 1 })), /where \w+ is named/);
  assert.throws(() => withoutWords(linked({ global: BASE + rodata.said.at })), /no global for what is in \.rodata/);
  assert.throws(() => withoutWords(linked({ names: functionNames.map((title) => title.replace("panicking", "_9panicking")) })), /only 0 functions/);
});
