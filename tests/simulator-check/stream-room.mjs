// A room in which the agent-side streams are spoken (systems.md L, E, I, P and the Notifications service): their sockets, what is
// sent on them by /_sim/stream, and what they are subscribed to. Written from the specification alone, like the rest here.

import assert from "node:assert/strict";
import { http, randomUUID } from "./harness.mjs";
import { SessionRoom } from "./session-room.mjs";

export const REALTIME = "/v2/analytics/events/realtime";
export const CONVERSATIONS = "/api/v2/analytics/conversations/events";
export const INTERACTIONS = "/api/v2/analytics/conversations/stream";
export const PRESENCE = "/api/v2/user/websocket";
export const CHANNELS = "/api/v2/notifications/channels";

export const bearer = (token) => (token === undefined ? {} : { authorization: `Bearer ${token}` });

/** What a frame says, text or binary. */
export const said = (frame) => frame.json ?? JSON.parse(String(frame.raw));

const isPong = (sequence) => (frame) => frame.json?.type === "pong" && frame.json.sequence === sequence;
let pinged = 0;

/** Whatever was to be sent on L, E, I or P before it has arrived when this is done. */
export async function fence(socket) {
  pinged += 1;
  socket.sendRaw({ type: "ping", sequence: pinged });
  await socket.inbox.next(isPong(pinged));
}

/** How the socket ended: code and reason. */
export function ended(socket, timeoutMs = 5000) {
  return new Promise((settle, reject) => {
    const timer = setTimeout(() => reject(new Error(`the socket is open after ${timeoutMs} ms`)), timeoutMs);
    void socket.closed.then((end) => (clearTimeout(timer), settle(end)));
  });
}

const isAnswer = (frame) => frame.json?.status !== undefined || frame.json?.type === "subscribed" || frame.json?.type === "error";

/** Sends a frame and awaits what answers it. */
export async function ask(socket, frame) {
  socket.sendRaw(frame);
  return (await socket.inbox.next(isAnswer)).json;
}

/** The frames since `mark` that are neither answers nor pongs, text or binary, once all have arrived. */
export async function news(socket, mark = 0) {
  await fence(socket);
  return socket.inbox.seen((frame) => !isAnswer(frame) && frame.json?.type !== "pong", mark);
}

/** Events of I since `mark`, of text and binary frames, in the order in which they came. */
export const interactionsOf = async (socket, mark) => (await news(socket, mark)).map(said).flatMap(({ events }) => events);

export const conversation = (id, type = "CallStarted", data = {}) => ({ id, timestamp: new Date().toISOString(), type, data });

export const interaction = (participant, fields = {}) => ({
  timestamp: new Date().toISOString(),
  type: "ParticipantJoined",
  participant,
  interaction: "i1",
  channel: "voice",
  ...fields,
});

export const update = (userId, presence, fields = {}) => ({
  timestamp: new Date().toISOString(),
  eventType: "presence.changed",
  payload: { userId, presence },
  ...fields,
});

export class StreamRoom extends SessionRoom {
  #control(method, path, body) {
    return http(`/_sim/${path}`, { method, headers: { "content-type": "application/json" }, body: body && JSON.stringify(body) });
  }

  async #good(method, path, body) {
    const response = await this.#control(method, path, body);
    assert.ok(response.ok, await response.clone().text());
    return response.json();
  }

  /** POST /_sim/stream for this room. */
  emit(to, fields) {
    return this.#good("POST", "stream", { deploymentId: this.deploymentId, to, ...fields });
  }

  /** The status of a /_sim/stream or /_sim/scenario that is refused. */
  async refusedControl(path, body) {
    return (await this.#control("POST", path, { deploymentId: this.deploymentId, ...body })).status;
  }

  /** The open sockets of this room, as GET /_sim/streams lists them. */
  streams() {
    return this.#good("GET", `streams?deploymentId=${this.deploymentId}`);
  }

  scenario(body) {
    return body === undefined
      ? this.#good("GET", `scenario?deploymentId=${this.deploymentId}`)
      : this.#good("POST", "scenario", { deploymentId: this.deploymentId, ...body });
  }

  at(path, headers) {
    return this.connect({ path, headers, lenient: true });
  }

  /** A socket of L that has subscribed. */
  async prober(fields = {}) {
    const socket = await this.at(REALTIME);
    const answer = await ask(socket, await this.subscription(fields));
    assert.equal(answer.type, "subscribed", JSON.stringify(answer));
    return socket;
  }

  async subscription(fields = {}) {
    return {
      type: "subscribe",
      token: await this.accessToken(),
      connectionId: "monitor-0001",
      settings: { pingInterval: "2s", driftCompensation: { enabled: true, maxDriftMs: 500, adjustFactor: 0.1 } },
      ...fields,
    };
  }

  conversationsPath({ token, session = randomUUID(), filter = "" } = {}) {
    return `${CONVERSATIONS}?${new URLSearchParams({ access_token: token, session_id: session, filter })}`;
  }

  /** A socket of E. */
  async listener(fields = {}) {
    return this.at(this.conversationsPath({ token: fields.token ?? (await this.accessToken()), ...fields }));
  }

  /** A socket of I whose token was taken. */
  async stranger() {
    const socket = await this.at(INTERACTIONS);
    assert.deepEqual(await ask(socket, { token: await this.accessToken() }), { status: "connected" });
    return socket;
  }

  /** A socket of I that has subscribed. */
  async reader(filter = {}) {
    const socket = await this.stranger();
    assert.deepEqual(await ask(socket, { filter }), { status: "subscribed" });
    return socket;
  }

  /** A socket of P, its token in the query. */
  async subscriber() {
    return this.at(`${PRESENCE}?access_token=${await this.accessToken()}`);
  }

  /** A call of the Notifications service. */
  call(method, path, { token, body } = {}) {
    return http(path, { method, headers: { "content-type": "application/json", ...bearer(token) }, body: body && JSON.stringify(body) });
  }

  /** A channel: `{ id, connectUri, expires, token }`. */
  async channel() {
    const token = await this.accessToken();
    const response = await this.call("POST", CHANNELS, { token });
    assert.equal(response.status, 200);
    return { ...(await response.json()), token };
  }

  /** Calls a channel's subscriptions; its topics. */
  async topics(method, { id, token }, topics) {
    const body = topics?.map((topic) => ({ id: topic }));
    const response = await this.call(method, `${CHANNELS}/${id}/subscriptions`, { token, body });
    assert.equal(response.status, 200, await response.clone().text());
    return (await response.json()).entities.map((entity) => entity.id).sort();
  }

  /** A socket of a channel. */
  receiver(channel) {
    return this.at(new URL(channel.connectUri).pathname);
  }
}
