// Figures of the streams, against a server of the bench's own that is nothing but fast. Each stands beside a bare WebSocket with
// JSON.parse, on the same frames and in the same page, in turns, so that what else this machine does falls on both.

import { CHANNELS, startFeed } from "./feed.mjs";
import { median, mib, ms, percentile } from "./figures.mjs";
import { Stage } from "./stage.mjs";

/** How much of everything: events of a round, rounds, paced events, their rounds, where memory is looked at, events sent at once meanwhile, probes. */
const sizes = {
  full: { events: 30_000, rounds: 5, paced: 10_000, pacedRounds: 3, marks: [100_000, 250_000, 500_000, 1_000_000], burst: 5_000, probes: 100 },
  quick: { events: 4_000, rounds: 2, paced: 1_000, pacedRounds: 1, marks: [2_000, 5_000, 10_000, 20_000], burst: 2_000, probes: 10 },
};
const PER_SECOND = 2_000;

/** `options`: nothing is held back; `window`: what is held back by default, and for so many milliseconds. */
const classes = [
  { name: "ConversationEvents", wire: "conversations", options: { holdMs: 0 }, window: [250, { holdMs: 250 }] },
  { name: "InteractionStream", wire: "interactions", options: {} },
  { name: "PresenceMultiplexer", wire: "presence", options: { channels: CHANNELS, reorderMs: 0 }, window: [500, { channels: CHANNELS, reorderMs: 500 }] },
  { name: "LatencyMonitor (attached)", wire: "latency", options: {} },
];

const thousands = (value) => Math.round(value).toLocaleString("en");
const us = (value) => `${(value * 1000).toFixed(1)} µs`;
const range = (values, write) => `${write(Math.min(...values))} to ${write(Math.max(...values))}`;
const sum = (values) => values.reduce((total, value) => total + value, 0);

/** Sends what `send` sends to a stream with these options, or to a bare socket without any; gives what arrived. */
async function round(stage, feed, { wire, options, count, offset, send }) {
  await stage.run("connect", wire, feed.url, options);
  await stage.run("expect", count, offset);
  const before = await stage.counters();
  await send();
  const result = await stage.run("arrived");
  const after = await stage.counters();
  const figures = options === undefined ? {} : await stage.run("figures");
  await stage.run("leave");
  return { ...result, sent: count, dropped: figures.dropped ?? 0, threadMs: (after.TaskDuration - before.TaskDuration) * 1000 };
}

/** Rounds of the stream and of a bare socket in turns. The first of each is not counted: code is compiled in it. */
async function inTurns(rounds, measure) {
  const taken = { stream: [], bare: [] };
  for (let n = 0; n <= rounds; n += 1) {
    for (const who of n % 2 === 0 ? ["bare", "stream"] : ["stream", "bare"]) {
      const result = await measure(who);
      if (n > 0) taken[who].push(result);
    }
  }
  return taken;
}

/** What a test looks at: whether everything came, and in its order. */
const counts = (results) => ({ sent: sum(results.map(({ sent }) => sent)), arrived: sum(results.map(({ arrived }) => arrived)), disordered: sum(results.map(({ disordered }) => disordered)), dropped: sum(results.map(({ dropped }) => dropped)) });
const missing = ({ sent, arrived, disordered, dropped }) => [dropped > 0 && `${thousands(dropped)} dropped by the queue`, sent > arrived && `${thousands(sent - arrived)} of ${thousands(sent)} missing`, disordered > 0 && `${thousands(disordered)} out of order`].filter(Boolean).map((text) => `; ${text}`).join("");

/** As fast as they go. The queue holds all of them: what a queue drops is no speed. */
async function throughput(stage, feed, { events, rounds }, { name, wire, options, held = 0 }, what, row) {
  const queue = { size: events };
  const taken = await inTurns(rounds, (who) => round(stage, feed, { wire, options: who === "bare" ? undefined : { ...options, queue }, count: events, send: feed.burst(wire, 0, events) }));
  const rates = (results, held) => results.map(({ arrived, ms }) => arrived / ((ms - held) / 1000));
  // The last one was held, too, and that is no work.
  const [stream, bare] = [rates(taken.stream, held), rates(taken.bare, 0)];
  const ratios = stream.map((rate, n) => rate / bare[n]);
  const [own, others] = [taken.stream, taken.bare].map((results) => median(results.map(({ threadMs, arrived }) => threadMs / arrived)));
  const percent = (ratio) => `${Math.round(ratio * 100)} %`;
  row(
    `${name}${what}, as fast as it goes`,
    `${thousands(median(stream))} events/s`,
    `${percent(median(ratios))} of a bare socket (${range(ratios, percent)}), which has ${thousands(median(bare))} (${range(bare, thousands)}); here ${range(stream, thousands)}, ${rounds} rounds of ${thousands(events)}; the main thread's own time ${us(own)} an event, bare ${us(others)}${missing(counts(taken.stream))}`,
    { perSecond: median(stream), barePerSecond: median(bare), ratio: median(ratios), threadMs: own, bareThreadMs: others, ...counts(taken.stream) },
  );
}

/** From the server's write to the handler, at a rate that leaves time. */
async function lateness(stage, feed, { paced, pacedRounds }, { name, wire, options }, what, row) {
  const { offset, error } = await stage.run("clock", feed.url);
  const taken = await inTurns(pacedRounds, (who) => round(stage, feed, { wire, options: who === "bare" ? undefined : options, count: paced, offset, send: () => feed.pace(wire, paced, PER_SECOND) }));
  const all = (results) => results.flatMap(({ took }) => took);
  const [stream, bare] = [all(taken.stream), all(taken.bare)];
  const both = (values) => `p50 ${ms(percentile(values, 50))}, p99 ${ms(percentile(values, 99))}`;
  row(
    `${name}${what}, ${thousands(PER_SECOND)} events/s`,
    both(stream),
    `from the server's write to the handler; a bare socket ${both(bare)}; ${pacedRounds} × ${thousands(paced)} events; clocks compared to ${ms(error)}${missing(counts(taken.stream))}`,
    { p50: percentile(stream, 50), p99: percentile(stream, 99), bareP50: percentile(bare, 50), bareP99: percentile(bare, 99), clockError: error, ...counts(taken.stream) },
  );
}

/** What is held after so many events, all of them handled. */
async function memory(stage, feed, { marks, burst }, { name, wire, options, window }, row) {
  const queue = { size: burst };
  await stage.run("connect", wire, feed.url, { ...options, ...window?.[1], queue });
  const looks = [];
  const look = async (events) => {
    const { script, buffers, module } = await stage.heap();
    looks.push({ events, script, buffers, module });
  };
  await look(0);
  const total = { sent: 0, arrived: 0, disordered: 0, dropped: 0 };
  for (const mark of marks) {
    while (total.sent < mark) {
      const count = Math.min(burst, mark - total.sent);
      const send = feed.burst(wire, total.sent, count);
      await stage.run("expect", count);
      await send();
      const { arrived, disordered } = await stage.run("arrived");
      total.sent += count;
      total.arrived += arrived;
      total.disordered += disordered;
    }
    await look(mark);
  }
  total.dropped = (await stage.run("figures")).dropped;
  await stage.run("leave");
  const held = ({ script, module }) => `${mib(script)} + ${mib(module)}`;
  row(
    `${name}, memory after ${thousands(marks.at(-1))} events`,
    held(looks.at(-1)),
    `script after a collection + module; ${looks.slice(0, -1).map((seen) => `${thousands(seen.events)}: ${held(seen)}`).join(", ")}${missing(total)}`,
    { looks, ...total },
  );
}

/** A monitor's own probes, which it may not send as often as that. */
async function probes(stage, feed, { probes: count }, row) {
  const { told, bare } = await stage.run("probes", feed.url, count);
  const both = (values) => `p50 ${ms(percentile(values, 50))}, p99 ${ms(percentile(values, 99))}`;
  row(
    "LatencyMonitor, own probes",
    both(told),
    `round trips as it tells them, in whole milliseconds; a bare socket at the same time ${both(bare)}; ${count} probes, ten a second`,
    { p50: percentile(told, 50), p99: percentile(told, 99), bareP50: percentile(bare, 50), bareP99: percentile(bare, 99), sent: count, arrived: told.length, disordered: 0, dropped: 0 },
  );
}

/** Measures all of it; `browser` and `site` are there. */
export async function streams({ browser, site, quick, row }) {
  const size = quick ? sizes.quick : sizes.full;
  const feed = await startFeed();
  const on = async (measure) => {
    const stage = await Stage.open(browser, `${site.url}/streams.html`);
    await measure(stage);
    await stage.close();
  };
  try {
    for (const measure of [throughput, lateness]) {
      for (const { window, ...one } of classes) {
        await on((stage) => measure(stage, feed, size, one, "", row));
        if (window !== undefined) await on((stage) => measure(stage, feed, size, { ...one, options: window[1], held: window[0] }, ` with its window of ${window[0]} ms`, row));
      }
    }
    await on((stage) => probes(stage, feed, size, row));
    for (const one of classes) await on((stage) => memory(stage, feed, size, one, row));
  } finally {
    await feed.close();
  }
}
