import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { GuestwireError } from "../client/errors.js";
import type { Channel, ConversationOptions, InteractionOptions, LatencyOptions, PresenceOptions } from "./api.js";
import { checkConversations, checkGroup, checkInteractions, checkLatency, checkPresence, PLAIN, plainOptions } from "./options.js";

const common = { endpoint: "https://service.test", token: { url: "/token" } };
const channel = (number: number, more: object = {}): Channel => ({ id: `c${number}`, type: "presence", ...more }) as Channel;
const channels = (count: number): Channel[] => Array.from({ length: count }, (_, index) => channel(index));

/** What a call is refused with; undefined if it is not. */
function refusal(run: () => void): [code: number, field: string | undefined] | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    assert.ok(error instanceof GuestwireError, String(error));
    return [error.code, error.field];
  }
}
const field = (run: () => void): string | undefined => {
  const refused = refusal(run);
  assert.ok(refused === undefined || refused[0] === 7000, String(refused));
  return refused?.[1];
};
const latency = (given: object): string | undefined => field(() => checkLatency({ ...common, connectionId: "monitor-1", ...given } as LatencyOptions));
const conversations = (given: object): string | undefined => field(() => checkConversations({ ...common, ...given } as ConversationOptions));
const interactions = (given: object): string | undefined => field(() => checkInteractions({ ...common, ...given } as InteractionOptions));
const presence = (given: object): string | undefined => field(() => checkPresence({ ...common, channels: channels(1), ...given } as PresenceOptions));

afterEach(() => void Reflect.deleteProperty(globalThis, "origin"));

test("what is right is taken", () => {
  assert.equal(latency({ pingIntervalMs: 100, probeFrequencyLimitMs: 5_000, maxLatencyMs: 1, maxJitterMs: 1, timeoutMs: 100, window: 2, driftCompensation: { enabled: false, maxDriftMs: 0, adjustFactor: 0.95 }, apm: () => {}, marks: false }), undefined);
  assert.equal(conversations({ filter: "", holdMs: 0, seenIds: 1, maxConnections: 1, health: { url: "/health" } }), undefined);
  assert.equal(interactions({ interaction: "i", channels: ["voice", "chat", "video", "sms"], dropWarning: 0.05, lagMs: 1, seenEvents: 1, dialect: "stream" }), undefined);
  assert.equal(presence({ channels: [channel(1, { config: { presenceTypes: ["online", "do-not-disturb"], userId: "u" } })], reorderMs: 0, maxConnections: 5 }), undefined);
});

test("each class has a host of its own, or an endpoint, and not both", () => {
  assert.equal(latency({ endpoint: undefined }), "environment");
  assert.equal(conversations({ endpoint: undefined }), "domain");
  assert.equal(interactions({ endpoint: undefined }), "region");
  assert.equal(presence({ endpoint: undefined }), "region");
  assert.equal(presence({ region: "usw2" }), "endpoint");
  const hosted = (given: object): object => ({ endpoint: undefined, ...given });
  assert.equal(latency(hosted({ environment: "mypurecloud.com" })), undefined);
  assert.equal(latency(hosted({ environment: "mypurecloud" })), "environment");
  assert.equal(conversations(hosted({ domain: "api.mypurecloud.com" })), undefined);
  assert.equal(conversations(hosted({ domain: "https://api.mypurecloud.com" })), "domain");
  assert.equal(interactions(hosted({ region: "us-east-1" })), undefined);
  assert.equal(presence(hosted({ region: "evil.test/x" })), "region");
  assert.equal(presence({ endpoint: "ftp://x" }), "endpoint");
});

test("what all have in common is refused by field", () => {
  for (const check of [latency, conversations, interactions, presence]) {
    assert.equal(check({ token: undefined }), "token");
    assert.equal(check({ token: {} }), "token");
    assert.equal(check({ backoff: "tutorial" }), "backoff");
    assert.equal(check({ backoff: { baseMs: 2, maxMs: 1 } }), "backoff");
    assert.equal(check({ backoff: { baseMs: 1.5, maxMs: 2 } }), "backoff");
    assert.equal(check({ backoff: { baseMs: 1, maxMs: 2 } }), undefined);
    assert.equal(check({ attempts: -1 }), "attempts");
    assert.equal(check({ attempts: 1.5 }), "attempts");
    assert.equal(check({ attempts: 0 }), undefined);
    assert.equal(check({ queue: { size: 0 } }), "queue.size");
    assert.equal(check({ queue: { policy: "drop" } }), "queue.policy");
    assert.equal(check({ queue: 5 }), "queue");
    assert.equal(check({ queue: { size: 16, policy: "coalesce" } }), undefined);
    assert.equal(check({ metricsEveryMs: 99 }), "metricsEveryMs");
    assert.equal(check({ createSocket: "ws" }), "createSocket");
    assert.equal(check({ fetch: {} }), "fetch");
    assert.equal(check({ debug: "x" }), "debug");
    assert.equal(check({ signal: {} }), "signal");
    assert.equal(check({ audit: "file" }), "audit");
    assert.equal(check({ audit: {} }), "audit.url");
    for (const audit of ["console", () => {}, { url: "/audit" }]) assert.equal(check({ audit }), undefined);
  }
  for (const check of [checkLatency, checkConversations, checkInteractions, checkPresence]) assert.equal(field(() => check(null as never)), "options");
});

test("a client secret in an https page is refused unless that is asked for by name", () => {
  Object.assign(globalThis, { origin: "https://shop.test" });
  const grant = { clientId: "id", clientSecret: "secret" };
  const options = (token: object): InteractionOptions => ({ ...common, token }) as InteractionOptions;
  assert.deepEqual(refusal(() => checkInteractions(options(grant))), [7106, "token"]);
  assert.equal(refusal(() => checkInteractions(options({ ...grant, allowSecretInPage: true }))), undefined);
  Object.assign(globalThis, { origin: "null" });
  assert.equal(refusal(() => checkInteractions(options(grant))), undefined);
});

test("the latency monitor's configuration is validated with errors that name the field (systems.md L2)", () => {
  for (const id of [undefined, 7, "", "short-1", "x".repeat(37), "has space 1", "umlaut-ä-1"]) assert.equal(latency({ connectionId: id }), "connectionId", String(id));
  for (const id of ["exactly8", "x".repeat(36), "A_b-9_x-y"]) assert.equal(latency({ connectionId: id }), undefined, id);
  assert.equal(latency({ pingIntervalMs: 99 }), "pingIntervalMs");
  assert.equal(latency({ pingIntervalMs: "2s" }), "pingIntervalMs");
  assert.equal(latency({ probeFrequencyLimitMs: 5_001 }), "probeFrequencyLimitMs");
  assert.equal(latency({ maxLatencyMs: 0 }), "maxLatencyMs");
  assert.equal(latency({ maxJitterMs: -1 }), "maxJitterMs");
  assert.equal(latency({ timeoutMs: 99 }), "timeoutMs");
  assert.equal(latency({ timeoutMs: 60_001 }), "timeoutMs");
  assert.equal(latency({ window: 1 }), "window");
  assert.equal(latency({ driftCompensation: true }), "driftCompensation");
  assert.equal(latency({ driftCompensation: { enabled: 1 } }), "driftCompensation.enabled");
  assert.equal(latency({ driftCompensation: { maxDriftMs: -1 } }), "driftCompensation.maxDriftMs");
  for (const adjustFactor of [-0.1, 1.1, Number.NaN, 1e-7, "0.5"]) assert.equal(latency({ driftCompensation: { adjustFactor } }), "driftCompensation.adjustFactor", String(adjustFactor));
  for (const adjustFactor of [0, 1, 0.5, 0.125]) assert.equal(latency({ driftCompensation: { adjustFactor } }), undefined, String(adjustFactor));
  assert.equal(latency({ apm: {} }), "apm");
  assert.equal(latency({ marks: "yes" }), "marks");
});

test("an attached monitor needs a source, and neither host nor token", () => {
  const attached = (given: object): string | undefined => field(() => checkLatency(given as LatencyOptions));
  const source = { on: () => () => {} };
  assert.equal(attached({ source }), undefined);
  assert.equal(attached({ source: {} }), "source");
  assert.equal(attached({ source: null }), "source");
  assert.equal(attached({ source, maxLatencyMs: 0 }), "maxLatencyMs");
  assert.equal(attached({ source, signal: 7 }), "signal");
});

test("conversation events are refused by field", () => {
  assert.equal(conversations({ filter: {} }), "filter");
  assert.equal(conversations({ filter: "x".repeat(4_096) }), undefined);
  assert.equal(conversations({ filter: "é".repeat(2_049) }), "filter");
  assert.equal(conversations({ holdMs: -1 }), "holdMs");
  assert.equal(conversations({ seenIds: 0 }), "seenIds");
  assert.equal(conversations({ maxConnections: 0 }), "maxConnections");
  assert.equal(conversations({ health: {} }), "health.url");
  assert.equal(conversations({ health: "/health" }), "health");
});

test("the interaction stream is refused by field", () => {
  assert.equal(interactions({ interaction: "" }), "interaction");
  assert.equal(interactions({ channels: "voice" }), "channels");
  assert.equal(interactions({ channels: ["voice", "fax"] }), "channels[1]");
  assert.equal(interactions({ dropWarning: 1.5 }), "dropWarning");
  assert.equal(interactions({ lagMs: 0 }), "lagMs");
  assert.equal(interactions({ seenEvents: 0 }), "seenEvents");
  assert.equal(interactions({ dialect: "other" }), "dialect");
});

test("notifications of interactions are asked for by users or queues, the stream by neither", () => {
  assert.equal(interactions({ dialect: "notifications" }), "users");
  assert.equal(interactions({ dialect: "notifications", users: [], queues: [] }), "users");
  assert.equal(interactions({ dialect: "notifications", users: ["u", 7] }), "users[1]");
  assert.equal(interactions({ dialect: "notifications", queues: [""] }), "queues[0]");
  assert.equal(interactions({ dialect: "notifications", users: ["u"] }), undefined);
  assert.equal(interactions({ dialect: "notifications", queues: ["q"] }), undefined);
  assert.equal(interactions({ dialect: "notifications", queues: ["a.b"] }), "queues[0]");
  const refused = (given: object): unknown => refusal(() => checkInteractions({ ...common, ...given } as InteractionOptions));
  assert.deepEqual(refused({ users: ["u"] }), [7038, "users"]);
  assert.deepEqual(refused({ queues: ["q"] }), [7038, "queues"]);
  assert.deepEqual(refused({ dialect: "notifications", users: ["u"], interaction: "i" }), [7038, "interaction"]);
  assert.deepEqual(refused({ dialect: "notifications", users: ["u"], channels: ["voice"] }), [7038, "channels"]);
  assert.deepEqual(refused({ dialect: "notifications", users: Array.from({ length: 5_001 }, (_, index) => `u${index}`) }), [7064, "users"]);
});

test("a wrong channel is named by its index, and the value is told (systems.md P2)", () => {
  const told = (wrong: object, at = 3): [string | undefined, string] => {
    const list = channels(5);
    list[at] = { ...list[at], ...wrong } as Channel;
    try {
      checkPresence({ ...common, channels: list } as PresenceOptions);
    } catch (error) {
      assert.ok(error instanceof GuestwireError);
      return [error.field, error.message];
    }
    return [undefined, ""];
  };
  assert.deepEqual(told({ type: "presense" }), ["channels[3].type", 'An option is missing or wrong. (channels[3].type): "presense"']);
  assert.deepEqual(told({ type: undefined })[0], "channels[3].type");
  assert.deepEqual(told({ id: "" })[0], "channels[3].id");
  assert.deepEqual(told({ id: "c0" }), ["channels[3].id", 'An option is missing or wrong. (channels[3].id): "c0"']);
  assert.deepEqual(told({ config: 7 })[0], "channels[3].config");
  assert.deepEqual(told({ config: { presenceTypes: ["online", "invisible"] } }, 0), ["channels[0].config.presenceTypes[1]", 'An option is missing or wrong. (channels[0].config.presenceTypes[1]): "invisible"']);
  assert.deepEqual(told({ config: { presenceTypes: "online" } })[0], "channels[3].config.presenceTypes");
  assert.deepEqual(told({ config: { userId: "" } })[0], "channels[3].config.userId");
  assert.match(told({ type: "x".repeat(1_000) })[1], /^.{100,120}…$/);
  assert.equal(presence({ channels: [] }), "channels");
  assert.equal(presence({ channels: [null] }), "channels[0].id");
  assert.equal(presence({ channels: {} }), "channels");
});

test("more channels than the connections hold are an error of their own (systems.md P3)", () => {
  const refused = (count: number, maxConnections?: number): [number, string | undefined] | undefined => refusal(() => checkPresence({ ...common, channels: channels(count), maxConnections } as PresenceOptions));
  assert.equal(refused(50), undefined);
  assert.deepEqual(refused(51), [7064, "channels"]);
  assert.equal(refused(20, 2), undefined);
  assert.deepEqual(refused(21, 2), [7064, "channels"]);
  assert.equal(presence({ maxConnections: 6 }), "maxConnections");
  assert.equal(presence({ maxConnections: 0 }), "maxConnections");
});

test("presence by notifications asks for users, and takes a thousand topics for each connection", () => {
  const dialect = "notifications";
  const of = (count: number): Channel[] => Array.from({ length: count }, (_, index) => channel(index, { config: { userId: `u${index}` } }));
  assert.equal(presence({ dialect, channels: of(1_000), maxConnections: 1 }), undefined);
  assert.deepEqual(refusal(() => checkPresence({ ...common, dialect, channels: of(1_001), maxConnections: 1 })), [7064, "channels"]);
  assert.equal(presence({ dialect, channels: [channel(0)] }), "channels[0].config.userId");
  assert.equal(presence({ dialect, channels: [channel(0, { config: { userId: "a.b" } })] }), "channels[0].config.userId");
});

test("a group has an id, and either a handler or a URL", () => {
  const group = (given: object, id = "g"): string | undefined => field(() => checkGroup(id, given));
  assert.equal(group({ handler: () => {} }), undefined);
  assert.equal(group({ url: "/hook", channels: ["c1"] }), undefined);
  assert.equal(group({ handler: () => {} }, ""), "id");
  assert.equal(group({}), "handler");
  assert.equal(group({ handler: () => {}, url: "/hook" }), "handler");
  assert.equal(group({ handler: "x" }), "handler");
  assert.equal(group({ url: "" }), "url");
  assert.equal(group({ url: "/hook", channels: ["c1", 2] }), "channels[1]");
});

test("the module gets the plain members, and of the audit sink a URL alone", () => {
  const plain = (given: object): Record<string, unknown> => JSON.parse(plainOptions({ ...common, channels: channels(1), ...given }, PLAIN.presence)) as Record<string, unknown>;
  assert.deepEqual(plain({ createSocket: () => {}, debug: () => {}, audit: "console", other: 7 }), { ...common, channels: [{ id: "c0", type: "presence" }], audit: {}, visible: true });
  assert.deepEqual(plain({ audit: { url: "/audit" } })["audit"], { url: "/audit" });
  assert.equal(plain({ token: async () => ({}) })["token"], undefined);
});
