import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { at } from "./process.mjs";
import { ROWS, list, rowsOf, standing, tests, written } from "./reliability.mjs";
import { files } from "./stamp.mjs";

test("the names of tests tell their rows", () => {
  assert.deepEqual(["row04_x", "row_4_x", "rows_12_to_15_x", "row13 a page"].map(rowsOf), [[4], [4], [12, 13, 14, 15], [13]]);
});

test("every row of the fault table stands in docs/reliability.md, with tests over both protocols or a word why not", () => {
  const document = written();
  const missing = [];
  for (const [row, all] of tests()) {
    assert.match(document, new RegExp(`^\\| ${row} [a-z1]`, "m"), `row ${row} is in the table`);
    for (const wire of ["guest", "session"]) if (!all.some(({ wires }) => wires === "both" || wires === wire)) missing.push(`${row} ${wire}`);
  }
  // The token source and the drain are the session protocol's; in-band errors the guest API's.
  assert.deepEqual(missing, ["5 session", "7 guest", "9 guest", "21 session"]);
  assert.equal(tests().size, ROWS);
  // Each kind of place is looked into.
  const places = [...tests().values()].flat().map(({ where }) => where);
  for (const place of ["behaviour/", "behaviour_session/", "web.rs", "e2e/"]) assert.ok(places.some((where) => where.startsWith(place)), place);
});

test("docs/reliability.md names the tests that there are", () => {
  assert.equal(standing(written()), list(), "`node scripts/reliability.mjs`");
});

test("the tests of the streams that docs/reliability.md names are there", () => {
  const streams = files([at("tests/behaviour_streams")]).map((path) => readFileSync(path, "utf8")).join("\n");
  const table = written().split("## Rows")[1].split("## Tests by row")[0];
  const names = [...table.matchAll(/`([a-z0-9]+_[a-z0-9_]+)`/g)].map(([, name]) => name).filter((name) => name !== "behaviour_streams");
  assert.ok(names.length > 15, `${names.length}`);
  for (const name of names) assert.ok(streams.includes(`fn ${name}(`), name);
});
