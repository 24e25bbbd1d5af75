// Figures of the guest client and of its element, against the simulator.

import { randomUUID } from "node:crypto";
import { Stop } from "../process.mjs";
import { startSimulator } from "../simulator.mjs";
import { median, mib, ms, percentile, spread } from "./figures.mjs";
import { Stage } from "./stage.mjs";

const THROTTLE = 4;

/** How much of everything. */
const sizes = {
  full: { messages: 10_000, drawn: 200, starts: 20, cold: 5, waiting: 10, cuts: 3, sends: 5 },
  quick: { messages: 1_000, drawn: 30, starts: 5, cold: 2, waiting: 4, cuts: 1, sends: 1 },
};

const figures = {
  async receiving(stage, { messages }, row) {
    await stage.run("start", stage.options);
    const before = await stage.heap();
    const { all, took, added } = await stage.run("receive", messages, true);
    if (added < messages) throw new Stop(`Only ${added} of ${messages} messages came to the list.`);
    const tenth = Math.floor(messages / 10);
    row("decoded and stored", `${Math.round(messages / (all / 1000)).toLocaleString("en")} messages/s`, `${messages} text messages of the agent, one socket event each, read every ten`, messages / (all / 1000));
    row("main-thread time per message", `p50 ${ms(median(took))}, p99 ${ms(percentile(took, 99))}`, `first tenth p50 ${ms(median(took.slice(0, tenth)))}, last tenth ${ms(median(took.slice(-tenth)))}, longest ${ms(Math.max(...took))}`, { p50: median(took), p99: percentile(took, 99) });
    const after = await stage.heap();
    const sum = ({ script, embedder, buffers }) => script + embedder + buffers;
    row(`memory after ${messages} messages`, mib(sum(after) + after.module), `script ${mib(after.script)} (before ${mib(before.script)}), module ${mib(after.module)} (before ${mib(before.module)}), strings and buffers ${mib(after.buffers)} (before ${mib(before.buffers)}), DOM ${mib(after.embedder)}`, sum(after) + after.module);
  },

  async unread(stage, { messages }, row) {
    await stage.run("start", stage.options);
    const { all, took } = await stage.run("receive", messages, false);
    const tenth = Math.floor(messages / 10);
    row("… with none of them read", `${Math.round(messages / (all / 1000)).toLocaleString("en")} messages/s`, `p50 ${ms(median(took))}, p99 ${ms(percentile(took, 99))}; last tenth p50 ${ms(median(took.slice(-tenth)))}`, messages / (all / 1000));
  },

  async drawing(stage, { drawn }, row) {
    await stage.run("element", stage.options);
    await stage.run("ready");
    const before = await stage.counters();
    await stage.run("receiveDrawn", drawn);
    const after = await stage.counters();
    const per = (name) => ((after[name] - before[name]) * 1000) / drawn;
    row("… with the element open", `${ms(per("TaskDuration"))} per message`, `${drawn} messages, one to a frame: script ${ms(per("ScriptDuration"))}, layout ${ms(per("LayoutDuration"))}, style ${ms(per("RecalcStyleDuration"))}`, per("TaskDuration"));
  },
};

async function starting(open, { cold, starts }, row) {
  const rounds = [];
  for (let n = 0; n < cold; n += 1) {
    const stage = await open();
    rounds.push(await stage.run("start", stage.options));
    if (n === cold - 1) {
      const warm = [];
      for (let m = 0; m < starts; m += 1) warm.push(await stage.run("again", { ...stage.options, deploymentId: randomUUID() }));
      row("start() to ready, first client", spread(rounds.map(({ fromStart }) => fromStart)), `median of ${cold} fresh pages; from the import of the package ${spread(rounds.map(({ fromImport }) => fromImport))}`, median(rounds.map(({ fromStart }) => fromStart)));
      row("start() to ready, module loaded", spread(warm), `median of ${starts}, p99 ${ms(percentile(warm, 99))}`, median(warm));
    }
    await stage.close();
  }
}

/** The line is cut, messages are written, the network comes back. */
async function flushing(open, { waiting, cuts }, row) {
  for (const cut of ["typing", "message"]) {
    const rounds = [];
    for (let n = 0; n < cuts; n += 1) {
      const stage = await open();
      await stage.run("start", stage.options);
      const match = { deploymentId: stage.deploymentId };
      await stage.control("POST", "faults", [
        { on: "frame-in", match: { ...match, action: "onMessage", type: cut === "typing" ? "Event" : "Text" }, do: "drop" },
        { on: "connect", match, do: "refuse", status: 503, count: 0 },
      ]);
      const count = cut === "typing" ? waiting : waiting - 1;
      const there = await stage.run("writeOffline", count, cut);
      if (there !== waiting) throw new Stop(`${there} messages wait instead of ${waiting}.`);
      await stage.context.setOffline(true);
      await stage.control("DELETE", `faults?deploymentId=${stage.deploymentId}`);
      await stage.run("flushed");
      await stage.context.setOffline(false);
      rounds.push(await stage.page.evaluate(() => globalThis.flushing));
      await stage.close();
    }
    const value = median(rounds.map(({ flushed }) => flushed));
    const what = cut === "typing" ? `${waiting} messages, none of them in flight at the cut` : `${waiting} messages, the first in flight at the cut: proved absent before it goes again`;
    row("network back to outbox flushed", ms(value), `${what}; 60 requests a minute are allowed; ready after ${spread(rounds.map(({ ready }) => ready))}`, value);
  }
}

async function firstSend(open, { sends }, row) {
  for (const withElement of [false, true]) {
    const rounds = [];
    for (let n = 0; n < sends; n += 1) {
      const stage = await open();
      await stage.cdp.send("Emulation.setCPUThrottlingRate", { rate: THROTTLE });
      const before = await stage.counters();
      const from = await stage.page.evaluate(() => performance.now());
      const sent = await stage.run("firstSend", stage.options, withElement);
      const after = await stage.counters();
      rounds.push({ script: (after.ScriptDuration - before.ScriptDuration) * 1000, task: (after.TaskDuration - before.TaskDuration) * 1000, clock: sent - from });
      await stage.close();
    }
    const value = median(rounds.map(({ script }) => script));
    row(`script time to first send, ${withElement ? "element" : "client alone"}`, ms(value), `${THROTTLE} times slower CPU, median of ${sends}; main thread ${spread(rounds.map(({ task }) => task))}, by the clock ${spread(rounds.map(({ clock }) => clock))}`, value);
  }
}

/** Measures all of it; `browser` and `site` are there, `program` is the simulator's. */
export async function guest({ browser, site, program, quick, row }) {
  const size = quick ? sizes.quick : sizes.full;
  const simulator = await startSimulator(program, { bot: "silent" });
  try {
    const open = () => Stage.open(browser, `${site.url}/index.html`, simulator.url);
    for (const figure of Object.values(figures)) {
      const stage = await open();
      await figure(stage, size, row);
      await stage.close();
    }
    await starting(open, size, row);
    await flushing(open, size, row);
    await firstSend(open, size, row);
  } finally {
    await simulator.close();
  }
}
