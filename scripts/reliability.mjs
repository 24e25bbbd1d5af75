// The tests of docs/reliability.md: which there are for each row of the fault table, by their names. Run, it writes them there.
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { at, isScript } from "./process.mjs";
import { files } from "./stamp.mjs";

const DOCUMENT = at("docs/reliability.md");
const LIST = /(<!-- tests -->\n)([\s\S]*?)(<!-- \/tests -->)/;
export const ROWS = 34;

/** `[name, text]` of the files in a folder. */
const sources = (folder, ending) => files([at(folder)]).filter((path) => path.endsWith(ending)).map((path) => [basename(path), readFileSync(path, "utf8")]);

/** The tests in a Rust file that are named for rows, those in `guest_only!` apart. */
function rust(text) {
  const found = [];
  let guestOnly = false;
  for (const line of text.split("\n")) {
    if (line.startsWith("guest_only! {")) guestOnly = true;
    if (line === "}") guestOnly = false;
    const name = /^\s*(?:async )?fn (rows?_?[0-9]+_\w+)\(/.exec(line)?.[1];
    if (name !== undefined) found.push({ name, guestOnly });
  }
  return found;
}

/** `row04_…`, `row_4_…`, `rows_12_to_15_…`, `row13 …`: the rows that a name speaks of. */
export function rowsOf(name) {
  const [, from, to] = /^rows?[_ ]?(\d+)(?:_to_(\d+))?[_ ]/.exec(name);
  return Array.from({ length: Number(to ?? from) - Number(from) + 1 }, (_, index) => Number(from) + index);
}

/** By row: where, and the names. `wires` says over which protocols each file's tests run. */
export function tests() {
  const rows = new Map(Array.from({ length: ROWS }, (_, index) => [index + 1, []]));
  const add = (where, wires, name) => rowsOf(name).forEach((row) => rows.get(row).push({ where, wires, name }));
  const session = readFileSync(at("tests/behaviour_session/main.rs"), "utf8");
  for (const [file, text] of sources("tests/behaviour", ".rs")) {
    const both = session.includes(`"../behaviour/${file}"`);
    for (const { name, guestOnly } of rust(text)) add(`behaviour/${file}`, both && !guestOnly ? "both" : "guest", name);
  }
  for (const [file, text] of sources("tests/behaviour_session", ".rs")) for (const { name } of rust(text)) add(`behaviour_session/${file}`, "session", name);
  for (const [file, text] of [["web.rs", readFileSync(at("tests/web.rs"), "utf8")], ...sources("tests/web", ".rs").map(([name, text]) => [`web/${name}`, text])]) {
    for (const { name } of rust(text)) add(file, "browser", name);
  }
  for (const [file, text] of sources("tests/e2e", ".test.mjs")) {
    for (const [, , name] of text.matchAll(/test\((["`])(row\d+ .+?)\1/g)) add(`e2e/${file}`, "browser", name);
  }
  return rows;
}

const HEADINGS = { both: "Both protocols", guest: "Guest API alone", session: "Session protocol alone", browser: "In a browser" };

/** The list as it stands in the document. */
export function list() {
  const section = ([row, all]) => {
    const lines = Object.entries(HEADINGS).flatMap(([wires, heading]) => {
      const of = all.filter((one) => one.wires === wires);
      const files = [...new Set(of.map(({ where }) => where))];
      return files.map((file) => `- ${heading}, \`${file}\`: ${of.filter(({ where }) => where === file).map(({ name }) => `\`${name.replace(/`/g, "'")}\``).join(", ")}`);
    });
    return [`### Row ${row}`, "", ...lines, ""].join("\n");
  };
  return `${[...tests()].filter(([, all]) => all.length > 0).map(section).join("\n")}`;
}

export const written = () => readFileSync(DOCUMENT, "utf8");
/** The list that stands in the document. */
export const standing = (text) => LIST.exec(text)?.[2];

if (isScript(import.meta.url)) writeFileSync(DOCUMENT, written().replace(LIST, (_, from, __, to) => from + list() + to));
