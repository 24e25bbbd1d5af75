/**
 * What is sent before the module is up: kept under the core's own keys (`src/guest/outbox.rs`), so that the core takes it
 * up like everything else it finds, in this life of the page or in the next.
 */

import type { GuestOptions } from "./api.js";
import type { Bag } from "./bag.js";
import { Code, GuestwireError } from "./errors.js";

/** Bounds of the outbox, as the core's. */
const MAX_MESSAGES = 200;
const MAX_UTF16_BYTES = 192 << 10;
/** Within which every record may still grow, as in the core. */
const GROWTH_BYTES = 320;
const MAX_TEXT_BYTES = 4096;

/** A message as `Session::send` takes it. */
export interface Draft {
  readonly text: string;
  readonly attributes?: Record<string, string> | undefined;
  readonly content?: readonly object[] | undefined;
  readonly type?: "Structured" | undefined;
}

export interface Accepted {
  readonly id: string;
  readonly at: number;
  readonly text: string;
  readonly durable: boolean;
  /** How it is kept. */
  readonly key: string;
  readonly value: string;
}

export class Early {
  readonly #bag: Bag;
  readonly #prefix: string;
  readonly #web: () => Storage | undefined;
  readonly #storage: () => Storage | undefined;
  readonly #keys = new Map<string, string>();
  /** The last number given: storage may be cleared while its message waits. */
  #last = 0;

  /** `stores` says whether storage may be touched: not before consent. */
  constructor(options: GuestOptions, bag: Bag, stores: () => boolean) {
    this.#bag = bag;
    this.#prefix = `gw1:${options.deploymentId}:m:`;
    this.#web = () => webStorage(options.storage ?? "local");
    this.#storage = () => (stores() ? this.#web() : undefined);
  }

  /** Accepts a message, or throws why not. */
  add(draft: Draft): Accepted {
    check(draft);
    const records = this.#records();
    const id = uuid();
    const at = Date.now();
    this.#last = records.reduce((most, [key]) => Math.max(most, parseInt(key.slice(this.#prefix.length), 10) || 0), this.#last) + 1;
    const key = `${this.#prefix}${this.#last}:${id}`;
    const value = JSON.stringify({ v: 1, id, at, ...draft });
    const count = records.push([key, value]);
    if (count > MAX_MESSAGES || bytesOf(records) + count * GROWTH_BYTES > MAX_UTF16_BYTES) throw new GuestwireError(Code.OutboxFull);
    this.#keys.set(id, key);
    return { id, at, text: draft.text, key, value, durable: this.write(key, value) };
  }

  has(id: string): boolean {
    return this.#keys.has(id);
  }

  /** The messages that the core has not taken up yet. */
  ids(): string[] {
    return [...this.#keys.keys()];
  }

  /** The core has taken it up: it is no longer ours. */
  release(id: string): boolean {
    return this.#keys.delete(id);
  }

  /** Takes a message back. */
  remove(id: string): void {
    const key = this.#keys.get(id);
    if (key === undefined) return;
    this.#keys.delete(id);
    delete this.#bag.memory[key];
    try {
      this.#storage()?.removeItem(key);
    } catch {
      // What cannot be removed could not be written.
    }
  }

  /** What the waiting messages take in storage, bytes of UTF-16. */
  get bytes(): number {
    return bytesOf(this.#records());
  }

  /** Removes everything of this deployment from this browser, consent or not; `elsewhere`, which is 1 or 0, from this page alone. */
  forget(elsewhere = 0): void {
    this.#keys.clear();
    for (const key of Object.keys(this.#bag.memory)) delete this.#bag.memory[key];
    try {
      const storage = elsewhere ? undefined : this.#web();
      const name = this.#prefix.slice(0, -2);
      const kept = keysOf(storage, name);
      for (const key of kept) storage!.removeItem(key);
      // All that stays, as the core does it: a tab that is asleep will find that it is to forget as well.
      if (kept.length > 0) this.#storage()?.setItem(`${name}e`, uuid());
    } catch {
      // Forbidden: there is nothing.
    }
  }

  /** Storage may be touched from now on: what was kept in memory goes there, before the core looks. */
  store(): void {
    for (const key of this.#keys.values()) {
      const value = this.#bag.memory[key];
      if (value !== undefined) this.write(key, value);
    }
  }

  /** Keeps a record where there is room for it; false if that is in memory only. */
  write(key: string, value: string): boolean {
    try {
      const storage = this.#storage();
      storage?.setItem(key, value);
      if (storage !== undefined) return delete this.#bag.memory[key];
    } catch {
      // Full, or forbidden.
    }
    this.#bag.memory[key] = value;
    return false;
  }

  /** All messages that wait, also those of an earlier life of the page. */
  #records(): [string, string][] {
    const found = new Map<string, string>();
    try {
      const storage = this.#storage();
      for (const key of keysOf(storage, this.#prefix)) found.set(key, storage!.getItem(key) ?? "");
    } catch {
      // Forbidden: there is none.
    }
    for (const key of keysOf(this.#bag.memory, this.#prefix)) found.set(key, this.#bag.memory[key]!);
    return [...found];
  }
}

function bytesOf(records: readonly (readonly [string, string])[]): number {
  return records.reduce((sum, [key, value]) => sum + 2 * (key.length + value.length), 0);
}

function keysOf(kept: object | undefined, prefix: string): string[] {
  return Object.keys(kept ?? {}).filter((key) => key.startsWith(prefix));
}

/** The core's rules for a text. */
function check({ text, content }: Draft): void {
  if (text.trim() === "" && content === undefined) throw new GuestwireError(Code.MessageEmpty, { field: "text" });
  if (new TextEncoder().encode(text).length > MAX_TEXT_BYTES) throw new GuestwireError(Code.MessageTooLong, { field: "text" });
}

function webStorage(kind: "local" | "session" | "memory"): Storage | undefined {
  // Outside of a page a global of that name is another thing.
  if (kind === "memory" || typeof document === "undefined") return undefined;
  return kind === "session" ? sessionStorage : localStorage;
}

/** A version 4 UUID; `crypto.randomUUID` is missing on plain-http hosts. */
export function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("").replace(/(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** The name of the tabs' lock and of their channel; empty where nothing is shared. */
export function lockName({ deploymentId, storage = "local" }: GuestOptions, stores: boolean): string {
  if (storage === "memory" || typeof document === "undefined") return "";
  const name = `guestwire:${deploymentId}:${storage}`;
  // Every tab has a conversation of its own. One that was duplicated has the other's storage, and so its name, until it notices.
  return storage === "session" ? `${name}:${tabName(`gw1:${deploymentId}:tab`, stores)}` : name;
}

function tabName(key: string, stores: boolean): string {
  try {
    const known = (stores && sessionStorage.getItem(key)) || uuid();
    if (stores) sessionStorage.setItem(key, known);
    return known;
  } catch {
    return uuid();
  }
}
