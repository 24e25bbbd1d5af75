/**
 * What all streams are: a connection that the module holds, usable before the module is up, alive after a panic of it. Each
 * class adds what it takes and tells.
 */

import { Bag } from "../client/bag.js";
import { Emitter, type ListenOptions } from "../client/emitter.js";
import { Code, GuestwireError, messageOf } from "../client/errors.js";
import type { StreamCore } from "../client/generated/streams/core.js";
import { StreamCall, type Kind } from "../client/generated/streams/enums.js";
import { known } from "../client/fields.js";
import { Host, type HostOptions } from "../client/host.js";
import { loadRuntime, type Inhabitant, type Provide, type Runtime } from "../client/load.js";
import { Tickets, silent } from "../client/tickets.js";
import type { StreamEvents, StreamOptions, StreamState } from "./api.js";
import { Audience, Consumer } from "./consumer.js";
import { bare, type CommonEvent, type OwnEvent, type StreamCoreEvent } from "./core-event.js";
import { StreamCode, streamError, type StreamError } from "./errors.js";
import type { StreamGlue } from "./glue.js";

/** A failed load of the module is repeated after so long at first, and at most. */
const LOAD_AGAIN_MS = [1_000, 30_000] as const;

/** What a class of streams is made of. */
export interface Making<Events> {
  readonly kind: Kind;
  readonly provide: Provide<StreamGlue>;
  /** The event that is told of what is taken from the module, one by one: its listeners may take their time. */
  readonly taken?: keyof Events;
  readonly createSocket?: HostOptions<StreamCoreEvent>["createSocket"];
}

export abstract class Stream<Events extends StreamEvents> {
  readonly #options: Partial<StreamOptions>;
  readonly #making: Making<Events>;
  readonly #emitter = new Emitter<Events>();
  readonly #audience = new Audience<unknown>();
  readonly #bag: Bag;
  readonly #host: Host<StreamCoreEvent>;
  readonly #inhabitant: Inhabitant;

  #runtime: Runtime<StreamGlue> | undefined;
  #core: StreamCore | undefined;
  #loading = false;
  #loadAgainMs: number = LOAD_AGAIN_MS[0];
  #loadTimer: ReturnType<typeof setTimeout> | undefined;
  #disposed = false;
  readonly #abort = (): void => this.dispose();

  readonly #tickets = new Tickets<StreamCall, Extract<StreamCoreEvent, { type: "done" }>>();
  /** The page wants a connection. */
  #wanted = false;
  /** Who takes from the module, by the module's name for it; "" is the class itself. */
  readonly #consumers = new Map<string, Consumer<unknown>>();

  #told: StreamCoreEvent[] = [];
  #flushing = false;
  #state: StreamState = { name: "idle" };
  /** What went wrong last: a call that ends by it says as much. */
  #fault: StreamError | undefined;

  /** The options have been looked at. */
  protected constructor(options: Partial<StreamOptions>, making: Making<Events>) {
    const { createSocket, fetch, debug, token, audit } = options;
    this.#options = options;
    this.#making = making;
    this.#bag = new Bag((run) => this.#enterFromOutside(run));
    this.#host = new Host({ createSocket: quiet(making.createSocket ?? createSocket), fetch, debug, token, event: (event) => void this.#told.push(event) });
    this.#inhabitant = { flush: () => this.#flush(), abandon: () => this.#abandon(), revive: (cause) => this.#revive(cause), giveUp: (error) => this.#giveUp(error) };
    if (making.taken !== undefined) this.consume("", (item) => this.#audience.tell(this.read(item)));
    if (audit === "console") this.on("audit", ({ line }) => console.info(line));
    else if (typeof audit === "function") this.on("audit", ({ line }) => audit(line));
  }

  get state(): StreamState { return this.#state; }

  /** All figures as they are now, by name; none before the module is up. */
  get metrics(): Readonly<Record<string, number>> {
    return (this.ask(StreamCall.Metrics) ?? {}) as Record<string, number>;
  }

  /** Listens, until the returned function is called. A listener that gives a promise gets the next event that is taken from the queue when that has settled. */
  on<K extends keyof Events>(event: K, listener: (payload: Events[K]) => void | Promise<void>, options?: ListenOptions): () => void {
    return event === this.#making.taken ? this.#audience.on(listener as (item: unknown) => unknown, options) : this.#emitter.on(event, listener, options);
  }

  /** Resolves when first ready. Rejects for what ends it, stop and a host without WebSocket; never for a network that is away. */
  start(): Promise<void> {
    return silent(this.#start());
  }

  /** Ends the connection. Resolves when it is closed; `start()` makes a new one. */
  async stop(): Promise<void> {
    this.#wanted = false;
    if (this.#disposed) return;
    if (this.#core === undefined) {
      this.#tickets.refuse(new GuestwireError(Code.Stopped));
      this.become({ name: "stopped" });
    } else {
      await this.#request(StreamCall.Stop);
    }
  }

  /** What would be tried later is tried now. */
  reconnect(): void {
    this.ask(StreamCall.Reconnect);
  }

  /** For a support ticket: no payload, no token. */
  diagnostics(): object {
    return { loaded: this.loaded, state: this.#state, metrics: this.metrics };
  }

  /** Gives everything up at once. The stream is of no use afterwards. */
  dispose(): void {
    if (this.#disposed) return;
    const core = this.#core;
    try {
      if (core !== undefined) this.#enter(() => core.dispose());
    } catch {
      // A panic: what it held is given up below.
    }
    this.#disposed = true;
    this.#core = undefined;
    this.#options.signal?.removeEventListener("abort", this.#abort);
    clearTimeout(this.#loadTimer);
    this.#bag.empty();
    this.#runtime?.remove(this.#inhabitant);
    for (const name of [...this.#consumers.keys()]) this.release(name);
    this.#tickets.refuse(new GuestwireError(Code.Stopped));
    this.become({ name: "stopped" });
    this.#emitter.clear();
    // Not now: a factory of the page may have called this from below a frame of it. And not in another memory than its own.
    const [runtime, memory] = [this.#runtime, this.#runtime?.memory];
    queueMicrotask(() => {
      if (runtime?.memory === memory) core?.free();
    });
  }

  // ---- what a class is made of

  /** The plain options as they are now, as JSON: also for a module that takes the place of one that ended. */
  protected abstract plain(): string;

  /** There is a module: what it has to know before it starts is told to it now, by `ask`. */
  protected prepare(): void {}

  /** Takes in what is told of this class alone. */
  protected hear(_event: OwnEvent): void {}

  /** An item that was taken, as the page gets it. */
  protected read(item: unknown): unknown {
    return item;
  }

  /** Throws what keeps it from being started. */
  protected admit(): void {
    if (this.#options.createSocket === undefined && typeof WebSocket !== "function") throw new GuestwireError(Code.NoWebSocket);
  }

  /** It stands like this. Also called when a start failed. */
  protected settle(_state: StreamState): void {}

  /** The last thing that a constructor does. */
  protected begin(): void {
    const { signal } = this.#options;
    if (signal?.aborted) return this.dispose();
    signal?.addEventListener("abort", this.#abort);
    void this.#load();
  }

  protected get disposed(): boolean { return this.#disposed; }
  protected get loaded(): boolean { return this.#core !== undefined; }

  /** Calls the module; `undefined` where there is none. Throws what it refuses. */
  protected ask(call: StreamCall, text = "", number = 0): unknown {
    return this.#core === undefined ? undefined : this.#enter(() => this.#core!.call(call, text, number));
  }

  /** Takes for this name, whenever there is something. `tell` gives what to wait for before the next. */
  protected consume(name: string, tell: (item: unknown) => Promise<unknown> | undefined): void {
    this.release(name);
    this.#consumers.set(name, new Consumer((most) => this.#taken(name, most), tell));
  }

  /** Takes no more for it. */
  protected release(name: string): boolean {
    this.#consumers.get(name)?.end();
    return this.#consumers.delete(name);
  }

  protected emit<K extends keyof Events>(event: K, payload: Events[K]): void {
    this.#emitter.emit(event, payload);
  }

  // ---- before, during and after the life of a core

  async #load(): Promise<void> {
    if (this.#loading || this.#core !== undefined || this.#disposed) return;
    this.#loading = true;
    clearTimeout(this.#loadTimer);
    try {
      const runtime = await loadRuntime(this.#making.provide);
      if (this.#disposed) return;
      this.#runtime = runtime;
      runtime.add(this.#inhabitant);
      this.#create();
    } catch (error) {
      if (!this.#disposed) this.#notLoaded(error instanceof GuestwireError ? error : new GuestwireError(Code.NotLoaded, { cause: error }));
    } finally {
      this.#loading = false;
    }
  }

  #notLoaded(error: GuestwireError): void {
    this.#emit("error", error);
    if (error.code === Code.NotLoaded) {
      // The network, as a rule.
      this.#loadTimer = setTimeout(() => void this.#load(), this.#loadAgainMs);
      this.#loadAgainMs = Math.min(this.#loadAgainMs * 2, LOAD_AGAIN_MS[1]);
    } else {
      this.#giveUp(error);
    }
  }

  /** Makes a core, also in the place of one that is gone, and starts it where somebody waits for that. */
  #create(): void {
    const seed = crypto.getRandomValues(new Uint8Array(64));
    this.#enter(() => {
      this.#core = new this.#runtime!.glue.StreamCore(this.#making.kind, this.plain(), seed, this.#bag, this.#host);
    });
    this.prepare();
    const starts = this.#tickets.open(StreamCall.Start);
    // A number that nobody waits for.
    if (this.#wanted && starts.length === 0) starts.push(0);
    for (const ticket of starts) this.ask(StreamCall.Start, "", ticket);
  }

  #abandon(): void {
    this.#core = undefined;
    this.#told = [];
    this.#bag.empty();
  }

  /** Starts again, with the same listeners and promises. */
  #revive(cause: unknown): void {
    if (this.#core !== undefined || this.#disposed) return;
    this.#host.debug?.(`restarted after ${String(cause)}`);
    this.#emit("error", new GuestwireError(Code.Restarted, { cause }));
    this.#tickets.refuse(new GuestwireError(Code.Restarted), (wish) => wish !== StreamCall.Start);
    // What was to end has ended.
    if (!this.#wanted && this.#state.name !== "idle" && this.#state.name !== "ended") this.become({ name: "stopped" });
    try {
      this.#create();
    } catch {
      // Another panic: the runtime has heard of it and does what can be done.
    }
  }

  /** There is no module, and will be none. */
  #giveUp(error: GuestwireError): void {
    this.#core = undefined;
    this.#wanted = false;
    this.#tickets.refuse(error);
    this.become({ name: "idle" });
  }

  // ---- calls

  async #start(): Promise<void> {
    if (!this.#disposed) {
      this.admit();
      this.#wanted = true;
      if (this.#core === undefined) this.become({ name: "loading" });
      else if (this.#state.name === "stopped") this.become({ name: "idle" });
    }
    try {
      await this.#request(StreamCall.Start);
    } catch (error) {
      this.settle(this.#state);
      throw error;
    }
  }

  #enter<T>(run: () => T): T {
    try {
      return this.#runtime!.enter(run);
    } catch (thrown) {
      if (!Array.isArray(thrown)) throw thrown;
      const [code, field] = thrown as [number, string?];
      throw streamError(code, { field });
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

  /** A call that ends later. Before there is a core only a start is made, and waits for it. */
  async #request(wish: StreamCall.Start | StreamCall.Stop): Promise<void> {
    const { ticket, done } = this.#tickets.issue(wish);
    if (this.#disposed) this.#tickets.refuse(new GuestwireError(Code.Stopped));
    try {
      this.ask(wish, "", ticket);
    } catch {
      // A panic: the ticket was refused, or is asked again.
    }
    // A load that has failed for good is tried once more.
    if (this.#core === undefined) void this.#load();
    await done.catch((error: GuestwireError) => {
      throw this.#fault?.code === error.code ? this.#fault : error;
    });
  }

  /** What the module has for a consumer; `undefined` when there is nothing, or no module. */
  #taken(name: string, most: number): readonly unknown[] | undefined {
    let text: unknown;
    try {
      text = this.ask(StreamCall.Take, name, most);
    } catch {
      // A panic, or the consumer is gone: the module says when there is something again.
    }
    if (typeof text !== "string") return undefined;
    try {
      return JSON.parse(text) as unknown[];
    } catch (cause) {
      this.#emit("error", streamError(StreamCode.FrameUnreadable, { cause }));
      return [];
    }
  }

  // ---- what the core tells

  /** Takes in and fires what was told, one by one. A listener that calls back finds what was fired so far. */
  #flush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    try {
      for (let event = this.#told.shift(); event !== undefined; event = this.#told.shift()) this.#take(event);
    } finally {
      this.#flushing = false;
    }
  }

  #take(event: StreamCoreEvent): void {
    this.#host.debug?.(JSON.stringify(event, redacted));
    switch (event.type) {
      case "state": return this.become(event.state);
      case "available": return this.#consumers.get(event.consumer)?.wake();
      case "metric": return this.#emit("metric", bare(event));
      case "metrics": return this.#emit("metrics", bare(event) as Record<string, number>);
      case "warning": return this.#emit("warning", known({ code: event.code, message: messageOf(event.code), detail: event.detail }));
      case "error": return this.#emit("error", (this.#fault = streamError(event.code, event)));
      case "dropped": return this.#emit("dropped", bare(event));
      case "audit": return this.#emit("audit", bare(event));
      case "done": return this.#tickets.take(event);
      default: return this.hear(event satisfies Exclude<StreamCoreEvent, CommonEvent>);
    }
  }

  /** It stands like this now. */
  protected become(state: StreamState): void {
    if (this.#state.name === state.name && JSON.stringify(this.#state) === JSON.stringify(state)) return;
    this.#state = state;
    // A connection that is good again has nothing to do with what went wrong before.
    if (state.name === "ready") this.#fault = undefined;
    if (state.name === "ended") this.#wanted = false;
    this.settle(state);
    this.#emit("state", state);
  }

  #emit<K extends keyof StreamEvents>(event: K, payload: StreamEvents[K]): void {
    this.#emitter.emit(event, payload as Events[K]);
  }
}

/**
 * A factory whose sockets are never without a listener for errors. One of `ws` that is given up while it connects reports that after
 * the module has let go of it, and would end the process.
 */
function quiet(createSocket: HostOptions<StreamCoreEvent>["createSocket"]): typeof createSocket {
  if (createSocket === undefined) return undefined;
  return (url) => {
    const socket = createSocket(url);
    (socket as Partial<WebSocket> | undefined)?.addEventListener?.("error", () => {});
    return socket;
  };
}

/** What is posted somewhere is nobody else's business; `StreamCoreEvent` has no other member that holds payload. */
function redacted(name: string, value: unknown): unknown {
  return name === "body" ? undefined : value;
}
