/**
 * A test double of the module: no network, no WebAssembly worth the name. Tests script what it tells and read what it was asked.
 * Not part of any build.
 */

import { Kind, StreamCall } from "../client/generated/streams/enums.js";
import type { Provide } from "../client/load.js";
import type { StreamState } from "./api.js";
import type { StreamCoreEvent } from "./core-event.js";
import type { StreamGlue } from "./glue.js";

interface FakeHost {
  socket(url: string): WebSocket;
  event(event: StreamCoreEvent): void;
}
interface FakeBag {
  guard(callback: (value: unknown) => unknown): (value: unknown) => unknown;
  readonly size: number;
}

export class FakeCore {
  readonly kind: Kind;
  readonly options: Record<string, unknown>;
  readonly seed: Uint8Array;
  readonly host: FakeHost;
  readonly bag: FakeBag;
  /** Every call, in order: "Start", "Subscribe {…}", "Take g 16". */
  readonly asked: string[] = [];
  /** How many each Take got, by consumer. */
  readonly taken: Record<string, number[]> = {};
  /** The tickets of starts that are not answered yet. */
  starts: number[] = [];
  disposed = false;
  freed = false;
  readonly #module: FakeModule;
  readonly #queues = new Map<string, string[]>();

  constructor(module: FakeModule, kind: Kind, options: string, seed: Uint8Array, bag: FakeBag, host: FakeHost) {
    this.#module = module;
    this.kind = kind;
    this.options = JSON.parse(options) as Record<string, unknown>;
    this.seed = seed;
    this.bag = bag;
    this.host = host;
    if (module.refuses !== undefined) throw module.refuses;
    module.cores.push(this);
    module.made(this);
  }

  call(what: StreamCall, text: string, number: number): unknown {
    if (this.freed) throw new Error("called after it was freed");
    this.asked.push([StreamCall[what], text, what === StreamCall.Take || what === StreamCall.Sample ? number : ""].filter((word) => word !== "").join(" "));
    if (this.#module.panics === what) {
      this.#module.panics = undefined;
      throw new WebAssembly.RuntimeError("unreachable");
    }
    const refusal = this.#module.refusals.get(what);
    if (refusal !== undefined) throw refusal;
    switch (what) {
      case StreamCall.Start:
        this.starts.push(number);
        if (this.#module.answers) this.ready();
        return undefined;
      case StreamCall.Stop:
        this.#stand({ name: "stopped" });
        this.host.event({ type: "done", ticket: number });
        return undefined;
      case StreamCall.Take: {
        const items = this.#queues.get(text)?.splice(0, number) ?? [];
        (this.taken[text] ??= []).push(items.length);
        return items.length === 0 ? undefined : `[${items.join()}]`;
      }
      case StreamCall.Metrics: return { frames: 7 };
      case StreamCall.Timeline: return JSON.stringify({ interaction: text, entries: [], participants: [{ participant: "p", present: true, intervals: [{ joined: "t" }] }] });
      case StreamCall.Timelines: return '["i1","i2"]';
      case StreamCall.Unregister: return true;
      default: return undefined;
    }
  }

  dispose(): void {
    this.disposed = true;
  }

  free(): void {
    this.freed = true;
  }

  /** Something comes from the network: `tell` runs in a frame of the module, as a socket's callback would. */
  within(tell: () => void): void {
    this.bag.guard(tell)(undefined);
  }

  tell(...events: StreamCoreEvent[]): void {
    this.within(() => events.forEach((event) => this.host.event(event)));
  }

  /** Ends the starts that wait, well or with this code, and stands in that state. */
  ready(code?: number, state: StreamState = { name: "ready" }): void {
    this.#stand(state);
    for (const ticket of this.starts.splice(0)) this.host.event(code === undefined ? { type: "done", ticket } : { type: "done", ticket, code });
  }

  #stand(state: StreamState): void {
    // Without a connection of its own there is none to tell of.
    if (this.options["attached"] !== true) this.host.event({ type: "state", state });
  }

  /** Puts items into a queue, and says so where it was empty. */
  queue(consumer: string, ...items: unknown[]): void {
    const queue = this.#queues.get(consumer) ?? [];
    this.#queues.set(consumer, queue);
    const wasEmpty = queue.length === 0;
    queue.push(...items.map((item) => JSON.stringify(item)));
    if (wasEmpty) this.tell({ type: "available", consumer });
  }

  /** Puts raw text into a queue. */
  queueText(consumer: string, text: string): void {
    this.#queues.set(consumer, [text]);
    this.tell({ type: "available", consumer });
  }

  waiting(consumer: string): number {
    return this.#queues.get(consumer)?.length ?? 0;
  }
}

/** What a test loads in the place of the module. */
export class FakeModule {
  readonly cores: FakeCore[] = [];
  /** Starts are answered at once. */
  answers = true;
  /** What a new core is refused with. */
  refuses: [number, string?] | undefined;
  readonly refusals = new Map<StreamCall, [number, string?]>();
  /** The next call of this kind ends the memory. */
  panics: StreamCall | undefined;
  /** How often memory was made. */
  memories = 0;
  made!: (core: FakeCore) => void;
  /** The first core, once it was made and told what a stream tells it at once. */
  readonly first = new Promise<FakeCore>((resolve) => (this.made = resolve));

  /** The last core that was made. */
  get core(): FakeCore {
    return this.cores.at(-1)!;
  }

  readonly provide: Provide<StreamGlue> = (() => {
    const self = this;
    class StreamCore extends FakeCore {
      constructor(kind: Kind, options: string, seed: Uint8Array, bag: FakeBag, host: FakeHost) {
        super(self, kind, options, seed, bag, host);
      }
    }
    const glue = { StreamCore, imports: () => ({}), start: () => void (this.memories += 1) } as unknown as StreamGlue;
    return async () => ({ glue, source: EMPTY });
  })();
}

/** A module with nothing in it. */
const EMPTY = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);
