// What cargo knows about this workspace: where it builds to and which targets there are.

import { join } from "node:path";
import { ask, Stop } from "./process.mjs";

let known;

function metadata() {
  if (known === undefined) {
    const text = ask("cargo", ["metadata", "--format-version", "1", "--no-deps"]);
    if (text === undefined) throw new Stop("`cargo metadata` failed: run it by hand to see why.");
    known = JSON.parse(text);
  }
  return known;
}

/** Where cargo builds to: `target/`, or what CARGO_TARGET_DIR or a configuration says. */
export const targetDirectory = () => metadata().target_directory;

/** The simulator's program as `cargo build -p simulator` leaves it. */
export const simulatorProgram = () => join(targetDirectory(), "debug", process.platform === "win32" ? "simulator.exe" : "simulator");

/** The integration tests of the workspace: `{ package, name }`. */
export function integrationTests() {
  return metadata().packages.flatMap((crate) => crate.targets.filter((target) => target.kind.includes("test")).map((target) => ({ package: crate.name, name: target.name })));
}
