// The streams in a page and in a worker of Chromium, as a site's own code holds them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { everyStream, EXPECTED } from "./streams-scenario.mjs";
import { deployment, profile, url } from "./stage.mjs";

/** A page of the simulator's origin with nothing on it, and a deployment of its own. */
async function open(t) {
  const context = await profile(t);
  const { deploymentId } = deployment(t);
  const page = await context.newPage();
  await page.route("**/favicon.ico", (route) => route.fulfill({ status: 204 }));
  const sockets = [];
  page.on("websocket", (socket) => sockets.push(new URL(socket.url())));
  await page.goto(`${url}/_sim/sessions?deploymentId=none`);
  return { page, deploymentId, sockets };
}

/** The text of a program that plays the scenario; it is a page's or a worker's, and needs nothing of either. */
const program = (deploymentId) => `
  const everyStream = ${everyStream};
  const place = { endpoint: ${JSON.stringify(url)}, deploymentId: ${JSON.stringify(deploymentId)} };
  const say = async (to, body) => {
    const response = await fetch(place.endpoint + "/_sim/stream", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ deploymentId: place.deploymentId, to, ...body }) });
    if (!response.ok) throw new Error(await response.text());
  };
  const streams = await import(place.endpoint + "/dist/streams.js");
`;

test("in a page each of the four connects and delivers", async (t) => {
  const { page, deploymentId, sockets } = await open(t);
  const told = await page.evaluate(`(async () => { ${program(deploymentId)} return everyStream(streams, place, say); })()`);
  assert.deepEqual(told, EXPECTED);
  const presence = sockets.find(({ pathname }) => pathname === "/api/v2/user/websocket");
  assert.match(presence.searchParams.get("access_token"), /^\S{8,}$/, "no page can send a header");
});

test("in a worker they do so too", async (t) => {
  const { page, deploymentId } = await open(t);
  const told = await page.evaluate(
    (text) =>
      new Promise((resolve, reject) => {
        const worker = new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })), { type: "module" });
        worker.onmessage = ({ data }) => (data.failed === undefined ? resolve(data.told) : reject(new Error(data.failed)));
        worker.onerror = (event) => reject(new Error(event.message));
      }),
    `try { ${program(deploymentId)} postMessage({ told: await everyStream(streams, place, say) }); } catch (error) { postMessage({ failed: String(error?.stack ?? error) }); }`,
  );
  assert.deepEqual(told, EXPECTED);
});

test("a burst leaves the page its frames, and every event comes in its order", async (t) => {
  const { page, deploymentId } = await open(t);
  const { seen, frames, workMs, idleRate } = await page.evaluate(`(async () => {
    ${program(deploymentId)}
    const stream = new streams.InteractionStream({ endpoint: place.endpoint, token: { url: place.endpoint + "/demo-backend/token?deploymentId=" + place.deploymentId }, queue: { size: 5000 } });
    const seen = [];
    let [frames, began] = [0, 0];
    const watch = () => {
      frames += 1;
      requestAnimationFrame(watch);
    };
    const all = new Promise((resolve) => stream.on("event", ({ participant }) => {
      if (seen.length === 0) {
        began = performance.now();
        frames = 0;
      }
      for (const until = performance.now() + 0.2; performance.now() < until;);
      if (seen.push(participant) === 4000) resolve(performance.now() - began);
    }));
    await stream.start();
    requestAnimationFrame(watch);
    // What is drawn here while there is nothing to do, frames a millisecond.
    const rested = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const idleRate = frames / (performance.now() - rested);
    await say("interactions", { batch: true, events: Array.from({ length: 4000 }, (_, n) => ({ timestamp: "2030-01-01T00:00:00.000Z", type: "Held", participant: "p" + n, interaction: "i", channel: "voice" })) });
    const workMs = await all;
    stream.dispose();
    return { seen, frames, workMs, idleRate };
  })()`);
  assert.deepEqual(seen, Array.from({ length: 4_000 }, (_, index) => `p${index}`));
  assert.ok(workMs >= 800, `${workMs} ms of work`);
  const idleFrames = idleRate * workMs;
  assert.ok(frames >= Math.max(1, idleFrames / 5), `${frames} frames within ${workMs} ms, ${idleFrames} in as long without work`);
});

test("measures are there for who observes them in a page", async (t) => {
  const { page, deploymentId } = await open(t);
  const { entries, left } = await page.evaluate(`(async () => {
    ${program(deploymentId)}
    const two = new Promise((resolve) => {
      const entries = [];
      new PerformanceObserver((list) => {
        for (const { name, duration, detail } of list.getEntries()) entries.push({ name, duration, latencyMs: detail.latencyMs, sequence: detail.sequence });
        if (entries.length >= 2) resolve(entries);
      }).observe({ type: "measure" });
    });
    const monitor = new streams.LatencyMonitor({ endpoint: place.endpoint, token: { url: place.endpoint + "/demo-backend/token?deploymentId=" + place.deploymentId }, connectionId: "monitor-1", pingIntervalMs: 100 });
    await monitor.start();
    const entries = await two;
    monitor.dispose();
    return { entries, left: performance.getEntriesByType("measure").length };
  })()`);
  assert.deepEqual(entries.slice(0, 2).map(({ name, sequence }) => [name, sequence]), [["guestwire:rtt", 1], ["guestwire:rtt", 2]]);
  for (const { duration, latencyMs } of entries) assert.ok(Math.abs(duration - latencyMs) < 1, `${duration} of ${latencyMs}`);
  assert.equal(left, 0);
});
