/**
 * Locks for pages whose browser gives them none: those of plain-http hosts. As much of `LockManager` as is used here, over a lease in
 * `localStorage` by the same rules: it is held until it is given up, and one that is held is taken only from a holder that does not
 * answer (`tabs.ts` asks). Fetched where it is needed, and not before.
 *
 * Storage has no compare-and-set. Who writes a lease reads it again a moment later, and has it if it is still there: of several the
 * last one to write. A holder that crashed leaves its lease behind, and is found not to answer.
 */

/** Whatever is written at the same moment is there after so long. */
const SETTLED_MS = 60;

type Granted = (lock: Lock | null) => unknown;

interface Options {
  readonly ifAvailable?: boolean;
  readonly steal?: boolean;
  readonly signal?: AbortSignal;
}

export class Leases {
  readonly #me: string;
  /** Looked at again whenever a lease may have changed hands. */
  readonly #looks = new Set<() => void>();
  readonly #onStorage = (): void => this.#look();
  readonly #onLeave = (): void => this.#giveUp();
  readonly #held = new Set<string>();

  constructor(uuid: () => string) {
    this.#me = uuid();
    globalThis.addEventListener?.("storage", this.#onStorage);
    globalThis.addEventListener?.("pagehide", this.#onLeave);
  }

  dispose(): void {
    this.#giveUp();
    globalThis.removeEventListener?.("storage", this.#onStorage);
    globalThis.removeEventListener?.("pagehide", this.#onLeave);
  }

  /** Whether this page has what it thinks to have is told by the lease itself. */
  query(): Promise<LockManagerSnapshot> {
    this.#look();
    return Promise.resolve({ held: [...this.#held].map((name) => ({ name, mode: "exclusive" as const, clientId: this.#me })), pending: [] });
  }

  async request(name: string, options: Options, granted: Granted): Promise<unknown> {
    const key = `gw1:lock:${name}`;
    if (options.ifAvailable && this.#read(key) !== null) return granted(null);
    if (!options.ifAvailable && !options.steal) await this.#free(key, options.signal);
    // Two that wait for the same one to leave: the later to write has it, and the other waits on.
    while (!(await this.#take(key))) {
      if (options.ifAvailable || options.steal) return granted(null);
      await this.#free(key, options.signal);
    }
    this.#held.add(key);
    const lost = new Promise<never>((_, reject) => {
      const look = (): void => {
        if (this.#read(key) === this.#me) return;
        this.#looks.delete(look);
        this.#held.delete(key);
        reject(new DOMException("taken by another tab", "AbortError"));
      };
      this.#looks.add(look);
    });
    lost.catch(() => {});
    try {
      return await Promise.race([granted({ name, mode: "exclusive" }), lost]);
    } finally {
      this.#release(key);
    }
  }

  /** Waits until nobody has it. */
  #free(key: string, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        this.#looks.delete(look);
        signal?.removeEventListener("abort", abort);
        settle();
      };
      const look = (): void => {
        if (this.#read(key) === null) end(resolve);
      };
      const abort = (): void => end(() => reject(new DOMException("given up", "AbortError")));
      this.#looks.add(look);
      signal?.addEventListener("abort", abort);
      if (signal?.aborted) abort();
      else look();
    });
  }

  async #take(key: string): Promise<boolean> {
    try {
      localStorage.setItem(key, this.#me);
    } catch {
      // No room for a lease: nothing can be shared.
      return true;
    }
    await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
    return this.#read(key) === this.#me;
  }

  #release(key: string): void {
    if (!this.#held.delete(key)) return;
    if (this.#read(key) === this.#me) localStorage.removeItem(key);
    // Storage events are for the other tabs.
    this.#look();
  }

  #giveUp(): void {
    for (const key of [...this.#held]) this.#release(key);
  }

  #look(): void {
    for (const look of [...this.#looks]) look();
  }

  #read(key: string): string | null {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  }
}
