// What each of the four streams has to do once on a line of its own, wherever it runs: told to it is where the service is, heard of it
// are plain objects. It is run in Node as it is, and its text in a page and in a worker.

/**
 * `streams`: the package's entry. `more`: options for all of them, e.g. `createSocket`. `say(to, body)` has the service send
 * something. Gives back what was told.
 */
export async function everyStream(streams, { endpoint, deploymentId, more = {} }, say) {
  const { LatencyMonitor, ConversationEvents, InteractionStream, PresenceMultiplexer } = streams;
  const token = { url: `${endpoint}/demo-backend/token?deploymentId=${deploymentId}` };
  const common = { endpoint, token, ...more };
  const collect = (stream, event, count) => {
    const told = [];
    // As many as that, though more come before anybody looks.
    return new Promise((resolve) => stream.on(event, (payload) => told.push(payload) === count && resolve([...told])));
  };
  const at = (ms) => new Date(Date.UTC(2030, 0, 1) + ms).toISOString();

  // How long a round trip takes while the others begin is the machine's affair.
  const latency = new LatencyMonitor({ ...common, connectionId: "monitor-1", pingIntervalMs: 100, maxLatencyMs: 60_000 });
  const conversations = new ConversationEvents({ ...common, filter: "type=v2.call", holdMs: 300 });
  const interactions = new InteractionStream({ ...common, channels: ["voice"] });
  const presence = new PresenceMultiplexer({ ...common, channels: [{ id: "c1", type: "presence", config: { presenceTypes: ["online", "busy"] } }, { id: "c2", type: "routing" }] });
  const all = [latency, conversations, interactions, presence];

  const probes = collect(latency, "probe", 3);
  const events = collect(conversations, "event", 3);
  const health = collect(conversations, "health", 1);
  const raw = collect(interactions, "event", 3);
  const updates = collect(presence, "update", 2);
  const group = [];
  const grouped = new Promise((resolve) => presence.register("desk", { channels: ["c2"], handler: (update) => group.push(update) === 1 && resolve(group) }));
  await Promise.all(all.map((stream) => stream.start()));

  await say("conversations", { batch: true, events: [3, 1, 2, 1].map((n) => ({ id: `e${n}`, timestamp: at(n), type: "v2.call", data: { n } })) });
  await say("conversations", { events: [{ id: "e9", timestamp: at(9), type: "v2.chat", data: {} }] });
  await say("interactions", {
    events: [
      { timestamp: at(2_000), type: "ParticipantLeft", participant: "agent", interaction: "i1", channel: "voice", reason: "transfer" },
      { timestamp: at(1_000), type: "ParticipantJoined", participant: "agent", interaction: "i1", channel: "voice" },
      { timestamp: at(1_500), type: "Held", participant: "agent", interaction: "i1", channel: "voice" },
      { timestamp: at(1_500), type: "ParticipantJoined", participant: "guest", interaction: "i1", channel: "chat" },
    ],
  });
  await say("presence", { updates: [{ channelId: "c1", timestamp: at(1), eventType: "changed", payload: { presence: "busy" } }, { channelId: "c2", timestamp: at(2), eventType: "changed", payload: { status: "IDLE" } }] });

  const told = {
    probes: (await probes).map(({ sequence, latencyMs, timedOut, stability }) => ({ sequence, isMeasured: latencyMs >= 0, timedOut, stability })),
    events: (await events).map(({ event, late }) => [event.id, event.data.n, late]),
    health: (await health).map(({ status }) => status),
    raw: (await raw).map(({ type, participant }) => `${type} ${participant}`),
    timeline: interactions.timeline("i1"),
    timelines: interactions.timelines(),
    updates: (await updates).map(({ channelId, type, payload, outOfOrder }) => ({ channelId, type, payload, outOfOrder })),
    group: (await grouped).map(({ channelId }) => channelId),
    states: all.map(({ state }) => state.name),
    figures: [latency.metrics.p50Ms >= 0, conversations.metrics.duplicates, interactions.metrics.events, presence.metrics.events],
  };
  await Promise.all(all.map((stream) => stream.stop()));
  told.stopped = all.map(({ state }) => state.name);
  for (const stream of all) stream.dispose();
  return told;
}

/** What that comes to. */
export const EXPECTED = {
  probes: [1, 2, 3].map((sequence) => ({ sequence, isMeasured: true, timedOut: false, stability: 1 })),
  events: [["e1", 1, false], ["e2", 2, false], ["e3", 3, false]],
  health: ["connected"],
  raw: ["ParticipantLeft agent", "ParticipantJoined agent", "Held agent"],
  timeline: {
    interaction: "i1",
    entries: [
      { timestamp: "2030-01-01T00:00:01.000Z", type: "ParticipantJoined", participant: "agent", channel: "voice", parsed: true },
      { timestamp: "2030-01-01T00:00:02.000Z", type: "ParticipantLeft", participant: "agent", channel: "voice", reason: "transfer", parsed: true },
    ],
    participants: [{ participant: "agent", present: false, intervals: [{ joined: "2030-01-01T00:00:01.000Z", left: "2030-01-01T00:00:02.000Z", reason: "transfer" }] }],
  },
  timelines: ["i1"],
  updates: [
    { channelId: "c1", type: "presence", payload: { presence: "busy" }, outOfOrder: false },
    { channelId: "c2", type: "routing", payload: { status: "IDLE" }, outOfOrder: false },
  ],
  group: ["c2"],
  states: ["ready", "ready", "ready", "ready"],
  figures: [true, 1, 3, 2],
  stopped: ["stopped", "stopped", "stopped", "stopped"],
};
