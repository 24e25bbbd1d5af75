/** Listeners by event. What one of them throws reaches neither the others nor whoever emits: it is reported later. */

export interface ListenOptions {
  once?: boolean;
  signal?: AbortSignal;
}

export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<{ run(payload: never): void; once: boolean }>>();

  /** Listens, until the returned function is called. The same function given twice listens twice. */
  on<K extends keyof Events>(event: K, run: (payload: Events[K]) => void, options: ListenOptions = {}): () => void {
    const { once = false, signal } = options;
    if (signal?.aborted) return () => {};
    const listener = { run, once };
    const off = (): void => {
      this.#listeners.get(event)?.delete(listener);
      signal?.removeEventListener("abort", off);
    };
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
    signal?.addEventListener("abort", off);
    return off;
  }

  /** Tells all who listen as it begins; who is taken off meanwhile hears nothing any more. */
  emit<K extends keyof Events>(event: K, payload: Events[K]): void {
    const listeners = this.#listeners.get(event);
    for (const listener of [...(listeners ?? [])]) {
      if (!listeners!.has(listener)) continue;
      if (listener.once) listeners!.delete(listener);
      tell(listener.run as (payload: Events[K]) => unknown, payload);
    }
  }

  /** Takes everybody off. */
  clear(): void {
    this.#listeners.clear();
  }
}

/** The same function, which harms nobody. */
export function guarded<T>(run: ((what: T) => unknown) | undefined): ((what: T) => void) | undefined {
  return run && ((what) => tell(run, what));
}

/** Tells something to a function of the page's. What it throws is its own affair. */
function tell<T>(run: (what: T) => unknown, what: T): void {
  try {
    const result = run(what);
    if (result instanceof Promise) result.catch(report);
  } catch (error) {
    report(error);
  }
}

/** To the page's own error handling, out of this stack. */
function report(error: unknown): void {
  queueMicrotask(() => {
    if (typeof reportError === "function") reportError(error);
    else console.error(error);
  });
}
