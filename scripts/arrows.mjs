// Which way the arrows run: core ← guest, streams ← browser. Reads the Rust sources word by word (comments and strings aside) and
// names every path that leads the wrong way, also inside `use {…}` and by `super::`.

import { readFileSync } from "node:fs";
import { relative, sep } from "node:path";
import { at, isScript, main, root, say, Stop } from "./process.mjs";
import { files } from "./stamp.mjs";

/** Rooms of `src/` and the rooms each may not name. */
const forbiddenRooms = {
  core: ["guest", "streams", "browser"],
  guest: ["streams", "browser"],
  streams: ["guest", "browser"],
};
/** Rooms that know no clock, no chance and no terminal: all of it comes in and goes out as data. */
const pureRooms = ["core", "guest", "streams"];
const impurePaths = [["std", "time"], ["core", "time", "Instant"], ["std", "thread"], ["std", "net"], ["std", "fs"], ["rand"], ["getrandom"], ["fastrand"]];
const impureMacros = ["println", "print", "eprintln", "eprint", "dbg"];
/** Crates that only `src/browser` names. */
const browserCrates = /^(web_sys|js_sys|gloo(_\w+)?|wasm_bindgen(_\w+)?|serde_wasm_bindgen)$/;

/** The violations in `sources`, a list of `[path, text]`, as sentences. */
export function violations(sources) {
  return sources.flatMap(([path, text]) => {
    if (path.endsWith(".toml")) return manifestViolations(path, text);
    const parts = path.split("/");
    return parts[0] === "simulator" ? simulatorViolations(path, text) : libraryViolations(path, text);
  });
}

function manifestViolations(path, text) {
  return text.split("\n").flatMap((line, i) => (/^\s*(\[.*dependencies\.)?"?guestwire"?\b(?!.*\bname\b)/.test(line) || /package\s*=\s*"guestwire"/.test(line) ? [`${path}:${i + 1}: the simulator depends on guestwire`] : []));
}

function simulatorViolations(path, text) {
  return words(text).flatMap(({ word, line }) => (word === "guestwire" ? [`${path}:${line}: the simulator names guestwire`] : []));
}

function libraryViolations(path, text) {
  const home = path.replace(/^src\//, "").replace(/\.rs$/, "").split("/");
  if (["mod", "lib"].includes(home.at(-1))) home.pop();
  const room = home[0] ?? "";
  const found = [];
  for (const { segments, line, macro } of paths(words(text), home)) {
    const report = (what) => found.push(`${path}:${line}: ${what}`);
    const [first, second] = segments;
    if (first === "crate" && (forbiddenRooms[room] ?? []).includes(second)) report(`${room} names ${second}`);
    if (room !== "browser" && browserCrates.test(first)) report(`${room === "" ? "the crate root" : room} names ${first}, which only browser may`);
    if (!pureRooms.includes(room)) continue;
    if (impurePaths.some((impure) => impure.every((part, i) => segments[i] === part))) report(`${room} names ${segments.join("::")}: it comes in as data`);
    if (macro && impureMacros.includes(segments.at(-1))) report(`${room} calls ${segments.at(-1)}!`);
  }
  return [...new Set(found)];
}

/** Words and marks with their lines; comments, strings and characters are left out, lifetimes become words. */
function words(text) {
  const token = /\/\/[^\n]*|\/\*|\bb?r(#*)"|b?"(?:\\[\s\S]|[^"\\])*"|b?'(?:\\(?:u\{[^}]*\}|x..|.)|[^'\\])'|'\w+|(?:r#)?[A-Za-z_]\w*|\d[\w.]*|::|\n|\S/g;
  const found = [];
  let line = 1;
  for (let match; (match = token.exec(text)) !== null; ) {
    let word = match[0];
    const begins = line;
    if (word === "/*") word = text.slice(match.index, (token.lastIndex = endOfComment(text, match.index)));
    else if (match[1] !== undefined) {
      const end = text.indexOf(`"${match[1]}`, token.lastIndex);
      token.lastIndex = end === -1 ? text.length : end + 1 + match[1].length;
      word = text.slice(match.index, token.lastIndex);
    }
    line += word.split("\n").length - 1;
    if (/^(\/\/|\/\*|b?r?#*"|b?'.*'$|\n|\d)/s.test(word)) continue;
    found.push({ word: word.replace(/^r#/, ""), line: begins });
  }
  return found;
}

function endOfComment(text, from) {
  let depth = 0;
  for (let i = from; i < text.length; i += 1) {
    const two = text.slice(i, i + 2);
    if (two === "/*") (depth += 1), (i += 1);
    else if (two === "*/") {
      depth -= 1;
      i += 1;
      if (depth === 0) return i + 1;
    }
  }
  return text.length;
}

/** Every path in the words, made absolute: `crate` and the rooms after it, or the name of another crate. */
function* paths(list, home) {
  const inline = []; // the brace depths at which `mod name {` began, for `super` inside them
  let depth = 0;
  for (let i = 0; i < list.length; i += 1) {
    const { word } = list[i];
    if (word === "{") depth += 1;
    if (word === "}") {
      depth -= 1;
      if (inline.at(-1)?.depth === depth) inline.pop();
    }
    if (word === "mod" && list[i + 2]?.word === "{") inline.push({ name: list[i + 1].word, depth });
    if (!isName(word) || (list[i - 1]?.word === "::" && isName(list[i - 2]?.word) && !beforeRooted.test(list[i - 2].word))) continue;
    const here = [...home, ...inline.map(({ name }) => name)];
    for (const { segments, line, macro } of tree(list, i).found) {
      const [first, ...rest] = segments;
      if (first !== "self" && first !== "super") yield { segments, line, macro };
      else yield { segments: ["crate", ...climb(here, [first, ...rest])], line, macro };
    }
  }
}

function climb(here, segments) {
  let base = [...here];
  let rest = segments;
  while (rest[0] === "super" || rest[0] === "self") {
    if (rest[0] === "super") base = base.slice(0, -1);
    rest = rest.slice(1);
  }
  return [...base, ...rest];
}

/** The paths that begin at `list[i]`; a group `{a, b::c}` makes several. */
function tree(list, i) {
  const segments = [];
  let at = i;
  while (isName(list[at]?.word)) {
    segments.push(list[at].word);
    if (list[at + 1]?.word !== "::") break;
    at += 2;
  }
  const line = list[i].line;
  if (list[at]?.word !== "{" || list[at - 1]?.word !== "::") return { found: [{ segments, line, macro: list[at + 1]?.word === "!" }], end: at + 1 };
  const found = [];
  at += 1;
  while (at < list.length && list[at].word !== "}") {
    if (!isName(list[at].word) && list[at].word !== "{") {
      at += 1;
      continue;
    }
    const inner = list[at].word === "{" ? { found: [], end: at + 1 } : tree(list, at);
    for (const path of inner.found) found.push({ segments: [...segments, ...path.segments], line: path.line, macro: false });
    at = inner.end;
  }
  return { found, end: at + 1 };
}

/** Words after which `::` begins a path instead of going on with one. */
const beforeRooted = /^(use|as|in|return|mut|dyn|impl|where|else|match|if|while)$/;
const isName = (word) => word !== undefined && /^[A-Za-z_]\w*$/.test(word);

if (isScript(import.meta.url)) {
  await main(async () => {
    const sources = files([at("src"), at("simulator", "src"), at("simulator", "tests"), at("simulator", "Cargo.toml")])
      .filter((path) => path.endsWith(".rs") || path.endsWith(".toml"))
      .map((path) => [relative(root, path).split(sep).join("/"), readFileSync(path, "utf8")]);
    const found = violations(sources);
    for (const line of found) say(line);
    say(`${sources.length} files read, ${found.length} against the arrows`);
    if (found.length > 0) throw new Stop("The arrows run one way: core ← guest, streams ← browser; the simulator stands apart.");
  });
}
