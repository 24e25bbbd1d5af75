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
  /** There is one at a time. */
  gap: Gap | undefined;
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
  /** Also of rows that were taken away: they may come back. */
  readonly #status = new Map<string, Row["status"]>();
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  #started = false;
  /** The client can do nothing on this page. */
  #refused = false;
  #readOnly = false;
  #troubleSaid = false;
  #troubled = false;
  #typingSaid = false;
  /** The rows that were there before, or that there are none, have been told. */
  #hasBegun = false;
  /** The first row that was told: what comes in above it is history, whichever tab has asked for it. */
  #top: string | undefined;

  constructor(client: ChatClient, host: ConversationHost) {
    this.client = client;
    this.#host = host;
    const on = <K extends keyof GuestEvents>(event: K, take: (payload: GuestEvents[K]) => void): (() => void) =>
      client.on(event, (payload) => {
        take(payload);
        host.changed();
      });
    this.#listening = [
      on("state", (state) => this.#onState(state)),
      on("session", (session) => this.#onSession(session)),
      on("message", (event) => this.#onMessage(event)),
      on("updated", ({ message }) => this.#onUpdated(message)),
      on("moved", () => undefined),
      on("removed", ({ id }) => {
        if (this.markerId === id) this.markerId = undefined;
      }),
      // That it is filled is told without its end.
      on("gap", (gap) => {
        this.gap = gap.filled ? undefined : gap;
      }),
      on("typing", (typing) => this.#onTyping(typing)),
      on("outbox", ({ length }) => {
        if (length === 0) this.durable = true;
      }),
      on("metric", ({ kind }) => {
        if (kind === "resync") this.#beginFirstBatch();
      }),
      on("error", (error) => {
        // For the site's owner: a network that is away and what the client mends by itself are not, and 0 is no code.
        if (error.code > 0 && ["caller", "service"].includes(error.fault)) console.error(`guestwire: ${error} ${error.remediation}`);
      }),
      on("unread", () => {
        // A tab that follows is told it right behind the session, changed or not, and before the state.
        if (client.session && this.state.name !== "ready") this.#beginFirstBatch();
        this.seen();
      }),
    ];
    this.#hasBegun = client.session !== undefined;
    for (const { id, status } of client.messages) {
      this.#status.set(id, status);
      if (status === "sent") this.#top ??= id;
    }
    if (client.session?.newSession) this.older = "complete";
    // A client that the page made may be in the middle of its life.
    this.#troubled = ["waiting", "offline", "paused"].includes(client.state.name);
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

  get phase(): Phase {
    const { strings } = this.#host;
    const { state } = this;
    if (state.name === "stopped") return { name: "over", text: strings.stopped, restart: false };
    if (state.name === "ended" || (state.name === "idle" && this.#refused)) {
      const texts: Record<string, string> = { sessionExpired: strings.endedExpired, sessionCleared: strings.endedCleared, loggedOut: strings.endedLoggedOut };
      const text = state.name === "ended" ? texts[state.reason] : undefined;
      return { name: "over", text: text ?? strings.endedUnavailable, restart: text !== undefined };
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
    this.#refused = false;
    this.client.start().catch(({ name }: GuestwireError) => {
      // As a rule the state says why. It is idle where the client can do nothing on this page, or all was forgotten meanwhile.
      if (this.state.name !== "idle" || name === "Stopped") return;
      this.#refused = true;
      this.#host.say(this.#host.strings.endedUnavailable);
      this.#host.changed();
    });
    this.#started = true;
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
    if (text === "") return false;
    this.start();
    const accepted = this.#attempt(() => {
      const receipt = this.client.send(text);
      if (!receipt.durable) this.durable = false;
    });
    if (accepted) {
      this.draft = "";
      this.markerId = undefined;
      this.#typingSaid = false;
    }
    return accepted;
  }

  retry(id: string): void {
    this.#attempt(() => void this.client.retry(id));
  }

  remove(id: string): void {
    this.#attempt(() => void this.client.cancel(id));
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
    this.#host.changed();
    try {
      const { complete } = await this.client.history();
      this.older = complete ? "complete" : "unknown";
    } catch {
      this.older = "failed";
    }
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
      case "idle":
        this.#cancel("trouble");
        this.#started = this.#troubleSaid = this.#troubled = false;
        break;
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
      this.#hasBegun = true;
      this.gap = undefined;
    }
    if (session.readOnly && !this.#readOnly) this.#host.say(this.#host.strings.endedReadOnly);
    this.#readOnly = session.readOnly;
  }

  #onMessage({ message, index }: GuestEvents["message"]): void {
    const row: Row = message;
    const top = this.rows.findIndex(({ id }) => id === this.#top);
    if (top < 0 && row.status === "sent") this.#top = row.id;
    const known = this.#status.has(row.id);
    this.#status.set(row.id, row.status);
    // A tab that loses the lead takes its rows away, and shows them again as those of the new leader.
    if (known) return;
    this.#host.tell("message", message);
    if (row.direction === "inbound" ? row.status !== "sent" : row.kind === "event" && readable(row) === undefined) return;
    const alone = !this.#timers.has("firstBatch");
    // Before the history is read: a page of it comes in one piece, so that what comes alone is news.
    if (!this.#hasBegun) this.#later("firstBatch", 0, () => alone && this.#news(row));
    else if (alone && (index >= top || this.older === "complete")) this.#news(row);
  }

  #news(row: Row): void {
    if (row.direction === "inbound") return;
    const { strings } = this.#host;
    if (this.typing) this.#host.unsay(strings.typing(this.typing.name));
    this.typing = undefined;
    this.#cancel("typing");
    this.#typingSaid = false;
    if (!this.#host.watching || !this.atEnd) this.markerId ??= row.id;
    if (!this.atEnd) this.below++;
    this.#host.say(strings.sayMessage(this.nameOf(row), this.textOf(row)));
    this.seen();
  }

  /** What comes within this moment was there before. */
  #beginFirstBatch(): void {
    if (!this.#hasBegun) this.#later("firstBatch", 0);
    this.#hasBegun = true;
  }

  #onUpdated(row: Row): void {
    const before = this.#status.get(row.id);
    this.#status.set(row.id, row.status);
    if (before !== row.status) {
      if (row.status === "failed") this.#host.alert(this.#host.strings.sayFailed(this.textOf(row)));
      if (row.status === "expired") this.#host.alert(this.#host.strings.sayExpired(this.textOf(row)));
    }
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
    this.#host.changed();
    try {
      command();
      this.refusal = undefined;
      return true;
    } catch (error) {
      const { strings } = this.#host;
      this.refusal = (error as GuestwireError).name === "OutboxFull" ? strings.outboxFull : strings.refusedMessage;
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

  #later(name: string, ms: number, run?: () => void): void {
    this.#cancel(name);
    this.#timers.set(
      name,
      setTimeout(() => {
        this.#timers.delete(name);
        run?.();
        this.#host.changed();
      }, ms),
    );
  }

  #cancel(name: string): void {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }
}
