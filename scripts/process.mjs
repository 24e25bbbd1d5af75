// Running other programs: where the project is, what they see, and how they end.

import { spawn, spawnSync } from "node:child_process";
import { createWriteStream, existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const tools = join(root, ".tools");
export const at = (...parts) => join(root, ...parts);

// The project's own tools come first, so that an installed one of another version is not taken by mistake. Rust's own
// folder comes last: a shell opened before rustup ran does not have it yet.
const path = [join(tools, "bin"), at("node_modules", ".bin"), process.env.PATH ?? "", join(homedir(), ".cargo", "bin")].join(delimiter);

/** The environment every program gets; `more` is laid over it. */
export function environment(more = {}) {
  return { ...process.env, PATH: path, ...more };
}

/** Where `program` is, or undefined. */
export function which(program) {
  const endings = process.platform === "win32" ? [".exe", ".cmd", ""] : [""];
  for (const folder of path.split(delimiter)) {
    for (const ending of endings) {
      const file = join(folder, program + ending);
      if (folder !== "" && existsSync(file)) return file;
    }
  }
  return undefined;
}

/** What a short program prints, or undefined when it is missing or fails. */
export function ask(program, args, options = {}) {
  const answer = spawnSync(program, args, { cwd: root, encoding: "utf8", env: environment(), maxBuffer: 1 << 28, ...options });
  return answer.error === undefined && answer.status === 0 ? answer.stdout : undefined;
}

/** Something the person has to know or do, in one sentence. Printed without a stack. */
export class Stop extends Error {}

const running = new Set();
// A group each, so that what a runner started (a browser, a driver) ends with it.
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    for (const child of running) endGroup(child, "SIGTERM");
    process.exit(signal === "SIGINT" ? 130 : 143);
  });
}

/** Ends a program and everything it started. */
export function endGroup(child, signal = "SIGTERM") {
  try {
    process.kill(-child.pid, signal);
  } catch {
    child.kill(signal); // no group of its own on this system, or already gone
  }
}

/** Starts a program in a process group of its own. It ends with this process at the latest. */
export function start(program, args, options = {}) {
  const child = spawn(program, args, { cwd: root, detached: process.platform !== "win32", ...options, env: environment(options.env) });
  running.add(child);
  child.on("exit", () => running.delete(child));
  child.on("error", () => running.delete(child));
  return child;
}

process.on("exit", () => {
  for (const child of running) endGroup(child, "SIGKILL");
});

/**
 * Runs a program to its end. With `log` everything it prints goes into that file, otherwise to the terminal.
 * `{ code, output }`: code is null when it was ended by `timeoutMs` and undefined when it could not be started.
 */
export function run(program, args, { log, cwd = root, env, timeoutMs, quiet = false } = {}) {
  return new Promise((resolve) => {
    const child = start(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let file;
    if (log !== undefined) {
      mkdirSync(dirname(log), { recursive: true });
      file = createWriteStream(log, { flags: "a" });
      file.write(`$ ${[program, ...args].join(" ")}\n`);
    }
    const take = (stream) => (chunk) => {
      output += chunk;
      if (file !== undefined) file.write(chunk);
      else if (!quiet) stream.write(chunk);
    };
    child.stdout.setEncoding("utf8").on("data", take(process.stdout));
    child.stderr.setEncoding("utf8").on("data", take(process.stderr));
    let late = false;
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => {
      late = true;
      endGroup(child, "SIGKILL");
    }, timeoutMs);
    const end = (code) => {
      clearTimeout(timer);
      if (late) output += `\nended after ${Math.round(timeoutMs / 1000)} s\n`;
      const done = () => resolve({ code: late ? null : code, output });
      if (file === undefined) done();
      else file.end(late ? "\nended: it took too long\n" : "", done);
    };
    child.on("error", (error) => {
      output += `${program}: ${error.message}\n`;
      end(undefined);
    });
    child.on("close", end);
  });
}

/** Runs a program that has to succeed; its output is shown only when it does not (or while it runs, with `show`). */
export async function need(program, args, { show = false, why, ...options } = {}) {
  const { code, output } = await run(program, args, { ...options, quiet: !show });
  if (code === 0) return output;
  if (!show) process.stderr.write(output);
  throw new Stop(why ?? `${program} ${args.slice(0, 3).join(" ")} failed (${code === undefined ? "it could not be started" : code === null ? "it took too long" : `exit ${code}`}).`);
}

/** One line that says what is being done. */
export function say(line) {
  process.stdout.write(`${line}\n`);
}

/** Runs a script's main function and turns what stops it into one sentence and an exit code. */
export async function main(work) {
  try {
    await work();
  } catch (error) {
    process.stderr.write(error instanceof Stop ? `\n${error.message}\n` : `${error.stack}\n`);
    process.exitCode = 1;
  }
}

/** True when this module is the script that node was asked to run. */
export const isScript = (url) => process.argv[1] !== undefined && fileURLToPath(url) === process.argv[1];
