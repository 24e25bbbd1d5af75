// The streams in Node, against the simulator, over a WebSocket that is handed in: what a server makes of them.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import WebSocket from "ws";
import * as streams from "../../dist/streams.js";
import { startSimulator } from "../../scripts/simulator.mjs";
import { everyStream, EXPECTED } from "./streams-scenario.mjs";

const DEADLINE_MS = 30_000;
let simulator;
before(async () => (simulator = await startSimulator(process.env.SIMULATOR_BIN)));
after(() => simulator?.close());

/** A deployment for one test, and the sockets that were made for it. */
function stage(t) {
  const deploymentId = `streams-${randomUUID()}`;
  const made = [];
  const post = async (path, body) => {
    const response = await fetch(`${simulator.url}/_sim/${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ deploymentId, ...body }) });
    const text = await response.text();
    assert.ok(response.ok, `${path} ${JSON.stringify(body)}: ${text}`);
    return JSON.parse(text);
  };
  const waiting = [];
  const createSocket = (url, protocols, init) => {
    const socket = new WebSocket(url, protocols, init);
    made.push({ url, headers: init?.headers ?? {} });
    for (const resolve of waiting.splice(0)) resolve(socket);
    return socket;
  };
  const open = [];
  t.after(() => open.forEach((stream) => stream.dispose()));
  return {
    deploymentId,
    made,
    nextSocket: () => new Promise((resolve) => waiting.push(resolve)),
    post,
    say: (to, body) => post("stream", { to, ...body }),
    options: { endpoint: simulator.url, token: { url: `${simulator.url}/demo-backend/token?deploymentId=${deploymentId}` }, createSocket },
    track: (stream) => (open.push(stream), stream),
  };
}

const next = (stream, event, wanted = () => true) => new Promise((resolve) => {
  const off = stream.on(event, (payload) => wanted(payload) && (off(), resolve(payload)));
});

test("each of the four connects and delivers", async (t) => {
  const { deploymentId, options, say } = stage(t);
  assert.deepEqual(await everyStream(streams, { endpoint: simulator.url, deploymentId, more: options }, say), EXPECTED);
});

test("the multiplexer's token goes as a header and never in the address; a stream of events has it in the query", async (t) => {
  const { options, made, track } = stage(t);
  const lines = [];
  const logged = { debug: (line) => lines.push(line), audit: (line) => lines.push(line) };
  await track(new streams.PresenceMultiplexer({ ...options, ...logged, channels: [{ id: "c1", type: "presence" }] })).start();
  await track(new streams.ConversationEvents({ ...options, ...logged })).start();
  const [presence, conversations] = made;
  assert.equal(presence.url, `${simulator.url.replace("http", "ws")}/api/v2/user/websocket`);
  assert.match(presence.headers.Authorization, /^Bearer \S{8,}$/);
  const token = presence.headers.Authorization.slice("Bearer ".length);
  assert.deepEqual(conversations.headers, {});
  assert.match(conversations.url, /\?access_token=\S+&session_id=[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}&filter=$/);
  const other = new URL(conversations.url).searchParams.get("access_token");
  assert.ok(lines.some((line) => line.includes('"action":"CONNECTING"')), "connecting is in the audit log");
  for (const line of lines) assert.ok(!line.includes(token) && !line.includes(other) && !line.includes("session_id"), line);
});

test("a trusted host has its tokens by a secret of its own", async (t) => {
  const { options, deploymentId, post, say, track } = stage(t);
  // A deployment that has switches of its own is found by the client's id.
  await post("set", { accessTokenSeconds: 3_600 });
  const stream = track(new streams.InteractionStream({ ...options, token: { clientId: deploymentId, clientSecret: "a secret: 100% & more" } }));
  await stream.start();
  const event = next(stream, "event");
  await say("interactions", { events: [{ timestamp: "2030-01-01T00:00:00.000Z", type: "ParticipantJoined", participant: "p", interaction: "i", channel: "voice" }] });
  assert.equal((await event).participant, "p");
});

test("a token that the service refuses is an error with its words, and start rejects", async (t) => {
  const { options, track } = stage(t);
  let asked = 0;
  const stream = track(new streams.InteractionStream({ ...options, backoff: { baseMs: 1, maxMs: 10 }, token: async () => ({ access_token: `wrong ${(asked += 1)}`, expires_in: 3_600 }) }));
  const errors = [];
  stream.on("error", (error) => errors.push(error));
  await assert.rejects(stream.start(), { code: 7037, name: "AuthRequired" });
  assert.ok(asked >= 2, "another token was asked for first");
  assert.ok(errors.every(({ code, detail }) => code === 7060 && typeof detail === "string" && detail.length > 0), String(errors));
  assert.equal(stream.state.name, "authRequired");
});

test("a lost line is replaced, and what was missed comes after all, once", async (t) => {
  const { deploymentId, options, post, say, track, made } = stage(t);
  const stream = track(new streams.ConversationEvents({ ...options, holdMs: 0, backoff: { baseMs: 1, maxMs: 50 } }));
  const told = [];
  stream.on("event", ({ event }) => told.push(event.id));
  await stream.start();
  const event = (n) => ({ id: `e${n}`, timestamp: new Date(Date.UTC(2030, 0, 1, 0, 0, n)).toISOString(), type: "t", data: {} });
  const first = next(stream, "event");
  await say("conversations", { events: [event(1)] });
  await first;
  const ready = next(stream, "state", ({ name }) => name === "ready");
  const gone = next(stream, "state", ({ name }) => name !== "ready");
  await post("faults", { on: "frame-out", do: "drop", match: { deploymentId } });
  await say("conversations", { events: [event(2)] });
  await gone;
  await say("conversations", { events: [event(3)] });
  const last = next(stream, "event", ({ event: { id } }) => id === "e4");
  await ready;
  await say("conversations", { events: [event(4)] });
  await last;
  assert.deepEqual([...told].sort(), ["e1", "e2", "e3", "e4"]);
  assert.ok(made.length >= 2);
  assert.equal(stream.metrics.reconnects, 1);
});

test("behind a slow listener the queue drops by its policy, and says so", async (t) => {
  const { options, say, track } = stage(t);
  const stream = track(new streams.InteractionStream({ ...options, queue: { size: 10, policy: "drop-newest" } }));
  await stream.start();
  const seen = [];
  let release;
  const begun = new Promise((resolve) => stream.on("event", ({ participant }) => {
    seen.push(participant);
    resolve();
    return release === undefined ? new Promise((go) => (release = go)) : undefined;
  }));
  const event = (n) => ({ timestamp: new Date(Date.UTC(2030, 0, 1, 0, 0, n)).toISOString(), type: "Held", participant: `p${n}`, interaction: "i", channel: "voice" });
  await say("interactions", { events: [event(0)] });
  await begun;
  const dropped = next(stream, "dropped", ({ total }) => total === 5);
  await say("interactions", { batch: true, events: Array.from({ length: 15 }, (_, index) => event(index + 1)) });
  await dropped;
  const last = next(stream, "event", ({ participant }) => participant === "p10");
  release();
  await last;
  assert.deepEqual(seen, Array.from({ length: 11 }, (_, index) => `p${index}`));
  assert.equal(stream.metrics.dropped, 5);
});

test("a monitor that is attached to another stream sees its round trips", async (t) => {
  const { options, track } = stage(t);
  const source = track(new streams.LatencyMonitor({ ...options, connectionId: "monitor-1", pingIntervalMs: 100 }));
  const monitor = track(new streams.LatencyMonitor({ source }));
  await monitor.start();
  const probe = next(monitor, "probe");
  await source.start();
  const { timedOut, latencyMs, sequence } = await probe;
  assert.deepEqual([timedOut, latencyMs >= 0, sequence], [false, true, undefined]);
  assert.ok(monitor.metrics.answered >= 1);
});

test("updates are posted to a group's webhook", async (t) => {
  const { createServer } = await import("node:http");
  const { options, say, track } = stage(t);
  const posted = new Promise((resolve) => {
    const server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => (body += chunk)).on("end", () => {
        response.writeHead(204).end();
        resolve({ method: request.method, type: request.headers["content-type"], body: JSON.parse(body) });
      });
    });
    t.after(() => server.close());
    server.listen(0, "127.0.0.1", () => start(`http://127.0.0.1:${server.address().port}/hook`));
  });
  const start = async (url) => {
    const presence = track(new streams.PresenceMultiplexer({ ...options, channels: [{ id: "c1", type: "presence" }] }));
    presence.register("crm", { url });
    await presence.start();
    await say("presence", { updates: [{ channelId: "c1", timestamp: "2030-01-01T00:00:00.000Z", eventType: "changed", payload: { presence: "away" } }] });
  };
  const { method, type, body } = await posted;
  assert.deepEqual([method, type.split(";")[0], body.channelId, body.payload.presence], ["POST", "application/json", "c1", "away"]);
});

test("over the Notifications service presence and interactions are told as over their own wires", async (t) => {
  const { options, say, track } = stage(t);
  const presence = track(new streams.PresenceMultiplexer({ ...options, dialect: "notifications", channels: [{ id: "c1", type: "presence", config: { userId: "u1", presenceTypes: ["busy"] } }] }));
  const interactions = track(new streams.InteractionStream({ ...options, dialect: "notifications", users: ["u1"] }));
  await Promise.all([presence.start(), interactions.start()]);
  const update = next(presence, "update");
  const joined = next(interactions, "event");
  const modifiedDate = "2030-01-01T00:00:00.000Z";
  await say("notifications", { topic: "v2.users.u1.presence", body: { source: "PURECLOUD", presenceDefinition: { id: "p", systemPresence: "BUSY" }, message: "", modifiedDate } });
  await say("notifications", { topic: "v2.users.u1.conversations", body: { id: "i1", participants: [{ id: "agent", purpose: "agent", calls: [{ id: "c", state: "connected", connectedTime: modifiedDate }] }] } });
  const { channelId, type, timestamp, payload, outOfOrder } = await update;
  assert.deepEqual([channelId, type, timestamp, payload.presence, outOfOrder], ["c1", "presence", modifiedDate, "busy", false]);
  const { interaction, participant, channel, type: what } = await joined;
  assert.deepEqual([interaction, participant, channel, what], ["i1", "agent", "voice", "ParticipantJoined"]);
  assert.deepEqual(interactions.timeline("i1").participants.map(({ participant: id, present }) => [id, present]), [["agent", true]]);
});

test("a drain of the Notifications service is followed by another socket, and nobody notices", async (t) => {
  const { options, say, track, nextSocket } = stage(t);
  const interactions = track(new streams.InteractionStream({ ...options, dialect: "notifications", queues: ["q1"] }));
  await interactions.start();
  const states = [];
  interactions.on("state", ({ name }) => states.push(name));
  const second = nextSocket();
  await say("notifications", { do: "drain", inMs: 20_000 });
  await second;
  const joined = next(interactions, "event");
  await say("notifications", { topic: "v2.routing.queues.q1.conversations", body: { id: "i2", participants: [{ id: "guest", purpose: "customer", chats: [{ id: "c", state: "connected", connectedTime: "2030-01-01T00:00:00.000Z" }] }] } });
  assert.equal((await joined).interaction, "i2");
  assert.deepEqual(states, []);
});

test("after as many attempts as were allowed it gives up, makes room, and begins anew when it is asked to", async (t) => {
  const { options, post, deploymentId, track } = stage(t);
  const [refusal] = (await post("faults", { on: "connect", do: "refuse", status: 503, count: 0, match: { deploymentId } })).ids;
  const limited = { ...options, maxConnections: 1, attempts: 1, backoff: { baseMs: 1, maxMs: 10 } };
  const events = track(new streams.ConversationEvents(limited));
  await assert.rejects(events.start(), { code: 7068, name: "GaveUp" });
  assert.deepEqual(events.state, { name: "ended", reason: "gaveUp" });
  const lifted = await fetch(`${simulator.url}/_sim/faults?id=${refusal}`, { method: "DELETE" });
  assert.ok(lifted.ok);
  const other = track(new streams.ConversationEvents(limited));
  await other.start();
  await assert.rejects(events.start(), { code: 7063, count: 1 });
  await other.stop();
  await events.start();
  assert.equal(events.state.name, "ready");
});

test("given up while it connects, a socket that was handed in harms nobody", async (t) => {
  const { options, track, nextSocket } = stage(t);
  for (const end of ["stop", "dispose"]) {
    const stream = track(new streams.InteractionStream(options));
    const made = nextSocket();
    const start = stream.start();
    const socket = await made;
    assert.equal(socket.readyState, WebSocket.CONNECTING);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    void stream[end]();
    await assert.rejects(start, { code: 7001 });
    // It reports an error before this; with nobody to hear it the process would end.
    await closed;
  }
});

test("stopped, the four keep no process alive", async (t) => {
  const { deploymentId } = stage(t);
  const program = `
    import WebSocket from "ws";
    import * as streams from "./dist/streams.js";
    const options = { endpoint: ${JSON.stringify(simulator.url)}, token: { url: ${JSON.stringify(`${simulator.url}/demo-backend/token?deploymentId=${deploymentId}`)} }, createSocket: (url, protocols, init) => new WebSocket(url, protocols, init) };
    const source = new streams.LatencyMonitor({ ...options, connectionId: "monitor-1" });
    const all = [source, new streams.LatencyMonitor({ source }), new streams.ConversationEvents(options), new streams.InteractionStream(options), new streams.PresenceMultiplexer({ ...options, channels: [{ id: "c1", type: "presence" }] })];
    await Promise.all(all.map((stream) => stream.start()));
    await Promise.all(all.map((stream) => stream.stop()));
    console.log("stopped");
  `;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { cwd: fileURLToPath(new URL("../..", import.meta.url)), stdio: ["ignore", "pipe", "inherit"], timeout: DEADLINE_MS });
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  const [code, signal] = await new Promise((resolve) => child.on("close", (...how) => resolve(how)));
  assert.deepEqual([output.trim(), code, signal], ["stopped", 0, null]);
});
