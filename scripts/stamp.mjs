// What is up to date is skipped: a step's inputs are hashed by content (times lie after a checkout) and the hash is kept
// beside node_modules, together with the outputs' own hash so that a half-written output is made again.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { at } from "./process.mjs";

const file = (name) => at("node_modules", ".cache", "guestwire", `${name}.stamp`);

/** Every file under the given paths, sorted; a path may be a file, a folder or missing. */
export function files(paths, skip = () => false) {
  const found = [];
  const walk = (path) => {
    if (!existsSync(path) || skip(path)) return;
    if (statSync(path).isDirectory()) for (const name of readdirSync(path).sort()) walk(join(path, name));
    else found.push(path);
  };
  for (const path of paths) walk(path);
  return found;
}

/** A hash over the names and contents of `paths` and the words of `also` (versions, modes); the same in a copy of the project. */
export function hash(paths, also = [], skip) {
  const sum = createHash("sha256");
  for (const word of also) sum.update(`${word}\0`);
  for (const path of files(paths, skip)) sum.update(`${relative(at(), path)}\0`).update(readFileSync(path)).update("\0");
  return sum.digest("hex");
}

/**
 * Runs `work` unless its inputs and outputs are as they were after the last run; `skip` names what inside an output is
 * another step's. True when it ran.
 */
export async function unlessFresh(name, inputs, outputs, work, skip) {
  const now = () => (outputs.every((path) => existsSync(path)) ? `${inputs} ${hash(outputs, [], skip)}\n` : undefined);
  const before = existsSync(file(name)) ? readFileSync(file(name), "utf8") : "";
  if (before !== "" && before === now()) return false;
  rmSync(file(name), { force: true });
  await work();
  mkdirSync(dirname(file(name)), { recursive: true });
  writeFileSync(file(name), now() ?? "");
  return true;
}
