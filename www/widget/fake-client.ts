/**
 * A test double of GuestClient: no network, no module, no timers. Tests script what it reports and read what it was asked.
 * Not part of any build.
 */

import type { ConnectionState, GuestEvents, Message, Session } from "../client/index.js";
import type { ChatClient, Row } from "./chat-client.js";

type Listeners = { [K in keyof GuestEvents]?: Set<(payload: GuestEvents[K]) => void> };

export class FakeClient implements ChatClient {
  protocol: "guest" | "session" = "guest";
  state: ConnectionState = { name: "idle" };
  session: Session | undefined;
  messages: readonly Row[] = [];
  unread = 0;
  /** Every command received, in order: "send hello", "reconnect". */
  readonly asked: string[] = [];
  /** What `send` throws, when it is to refuse. */
  refuse: Error | undefined;
  /** What `start` rejects with, when the client can do nothing. */
  useless: Error | undefined;
  durable = true;
  /** Older pages that `history()` hands out, oldest last. */
  pages: Row[][] = [];
  readonly #listeners: Listeners = {};
  #count = 0;

  get outbox(): readonly Message[] {
    return this.messages.filter((row) => row.direction === "inbound" && row.status !== "sent");
  }

  on<K extends keyof GuestEvents>(event: K, listener: (payload: GuestEvents[K]) => void, options: { once?: boolean; signal?: AbortSignal } = {}): () => void {
    const set: Set<(payload: GuestEvents[K]) => void> = (this.#listeners[event] as Set<(payload: GuestEvents[K]) => void> | undefined) ?? new Set();
    (this.#listeners as Record<string, unknown>)[event] = set;
    set.add(listener);
    const off = (): void => void set.delete(listener);
    options.signal?.addEventListener("abort", off);
    return off;
  }

  emit<K extends keyof GuestEvents>(event: K, payload: GuestEvents[K]): void {
    for (const listener of this.#listeners[event] ?? []) (listener as (payload: GuestEvents[K]) => void)(payload);
  }

  // What a test scripts.

  go(state: ConnectionState): void {
    this.state = state;
    this.emit("state", state);
  }

  begin(session: Partial<Session> = {}): void {
    this.session = { newSession: true, readOnly: false, ...session };
    this.emit("session", this.session);
  }

  /** A row at the end, or at `index`. */
  add(row: Partial<Row>, index = this.messages.length): Row {
    const full = this.row(row);
    this.messages = [...this.messages.slice(0, index), full, ...this.messages.slice(index)];
    if (full.direction === "outbound") this.unread++;
    this.emit("message", { message: full, index });
    if (full.direction === "outbound") this.emit("unread", { count: this.unread });
    else this.#tellOutbox();
    return full;
  }

  change(id: string, change: Partial<Row>): void {
    const index = this.messages.findIndex((row) => row.id === id);
    const message = { ...(this.messages[index] as Row), ...change };
    this.messages = this.messages.map((row) => (row.id === id ? message : row));
    this.emit("updated", { message, index });
    this.#tellOutbox();
  }

  row(row: Partial<Row>): Row {
    const id = row.id ?? `row ${++this.#count}`;
    return { direction: "outbound", kind: "text", time: Date.now(), status: "sent", content: [], attachments: [], metadata: {}, ...row, id };
  }

  #tellOutbox(): void {
    this.emit("outbox", { length: this.outbox.length, bytes: 0 });
  }

  // What the element asks.

  start(): Promise<Session> {
    this.asked.push("start");
    return this.useless ? Promise.reject(this.useless) : new Promise(() => undefined);
  }

  send(text: string): ReturnType<ChatClient["send"]> {
    this.asked.push(`send ${text}`);
    if (this.refuse) throw this.refuse;
    if (new TextEncoder().encode(text).length > 4096) throw Object.assign(new Error("too long"), { name: "MessageTooLong" });
    const { id } = this.add({ direction: "inbound", text, status: this.state.name === "ready" ? "sending" : "queued" });
    return { id, durable: this.durable, done: new Promise(() => undefined) };
  }

  retry(id: string): ReturnType<ChatClient["retry"]> {
    this.asked.push(`retry ${id}`);
    this.change(id, { status: "sending" });
    return { id, durable: true, done: new Promise(() => undefined) };
  }

  cancel(id: string): boolean {
    this.asked.push(`cancel ${id}`);
    this.messages = this.messages.filter((row) => row.id !== id);
    this.emit("removed", { id });
    return true;
  }

  typing(): void {
    this.asked.push("typing");
  }

  markRead(): void {
    this.asked.push("markRead");
    this.unread = 0;
    this.emit("unread", { count: 0 });
  }

  history(): Promise<{ loaded: number; complete: boolean }> {
    this.asked.push("history");
    const page = this.pages.shift() ?? [];
    return Promise.resolve().then(() => {
      page.forEach((row, index) => {
        this.messages = [...this.messages.slice(0, index), row, ...this.messages.slice(index)];
        this.emit("message", { message: row, index });
      });
      return { loaded: page.length, complete: this.pages.length === 0 };
    });
  }

  clear(): Promise<void> {
    this.asked.push("clear");
    for (const { id } of this.messages) this.emit("removed", { id });
    this.messages = [];
    return Promise.resolve();
  }

  restart({ outbox }: { outbox: "send" | "discard" }): Promise<Session> {
    this.asked.push(`restart ${outbox}`);
    this.messages = outbox === "send" ? this.messages.filter((row) => row.status !== "sent") : [];
    this.go({ name: "ready" });
    this.begin();
    return Promise.resolve(this.session as Session);
  }

  reconnect(): void {
    this.asked.push("reconnect");
    this.go({ name: "connecting", attempt: 2 });
  }

  dispose(): void {
    this.asked.push("dispose");
  }
}
