import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Code, GuestwireError, listedCodes } from "./errors.js";

/** The core's own list, read from its source. */
function coreCodes(): Map<number, string> {
  const source = readFileSync("src/core/error.rs", "utf8");
  const found = [...source.matchAll(/^\s+([A-Z_]+) = (\d+),$/gm)];
  return new Map(found.map(([, name, number]) => [Number(number), name!.toLowerCase().replace(/(^|_)(.)/g, (_, __, letter: string) => letter.toUpperCase())]));
}

test("every code of the core is documented under its own name, and none that it does not have", () => {
  // Those from 7060 are of the streams alone: www/streams/errors.ts.
  const core = new Map([...coreCodes()].filter(([code]) => code < 7060));
  assert.ok(core.size >= 30, `${core.size} codes found in src/core/error.rs`);
  const listed = new Map([...listedCodes()].filter(([code]) => code >= 7000 && code < 7100));
  assert.deepEqual([...listed].sort(([a], [b]) => a - b), [...core].sort(([a], [b]) => a - b));
});

test("the codes that this side refuses by have their names in the table", () => {
  const codes = Object.values(Code).filter((code): code is Code => typeof code === "number");
  assert.ok(codes.length > 10);
  for (const code of codes) assert.equal(listedCodes().get(code), Code[code]);
});

test("the service's codes of guest-api.md §4 are documented", () => {
  const ofService = [4000, 4001, 4002, 4003, 4004, 4005, 4006, 4007, 4008, 4009, 4010, 4011, 4013, 4017, 4020, 4029, 4102, 5000, 1001, 1002, 400, 401, 403, 404, 408, 409, 429];
  const listed = listedCodes();
  assert.deepEqual(ofService.filter((code) => !listed.has(code)), []);
});

test("an error says what happened, whose fault it is and what to do", () => {
  const error = new GuestwireError(7003, { field: "text" });
  assert.ok(error instanceof Error);
  assert.equal(error.name, "MessageTooLong");
  assert.equal(error.message, "The text is over 4096 bytes of UTF-8. (text)");
  assert.equal(error.fault, "caller");
  assert.equal(error.field, "text");
  assert.equal(error.remediation, "Shorten or split the text.");
});

test("a blocked module names the header to add", () => {
  assert.match(new GuestwireError(7100).remediation, /Content-Security-Policy: script-src 'self' 'wasm-unsafe-eval'/);
});

test("codes nobody has listed are told as they are", () => {
  assert.equal(new GuestwireError(418).message, "The service answered 418.");
  assert.equal(new GuestwireError(4999).message, "The service answered 4999.");
});
