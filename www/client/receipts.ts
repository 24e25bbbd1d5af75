/** What became of sent messages, as promises. */

import type { Message, Receipt } from "./api.js";
import { Code, GuestwireError } from "./errors.js";
import type { CoreEvent } from "./core-event.js";
import { silent } from "./tickets.js";

type Delivered = Awaited<Receipt["done"]>;

interface Waiting {
  readonly done: Promise<Delivered>;
  resolve(delivered: Delivered): void;
  reject(error: GuestwireError): void;
}

/** One promise for every message that is on its way. */
export class Receipts {
  readonly #waiting = new Map<string, Waiting>();

  /** The receipt of an accepted message; the same promise while it waits. */
  of(id: string, durable: boolean): Receipt {
    const waiting = this.#waiting.get(id) ?? defer();
    this.#waiting.set(id, waiting);
    return { id, durable, done: waiting.done };
  }

  /** A message got on. */
  take({ id, status, serverId, time, code }: Extract<CoreEvent, { type: "receipt" }>): void {
    if (status === "sent") this.#settle(id, (waiting) => waiting.resolve({ id, serverId: serverId ?? "", time: time ?? 0 }));
    else if (status === "failed") this.refuse(id, code ?? 5000);
    else if (status === "expired") this.refuse(id, Code.MessageExpired);
  }

  /** A row was told: it may be a message that another tab has sent meanwhile. */
  see(message: Message): void {
    const { id, serverId, status, direction, time } = message;
    if (this.#waiting.size === 0 || status !== "sent" || direction !== "inbound") return;
    const own = this.#waiting.has(id) ? id : message.metadata["id"];
    if (own !== undefined) this.#settle(own, (waiting) => waiting.resolve({ id: own, serverId: serverId ?? "", time }));
  }

  /** A message will not get on. */
  refuse(id: string, code: number): void {
    this.#settle(id, (waiting) => waiting.reject(new GuestwireError(code)));
  }

  /** None of them will be known of here. */
  refuseAll(code: number): void {
    for (const id of this.#waiting.keys()) this.refuse(id, code);
  }

  #settle(id: string, how: (waiting: Waiting) => void): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (waiting !== undefined) how(waiting);
  }
}

function defer(): Waiting {
  let resolve!: Waiting["resolve"];
  let reject!: Waiting["reject"];
  const done = silent(new Promise<Delivered>((yes, no) => ([resolve, reject] = [yes, no])));
  return { done, resolve, reject };
}
