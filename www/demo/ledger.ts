/**
 * The demo's own record of what was typed, kept over reloads: every message the client accepted, in order, and what became of it.
 * It is written from the client's events and held against the service's store by `proof.ts`.
 */
import type { GuestClient, Message } from "../client/index.js";
import type { Typed, TypedStatus } from "./proof.js";

export class Ledger {
  readonly #key: string;
  #entries: Typed[];

  /** `account`: where it is kept, apart from other conversations of this browser. */
  constructor(account: string) {
    this.#key = `guestwire-demo:ledger:${account}`;
    this.#entries = this.#kept();
  }

  get entries(): readonly Typed[] {
    return this.#entries;
  }

  /** Follows the client from here on. `changed` is called after every entry that changed. */
  follow(client: GuestClient, changed: () => void): void {
    const note = (message: Message): void => {
      if (message.direction !== "inbound" || message.kind === "event") return;
      if (this.#isAskedAgain(message)) this.#replace(message.id, client.outbox.map(({ id }) => id));
      if (this.#note(message)) changed();
    };
    client.on("message", ({ message }) => note(message));
    client.on("updated", ({ message }) => note(message));
    // That a message waits again is told with its row, which by then has its place.
    client.on("receipt", ({ id, status }) => { if (status !== "queued" && this.#settle(id, status)) changed(); });
    client.on("removed", ({ id }) => { if (this.#change(id, { removed: true })) changed(); });
    for (const message of client.outbox) note(message);
    // Another tab of this browser writes the same account.
    addEventListener("storage", ({ key }) => {
      if (key !== this.#key) return;
      this.#entries = this.#kept();
      changed();
    });
  }

  /** Forgets what is settled: the service was started anew and knows none of it. */
  forgetSettled(): void {
    this.#keep(this.#entries.filter((entry) => entry.status === "queued" || entry.status === "sending"));
  }

  clear(): void {
    this.#keep([]);
  }

  /** A row that first appears as sent came from the history, not from this keyboard. */
  #note(message: Message): boolean {
    if (this.#entries.some((entry) => entry.id === message.id)) return this.#settle(message.id, message.status, message.serverId);
    if (message.status === "sent") return false;
    this.#keep([...this.#entries, { id: message.id, text: message.text ?? "", status: message.status }]);
    return true;
  }

  #isAskedAgain({ id, status }: Message): boolean {
    const before = this.#entries.find((entry) => entry.id === id)?.status;
    return (status === "queued" || status === "sending") && (before === "failed" || before === "expired");
  }

  /** What the visitor sends again takes its place as the transcript shows it: by "Try again" the last, in a new conversation its old one. */
  #replace(id: string, order: readonly string[]): void {
    const others = this.#entries.filter((entry) => entry.id !== id);
    const next = others.findIndex((entry) => order.indexOf(entry.id) > order.indexOf(id));
    const place = next < 0 ? others.length : next;
    this.#keep([...others.slice(0, place), ...this.#entries.filter((entry) => entry.id === id), ...others.slice(place)]);
  }

  #settle(id: string, status: TypedStatus, serverId?: string): boolean {
    // The receipt comes first and does not say as what it was stored; the row does.
    const known = serverId !== undefined && this.#entries.some((entry) => entry.id === id && entry.status === status && entry.serverId === undefined);
    if (known) return this.#change(id, { serverId });
    return this.#change(id, status === "sent" ? { status, sentAt: Date.now(), ...(serverId !== undefined && { serverId }) } : { status });
  }

  #change(id: string, change: Partial<Typed>): boolean {
    const entry = this.#entries.find((candidate) => candidate.id === id);
    if (entry === undefined || Object.entries(change).every(([name, value]) => name === "sentAt" || entry[name as keyof Typed] === value)) return false;
    this.#keep(this.#entries.map((candidate) => (candidate === entry ? { ...entry, ...change } : candidate)));
    return true;
  }

  #kept(): Typed[] {
    return JSON.parse(localStorage.getItem(this.#key) ?? "[]") as Typed[];
  }

  #keep(entries: Typed[]): void {
    this.#entries = entries;
    localStorage.setItem(this.#key, JSON.stringify(entries));
  }
}
