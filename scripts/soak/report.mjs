// What a soak comes to: its figures, in a form that can be printed and kept.

import { mib, ms, percentile } from "../bench/figures.mjs";

/** What the client measures of itself, and what that is. */
const METRICS = { rtt: "round trip", detect: "to notice a dead line", reconnect: "from a loss to connected, outages included", resync: "from connected to nothing missing" };

/** `undisturbed`: only what a page measured while nothing was done to it; a frozen page is late by as long as it was frozen. */
function spread(metrics, kind, undisturbed) {
  const values = metrics.filter((one) => one.kind === kind && !(undisturbed && one.disturbed)).map((one) => one.ms);
  return values.length === 0 ? undefined : { count: values.length, p50: percentile(values, 50), p99: percentile(values, 99), most: Math.max(...values) };
}

const said = (figure) => (figure === undefined ? "none" : `p50 ${ms(figure.p50)}, p99 ${ms(figure.p99)} (${figure.count})`);

export function report({ crew, verdict, plan, seed, ms: length, tabs, heaps, healed, missed, chromium }) {
  const figures = Object.fromEntries(Object.keys(METRICS).map((kind) => [kind, { all: spread(crew.metrics, kind, false), undisturbed: spread(crew.metrics, kind, true) }]));
  const doubts = [...crew.doubts.values()].reduce((sum, one) => sum + one, 0);
  return {
    seed, tabs, minutes: length / 60_000, chromium, green: crew.problems.length === 0, problems: crew.problems,
    guest: { accepted: crew.written.length, stored: verdict.stored, refused: crew.refused }, agent: { said: crew.said.length }, conversations: verdict.conversations,
    faults: plan.faults.length, met: Object.fromEntries([...crew.met].sort()), missed,
    excuses: verdict.excuses, unprovedResends: doubts, pages: crew.tabs.reduce((sum, { life }) => sum + life, 0), ...crew.counts,
    figures, heaps, healedMs: healed,
  };
}

const heap = ({ script, buffers, module, listeners, rows }) => `script ${mib(script)}, buffers ${mib(buffers)}, module ${mib(module)}, ${listeners} listeners, ${rows} rows`;

/** As lines to read. */
export function lines(result) {
  const { guest, agent, excuses, figures, heaps } = result;
  return [
    "",
    `coverage: ${Object.entries(result.met).map(([kind, times]) => `${kind} ${times}`).join(", ")}${result.missed.length === 0 ? "" : `; not met: ${result.missed.join(", ")}`}`,
    `guest: ${guest.accepted} accepted, ${guest.stored} stored, ${guest.refused} refused; agent: ${agent.said} said; ${result.conversations} conversations, ${result.pages} pages, ${result.connects} connections, ${result.limited} times over a limit, ${result.evicted} evicted`,
    `excuses: ${excuses.doubled.length} doubled (${result.unprovedResends} sent again without proof)${named(excuses.doubled)}, ${excuses.wiped.length} lost with cleared storage${named(excuses.wiped)}, ${excuses.unprovable.length} failed by name with cleared storage${named(excuses.unprovable)}, ${excuses.overtaken.length} overtaken with cleared storage${named(excuses.overtaken)}, ${excuses.unanswered.length} unanswered by a page that died${named(excuses.unanswered)}`,
    ...Object.entries(METRICS).map(([kind, what]) => `${kind}, ${what}: ${said(figures[kind].undisturbed)}; with pages that were disturbed ${said(figures[kind].all)}`),
    ...Object.entries(heaps).map(([when, one]) => `heap ${when}: ${heap(one)}`),
    `come right ${ms(result.healedMs)} after the last fault`,
    ...result.problems.map((problem) => `PROBLEM: ${problem}`),
    `${result.green ? "GREEN" : "RED"} · seed ${result.seed} · ${+result.minutes.toFixed(2)} minutes · ${result.tabs} tab${result.tabs === 1 ? "" : "s"} · Chromium ${result.chromium}`,
  ];
}

const named = (texts) => (texts.length === 0 ? "" : `: ${texts.join(" ")}`);

/** As a table of one row: seed, length, tabs, messages, faults, excuses, the four figures, heap. */
export function table(result) {
  const heads = ["seed", "minutes", "tabs", "guest + agent", "faults", "doubled / wiped / unprovable / overtaken / unanswered", ...["detect", "reconnect", "resync", "rtt"].map((kind) => `${kind} p50 / p99`), "heap", "module", "verdict"];
  return [`| ${heads.join(" | ")} |`, `|${" --- |".repeat(heads.length)}`, row(result)];
}

function row({ seed, minutes, tabs, guest, agent, faults, excuses, figures, heaps, green }) {
  const both = (figure) => (figure === undefined ? "–" : `${ms(figure.p50)} / ${ms(figure.p99)}`);
  const [from, to] = [heaps["at the start"], heaps["at the end"]];
  const cells = [
    seed, `${+minutes.toFixed(1)}`, tabs, `${guest.accepted} + ${agent.said}`, faults, `${excuses.doubled.length} / ${excuses.wiped.length} / ${excuses.unprovable.length} / ${excuses.overtaken.length} / ${excuses.unanswered.length}`,
    ...["detect", "reconnect", "resync", "rtt"].map((kind) => both(figures[kind].undisturbed)), `${mib(from.script)} → ${mib(to.script)}`, `${mib(from.module)} → ${mib(to.module)}`, green ? "green" : "red",
  ];
  return `| ${cells.join(" | ")} |`;
}
