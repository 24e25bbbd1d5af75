// `npm run herd`: the real backoff of the guest client for 100 000 clients that lose the service at once (faults.md row 1), beside what
// other clients do in the same world. Prints a table and draws `docs/herd.svg`. `-- --clients 5000 --seed 2 --out file.svg`.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { targetDirectory } from "./cargo.mjs";
import { draw, grouped, inSeconds } from "./herd/draw.mjs";
import { ask, at, isScript, main, need, say, Stop } from "./process.mjs";

const CLIENTS = 100_000;
/** What `docs/herd.svg` is drawn from. */
const SEED = 1;

/** Runs the herd: what each policy did. */
export async function herd({ clients = CLIENTS, seed = SEED } = {}) {
  await need("cargo", ["build", "--profile", "sim", "--package", "guestwire", "--example", "herd"], { why: "The herd does not compile: the lines above say why." });
  const told = ask(join(targetDirectory(), "sim", "examples", "herd"), [String(clients), String(seed)]);
  if (told === undefined) throw new Stop("The herd failed: run its program by hand to see why.");
  return JSON.parse(told);
}

/** What is printed: a line for each policy. */
export function table({ clients, ideal, fromMs, bucketMs, policies }) {
  const times = ({ p99 }) => `${(p99 / ideal.p99).toFixed(2)} ×`;
  const rows = [
    ["", "p50 back", "p99 back", "of ideal", `fullest ${bucketMs} ms after ${fromMs / 1000} s`, "attempts", "a client"],
    ["ideal", inSeconds(ideal.p50), inSeconds(ideal.p99), "1.00 ×", "", grouped(clients), "1.0"],
    ...policies.map(({ name, back, fullest, attempts }) => [name, inSeconds(back.p50), inSeconds(back.p99), times(back), `${fullest.percent.toFixed(2)} % at ${inSeconds(fullest.atMs)}`, grouped(attempts), (attempts / clients).toFixed(1)]),
  ];
  const width = (column) => Math.max(...rows.map((row) => row[column].length));
  return rows.map((row) => row.map((cell, column) => (column === 0 ? cell.padEnd(width(column)) : cell.padStart(width(column)))).join("  ")).join("\n");
}

function argument(name, usual) {
  const place = process.argv.indexOf(`--${name}`);
  return place < 0 ? usual : process.argv[place + 1] ?? "";
}

function count(name, usual) {
  const number = Number(argument(name, usual));
  if (!Number.isSafeInteger(number) || number < 1) throw new Stop(`--${name} takes a whole number from 1 on.`);
  return number;
}

if (isScript(import.meta.url)) {
  await main(async () => {
    const out = argument("out", at("docs", "herd.svg"));
    const told = await herd({ clients: count("clients", CLIENTS), seed: count("seed", SEED) });
    writeFileSync(out, draw(told));
    say(`${grouped(told.clients)} clients lose the service within ${told.lostWithinMs} ms. It refuses for ${told.awayMs / 1000} s, then admits ${grouped(told.admittedPerSecond)} a second. Seed ${told.seed}.\n`);
    say(table(told));
    say(`\nDrawn into ${out}`);
  });
}
