import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { streamCodes, withCodes } from "./codes.mjs";
import { at } from "./process.mjs";
import { files } from "./stamp.mjs";

const table = readFileSync(at("www", "client", "errors.ts"), "utf8");
const read = (folders, skip) => files(folders.map((folder) => at(...folder.split("/"))), skip).map((path) => readFileSync(path, "utf8")).join("\n");
const found = (text, pattern) => [...text.matchAll(pattern)].map((match) => match.slice(1));

test("every code of the core and the shim that a stream can meet is in its table", () => {
  const ofCore = new Map(found(read(["src/core/error.rs"]), /^ +([A-Z_]+) = (\d+),$/gm));
  const ofShim = new Map(found(read(["www/client/code.ts"]), /^ {2}(\w+) = (\d+),$/gm));
  const own = new Map(found(read(["www/streams/errors.ts"]), /^ {2}(\w+) = (\d+),$/gm));
  const named = [
    ...found(read(["src/streams", "src/core", "src/browser"], (path) => path.endsWith("error.rs")), /\bCode::([A-Z_]+)\b/g).map(([name]) => [name, ofCore.get(name)]),
    ...found(read(["www/streams", "www/client/load.ts", "www/client/host.ts", "www/client/tickets.ts"], (path) => path.endsWith(".test.ts")), /\bCode\.(\w+)/g).map(([name]) => [name, ofShim.get(name)]),
    ["SecretInPage", "7106"],
  ];
  assert.ok(named.length > 30, `${named.length} codes named`);
  const missing = named.filter(([, code]) => !streamCodes.includes(Number(code)) && ![...own.values()].includes(code));
  assert.deepEqual(missing, []);
});

test("the others are left out, and nothing else", () => {
  const text = withCodes(table, streamCodes);
  assert.deepEqual(found(text, /^ {2}(\d+): \[/gm).map(([code]) => Number(code)), streamCodes);
  assert.equal(table.split("\n").filter((line) => !/^ {2}\d+: \[/.test(line)).join("\n"), text.split("\n").filter((line) => !/^ {2}\d+: \[/.test(line)).join("\n"));
});

test("a code that is not in the table any more is named", () => {
  assert.throws(() => withCodes(table, [7000, 7999]), { message: "the table of codes has no 7999 any more" });
});
