/**
 * One client as the element sees it: what the components draw, and what is said aloud. It holds no message of its own; the
 * client's list is drawn as it is. No DOM here.
 */

import type { ConnectionState, GuestEvents, GuestwireError, Session } from "../client/index.js";
import { readable, type ChatClient, type Row } from "./chat-client.js";
import type { Gap } from "./grouping.js";
import type { Strings } from "./locales/en.js";

/** The guest's text limit of the service, bytes of UTF-8 (guest-api.md §4.4). */
export const TEXT_LIMIT_BYTES = 4096;
/** From here on the composer counts. */
export const COUNT_FROM_BYTES = 3600;
/** A connection that is back sooner than this was not worth a word to a screen reader. */
const TROUBLE_DELAY_MS = 1500;
/** How long "Connected again" stays. */
const RECOVERED_MS = 3000;

const encoder = new TextEncoder();

export interface ConversationHost {
  readonly strings: Strings;
  /** Panel open and page visible: what comes in now is seen. */
  readonly watching: boolean;
  changed(): void;
  say(text: string): void;
  /** What was to be said and no longer holds. */
  unsay(text: string): void;
  alert(text: string): void;
  /** For the element's public events. */
  tell(event: "message" | "state", detail: unknown): void;
}

export type Phase =
  | { readonly name: "open" }
  | { readonly name: "over"; readonly text: string; readonly restart: boolean };

export class Conversation {
  readonly client: ChatClient;
  draft = "";
  /** A clearing or a new start is under way. */
  busy = false;
  /** Why the last thing the visitor asked for was refused. */
  refusal: string | undefined;
  typing: { readonly name: string; readonly bot: boolean } | undefined;
  older: "unknown" | "loading" | "complete" | "failed" = "unknown";
  gaps: readonly Gap[] = [];
  markerId: string | undefined;
  /** New messages below what is on screen. */
  below = 0;
  /** Kept by the transcript: its end is on screen. */
  atEnd = true;
  recovered = false;
  durable = true;
  again = false;

  readonly #host: ConversationHost;
  readonly #listening: readonly (() => void)[];
  readonly #status = new Map<string, Row["status"]>();
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  #started = false;
  #troubleSaid = false;
  #troubled = false;
  #typingSaid = false;
  #firstBatch: "awaited" | "running" | "over" = "awaited";
  /** While an older page is read: the first row known before it; what comes in above it is history. */
  #historyAnchor: string | undefined;

  constructor(client: ChatClient, host: ConversationHost) {
    this.client = client;
    this.#host = host;
    this.#listening = [
      client.on("state", (state) => this.#onState(state)),
      client.on("session", (session) => this.#onSession(session)),
      client.on("message", (event) => this.#onMessage(event)),
      client.on("updated", ({ message }) => this.#onUpdated(message)),
      client.on("moved", () => host.changed()),
      client.on("removed", ({ id }) => this.#onRemoved(id)),
      client.on("gap", (gap) => this.#onGap(gap)),
      client.on("typing", (typing) => this.#onTyping(typing)),
      client.on("outbox", ({ length }) => this.#onOutbox(length)),
      client.on("unread", () => this.seen()),
    ];
    if (client.messages.length > 0) this.#firstBatch = "over";
    for (const row of client.messages) this.#status.set(row.id, row.status);
    if (client.session?.newSession) this.older = "complete";
    // A client that the page made may be in the middle of its life.
    this.#troubled = isTrouble(client.state);
    this.again = this.#troubled || client.session !== undefined;
  }

  /** The session protocol knows neither typing nor clearing. */
  get textOnly(): boolean {
    return this.client.protocol === "session";
  }

  get state(): ConnectionState {
    return this.client.state;
  }

  get rows(): readonly Row[] {
    return this.client.messages;
  }

  /** How many will be sent by themselves; what failed or expired waits for the visitor. */
  get unsent(): number {
    return this.client.outbox.filter((row) => row.status === "queued" || row.status === "sending").length;
  }

  /** What a new conversation could take over: also what failed because the old one had ended. */
  get leftOver(): number {
    const ended = this.client.outbox.filter((row) => row.status === "failed" && row.error?.name === "SessionEnded");
    return this.unsent + ended.length;
  }

  /** Someone asked for a connection: the element, or the page whose client it is. */
  get started(): boolean {
    return this.#started || (this.state.name !== "idle" && this.state.name !== "loading");
  }

  get phase(): Phase {
    const { strings } = this.#host;
    const { state } = this;
    if (state.name === "stopped") return { name: "over", text: strings.stopped, restart: false };
    if (state.name === "ended") {
      switch (state.reason) {
        case "sessionExpired":
          return { name: "over", text: strings.endedExpired, restart: true };
        case "sessionCleared":
          return { name: "over", text: strings.endedCleared, restart: true };
        case "loggedOut":
          return { name: "over", text: strings.endedLoggedOut, restart: true };
        case "notAllowed":
        case "inactive":
        case "policy":
          return { name: "over", text: strings.endedUnavailable, restart: false };
      }
    }
    if (this.client.session?.readOnly) return { name: "over", text: strings.endedReadOnly, restart: true };
    return { name: "open" };
  }

  /** Bytes of UTF-8 the draft has. */
  get draftBytes(): number {
    return encoder.encode(this.draft.trim()).length;
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    // What it rejects with is also the state, which is drawn.
    this.client.start().catch(() => undefined);
  }

  write(text: string): void {
    this.draft = text;
    this.refusal = undefined;
    if (text.trim() !== "" && !this.textOnly) this.client.typing();
    this.#host.changed();
  }

  /** Hands the draft to the client. The draft is emptied only when it was accepted. */
  send(): boolean {
    const text = this.draft.trim();
    if (text === "" || this.draftBytes > TEXT_LIMIT_BYTES) return false;
    const accepted = this.#attempt(() => {
      const receipt = this.client.send(text);
      if (!receipt.durable) this.durable = false;
    });
    if (accepted) {
      this.draft = "";
      this.markerId = undefined;
      this.#typingSaid = false;
    }
    this.#host.changed();
    return accepted;
  }

  retry(id: string): void {
    this.#attempt(() => void this.client.retry(id));
    this.#host.changed();
  }

  remove(id: string): void {
    this.#attempt(() => void this.client.cancel(id));
    this.#host.changed();
  }

  reconnect(): void {
    this.client.reconnect();
    this.#host.changed();
  }

  async clear(): Promise<void> {
    await this.#ask(() => this.client.clear());
  }

  async restart(outbox: "send" | "discard"): Promise<void> {
    await this.#ask(() => this.client.restart({ outbox }));
  }

  async loadOlder(): Promise<void> {
    if (this.older === "loading" || this.older === "complete" || this.state.name !== "ready") return;
    this.older = "loading";
    this.#historyAnchor = this.rows[0]?.id;
    this.#host.changed();
    try {
      const { complete } = await this.client.history();
      this.older = complete ? "complete" : "unknown";
    } catch {
      this.older = "failed";
    }
    this.#historyAnchor = undefined;
    this.#host.changed();
  }

  /** Draws the line above what was not seen yet; called when the panel opens. */
  markNew(): void {
    const unread = this.client.unread;
    if (unread === 0) return;
    const incoming = this.rows.filter((row) => row.direction === "outbound" && row.kind !== "event");
    this.markerId = incoming.at(-unread)?.id ?? incoming[0]?.id;
  }

  /** The panel is open and the page visible: what is there has been seen. */
  seen(): void {
    if (this.#host.watching && this.client.unread > 0) this.client.markRead();
    this.#host.changed();
  }

  reachedEnd(atEnd: boolean): void {
    if (this.atEnd === atEnd) return;
    this.atEnd = atEnd;
    if (atEnd) this.below = 0;
    this.#host.changed();
  }

  dispose(): void {
    for (const stop of this.#listening) stop();
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  #onState(state: ConnectionState): void {
    const { strings } = this.#host;
    switch (state.name) {
      case "waiting":
      case "offline":
      case "paused":
        this.again = true;
        this.#troubled = true;
        this.typing = undefined;
        if (!this.#troubleSaid && !this.#timers.has("trouble")) this.#later("trouble", TROUBLE_DELAY_MS, () => this.#sayTrouble());
        break;
      case "ready":
        this.#cancel("trouble");
        if (this.#troubled) {
          this.recovered = true;
          this.#later("recovered", RECOVERED_MS, () => {
            this.recovered = false;
          });
        }
        if (this.#troubleSaid) this.#host.say(strings.connectedAgain);
        this.#troubleSaid = this.#troubled = false;
        this.again = true;
        break;
      case "authRequired":
        this.#cancel("trouble");
        this.#troubleSaid = this.#troubled = true;
        this.#host.say(strings.signIn);
        break;
      case "ended":
      case "stopped": {
        this.#cancel("trouble");
        const { phase } = this;
        if (phase.name === "over") this.#host.say(phase.text);
      }
    }
    if (state.name !== "ready") this.recovered = false;
    this.#host.tell("state", state);
    this.#host.changed();
  }

  #sayTrouble(): void {
    const { strings } = this.#host;
    const { state } = this;
    this.#troubleSaid = true;
    const later = this.unsent > 0 ? ` ${strings.willBeSent(this.unsent)}` : "";
    if (state.name === "offline") this.#host.say(strings.offline + later);
    else if (state.name === "paused" && state.reason === "rateLimited") this.#host.say(strings.rateLimitedOpen);
    else if (state.name === "paused") this.#host.say((state.reason === "evicted" ? strings.evicted : strings.refused) + later);
    else this.#host.say(strings.sayLost + later);
  }

  #onSession(session: Session): void {
    if (session.newSession) {
      this.older = "complete";
      this.#firstBatch = "over";
    }
    if (session.readOnly) this.#host.say(this.#host.strings.endedReadOnly);
    this.#host.changed();
  }

  #onMessage({ message, index }: GuestEvents["message"]): void {
    const { strings } = this.#host;
    const row: Row = message;
    this.#host.tell("message", message);
    this.#status.set(row.id, row.status);
    this.#host.changed();
    if (row.direction === "inbound") {
      if (row.status === "sent") this.#isHistory(index);
      return;
    }
    if (row.kind === "event" && readable(row) === undefined) return;
    const history = this.#isHistory(index);
    if (history) return;
    if (this.typing) this.#host.unsay(strings.typing(this.typing.name));
    this.typing = undefined;
    this.#cancel("typing");
    this.#typingSaid = false;
    if (!this.#host.watching || !this.atEnd) this.markerId ??= row.id;
    if (!this.atEnd) this.below++;
    this.#host.say(strings.sayMessage(this.nameOf(row), this.textOf(row)));
    this.seen();
  }

  /**
   * Is this row one that was there before, rather than news? Older pages come in above the first row known; the first page of
   * a conversation that goes on arrives in one piece before anything else.
   */
  #isHistory(index: number): boolean {
    if (this.#historyAnchor !== undefined) {
      const anchor = this.rows.findIndex((row) => row.id === this.#historyAnchor);
      if (index <= anchor) return true;
    }
    if (this.#firstBatch === "awaited" && this.client.session?.newSession === false) {
      this.#firstBatch = "running";
      this.#later("firstBatch", 0, () => {
        this.#firstBatch = "over";
      });
    }
    return this.#firstBatch === "running";
  }

  #onUpdated(row: Row): void {
    const before = this.#status.get(row.id);
    this.#status.set(row.id, row.status);
    if (before !== row.status) {
      if (row.status === "failed") this.#host.alert(this.#host.strings.sayFailed(this.textOf(row)));
      if (row.status === "expired") this.#host.alert(this.#host.strings.sayExpired(this.textOf(row)));
    }
    this.#host.changed();
  }

  #onRemoved(id: string): void {
    this.#status.delete(id);
    if (this.markerId === id) this.markerId = undefined;
    this.#host.changed();
  }

  #onGap({ from, to, filled }: GuestEvents["gap"]): void {
    const others = this.gaps.filter((gap) => gap.from !== from || gap.to !== to);
    this.gaps = filled ? others : [...others, { ...(from !== undefined && { from }), ...(to !== undefined && { to }) }];
    this.#host.changed();
  }

  #onTyping({ active, from, until }: GuestEvents["typing"]): void {
    this.#cancel("typing");
    if (!active) {
      this.typing = undefined;
    } else {
      const bot = from?.entity === "bot";
      const { strings } = this.#host;
      this.typing = { name: from?.name ?? (bot ? strings.bot : strings.agent), bot };
      if (until !== undefined) {
        this.#later("typing", Math.max(0, until - Date.now()), () => {
          this.typing = undefined;
        });
      }
      // Once a turn: the next word is said after a message came or went.
      if (!this.#typingSaid && this.#host.watching) this.#host.say(strings.typing(this.typing.name));
      this.#typingSaid = true;
    }
    this.#host.changed();
  }

  #onOutbox(length: number): void {
    if (length === 0) this.durable = true;
    this.#host.changed();
  }

  nameOf(row: Row): string {
    const { strings } = this.#host;
    if (row.direction === "inbound") return strings.you;
    return row.from?.name ?? (row.from?.entity === "bot" ? strings.bot : strings.agent);
  }

  textOf(row: Row): string {
    const text = readable(row);
    if (text !== undefined && text !== "") return text;
    const files = row.attachments.map((attachment) => attachment.fileName).join(", ");
    return files === "" ? this.#host.strings.unsupported : files;
  }

  /** Runs a command that may be refused; what the client says about it is shown above the composer. */
  #attempt(command: () => void): boolean {
    try {
      command();
      this.refusal = undefined;
      return true;
    } catch (error) {
      this.refusal = this.#explain(error);
      this.#host.alert(this.refusal);
      return false;
    }
  }

  async #ask(command: () => Promise<unknown>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.refusal = undefined;
    this.#host.changed();
    try {
      await command();
    } catch {
      this.refusal = this.#host.strings.actionFailed;
      this.#host.alert(this.refusal);
    }
    this.busy = false;
    this.#host.changed();
  }

  #explain(error: unknown): string {
    const { strings } = this.#host;
    const { name } = error as Partial<GuestwireError>;
    return name === "OutboxFull" ? strings.outboxFull : strings.refusedMessage;
  }

  #later(name: string, ms: number, run: () => void): void {
    this.#cancel(name);
    this.#timers.set(
      name,
      setTimeout(() => {
        this.#timers.delete(name);
        run();
        this.#host.changed();
      }, ms),
    );
  }

  #cancel(name: string): void {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }
}

function isTrouble(state: ConnectionState): boolean {
  return state.name === "waiting" || state.name === "offline" || state.name === "paused";
}
