/**
 * The types of `guestwire/streams`: what an agent's page, a worker or a server hears of the platform. Times are whole
 * milliseconds, points in time since the epoch, unless a name says otherwise; what the service wrote stays as it wrote it.
 * Nothing here touches the DOM, network or WebAssembly at import time.
 */

import type { ConnectionState, TokenSource } from "../client/api.js";
import type { StreamError } from "./errors.js";

// ---- what all of them have in common

export interface StreamOptions {
  /** One origin that serves every path (a proxy, a simulator), e.g. "http://127.0.0.1:8787". Either this or the class's own host. */
  endpoint?: string;
  /** Where access tokens come from. A client secret is refused in a public https page. */
  token: TokenSource;
  /** The waits between attempts. "default" is the class's own; `baseMs` 1 to `maxMs`, at most 3600000. */
  backoff?: "default" | { baseMs: number; maxMs: number };
  /** So many attempts in a row before it ends with "gaveUp", 0 to 1000000; 0 never gives up. Default 0, of an InteractionStream 5. */
  attempts?: number;
  /**
   * Makes the socket; for hosts without a global WebSocket. `init` is given where a token goes as a header: in Node, by a
   * PresenceMultiplexer, and a socket that is made without these headers is refused.
   */
  createSocket?: (url: string, protocols?: string[], init?: { headers: Record<string, string> }) => WebSocket;
  fetch?: typeof fetch;
  /** Aborting it disposes of the stream. */
  signal?: AbortSignal;
  /** Gets lines for a log: no payload of an event, no token, no query of a URL. */
  debug?: (line: string) => void;
  /** Where audit lines go, one JSON object each, besides to who listens to "audit". They hold no token and no query of a URL. */
  audit?: "console" | ((line: string) => void) | { url: string };
  /** The queue between socket and consumer. `size` 1 to 1000000, default 1024; `policy` is for when it is full, default "drop-oldest". */
  queue?: { size?: number; policy?: "drop-oldest" | "drop-newest" | "coalesce" };
  /** How often "metrics" is told, 100 to 3600000. Default 10000. */
  metricsEveryMs?: number;
}

/** Where a stream stands. One that "ended" begins again by `start()`. */
export type StreamState =
  | Exclude<ConnectionState, { name: "ended" }>
  | { name: "ended"; reason: "notAllowed" | "policy" | "gaveUp" };

/** Something that nobody has to act upon at once. */
export interface StreamWarning {
  readonly code: number;
  readonly message: string;
  /** What it is about: a channel, a webhook, what the service said. */
  readonly detail?: string;
}

export interface StreamEvents {
  state: StreamState;
  /** All figures, by name; see `metricsEveryMs`. */
  metrics: Readonly<Record<string, number>>;
  /** A round trip; how long it took to notice that a line is dead; how long until it was back. */
  metric: { kind: "rtt" | "detect" | "reconnect"; ms: number };
  /** So many events were dropped, because a queue was full, since this was last told; and so many in all. */
  dropped: { count: number; total: number };
  warning: StreamWarning;
  error: StreamError;
  audit: { line: string };
}

// ---- latency monitor

export interface LatencyLimits {
  /** A round trip over this is over the limit, at least 1. Default 300. */
  maxLatencyMs?: number;
  /** A difference between two round trips over this is over the limit, at least 1. Default 50. */
  maxJitterMs?: number;
  /** So many samples are looked at together, 2 to 10000. Default 256. */
  window?: number;
  /** Called with every sample. What it throws is reported and harms nothing. */
  apm?: (sample: Sample) => void;
  /** Every sample is a `performance.measure` named "guestwire:rtt" as well, for tools that observe these. Default true. */
  marks?: boolean;
}

export interface LatencyOptions extends StreamOptions, LatencyLimits {
  /** Platform domain, e.g. "mypurecloud.com". Either this or `endpoint`. */
  environment?: string;
  /** Names the connection to the service: 8 to 36 letters, digits, "_" and "-". */
  connectionId: string;
  /** Time between two probes, 100 to 3600000. Default 2000. */
  pingIntervalMs?: number;
  /** Probes are never closer than this, 0 to 5000. Default 1000, or `pingIntervalMs` where that is less. */
  probeFrequencyLimitMs?: number;
  /** A probe without an answer after this long is a timeout, 100 to 60000. Default 5000. */
  timeoutMs?: number;
  /**
   * How the service's clock is followed: `metrics.correctionMs` is `adjustFactor` of the offset (0 to 1, default 0.95), and at most
   * `maxDriftMs` (0 to 86400000, default 10).
   */
  driftCompensation?: { enabled?: boolean; maxDriftMs?: number; adjustFactor?: number };
}

/** What measures round trips of its own: every client of this package. */
export interface MetricSource {
  on(event: "metric", listener: (metric: { readonly kind: string; readonly ms: number }) => void): () => void;
}

/** Attached to another client, whose round trips are looked at. It has no connection of its own, and needs no token. */
export interface AttachedLatencyOptions extends LatencyLimits, Pick<StreamOptions, "signal" | "debug" | "metricsEveryMs"> {
  source: MetricSource;
}

export interface Sample {
  /** Which probe it was; absent when attached. */
  readonly sequence?: number;
  /** The round trip; absent when it timed out. */
  readonly latencyMs?: number;
  /** Difference to the round trip before. */
  readonly jitterMs: number;
  /** The same, smoothed (RFC 3550 §6.4.1). */
  readonly smoothedJitterMs: number;
  /** Share of the window within `maxLatencyMs`, 0 to 1. */
  readonly stability: number;
  readonly timedOut: boolean;
  /** The service's clock less this one's, as followed so far. */
  readonly offsetMs?: number;
  readonly at: number;
}

/** A limit was crossed: `over` says in which direction. */
export interface Threshold {
  readonly what: "latency" | "jitter";
  readonly value: number;
  readonly limit: number;
  readonly over: boolean;
}

export interface LatencyEvents extends StreamEvents {
  probe: Sample;
  threshold: Threshold;
}

// ---- conversation events

export interface ConversationOptions extends StreamOptions {
  /** Host of the organisation's API, e.g. "api.mypurecloud.com". Either this or `endpoint`. */
  domain?: string;
  /** Which events: pairs `name=value` joined by ",", all of which must hold; at most 4096 bytes. Default: all. */
  filter?: string;
  /** How long an event is held for those before it, 0 to 60000. Default 250. */
  holdMs?: number;
  /** So many ids are remembered, that nothing is told twice; 1 to 1000000. Default 10000. */
  seenIds?: number;
  /** So many of these may be started at a time in this page or process, 1 to 1000; another one is refused. Default 10. */
  maxConnections?: number;
  /** Where reports of health are posted, one at each change of state. */
  health?: { url: string };
}

/** As the service sent it. */
export interface ConversationEvent {
  readonly id: string;
  readonly timestamp: string;
  readonly type: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly [member: string]: unknown;
}

export interface Health {
  readonly sessionId: string;
  readonly status: "connected" | "disconnected" | "reconnecting";
  readonly reconnectionLatencyMs: number;
  /** Estimate, 0 to 1. */
  readonly packetLossRate: number;
  readonly eventLatencyMs: number;
  readonly timestamp: string;
}

export interface ConversationEventsEvents extends StreamEvents {
  /** `late`: something newer was told already. `latencyMs`: from the service's timestamp to here. */
  event: { readonly event: ConversationEvent; readonly late: boolean; readonly latencyMs?: number };
  health: Health;
}

// ---- interaction stream

export type InteractionChannel = "voice" | "chat" | "video" | "sms";

/** What is left out is every one. */
export interface InteractionFilter {
  /** Of this interaction alone; of the dialect "stream". */
  interaction?: string;
  /** Over these channels alone; of the dialect "stream". */
  channels?: readonly InteractionChannel[];
  /** Whose conversations, by ids; of the dialect "notifications", which needs `users` or `queues`, 5000 together at most. */
  users?: readonly string[];
  queues?: readonly string[];
}

export interface InteractionOptions extends StreamOptions, InteractionFilter {
  /** Region, e.g. "us-east-1", or the domain behind "api.". Either this or `endpoint`. */
  region?: string;
  /** A share of dropped events over which there is a warning, 0 to 1, in thousandths. Default 0.05. */
  dropWarning?: number;
  /** A consumer that is so far behind is told as "lag", at least 1. Default 500. */
  lagMs?: number;
  /** So many events are remembered, that nothing is told twice; 1 to 1000000. Default 10000. */
  seenEvents?: number;
  /** "notifications": by the platform's Notifications service. Default "stream". */
  dialect?: "stream" | "notifications";
}

/** As the service sent it. */
export interface InteractionEvent {
  readonly timestamp: string;
  readonly type: string;
  readonly participant: string;
  readonly interaction: string;
  readonly channel: string;
  readonly reason?: string;
  readonly [member: string]: unknown;
}

/** Joins and leaves of one interaction, in the order of their timestamps; those of the same time in the order of arrival. */
export interface Timeline {
  readonly interaction: string;
  readonly entries: readonly TimelineEntry[];
  readonly participants: readonly Participant[];
}

export interface TimelineEntry {
  readonly timestamp: string;
  readonly type: "ParticipantJoined" | "ParticipantLeft";
  readonly participant: string;
  readonly channel?: string;
  readonly reason?: string;
  /** False: the timestamp cannot be read, and the entry stands where it arrived. */
  readonly parsed: boolean;
}

export interface Participant {
  readonly participant: string;
  readonly present: boolean;
  /** `joined` or `left` is absent where that was not seen. */
  readonly intervals: readonly { readonly joined?: string; readonly left?: string; readonly reason?: string }[];
}

export interface InteractionEvents extends StreamEvents {
  event: InteractionEvent;
  /** The timeline of this interaction changed. */
  timeline: { readonly interaction: string };
  lag: { readonly ms: number };
}

// ---- presence multiplexer

export type PresenceType = "online" | "offline" | "busy" | "away" | "meeting" | "lunch" | "training" | "other" | "do-not-disturb";

export interface Channel {
  id: string;
  type: "presence" | "routing" | "message";
  config?: { presenceTypes?: readonly PresenceType[]; userId?: string };
}

export interface PresenceOptions extends StreamOptions {
  /** Region, e.g. "usw2", or the domain behind "api.". Either this or `endpoint`. */
  region?: string;
  /** At least one; 10 for each connection (of the dialect "notifications" 1000), spread over as many as it takes. */
  channels: readonly Channel[];
  /** How long an update is held for those before it, 0 to 60000. Default 500. */
  reorderMs?: number;
  /** "notifications": by the platform's Notifications service, where every channel needs a `userId`. Default "stream". */
  dialect?: "stream" | "notifications";
  /** At most so many connections, 1 to 5. Default 5. */
  maxConnections?: number;
}

export interface PresenceUpdate {
  readonly channelId: string;
  readonly timestamp: string;
  readonly eventType: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** That of the channel. */
  readonly type: string;
  /** It came behind a newer one of its channel. */
  readonly outOfOrder: boolean;
}

/** Who gets updates: a handler, or a URL to which they are posted. No group is held up by another. */
export interface PresenceGroup {
  /** One that gives a promise gets the next update when that has settled. */
  handler?: (update: PresenceUpdate) => void | Promise<void>;
  url?: string;
  /** Ids of channels. Default: all. */
  channels?: readonly string[];
}

export interface PresenceEvents extends StreamEvents {
  update: PresenceUpdate;
}
