// `npm run live-check -- --deployment ID (--region DOMAIN | --endpoint URL)`: a scripted chat that asks a service what
// guest-api.md leaves open, prints the answers, and writes the frames, redacted, to a file. It speaks the plain protocol and
// uses nothing of the product. It begins a handful of conversations that agents and bots can see.

import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { chat, configuration } from "./live/chat.mjs";
import { connections, expiry, files, history, idle } from "./live/bounds.mjs";
import { observe, questions, sections } from "./live/questions.mjs";
import { Unanswered, Wire } from "./live/wire.mjs";
import { isScript, main, say, Stop } from "./process.mjs";

const usage = `npm run live-check -- --deployment ID (--region DOMAIN | --endpoint URL) [options]

  --region DOMAIN        e.g. mypurecloud.com
  --endpoint URL         one origin that serves everything, e.g. http://127.0.0.1:8787
  --origin URL           the Origin to come from: one of the deployment's allowed domains
  --out FILE             where the redacted frames go (live-check.jsonl)
  --only A,B             some sections: ${sections.join(", ")}
  --no-limits            provoke no rate limit
  --patience SECONDS     wait so long for a session to run out (20)
  --expired-token UUID   ask with the token of a session that ran out
  --idle SECONDS         leave a connection alone for so long
  --settle MS            how long "nothing comes" is waited for (3000)
  --json                 print the answers as JSON`;

const steps = { configuration, chat, history, files, connections, expiry, idle, observed: observe };

/** Asks; `{ answers: [{ section, id, question, answer, note }], records }`. */
export async function liveCheck({ only = sections, limits = true, patienceMs = 20_000, expiredToken, idleMs = 0, settleMs = 3_000, progress = () => {}, ...where }) {
  const wire = new Wire(where);
  const answers = [];
  const chosen = sections.filter((name) => only.includes(name));
  for (const section of chosen) {
    progress(section);
    const given = new Map();
    const answer = (id, text, note = "") => void given.set(id, { answer: text, note });
    let reason = "";
    try {
      await steps[section](wire, answer, { limits, patienceMs, expiredToken, idleMs, settleMs });
    } catch (error) {
      if (!(error instanceof Unanswered)) {
        await wire.close();
        throw error;
      }
      reason = error.message;
    }
    for (const [id, question] of questions[section]) answers.push({ section, id, question, ...(given.get(id) ?? { answer: "not known", note: reason }) });
  }
  await wire.close();
  return { answers, records: wire.records };
}

/** The answers as lines of a table. */
export function table(answers) {
  const width = (name) => Math.max(...answers.map((row) => row[name].length));
  const [first, second] = [width("question"), Math.min(30, width("answer"))];
  const lines = [];
  let section = "";
  for (const row of answers) {
    if (row.section !== section) lines.push("", `${(section = row.section)}:`);
    lines.push(`  ${row.question.padEnd(first)}  ${row.answer.padEnd(second)}  ${row.note}`.trimEnd());
  }
  return lines;
}

function options() {
  const text = (name) => ({ [name]: { type: "string" } });
  const flag = (name) => ({ [name]: { type: "boolean" } });
  let values;
  try {
    ({ values } = parseArgs({ options: { ...text("deployment"), ...text("region"), ...text("endpoint"), ...text("origin"), ...text("out"), ...text("only"), ...text("patience"), ...text("expired-token"), ...text("idle"), ...text("settle"), ...flag("no-limits"), ...flag("json"), ...flag("help") } }));
  } catch (error) {
    throw new Stop(`${error.message}\n\n${usage}`);
  }
  if (values.help) return undefined;
  if (values.deployment === undefined || (values.region === undefined) === (values.endpoint === undefined)) throw new Stop(`A deployment and either a region or an endpoint are needed.\n\n${usage}`);
  if (values.region !== undefined && !/^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$/.test(values.region)) throw new Stop(`A region is a domain such as mypurecloud.com, not ${values.region}.`);
  if (values.endpoint !== undefined && !/^https?:\/\/[^/?#]+/.test(values.endpoint)) throw new Stop(`An endpoint is an address such as http://127.0.0.1:8787, not ${values.endpoint}.`);
  const number = (name, usual, times = 1) => {
    if (values[name] === undefined) return usual;
    if (!/^\d+$/.test(values[name])) throw new Stop(`--${name} takes a whole number.`);
    return Number(values[name]) * times;
  };
  const only = values.only?.split(",") ?? sections;
  const unknown = only.filter((name) => !sections.includes(name));
  if (unknown.length > 0) throw new Stop(`There is no section ${unknown.join(", ")}: there are ${sections.join(", ")}.`);
  return {
    deployment: values.deployment,
    region: values.region,
    endpoint: values.endpoint,
    origin: values.origin,
    only,
    limits: values["no-limits"] !== true,
    patienceMs: number("patience", 20_000, 1_000),
    expiredToken: values["expired-token"],
    idleMs: number("idle", 0, 1_000),
    settleMs: number("settle", 3_000),
    json: values.json === true,
    out: resolve(values.out ?? "live-check.jsonl"),
  };
}

if (isScript(import.meta.url)) {
  await main(async () => {
    const given = options();
    if (given === undefined) return say(usage);
    const { json, out, ...asked } = given;
    const { answers, records } = await liveCheck({ ...asked, progress: (section) => process.stderr.write(`asking: ${section}\n`) });
    writeFileSync(out, records.map((record) => `${JSON.stringify(record)}\n`).join(""));
    if (json) say(JSON.stringify(answers, null, 2));
    else table(answers).forEach(say);
    const open = answers.filter(({ answer }) => answer === "not known");
    process.stderr.write(`\n${answers.length - open.length} of ${answers.length} questions answered; ${records.length} redacted records in ${out}\n`);
    if (open.length === answers.length) process.exitCode = 1;
  });
}
