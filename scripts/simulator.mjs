// Builds and starts the simulator for everything here that needs one.

import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { simulatorProgram } from "./cargo.mjs";
import { need, start, Stop } from "./process.mjs";

/** Builds the simulator's program and gives back where it is. */
export async function buildSimulator() {
  await need("cargo", ["build", "--package", "simulator"], { why: "The simulator does not compile: the lines above say why." });
  return simulatorProgram();
}

/** Brings `dist/` and the simulator's program up to date and gives back where that is; with `--no-build` both are taken as they are. `needed`: whether a simulator is. */
export async function readySimulator({ needed = true } = {}) {
  if (process.argv.includes("--no-build")) {
    const program = process.env.SIMULATOR_BIN;
    if (program === undefined && needed) throw new Stop("--no-build needs the simulator's program in SIMULATOR_BIN.");
    return program;
  }
  const { setupBuild } = await import("./setup.mjs");
  await setupBuild();
  // It takes what was only just set up.
  const { build } = await import("./build.mjs");
  await build();
  return needed ? buildSimulator() : process.env.SIMULATOR_BIN;
}

/** One request to a simulator's control. */
export async function control(url, method, path, body) {
  const response = await fetch(`${url}/_sim/${path}`, { method, headers: { "content-type": "application/json" }, body: body && JSON.stringify(body) });
  if (!response.ok) throw new Error(`${method} /_sim/${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** Starts one and waits for its address; `port` 0 lets the system pick. `{ url, child, close() }`. */
export function startSimulator(program, { port = 0, www = "dist/demo", bot = "silent" } = {}) {
  return new Promise((resolve, reject) => {
    const child = start(program, ["--listen", `127.0.0.1:${port}`, "--www", www, "--bot", bot], { stdio: ["ignore", "pipe", "inherit"] });
    const close = () => new Promise((done) => {
      if (child.exitCode !== null || child.signalCode !== null) return done();
      child.once("exit", done);
      child.kill("SIGTERM");
    });
    child.once("error", (error) => reject(new Stop(`The simulator could not be started: ${error.message}.`)));
    child.once("exit", (code) => reject(new Stop(`The simulator ended at once (exit ${code}).`)));
    createInterface({ input: child.stdout }).once("line", (line) => {
      try {
        resolve({ url: JSON.parse(line).url, child, close });
      } catch {
        reject(new Stop(`The simulator's first line is not its address: ${line}`));
      }
      child.stdout.resume();
    });
  });
}

/** The first port from `first` on that nothing listens on. */
export async function freePort(first, tries = 50) {
  for (let port = first; port < first + tries; port += 1) {
    if (await isFree(port)) return port;
  }
  throw new Stop(`No free port between ${first} and ${first + tries - 1}.`);
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}
