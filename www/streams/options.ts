/** Options are looked at when a stream is made, before there is a module to do it: the rules are those of `src/streams/options.rs`. */

import { Code, GuestwireError } from "../client/errors.js";
import { fields, type Fields } from "../client/fields.js";
import { checkToken } from "../client/options.js";
import type { AttachedLatencyOptions, Channel, ConversationOptions, InteractionFilter, InteractionOptions, LatencyOptions, PresenceGroup, PresenceOptions, StreamOptions } from "./api.js";
import { StreamCode, streamError, type StreamError } from "./errors.js";

const HOUR_MS = 3_600_000;
/** An id that becomes part of a topic. */
const ID = /^[A-Za-z0-9_-]+$/;
const PRESENCE_TYPES = ["online", "offline", "busy", "away", "meeting", "lunch", "training", "other", "do-not-disturb"];
/** So many channels one connection takes, by dialect, and so many connections one client (systems.md P2, P3, last paragraph). */
const CHANNELS = { stream: 10, notifications: 1_000 };
const CONNECTIONS = 5;
/** Longer filters are refused, bytes: they stand in a URL. */
const LONGEST_FILTER = 4_096;

/** The plain members of each class's options: what the module gets. */
const COMMON = ["endpoint", "token", "backoff", "attempts", "queue", "metricsEveryMs"];
export const PLAIN = {
  latency: [...COMMON, "attached", "environment", "connectionId", "pingIntervalMs", "probeFrequencyLimitMs", "maxLatencyMs", "maxJitterMs", "timeoutMs", "window", "driftCompensation"],
  conversations: [...COMMON, "domain", "filter", "holdMs", "seenIds", "health"],
  interactions: [...COMMON, "region", "interaction", "channels", "dropWarning", "lagMs", "seenEvents", "dialect", "users", "queues"],
  presence: [...COMMON, "region", "channels", "reorderMs", "dialect", "maxConnections"],
};

/** The members of these names as JSON. A function does not pass: where there is no token, the module asks the page. */
export function plainOptions(options: object, names: readonly string[]): string {
  const { audit } = options as StreamOptions;
  return JSON.stringify({
    ...Object.fromEntries(names.map((name) => [name, (options as Fields)[name]])),
    // Lines are told in any case; the module posts them where there is a URL.
    audit: { url: typeof audit === "object" ? audit.url : undefined },
    visible: !globalThis.document?.hidden,
  });
}

// ---- class by class

export function checkLatency(options: LatencyOptions | AttachedLatencyOptions): void {
  const given = object(options);
  if (given["source"] === undefined) {
    checkCommon(given, "environment");
    const id = given["connectionId"];
    if (typeof id !== "string" || !/^[A-Za-z0-9_-]{8,36}$/.test(id)) wrong("connectionId", id);
    whole(given, "pingIntervalMs", 100);
    whole(given, "probeFrequencyLimitMs", 0, 5_000);
    whole(given, "timeoutMs", 100, 60_000);
    const drift = part(given, "driftCompensation");
    typed(drift, "enabled", "boolean", "driftCompensation.");
    whole(drift, "maxDriftMs", 0, 24 * HOUR_MS, "driftCompensation.");
    share(drift, "adjustFactor", "driftCompensation.");
  } else {
    if (typeof (given["source"] as Partial<{ on: unknown }> | null)?.on !== "function") wrong("source");
    checkHost(given);
    whole(given, "metricsEveryMs", 100);
  }
  whole(given, "maxLatencyMs", 1);
  whole(given, "maxJitterMs", 1);
  whole(given, "window", 2, 10_000);
  typed(given, "apm", "function");
  typed(given, "marks", "boolean");
}

export function checkConversations(options: ConversationOptions): void {
  const given = object(options);
  checkCommon(given, "domain");
  typed(given, "filter", "string");
  if (new TextEncoder().encode(options.filter).length > LONGEST_FILTER) wrong("filter");
  whole(given, "holdMs", 0, 60_000);
  whole(given, "seenIds", 1, 1_000_000);
  whole(given, "maxConnections", 1, 1_000);
  if (given["health"] !== undefined) word(part(given, "health"), "url", "health.");
}

export function checkInteractions(options: InteractionOptions): void {
  const given = object(options);
  checkCommon(given, "region");
  share(given, "dropWarning");
  whole(given, "lagMs", 1);
  whole(given, "seenEvents", 1, 1_000_000);
  oneOf(given, "dialect", ["stream", "notifications"]);
  checkFilter(options, options.dialect);
}

/** Either dialect asks in words of its own: those of the other are refused, not passed over. */
export function checkFilter(filter: InteractionFilter, dialect: InteractionOptions["dialect"]): void {
  const given = object(filter);
  const isStream = dialect !== "notifications";
  for (const name of isStream ? ["users", "queues"] : ["interaction", "channels"]) if (given[name] !== undefined) throw new GuestwireError(Code.Unsupported, { field: name });
  if (isStream) {
    if (given["interaction"] !== undefined) word(given, "interaction");
    eachOf(given, "channels", ["voice", "chat", "video", "sms"]);
  } else {
    for (const name of ["users", "queues"]) words(given, name, ID);
    const { users = [], queues = [] } = filter;
    if (users.length + queues.length === 0) wrong("users");
    if (users.length + queues.length > CHANNELS.notifications * CONNECTIONS) throw tooMany("users", users.length + queues.length, CHANNELS.notifications * CONNECTIONS);
  }
}

export function checkPresence(options: PresenceOptions): void {
  const given = object(options);
  checkCommon(given, "region");
  whole(given, "reorderMs", 0, 60_000);
  oneOf(given, "dialect", ["stream", "notifications"]);
  whole(given, "maxConnections", 1, CONNECTIONS);
  checkChannels(options.channels, options);
}

/** `dialect` and `maxConnections` have been looked at. */
export function checkChannels(channels: readonly Channel[], { dialect, maxConnections = CONNECTIONS }: Pick<PresenceOptions, "dialect" | "maxConnections">): void {
  if (!Array.isArray(channels) || channels.length === 0) wrong("channels");
  const most = CHANNELS[dialect ?? "stream"] * maxConnections;
  if (channels.length > most) throw tooMany("channels", channels.length, most);
  const ids = new Set<unknown>();
  for (const [index, channel] of channels.entries()) {
    const at = `channels[${index}].`;
    const given = fields(channel);
    word(given, "id", at);
    // An update names its channel by the id alone.
    if (ids.size === ids.add(given["id"]).size) wrong(`${at}id`, given["id"]);
    if (given["type"] === undefined) wrong(`${at}type`);
    oneOf(given, "type", ["presence", "routing", "message"], at);
    const config = part(given, "config", at);
    eachOf(config, "presenceTypes", PRESENCE_TYPES, `${at}config.`);
    // There a channel is a topic, and a topic is of a user.
    if (config["userId"] !== undefined || dialect === "notifications") word(config, "userId", `${at}config.`, dialect === "notifications" ? ID : undefined);
  }
}

export function checkGroup(id: string, group: PresenceGroup): void {
  const given = fields(group);
  word({ id }, "id");
  if ((given["handler"] === undefined) === (given["url"] === undefined)) wrong("handler");
  typed(given, "handler", "function");
  if (given["url"] !== undefined) word(given, "url");
  words(given, "channels");
}

function tooMany(field: string, count: number, most: number): StreamError {
  return streamError(StreamCode.TooManyChannels, { field, detail: `${count} of ${most}` });
}

// ---- what they have in common

function checkCommon(given: Fields, hostName: string): void {
  const { [hostName]: host, endpoint, backoff, audit } = given;
  if (host === undefined && endpoint === undefined) wrong(hostName);
  if (host !== undefined && endpoint !== undefined) wrong("endpoint");
  // A region is a single word; a domain has a dot.
  const needsDot = hostName !== "region";
  if (host !== undefined && !(typeof host === "string" && /^[A-Za-z0-9.-]+$/.test(host) && (!needsDot || host.includes(".")))) wrong(hostName);
  if (endpoint !== undefined && !(typeof endpoint === "string" && /^https?:\/\/[^?#@ /]+[^?#@ ]*$/.test(endpoint))) wrong("endpoint");
  checkToken(given["token"]);
  if (backoff !== undefined && backoff !== "default") {
    const { baseMs, maxMs } = part(given, "backoff");
    if (!(isWhole(maxMs, 1, HOUR_MS) && isWhole(baseMs, 1, maxMs))) wrong("backoff");
  }
  whole(given, "attempts", 0, 1_000_000);
  const queue = part(given, "queue");
  whole(queue, "size", 1, 1_000_000, "queue.");
  oneOf(queue, "policy", ["drop-oldest", "drop-newest", "coalesce"], "queue.");
  whole(given, "metricsEveryMs", 100);
  for (const name of ["createSocket", "fetch"]) typed(given, name, "function");
  if (audit !== undefined && audit !== "console" && typeof audit !== "function") word(part(given, "audit"), "url", "audit.");
  checkHost(given);
}

function checkHost(given: Fields): void {
  typed(given, "debug", "function");
  const { signal } = given as Partial<{ signal: Partial<AbortSignal> | null }>;
  if (signal !== undefined && typeof signal?.addEventListener !== "function") wrong("signal");
}

function object(options: unknown): Fields {
  if (typeof options !== "object" || options === null) wrong("options");
  return options as Fields;
}

/** An object in an object; an empty one where there is none. */
function part(given: Fields, name: string, at = ""): Fields {
  const value = given[name];
  if (value !== undefined && (typeof value !== "object" || value === null || Array.isArray(value))) wrong(at + name);
  return fields(value);
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

function whole(given: Fields, name: string, least: number, most = HOUR_MS, at = ""): void {
  if (given[name] !== undefined && !isWhole(given[name], least, most)) wrong(at + name, given[name]);
}

/** From 0 to 1, and so written that the module reads it: in thousandths, without an exponent. */
function share(given: Fields, name: string, at = ""): void {
  const value = given[name];
  if (value !== undefined && !(typeof value === "number" && value >= 0 && value <= 1 && !`${value}`.includes("e"))) wrong(at + name, value);
}

function typed(given: Fields, name: string, type: "boolean" | "function" | "string", at = ""): void {
  if (given[name] !== undefined && typeof given[name] !== type) wrong(at + name);
}

function isWord(value: unknown, pattern = /./): boolean {
  return typeof value === "string" && pattern.test(value);
}

function word(given: Fields, name: string, at = "", pattern?: RegExp): void {
  if (!isWord(given[name], pattern)) wrong(at + name);
}

function oneOf(given: Fields, name: string, allowed: readonly string[], at = ""): void {
  if (given[name] !== undefined && !allowed.includes(given[name] as string)) wrong(at + name, given[name]);
}

function eachOf(given: Fields, name: string, allowed: readonly string[], at = ""): void {
  const values = given[name];
  if (values !== undefined && !Array.isArray(values)) wrong(at + name);
  for (const [index, value] of ((values ?? []) as unknown[]).entries()) if (!allowed.includes(value as string)) wrong(`${at}${name}[${index}]`, value);
}

function words(given: Fields, name: string, pattern?: RegExp): void {
  const values = given[name];
  if (values !== undefined && !Array.isArray(values)) wrong(name);
  for (const [index, value] of ((values ?? []) as unknown[]).entries()) if (!isWord(value, pattern)) wrong(`${name}[${index}]`, value);
}

/** `value` is shown where it cannot be a secret. */
function wrong(field: string, ...value: readonly unknown[]): never {
  throw streamError(Code.InvalidOption, { field, detail: value.map(shown)[0] });
}

function shown(value: unknown): string {
  const text = typeof value === "object" ? Object.prototype.toString.call(value) : typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
