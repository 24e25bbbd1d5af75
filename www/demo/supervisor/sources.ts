/** The four streams of this page, and what hears of them. Everything here runs for every event: it counts and keeps, and shows nothing. */
import { type StreamOptions, ConversationEvents, InteractionStream, LatencyMonitor, PresenceMultiplexer, initStreams } from "../../streams/index.js";
import { Board } from "./board.js";
import { Probes } from "./probes.js";
import { type EventStream, Rates } from "./rates.js";
import { AGENT_IDS } from "./scenario.js";
import { Tape } from "./tape.js";
import { Wall } from "./wall.js";

export const LIMITS = { maxLatencyMs: 100, maxJitterMs: 30, timeoutMs: 2000, pingIntervalMs: 500 } as const;
/** A slow reader takes so long over each event, in ms. */
export const SLOW_MS = 50;
/** So many samples are looked at together: the last two minutes. */
export const WINDOW = 240;

export class Sources {
  readonly latency: LatencyMonitor;
  readonly conversations: ConversationEvents;
  readonly interactions: InteractionStream;
  readonly presence: PresenceMultiplexer;
  readonly rates = new Rates();
  readonly tape = new Tape();
  readonly board = new Board();
  readonly wall = new Wall();
  readonly probes = new Probes();
  /** This page reads slowly, as one with much to do for each event. */
  isSlow = false;
  /** The newest event of a conversation. */
  lastConversation: object | undefined;
  /** The newest timestamp of the interaction stream: what is older came late. */
  #newest = "";

  constructor(deploymentId: string) {
    initStreams("/dist/core-streams.wasm");
    const common = { endpoint: location.origin, token: { url: `/demo-backend/token?deploymentId=${encodeURIComponent(deploymentId)}` } };
    // These two say whose they are in their first frame. The simulator's rules for the upgrade want to know before.
    const named = { createSocket: inDeployment(deploymentId) };
    const random = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
    this.latency = new LatencyMonitor({ ...common, ...named, ...LIMITS, connectionId: `supervisor-${random.toString(36)}`, probeFrequencyLimitMs: LIMITS.pingIntervalMs, window: WINDOW });
    this.conversations = new ConversationEvents(common);
    this.interactions = new InteractionStream({ ...common, ...named });
    this.presence = new PresenceMultiplexer({
      ...common,
      // What is newest of each channel matters: a flood of messages is to push out messages, not what an agent does.
      queue: { policy: "coalesce" },
      // One for each agent: what was missed while the line was broken comes again for every single one.
      channels: [...AGENT_IDS.map((userId) => ({ id: userId, type: "presence" as const, config: { userId } })), { id: "routing", type: "routing" }, { id: "messages", type: "message" }],
    });
    this.wall.expect(AGENT_IDS);
    this.#listen();
  }

  start(): void {
    // A start that fails is told by the state.
    for (const stream of [this.latency, this.conversations, this.interactions, this.presence]) stream.start().catch(() => undefined);
  }

  /** A new day begins. */
  clear(): void {
    this.board.clear(this.interactions.timelines());
    this.wall.clear();
  }

  #listen(): void {
    this.latency.on("probe", (sample) => this.probes.push(sample));
    this.conversations.on("event", ({ event, late }) => {
      const { conversationId, queue } = event.data ?? {};
      if (typeof conversationId === "string" && typeof queue === "string") this.board.place(conversationId, queue);
      this.lastConversation = event;
      return this.#take("conversations", event.type, event.timestamp, late, event);
    });
    this.interactions.on("timeline", ({ interaction }) => this.board.note(interaction));
    this.interactions.on("event", (event) => {
      // Timestamps of one service in one format: they compare as text.
      const isLate = event.timestamp < this.#newest;
      if (!isLate) this.#newest = event.timestamp;
      return this.#take("interactions", event.type, event.timestamp, isLate, event);
    });
    this.presence.on("update", (update) => {
      this.wall.take(update);
      return this.#take("presence", update.eventType, update.timestamp, update.outOfOrder, update);
    });
  }

  /** What is returned is waited for before the next: meanwhile the stream's queue fills. */
  #take(stream: EventStream, type: string, timestamp: string, late: boolean, raw: object): void | Promise<void> {
    const at = Date.now();
    this.tape.push({ stream, type: this.rates.count(stream, type, late, at), at, timestamp, late, raw });
    if (this.isSlow) return new Promise((resolve) => setTimeout(resolve, SLOW_MS));
  }
}

function inDeployment(deploymentId: string): NonNullable<StreamOptions["createSocket"]> {
  return (url, protocols) => {
    const address = new URL(url);
    address.searchParams.set("deploymentId", deploymentId);
    return new WebSocket(address, protocols);
  };
}
