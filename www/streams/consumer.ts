/**
 * One consumer: takes what the module's queue holds for it, as fast as its listeners are. What they have no time for stays
 * in the queue, where it is bounded.
 */

import { Emitter, type ListenOptions } from "../client/emitter.js";
import { turn } from "./turn.js";

/** So many are taken at a time at most, and at first. */
const MOST = 256;
const FIRST = 16;
/** Listeners have the thread for so long without a pause, milliseconds: half a frame. */
const SLICE_MS = 8;

/** Those who listen to one kind of item, and who may need time for it. */
export class Audience<Item> {
  readonly #emitter = new Emitter<{ item: Item }>();
  #waits: Promise<unknown>[] = [];

  on(run: (item: Item) => unknown, options?: ListenOptions): () => void {
    return this.#emitter.on(
      "item",
      (item) => {
        const result = run(item);
        if (typeof (result as PromiseLike<unknown> | undefined)?.then !== "function") return;
        const wait = Promise.resolve(result);
        this.#waits.push(wait);
        return wait as Promise<void>;
      },
      options,
    );
  }

  /** Tells all of them; gives what to wait for if one of them needs time. It never rejects. */
  tell(item: Item): Promise<unknown> | undefined {
    this.#emitter.emit("item", item);
    return this.#waits.length === 0 ? undefined : Promise.allSettled(this.#waits.splice(0));
  }
}

export class Consumer<Item> {
  readonly #take: (most: number) => readonly Item[] | undefined;
  readonly #tell: (item: Item) => Promise<unknown> | undefined;
  #most = FIRST;
  #busy = false;
  /** It was said that there is something since it was last taken. */
  #woken = false;
  #ended = false;

  /** `take` gives at most so many, `undefined` when there are none, none when these cannot be read; `tell` gives what to wait for before the next. */
  constructor(take: (most: number) => readonly Item[] | undefined, tell: (item: Item) => Promise<unknown> | undefined) {
    this.#take = take;
    this.#tell = tell;
  }

  /** There is something to take. */
  wake(): void {
    this.#woken = true;
    if (!this.#busy) void this.#run();
  }

  /** Nothing more is told, also of what was taken. */
  end(): void {
    this.#ended = true;
  }

  async #run(): Promise<void> {
    this.#busy = true;
    let since = performance.now();
    for (;;) {
      this.#woken = false;
      const most = this.#most;
      const items = this.#ended ? undefined : this.#take(most);
      if (items === undefined) break;
      const begun = performance.now();
      for (const item of items) {
        const wait = this.#tell(item);
        if (wait !== undefined) await wait;
        // Also after a wait: promises that have settled already would keep the thread for ever.
        if (performance.now() - since >= SLICE_MS) {
          await turn();
          since = performance.now();
        }
        if (this.#ended) break;
      }
      // Next time what these listeners do within a slice: the rest waits in the queue, where it is counted and bounded.
      const fits = (items.length * SLICE_MS) / (performance.now() - begun);
      this.#most = Math.min(MOST, 2 * most, Math.floor(fits) || 1);
      // Fewer than were asked for were all that there were: whatever comes is told. Asking is as dear as an event.
      if (!this.#woken && items.length > 0 && items.length < most) break;
    }
    this.#busy = false;
  }
}
