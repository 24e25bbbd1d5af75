/**
 * Locks for pages whose browser gives them none: those of plain-http hosts. As much of `LockManager` as is used here, over a lease in
 * `localStorage` by the same rules: it is held until it is given up, and one that is held is taken only from a holder that does not
 * answer (`tabs.ts` asks). Fetched where it is needed, and not before.
 *
 * Storage has no compare-and-set. Who writes a lease reads it again a moment later, and has it if it is still there: of several the
 * last one to write. A holder that was killed leaves its lease behind, as no lock does: who asks for a lease only if it is free
 * knocks, and has it where the holder does not answer for as long as makes a page prove that it holds it still.
 */

/** Whatever is written at the same moment is there after so long. */
const SETTLED_MS = 60;
/** So long does a holder have to answer a knock. */
const KNOCK_MS = 2_000;

type Granted = (lock: Lock | null) => unknown;

interface Options {
  readonly ifAvailable?: boolean;
  readonly steal?: boolean;
  readonly signal?: AbortSignal;
}

/** Those of one page hear each other without storage, whose events are for the other pages. */
const OF_THIS_PAGE = new Set<Leases>();

const knockAt = (key: string): string => `${key}:?`;

export class Leases {
  readonly #me: string;
  /** Makes each answer to a knock another value. */
  #answers = 0;
  /** Looked at again whenever a lease may have changed hands. */
  readonly #looks = new Set<() => void>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #page: Set<Leases>;
  readonly #onStorage = ({ key, newValue }: Pick<StorageEvent, "key" | "newValue">): void => {
    for (const held of this.#held) if (key === knockAt(held) && newValue !== null && this.#isMine(held)) this.#write(held);
    this.#look();
  };
  readonly #onLeave = (): void => this.#giveUp();
  /** What this page holds, or has just written and will hold if it is still there in a moment. */
  readonly #held = new Set<string>();

  constructor(uuid: () => string, page = OF_THIS_PAGE) {
    this.#me = uuid();
    this.#page = page.add(this);
    globalThis.addEventListener?.("storage", this.#onStorage);
    globalThis.addEventListener?.("pagehide", this.#onLeave);
  }

  dispose(): void {
    this.#giveUp();
    this.#page.delete(this);
    for (const timer of this.#timers) clearTimeout(timer);
    globalThis.removeEventListener?.("storage", this.#onStorage);
    globalThis.removeEventListener?.("pagehide", this.#onLeave);
  }

  /** Whether this page has what it thinks to have is told by the lease itself; whoever holds what it has lost hears of it before the answer. */
  async query(): Promise<LockManagerSnapshot> {
    this.#look();
    await this.#next();
    return { held: [...this.#held].map((name) => ({ name, mode: "exclusive" as const, clientId: this.#me })), pending: [] };
  }

  async request(name: string, options: Options, granted: Granted): Promise<unknown> {
    const key = `gw1:lock:${name}`;
    if (options.ifAvailable && (await this.#isHeld(key))) return granted(null);
    if (!options.ifAvailable && !options.steal) await this.#free(key, options.signal);
    // Two that wait for the same one to leave: the later to write has it, and the other waits on.
    while (!(await this.#take(key))) {
      if (options.ifAvailable || options.steal) return granted(null);
      await this.#free(key, options.signal);
    }
    let look = (): void => {};
    const lost = new Promise<never>((_, reject) => {
      look = () => {
        if (!this.#held.has(key) || this.#isMine(key)) return;
        // Where there was no room for it, or all was cleared, it is nobody's, and stays here.
        if (this.#read(key) === null) return void this.#write(key);
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
      this.#looks.delete(look);
      this.#release(key);
    }
  }

  /** Whether somebody has it who answers. */
  #isHeld(key: string): Promise<boolean> {
    const found = this.#read(key);
    if (found === null || this.#held.has(key)) return Promise.resolve(found !== null);
    return new Promise((resolve) => {
      const end = (held: boolean): void => {
        clearTimeout(timer);
        this.#timers.delete(timer);
        this.#looks.delete(look);
        resolve(held);
      };
      const look = (): void => {
        const now = this.#read(key);
        if (now !== found) end(now !== null);
      };
      const timer = this.#after(KNOCK_MS, () => end(false));
      this.#looks.add(look);
      try {
        localStorage.setItem(knockAt(key), this.#me);
        localStorage.removeItem(knockAt(key));
        this.#tell(knockAt(key), this.#me);
      } catch {
        // No room to knock: who asks the leader itself (`tabs.ts`) finds out.
        end(true);
      }
    });
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
    this.#held.add(key);
    // No room for a lease: nothing can be shared.
    if (!this.#write(key)) return true;
    await new Promise<void>((resolve) => this.#after(SETTLED_MS, resolve));
    if (this.#isMine(key)) return true;
    this.#held.delete(key);
    return false;
  }

  #release(key: string): void {
    if (!this.#held.delete(key)) return;
    if (this.#isMine(key)) localStorage.removeItem(key);
    this.#tell(key, null);
  }

  /** The page goes, or this client does: nothing here is told that it was lost, for it was not taken. */
  #giveUp(): void {
    this.#looks.clear();
    for (const key of [...this.#held]) this.#release(key);
  }

  #look(): void {
    for (const look of [...this.#looks]) look();
  }

  #tell(key: string, newValue: string | null): void {
    for (const other of this.#page) other.#onStorage({ key, newValue });
  }

  #isMine(key: string): boolean {
    return this.#read(key)?.startsWith(this.#me) === true;
  }

  #write(key: string): boolean {
    try {
      // No longer than the one before: it has to fit where that one did.
      localStorage.setItem(key, `${this.#me}:${(this.#answers = (this.#answers + 1) % 10)}`);
    } catch {
      return false;
    }
    this.#tell(key, this.#me);
    return true;
  }

  #read(key: string): string | null {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  }

  #after(ms: number, run: () => void): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, ms);
    this.#timers.add(timer);
    return timer;
  }

  /** When all that was settled has been heard. A timer would take up to a minute behind other tabs. */
  #next(): Promise<void> {
    const { port1, port2 } = new MessageChannel();
    return new Promise((resolve) => {
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(null);
    });
  }
}
