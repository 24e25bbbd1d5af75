// A room in which the session protocol is spoken (systems.md G, simulator.md "Paths"): tokens, sessions, their sockets and
// what is read over HTTP. Written from the specification alone, like the rest here.

import assert from "node:assert/strict";
import { Room, UUID, http } from "./harness.mjs";

export const SESSIONS = "/api/v2/conversations/webmessaging/sessions";
export const messagesPath = (id) => `${SESSIONS}/${id}/messages`;

const bearer = (token) => (token === undefined ? {} : { authorization: `Bearer ${token}` });

export const isText = (text) => (frame) => frame.json?.type === "text" && frame.json.text === text;
export const isPong = (frame) => frame.json?.type === "pong";

/** The texts of a page, in its order. */
export const textsOf = (page) => page.items.map((item) => item.text);

export class SessionRoom extends Room {
  /** The answer of the site's own backend. */
  backendToken() {
    return http(`/demo-backend/token?deploymentId=${this.deploymentId}`, { method: "POST" });
  }

  /** A fresh access token of this room's deployment. */
  async accessToken() {
    const response = await this.backendToken();
    assert.equal(response.status, 200);
    return (await response.json()).access_token;
  }

  create(token, body = JSON.stringify({ deploymentId: this.deploymentId })) {
    return http(SESSIONS, { method: "POST", headers: { "content-type": "application/json", ...bearer(token) }, body });
  }

  /** A session and the access token it was made with: `{ id, token }`. */
  async open() {
    const token = await this.accessToken();
    const response = await this.create(token);
    assert.equal(response.status, 200);
    const { id } = await response.json();
    assert.match(id, UUID);
    return { id, token };
  }

  #upgrade({ id, token }) {
    // Frames of this protocol are none of guest-api.md's: the inbox only keeps them.
    return { path: `${messagesPath(id)}?token=${token}`, token: id, lenient: true };
  }

  /** An open socket of a session. */
  async join(session) {
    return this.connect(this.#upgrade(session));
  }

  /** A session with one open socket: `{ id, token, socket }`. */
  async joined() {
    const session = await this.open();
    return { ...session, socket: await this.join(session) };
  }

  /** The status of a refused upgrade. */
  async refusedAt(session) {
    return (await this.refusal(this.#upgrade(session))).status;
  }

  read({ id, token }, after) {
    return http(messagesPath(id) + (after === undefined ? "" : `?after=${after}`), { headers: bearer(token) });
  }

  /** A page of what was said. */
  async page(session, after) {
    const response = await this.read(session, after);
    assert.equal(response.status, 200, await response.clone().text());
    return response.json();
  }
}

export const write = (socket, text) => socket.sendRaw({ text, type: "text" });

/** Says something and awaits its echo. */
export async function say(socket, text) {
  write(socket, text);
  return (await socket.inbox.next(isText(text))).json;
}

/** Whatever was to be sent before it has arrived when this is done. */
export async function fence(socket) {
  socket.sendRaw({ type: "ping" });
  await socket.inbox.next(isPong);
}
