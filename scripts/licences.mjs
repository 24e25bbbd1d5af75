// The licences of what is compiled and bundled into `dist/`: they ask for their text to go along with every copy.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ask, at, Stop } from "./process.mjs";

/** One text: every licence once, under the names of those it belongs to. `bundled` are the paths esbuild read. */
export function thirdPartyLicences(bundled) {
  const byText = new Map();
  for (const { name, version, licence, folder } of [...npmPackages(bundled), ...crates()]) {
    const text = licenceText(folder) ?? `Licensed as ${licence}.`;
    byText.set(text, [...(byText.get(text) ?? []), `${name} ${version}`]);
  }
  const parts = [...byText].map(([text, names]) => [names.sort().join(", "), text]).sort(([a], [b]) => (a < b ? -1 : 1));
  return ["guestwire contains the following software.", ...parts.map(([names, text]) => `${names}\n\n${text}`)].join(`\n\n${"-".repeat(72)}\n\n`) + "\n";
}

function npmPackages(bundled) {
  const folders = new Set(bundled.map((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]).filter(Boolean));
  return [...folders].map((folder) => {
    const manifest = JSON.parse(readFileSync(at(folder, "package.json"), "utf8"));
    return { name: manifest.name, version: manifest.version, licence: manifest.license, folder: at(folder) };
  });
}

/** The crates linked into the module: not what only builds it, nor what only tests it. */
function crates() {
  const text = ask("cargo", ["metadata", "--format-version", "1", "--filter-platform", "wasm32-unknown-unknown"]);
  if (text === undefined) throw new Stop("`cargo metadata` failed: run it by hand to see why.");
  const { packages, resolve } = JSON.parse(text);
  const nodes = new Map(resolve.nodes.map((node) => [node.id, node]));
  const byId = new Map(packages.map((crate) => [crate.id, crate]));
  const linked = new Set();
  const visit = (id) => {
    const onlyBuilds = byId.get(id).targets.some(({ kind }) => kind.includes("proc-macro"));
    if (linked.has(id) || onlyBuilds) return;
    linked.add(id);
    for (const { pkg, dep_kinds: kinds } of nodes.get(id).deps) if (kinds.some(({ kind }) => kind === null)) visit(pkg);
  };
  visit(packages.find(({ name, source }) => name === "guestwire" && source === null).id);
  return [...linked]
    .map((id) => byId.get(id))
    .filter(({ source }) => source !== null)
    .map(({ name, version, license, manifest_path: manifest }) => ({ name, version, licence: license, folder: dirname(manifest) }));
}

/** The shortest of the licences offered, MIT where it is one of them. */
function licenceText(folder) {
  const names = readdirSync(folder).filter((name) => /^(licen[cs]e|copying)/i.test(name));
  const name = names.find((each) => /mit/i.test(each)) ?? names.find((each) => /^licen[cs]e(\.\w+)?$/i.test(each)) ?? names[0];
  const path = name === undefined ? undefined : join(folder, name);
  return path !== undefined && existsSync(path) ? readFileSync(path, "utf8").trim() : undefined;
}
