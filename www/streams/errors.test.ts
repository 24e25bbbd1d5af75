import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { GuestwireError, listedCodes } from "../client/errors.js";
import { StreamCode, streamError } from "./errors.js";

test("every code of the streams is documented under its own name, and none that the module does not have", () => {
  const found = [...readFileSync("src/core/error.rs", "utf8").matchAll(/^\s+([A-Z_]+) = (70[67]\d),$/gm)];
  const core = found.map(([, name, code]) => [Number(code), name!.toLowerCase().replace(/(^|_)(.)/g, (_, __, letter: string) => letter.toUpperCase())]);
  assert.ok(core.length >= 13, `${core.length} codes found in src/core/error.rs`);
  const listed = [...listedCodes()].filter(([code]) => code >= 7060 && code < 7080);
  assert.deepEqual(listed, core);
  for (const [code, name] of listed) assert.equal(StreamCode[code], name);
});

test("an error says what the service said", () => {
  const error = streamError(StreamCode.Rejected, { detail: "token expired" });
  assert.ok(error instanceof GuestwireError);
  assert.deepEqual([error.code, error.name, error.fault, error.detail], [7060, "Rejected", "service", "token expired"]);
  assert.equal(error.message, "The service refused the token or the first frame: token expired");
  assert.ok(error.remediation.length > 0);
});

test("what is not known is not there", () => {
  const error = streamError(StreamCode.GaveUp);
  assert.deepEqual(["detail" in error, "count" in error, error.field], [false, false, undefined]);
  assert.equal(error.message, "As many attempts in a row as were allowed have failed.");
});

test("of too many connections it says how many there are", () => {
  const error = streamError(StreamCode.TooManyConnections, { count: 10 });
  assert.equal(error.count, 10);
  assert.equal(error.message, "As many connections are open as are allowed: 10");
});
