// The supervisor's page in Chromium under load. It has the machine to itself: with others beside it the page would drop events by its policy.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { open, time } from "./floor.mjs";
import { until } from "./stage.mjs";

const minutes = 60_000;

/**
 * What the least that an event can be costs on this machine, in seconds of the page's thread: a message in a task of its own, parsed. A
 * bound on the share of the time would be one on the machine.
 */
async function yardstick(page, worked) {
  const count = 50_000;
  const before = await worked();
  await page.evaluate(
    ([text, count]) =>
      new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel();
        let left = count;
        port1.onmessage = ({ data }) => {
          if (JSON.parse(data).data.queue !== "sales") throw new Error("another message");
          left -= 1;
          if (left > 0) return port2.postMessage(text);
          port1.close();
          resolve();
        };
        port2.postMessage(text);
      }),
    [JSON.stringify({ id: randomUUID(), timestamp: time(0), type: "conversation.message", data: { queue: "sales", conversationId: randomUUID(), text: "Where is my order? It should have come on Monday." } }), count],
  );
  return ((await worked()) - before) / count;
}

test("at two thousand events a second all of them are counted, none is dropped, and each costs the page little", { timeout: 2 * minutes }, async (t) => {
  const floor = await open(t);
  const { page } = floor;
  const session = await page.context().newCDPSession(page);
  // The time that the page's own thread had the processor: what other programs take of the machine does not count.
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const worked = async () => (await session.send("Performance.getMetrics")).metrics.find(({ name }) => name === "TaskDuration").value;
  const yard = await yardstick(page, worked);
  await page.getByRole("slider", { name: "Load" }).focus();
  await page.keyboard.press("End");
  await until(() => page.locator("#events .column-note").first().textContent(), (text) => Number.parseFloat(text.replace(",", "")) > 1900, "two thousand a second");
  const before = await worked();
  const { frames, p95, longest } = await page.evaluate(
    (ms) =>
      new Promise((resolve) => {
        const times = [];
        let last = performance.now();
        const end = last + ms;
        const tick = (now) => {
          times.push(now - last);
          last = now;
          if (now < end) return requestAnimationFrame(tick);
          times.sort((a, b) => a - b);
          resolve({ frames: times.length, p95: times[Math.floor(0.95 * (times.length - 1))], longest: times.at(-1) });
        };
        requestAnimationFrame(tick);
      }),
    5000,
  );
  const perEvent = ((await worked()) - before) / (5 * 2000);
  const ratio = perEvent / yard;
  t.diagnostic(`${frames} frames in 5 s, p95 ${p95.toFixed(1)} ms, longest ${longest.toFixed(1)} ms; ${Math.round(1e6 * perEvent)} µs of the page's thread for an event with all that is drawn, ${ratio.toFixed(1)} of the least that one can be`);
  assert.ok(ratio > 3 && ratio < 20, `${ratio}`);
  assert.ok(frames > 10, `${frames} frames`);
  for (const key of ["conversations", "interactions", "presence"]) await floor.figure(key, "Dropped", "0");
});
