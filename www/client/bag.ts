/**
 * Everything that a core would leave behind: callbacks into its memory, listeners, sockets, requests, the lock. After a
 * panic nobody in there can clean up, so the bag is emptied from here. `dispose()` takes the same road. (The timer is the
 * core's own affair: the glue refuses to call into a memory that is gone.)
 */

/** Runs something that enters the module: see `Runtime.enter`. */
export type Enter = <T>(run: () => T) => T | undefined;

type Callback = (value: unknown) => unknown;

interface Thing {
  abort?(): void;
  end?(): void;
  close?(): void;
}

/** What a held lock waits for. */
export class Lease {
  end!: () => void;
  readonly promise = new Promise<void>((resolve) => (this.end = resolve));
}

export class Bag {
  /** What storage could not keep, by key: it outlives a panic, but not the page. */
  readonly memory: Record<string, string> = Object.create(null) as Record<string, string>;
  readonly #enter: Enter;
  readonly #callbacks = new Set<Callback>();
  readonly #things = new Set<Thing>();
  #listening: (() => void)[] = [];

  constructor(enter: Enter) {
    this.#enter = enter;
  }

  /** How much there is: nothing, once emptied. */
  get size(): number {
    return this.#callbacks.size + this.#things.size + this.#listening.length;
  }

  /** Wraps a callback into the module: it does nothing once it was dropped or the bag was emptied. */
  guard(callback: Callback): Callback {
    const guarded: Callback = (value) => (this.#callbacks.has(guarded) ? this.#enter(() => callback(value)) : undefined);
    this.#callbacks.add(guarded);
    return guarded;
  }

  /** Calls a guarded callback once nothing is on the stack. */
  soon(guarded: Callback): void {
    queueMicrotask(() => guarded(undefined));
  }

  /** Listens for as long as the bag is not emptied. A missing target is no target. */
  listen(target: Partial<EventTarget> | undefined, event: string, callback: Callback): void {
    // What the page stops on its way is an input of the visitor all the same. (`focus` must not: it would be heard from every element.)
    const options = { capture: event === "pointerdown" || event === "keydown", passive: true };
    if (typeof target?.addEventListener !== "function") return;
    target.addEventListener(event, callback as EventListener, options);
    this.#listening.push(() => target.removeEventListener?.(event, callback as EventListener, options));
  }

  hold(thing: Thing): void {
    this.#things.add(thing);
  }

  /** Takes something out, unharmed; a guarded callback falls silent. */
  drop(thing: Thing | Callback): void {
    if (typeof thing === "function") this.#callbacks.delete(thing);
    else this.#things.delete(thing);
  }

  lease(): Lease {
    const lease = new Lease();
    this.hold(lease);
    return lease;
  }

  /** Ends all of it. */
  empty(): void {
    this.#callbacks.clear();
    for (const off of this.#listening.splice(0)) off();
    const things = [...this.#things];
    this.#things.clear();
    for (const thing of things) {
      try {
        (thing.abort ?? thing.end ?? thing.close)?.call(thing);
      } catch {
        // A socket of the page's own making may object; there is nobody left to tell.
      }
    }
  }
}
