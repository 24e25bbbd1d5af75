// The bugs that `npm run test:mutants` plants are the ones that were promised, and none has lost its place in the sources. Whether
// a test notices each is what the command itself finds out.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { definitions, firstFailure, planted, trials } from "../../scripts/mutants.mjs";
import { at } from "../../scripts/process.mjs";

const mutants = await definitions();

test("every bug that was promised is among them", () => {
  const names = mutants.map(({ name }) => name);
  const promised = [
    "no-read-back-before-resend", "resend-under-a-new-id", "persist-after-send", "two-in-flight", "backoff-reset-on-open", "no-socket-id-check",
    "joined-by-time", "joined-by-text", "page-number-from-list-size", "join-forgotten-after-a-drop", "quarantine-drops-good-records",
    "suspect-never-probes", "error-given-to-the-oldest", "second-look-skipped", "text-crosses-to-a-new-token",
    // Of the session protocol.
    "token-used-to-its-last-second", "token-life-counted-from-the-answer", "token-life-by-the-visitors-clock-alone", "refused-token-kept",
    "refused-for-ever-never-ends", "two-token-requests-at-once", "old-socket-shut-before-the-new-one-is-ready",
    "in-flight-on-the-replaced-socket-is-lost-at-once", "after-cursor-ignored", "next-page-not-followed", "history-read-at-every-reconnect",
    "ping-never-falls-back-to-the-history", "session-id-kept-when-it-expired", "text-proof-off",
    // Of several tabs.
    "fencing-unchecked", "two-stealing-followers", "thawed-leader-sends-before-proof", "copied-tab-keeps-its-id",
  ];
  for (const name of promised) assert.ok(names.some((one) => one.startsWith(name)), name);
  for (const { name, bug } of mutants) assert.ok(bug?.length > 20, `${name} says what it breaks`);
});

for (const mutant of mutants) {
  test(`${mutant.name} fits in exactly one place, and changes it`, () => {
    for (const [file, text] of planted(mutant, (path) => readFileSync(at(path), "utf8"))) assert.notEqual(text, readFileSync(at(file), "utf8"));
  });
}

test("what both protocols are open to has to be noticed in both", () => {
  const both = [
    "no-read-back-before-resend", "persist-after-send", "two-in-flight", "backoff-reset-on-open", "no-socket-id-check-on-frames", "no-socket-id-check-on-closes",
    "joined-by-time", "joined-by-text-whatever-the-ids-say", "quarantine-drops-good-records", "suspect-never-probes", "second-look-skipped",
    "text-crosses-to-a-new-token",
  ];
  for (const name of both) assert.deepEqual(mutants.find((mutant) => mutant.name === name)?.protocols, ["guest", "session"], name);
});

test("a bug has to be noticed by one suite of each protocol that it names, or by the tests in a browser, and else by any", () => {
  assert.deepEqual(trials({ name: "a", pages: ["a.test.mjs"] }), [["a.test.mjs"]]);
  assert.deepEqual(trials({ name: "a" }), [["behaviour", "behaviour_session", "behaviour_streams", "simulation", "simulation_session", "simulation_streams"]]);
  assert.deepEqual(trials({ name: "a", protocols: ["session"] }), [["behaviour_session", "simulation_session"]]);
  assert.deepEqual(trials({ name: "a", protocols: ["streams"] }), [["behaviour_streams", "simulation_streams"]]);
  assert.deepEqual(trials({ name: "a", protocols: ["guest", "session"] }), [["behaviour", "simulation"], ["behaviour_session", "simulation_session"]]);
  assert.throws(() => trials({ name: "a", protocols: ["xmpp"] }), /a: there is no protocol xmpp/);
  assert.throws(() => trials({ name: "a", protocols: [] }), /a: there is no protocol named/);
  for (const mutant of mutants) assert.ok(trials(mutant).length > 0, mutant.name);
});

test("an edit that fits nowhere or twice is refused, and says where", () => {
  const read = (file) => (file === "a.rs" ? "let x = 1;\nlet x = 1;\nlet y = 2;\n" : undefined);
  const edit = (file, find) => planted({ edits: [{ file, find, replace: "$&" }] }, read);
  assert.throws(() => edit("a.rs", "let z"), /fits in 0 places of a\.rs: "let z"/);
  assert.throws(() => edit("a.rs", "let x = 1;"), /fits in 2 places/);
  assert.throws(() => edit("b.rs", "let"), /b\.rs is not there/);
  assert.equal(edit("a.rs", "let y = 2;").get("a.rs"), "let x = 1;\nlet x = 1;\n$&\n", "the replacement is text, not a pattern");
});

test("two edits of one file are both made", () => {
  const edits = [{ file: "a.rs", find: "one", replace: "1" }, { file: "a.rs", find: "two", replace: "2" }];
  assert.equal(planted({ edits }, () => "one two").get("a.rs"), "1 2");
});

test("a red simulation is named by its seed and its reason", () => {
  const output = "thread 'x' panicked at tests/simulation/ledger.rs:60:17:\ndoubled without a word: \"m3\"\nnote: run with\n2000 seeds\nreplay: GUESTWIRE_SEED=17 cargo test\n";
  assert.equal(firstFailure("simulation", output), 'simulation, seed 17: doubled without a word: "m3"');
  assert.equal(firstFailure("simulation", "thread 'x' panicked at tests/simulation/main.rs:73:9:\nnever met: [\"fault clear\"]\n"), 'simulation: never met: ["fault clear"]');
});
