import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { missing, targets, told } from "./fuzz.mjs";
import { at } from "./process.mjs";

test("every target of the issue is there, has a program, and finds that a test replays", () => {
  assert.deepEqual(targets().sort(), ["frame", "history_page", "program", "stored_state", "tab_message"]);
  const replayed = readFileSync(at("tests", "conformance", "regressions.rs"), "utf8");
  for (const target of targets()) {
    assert.ok(readFileSync(at("fuzz", "bin", `${target}.rs`), "utf8").includes(`targets::${target}(data)`), target);
    assert.ok(replayed.includes(`replay("${target}", targets::${target})`), target);
    assert.ok(existsSync(at("tests", "regressions", target)) && readdirSync(at("tests", "regressions", target)).length > 0, target);
  }
});

test("what is missing is said with the command that brings it", () => {
  const here = { has: () => "/somewhere", asks: () => "cargo 1.0.0-nightly" };
  assert.equal(missing(here), undefined);
  assert.match(missing({ ...here, has: () => undefined }), /cargo install cargo-fuzz/);
  assert.match(missing({ ...here, asks: () => undefined }), /rustup toolchain install nightly/);
});

test("how many inputs were tried and what broke is read from what the fuzzer prints", () => {
  assert.deepEqual(told("#2\tINITED\nDone 20000 runs in 3 second(s)\n"), { tried: 20_000, found: undefined });
  const crash = "thread panicked\nartifact_prefix='x/'; Test unit written to x/crash-0a1b\nBase64: AA==\n";
  assert.deepEqual(told(crash), { tried: undefined, found: "x/crash-0a1b" });
});
