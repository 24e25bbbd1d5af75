/**
 * The client of `api.d.ts` around the core: usable before the module is up, alive after a panic of it. What the page sees
 * (state, list, counts) is what events have told so far, and changes with them, one by one.
 */

import type { Attachment, Choice, ConnectionState, GuestEvents, GuestOptions, Message, Receipt, SendOptions, Session } from "./api.js";
import { Bag } from "./bag.js";
import { bare, redacted, type CoreEvent } from "./core-event.js";
import { draftOf } from "./draft.js";
import { Early, lockName, uuid, type Draft } from "./early.js";
import { Emitter, type ListenOptions } from "./emitter.js";
import { Code, GuestwireError, messageOf } from "./errors.js";
import type { Core } from "./generated/core.js";
import { Call } from "./generated/enums.js";
import { known } from "./fields.js";
import { Host } from "./host.js";
import { MessageList } from "./list.js";
import { explain, loadRuntime, type Inhabitant, type Provide, type Runtime } from "./load.js";
import { Row, senderOf } from "./message.js";
import { OF_LEADER, Others } from "./others.js";
import { checkAttributes, checkOptions, plainOptions } from "./options.js";
import { Receipts } from "./receipts.js";
import type { Seat } from "./tabs.js";
import { Tickets, silent, type Done } from "./tickets.js";

/** A failed load of the module is repeated after so long at first, and at most. */
const LOAD_AGAIN_MS = [1_000, 30_000] as const;

export abstract class Client {
  readonly #options: GuestOptions;
  readonly #provide: Provide;
  readonly #listeners = new Emitter<GuestEvents>();
  /** Who is told what happens: the listeners, as a rule. */
  #emitter: Pick<Emitter<GuestEvents>, "emit"> = this.#listeners;
  readonly #list = new MessageList();
  readonly #receipts = new Receipts();
  readonly #bag: Bag;
  readonly #host: Host;
  readonly #early: Early;
  readonly #inhabitant: Inhabitant;

  #runtime: Runtime | undefined;
  #core: Core | undefined;
  #loading = false;
  #loadAgainMs: number = LOAD_AGAIN_MS[0];
  #loadTimer: ReturnType<typeof setTimeout> | undefined;
  #disposed = false;
  readonly #abort = (): void => this.dispose();
  readonly #others: Others;

  /** Calls that wait for the module. */
  #pending: (() => void)[] = [];
  readonly #tickets = new Tickets();
  /** The page wants a conversation. */
  #wanted = false;
  #consent: boolean;
  #attributes: Record<string, string> = {};

  #told: CoreEvent[] = [];
  #flushing = false;
  /** How many rows of the list are the core's; those that it has not taken up yet follow. */
  #rows = 0;
  #state: ConnectionState = { name: "idle" };
  #session: Session | undefined;
  #unread = 0;

  constructor(options: GuestOptions, provide: Provide) {
    checkOptions(options);
    const { createSocket, fetch, debug, signal, token } = options;
    this.#options = options;
    this.#provide = provide;
    this.#consent = options.consent !== "required";
    this.#bag = new Bag((run) => this.#enterFromOutside(run));
    this.#host = new Host({ createSocket, fetch, debug, token, event: (event) => void this.#told.push(event) });
    this.#early = new Early(options, this.#bag, () => this.#consent);
    this.#others = new Others(this.#bag, () => this.#seat(), () => void this.#forget(1));
    this.#inhabitant = { flush: () => this.#flush(), abandon: () => this.#abandon(), revive: (cause) => this.#revive(cause), giveUp: (error) => this.#giveUp(error) };
    if (signal?.aborted) return this.dispose(), this;
    signal?.addEventListener("abort", this.#abort);
    void this.#load();
  }

  /** Which protocol is spoken. The session protocol has no typing, attributes, choices, attachments and clearing: they are refused. */
  get protocol(): "guest" | "session" { return this.#options.protocol ?? "guest"; }
  get state(): ConnectionState { return this.#state; }
  get session(): Session | undefined { return this.#session; }
  /** Ordered; the guest's unsent ones last. A new list when something has changed. */
  get messages(): readonly Message[] { return this.#list.messages; }
  /** What is not yet sent. */
  get outbox(): readonly Message[] { return this.#list.outbox; }
  get unread(): number { return this.#unread; }
  get metrics(): Readonly<Record<string, number>> { return (this.#ofCore(Call.Metrics) ?? {}) as Record<string, number>; }

  on<K extends keyof GuestEvents>(event: K, listener: (payload: GuestEvents[K]) => void, options?: ListenOptions): () => void {
    return this.#listeners.on(event, listener, options);
  }

  /** Resolves when first ready. Rejects for ended, authRequired, stop and bad options; never for a network that is away. */
  start(): Promise<Session> {
    if (this.#options.createSocket === undefined && typeof WebSocket !== "function") return this.#settled(Promise.reject(new GuestwireError(Code.NoWebSocket)));
    if (!this.#disposed) {
      if (this.#core === undefined) this.#become({ name: "loading" });
      else if (this.#state.name === "stopped") this.#become({ name: "idle" });
    }
    return this.#settled(this.#ask(Call.Start));
  }

  /** Works in every state but stopped, also before the module has loaded. Throws GuestwireError when refused. */
  send(text: string, { attributes, attachments }: SendOptions = {}): Receipt {
    if (typeof text !== "string") throw new GuestwireError(Code.InvalidOption, { field: "text" });
    if (attributes !== undefined) {
      checkAttributes(attributes);
      this.#needGuestApi("attributes");
    }
    if (attachments !== undefined && attachments.length > 0) unsupported("attachments");
    return this.#accept({ text, attributes });
  }

  /** Answers with something that the other side offered, or with a content part of the page's own making. */
  reply(choice: Choice | object): Receipt {
    this.#needGuestApi("choice");
    return this.#accept(draftOf(choice));
  }

  /** Sends a failed or expired message again. Throws GuestwireError when refused. */
  retry(id: string): Receipt {
    const waits = this.#core === undefined || this.#others.leads === false;
    if (waits && !this.#isUnsent(id, "failed", "expired")) throw new GuestwireError(this.#list.indexOf(id) < 0 ? Code.UnknownMessage : Code.NotRetryable, { field: "id" });
    return this.#call(() => {
      this.#enterCore(Call.Retry, id);
      return this.#receipt(id);
    })!;
  }

  /**
   * Takes a message back that was not sent; false if it is unknown or on its way. Where another tab leads it is asked to: `removed`
   * tells that it could.
   */
  cancel(id: string): boolean {
    if (this.#others.leads === false) {
      this.#enterCore(Call.Cancel, id);
      return this.#isUnsent(id, "queued", "failed", "expired");
    }
    if (!this.#early.has(id)) {
      const cancelled = this.#ofCore(Call.Cancel, id) === true;
      if (cancelled) this.#receipts.refuse(id, Code.Cancelled);
      return cancelled;
    }
    this.#early.remove(id);
    this.#list.remove(this.#list.indexOf(id));
    this.#receipts.refuse(id, Code.Cancelled);
    this.#emit("removed", { id });
    this.#emitOutbox();
    return true;
  }

  typing(): void {
    this.#needGuestApi("typing");
    this.#ofCore(Call.Typing);
  }
  markRead(): void { this.#tell(Call.Read); }
  reconnect(): void { this.#tell(Call.Reconnect); }

  /** Custom attributes for the next message. Throws GuestwireError when refused. */
  setAttributes(attributes: Record<string, string>): void {
    checkAttributes(attributes);
    this.#needGuestApi("attributes");
    this.#refuseStopped();
    this.#ofCore(Call.Attributes, JSON.stringify(attributes));
    this.#attributes = { ...this.#attributes, ...attributes };
  }

  /** Attachments are not part of this version. */
  attach(_file: Blob, _options?: { fileName?: string }): Attachment { return unsupported("attach"); }
  /** Attachments are not part of this version. */
  detach(_id: string): void { unsupported("detach"); }

  /** Loads one older page into `messages`. */
  async history(): Promise<{ loaded: number; complete: boolean }> {
    const { loaded = 0, complete = false } = await this.#ask(Call.History);
    return { loaded, complete };
  }

  async clear(): Promise<void> {
    this.#needGuestApi("clear");
    await this.#ask(Call.Clear);
  }

  /** A new conversation after an end. What was unsent is sent into it or thrown away; there is no default. */
  restart(options: { outbox: "send" | "discard" }): Promise<Session> {
    const outbox = options?.outbox;
    if (outbox !== "send" && outbox !== "discard") return Promise.reject(new GuestwireError(Code.InvalidOption, { field: "outbox" }));
    const unsent = this.#list.outbox.map(({ id }) => id);
    const asked = this.#ask(outbox === "send" ? Call.RestartAndSend : Call.RestartAndDiscard);
    const gone = (id: string): boolean => this.#list.indexOf(id) < 0;
    if (outbox === "discard") asked.then(() => unsent.filter(gone).forEach((id) => this.#receipts.refuse(id, Code.Cancelled)), () => {});
    return this.#settled(asked);
  }

  /** The visitor agrees to being stored and connected. */
  grantConsent(): void {
    if (this.#consent || this.#disposed) return;
    this.#consent = true;
    this.#early.store();
    this.#tell(Call.Consent);
  }

  /** Redacted, for a support ticket: no text, no token. */
  diagnostics(): object {
    const core = this.#ofCore(Call.Diagnostics) as object | undefined;
    const { deploymentId, region, endpoint } = this.#options;
    return { loaded: core !== undefined, deploymentId, region, endpoint, leading: this.#others.leads, state: this.#state, session: this.#session, unread: this.#unread, ...core };
  }

  /** Ends the connection; what waits may still go out for `flushMs` (default 0). It stays in storage otherwise. */
  async stop({ flushMs = 0 }: { flushMs?: number } = {}): Promise<void> {
    this.#wanted = false;
    if (this.#disposed) return;
    this.#others.leave();
    if (this.#core === undefined) this.#giveUp(new GuestwireError(Code.Stopped), "stopped");
    else await this.#ask(Call.Stop, Math.min(Math.max(0, Math.trunc(flushMs) || 0), 3_600_000)).catch(() => {});
  }

  /** Removes the conversation, the token and the outbox from this browser, in every tab. */
  forget(): Promise<void> {
    this.#others.say({ do: "forget" }, lockName(this.#options, this.#consent));
    return this.#forget();
  }

  /** `elsewhere`, 1 or 0: another tab has, and what is stored by now is not of this conversation. */
  async #forget(elsewhere = 0): Promise<void> {
    this.#wanted = false;
    this.#session = undefined;
    if (this.#others.leads === false) {
      // What it shows is of the tab that leads, and its own core knows nothing of it.
      this.#removeRows();
      this.#become({ name: "idle" });
      this.#count(0);
    }
    this.#others.leave();
    for (const id of this.#early.ids()) this.cancel(id);
    this.#early.forget(elsewhere);
    this.#receipts.refuseAll(Code.Cancelled);
    if (this.#core !== undefined) await this.#ask(Call.Forget, elsewhere);
    else if (!this.#disposed) this.#giveUp(new GuestwireError(Code.Stopped));
  }

  /** Gives everything up at once. The client is of no use afterwards; what is stored stays. */
  dispose(): void {
    if (this.#disposed) return;
    this.#drop();
    this.#disposed = true;
    this.#options.signal?.removeEventListener("abort", this.#abort);
    clearTimeout(this.#loadTimer);
    this.#others.dispose();
    this.#runtime?.remove(this.#inhabitant);
    this.#receipts.refuseAll(Code.Stopped);
    this.#giveUp(new GuestwireError(Code.Stopped), "stopped");
    this.#listeners.clear();
  }

  /** Gives the core up, and all that it holds. */
  #drop(): void {
    const core = this.#core;
    this.#ofCore(Call.Dispose);
    this.#core = undefined;
    this.#bag.empty();
    // Not now: a factory of the page may have called this from below a frame of it. And not in another memory than its own.
    const [runtime, memory] = [this.#runtime, this.#runtime?.memory];
    queueMicrotask(() => {
      if (runtime?.memory === memory) core?.free();
    });
  }

  // ---- before, during and after the life of a core

  async #load(): Promise<void> {
    if (this.#loading || this.#core !== undefined || this.#disposed) return;
    this.#loading = true;
    clearTimeout(this.#loadTimer);
    try {
      const runtime = await loadRuntime(this.#provide);
      if (lockName(this.#options, false) !== "") this.#host.locks ??= await this.#others.locks();
      if (this.#disposed) return;
      this.#runtime = runtime;
      runtime.add(this.#inhabitant);
      this.#create();
    } catch (error) {
      if (!this.#disposed) this.#notLoaded(explain(error));
    } finally {
      this.#loading = false;
    }
  }

  #notLoaded(error: GuestwireError): void {
    this.#emit("error", error);
    if (error.code === Code.NotLoaded) {
      // The network, as a rule: what is typed meanwhile waits.
      this.#loadTimer = setTimeout(() => void this.#load(), this.#loadAgainMs);
      this.#loadAgainMs = Math.min(this.#loadAgainMs * 2, LOAD_AGAIN_MS[1]);
    } else {
      this.#giveUp(error);
    }
  }

  #create(): void {
    const seed = crypto.getRandomValues(new Uint8Array(64));
    const { storage = "local" } = this.#options;
    const name = lockName(this.#options, this.#consent);
    this.#enter(() => {
      this.#core = new this.#runtime!.glue.Core(plainOptions(this.#options), seed, storage, name, this.#bag, this.#host);
    });
    this.#others.meet(name);
    if (this.#options.consent === "required" && this.#consent) this.#pending.unshift(() => this.#enterCore(Call.Consent));
    if (Object.keys(this.#attributes).length > 0) this.#pending.unshift(() => this.#enterCore(Call.Attributes, JSON.stringify(this.#attributes)));
    if (!this.#consent) this.#become({ name: "idle" });
    for (const call of this.#pending.splice(0)) this.#enterFromOutside(call);
  }

  #abandon(): void {
    this.#core = undefined;
    this.#told = [];
    this.#bag.empty();
  }

  /** Starts again from what is stored, with the same listeners and promises. */
  #revive(cause: unknown): void {
    if (this.#core !== undefined || this.#disposed) return;
    this.#host.debug?.(`restarted after ${String(cause)}`);
    this.#emit("error", new GuestwireError(Code.Restarted, { cause }));
    this.#begin();
  }

  #begin(): void {
    this.#others.leave();
    this.#removeRows();
    this.#tickets.refuse(new GuestwireError(Code.Restarted), (wish) => wish !== Call.Start);
    const starts = this.#tickets.open(Call.Start);
    // A number that nobody waits for.
    if (this.#wanted && starts.length === 0) starts.push(0);
    for (const ticket of starts) this.#pending.push(() => this.#enterCore(Call.Start, "", ticket));
    try {
      this.#create();
    } catch {
      // Another panic: the runtime has heard of it and does what can be done.
    }
  }

  /** There is no module, or nothing to be done with it. What is typed is kept for another life of the page. */
  #giveUp(error: GuestwireError, name: "idle" | "stopped" = "idle"): void {
    this.#core = undefined;
    this.#pending = [];
    this.#tickets.refuse(error);
    this.#become({ name });
  }

  // ---- other tabs

  #seat(): Seat {
    return {
      Row,
      ofLeader: OF_LEADER,
      uuid,
      list: this.#list,
      early: this.#early,
      receipts: this.#receipts,
      tickets: this.#tickets,
      memory: this.#bag.memory,
      name: lockName(this.#options, this.#consent),
      locks: this.#host.locks!,
      bodies: this.protocol === "guest" ? "entities" : "items",
      say: (said) => this.#others.say(said),
      take: (event) => this.#take(event),
      call: (call, text) => this.#ofCore(call, text),
      ask: (call) => this.#ask(call),
      facts: () => ({ state: this.#state, session: this.#session, unread: this.#unread }),
      rows: (count = this.#rows) => (this.#rows = count),
      emitter: (next) => {
        const before = this.#emitter;
        if (next !== undefined) this.#emitter = next as never;
        return before as never;
      },
    };
  }

  /** Another tab leads. A tab whose storage is its own was duplicated then: what it has is the other's, and it begins anew. */
  #follow(): void {
    if (this.#options.storage !== "session") return this.#others.with((tabs) => this.#others.leads === false && tabs.follow());
    this.#early.forget();
    this.#drop();
    this.#told = [];
    this.#begin();
  }

  #isUnsent(id: string, ...standing: Message["status"][]): boolean {
    return standing.includes(this.#list.at(this.#list.indexOf(id))?.status as Message["status"]);
  }

  // ---- calls

  /** Calls the core, if there is one. */
  #call<T>(run: () => T): T | undefined {
    return this.#core === undefined ? undefined : this.#enter(run);
  }

  #enter<T>(run: () => T): T {
    try {
      return this.#runtime!.enter(run);
    } catch (thrown) {
      if (!Array.isArray(thrown)) throw thrown;
      const [code, field] = thrown as [number, string?];
      throw new GuestwireError(code, { field });
    }
  }

  /** A callback of the platform: there is nobody to throw at, and the runtime has heard of it. */
  #enterFromOutside<T>(run: () => T): T | undefined {
    try {
      return this.#runtime === undefined ? run() : this.#runtime.enter(run);
    } catch {
      return undefined;
    }
  }

  /** Calls the core once there is one. */
  #do(call: () => void): void {
    if (this.#disposed) return;
    if (this.#core !== undefined) return void this.#call(call);
    this.#pending.push(call);
    void this.#load();
  }

  /** One call into the core, from below `enter`, or into that of the tab that leads. */
  #enterCore(call: Call, text = "", ticket = 0, flushMs = 0): unknown {
    if (this.#others.leads === false && OF_LEADER.includes(call)) return this.#others.with((tabs) => (this.#others.leads === false ? tabs.forward(call, text, ticket) : this.#enterFromOutside(() => this.#enterCore(call, text, ticket))));
    return this.#core?.call(call, text, ticket, flushMs);
  }

  /** What the core answers, if there is one. */
  #ofCore(call: Call, text?: string): unknown {
    return this.#call(() => this.#enterCore(call, text));
  }

  #tell(news: Call): void {
    this.#do(() => this.#enterCore(news));
  }

  #ask(wish: Call, flushMs = 0): Promise<Done> {
    const { ticket, done } = this.#tickets.issue(wish);
    if (this.#disposed) {
      this.#tickets.refuse(new GuestwireError(Code.Stopped));
    } else {
      if (wish === Call.Start || wish === Call.RestartAndSend || wish === Call.RestartAndDiscard) this.#wanted = true;
      try {
        this.#do(() => this.#enterCore(wish, "", ticket, flushMs));
      } catch {
        // A panic: the ticket was refused, or is asked again.
      }
    }
    return done;
  }

  #settled(asked: Promise<Done>): Promise<Session> {
    return silent(asked.then(() => this.#session ?? { newSession: false, readOnly: false }));
  }

  #needGuestApi(field: string): void {
    if (this.protocol === "session") unsupported(field);
  }

  #refuseStopped(): void {
    if (this.#disposed || this.#state.name === "stopped") throw new GuestwireError(Code.Stopped);
  }

  #accept(draft: Draft): Receipt {
    this.#refuseStopped();
    const receipt = this.#others.leads === false ? undefined : this.#call(() => this.#receipt(this.#enterCore(Call.Send, JSON.stringify(draft)) as string));
    if (receipt !== undefined) {
      this.#attributes = {};
      return receipt;
    }
    const attributes = { ...this.#options.attributes, ...this.#attributes, ...draft.attributes };
    const { id, at, text, key, value, durable } = this.#early.add({ ...draft, attributes: Object.keys(attributes).length === 0 ? undefined : attributes });
    const early = this.#receipts.of(id, durable);
    const message = new Row({ id, direction: "inbound", kind: draft.type === undefined ? "text" : "structured", time: at, status: "queued", text });
    this.#list.insert(this.#list.length, message);
    this.#emit("message", { message, index: this.#list.length - 1 });
    this.#emitOutbox();
    this.#attributes = {};
    this.#others.say(durable ? { do: "added", key } : { do: "added", key, value });
    return early;
  }

  #receipt(id: string): Receipt {
    return this.#receipts.of(id, this.#enterCore(Call.Durable, id) === true && this.#options.storage !== "memory");
  }

  // ---- what the core tells

  /** Takes in and fires what was told, one by one. A listener that calls back finds what was fired so far. */
  #flush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    try {
      for (let event = this.#told.shift(); event !== undefined; event = this.#told.shift()) this.#others.tabs === undefined ? this.#take(event) : this.#others.tabs.take(event);
    } finally {
      this.#flushing = false;
    }
    this.#others.tabs?.taken();
  }

  #take(event: CoreEvent): void {
    this.#host.debug?.(JSON.stringify(event, redacted));
    switch (event.type) {
      case "state":
        // Logged out: what waited was wiped.
        if (event.state.name === "ended" && event.state.reason === "loggedOut") this.#receipts.refuseAll(Code.SessionEnded);
        return this.#become(event.state);
      case "session":
        this.#session = bare(event);
        return this.#emit("session", this.#session);
      case "message": return this.#insert(event.index, new Row(event.message));
      case "updated": return this.#replace(event.index, new Row(event.message, this.#list.at(event.index) as Row | undefined));
      case "moved": return this.#move(event.from, event.to);
      case "removed": return this.#remove(event.index);
      case "emptied": return this.#removeRows();
      case "gap": return this.#emit("gap", bare(event));
      case "typing": return this.#emit("typing", known({ active: event.active, from: senderOf(event.body), until: event.until }));
      case "receipt":
        this.#receipts.take(event);
        return this.#emit("receipt", { id: event.id, status: event.status });
      case "outbox": return this.#emit("outbox", bare(event));
      case "unread": return this.#count(event.count);
      case "tab":
        this.#others.leads = event.leader;
        this.#emit("tab", { role: event.leader ? "leader" : "follower" });
        return event.leader ? undefined : this.#follow();
      case "metric": return this.#emit("metric", bare(event));
      case "warning": return this.#emit("warning", { code: event.code, message: messageOf(event.code) });
      case "error": return this.#emit("error", new GuestwireError(event.code));
      case "done": return this.#tickets.take(event);
    }
  }

  #count(count: number): void {
    this.#unread = count;
    this.#emit("unread", { count });
  }

  #become(state: ConnectionState): void {
    if (this.#state.name === state.name && JSON.stringify(this.#state) === JSON.stringify(state)) return;
    this.#state = state;
    this.#emit("state", state);
  }

  /** A row of the core: a new one, or one that was accepted before there was a core. */
  #insert(index: number, message: Row): void {
    this.#rows += 1;
    this.#receipts.see(message);
    if (!this.#early.release(message.id)) {
      this.#list.insert(index, message);
      return this.#emit("message", { message, index });
    }
    const from = this.#list.indexOf(message.id);
    if (from !== index) this.#move(from, index);
    this.#replace(index, message);
  }

  #replace(index: number, message: Row): void {
    this.#receipts.see(message);
    this.#list.replace(index, message);
    this.#emit("updated", { message, index });
  }

  #move(from: number, to: number): void {
    const message = this.#list.move(from, to);
    if (message !== undefined) this.#emit("moved", { message, from, to });
  }

  #remove(index: number): void {
    this.#rows -= 1;
    const { id } = this.#list.remove(index)!;
    this.#emit("removed", { id });
  }

  /** Takes the core's rows away; those that it tells again come back as new ones. */
  #removeRows(): void {
    while (this.#rows > 0) this.#remove(this.#rows - 1);
  }

  #emit<K extends keyof GuestEvents>(event: K, payload: GuestEvents[K]): void {
    this.#emitter.emit(event, payload);
  }

  #emitOutbox(): void {
    this.#emit("outbox", { length: this.#list.outbox.length, bytes: this.#early.bytes });
  }
}

function unsupported(field: string): never { throw new GuestwireError(Code.Unsupported, { field }); }
