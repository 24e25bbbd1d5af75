/** Calls that come to their end later, as promises: the core answers with the number it was given. */

import type { CoreEvent } from "./core-event.js";
import { GuestwireError } from "./errors.js";
import type { Call } from "./generated/enums.js";

export type Done = Extract<CoreEvent, { type: "done" }>;

interface Waiting<Wish, End> {
  readonly wish: Wish;
  resolve(done: End): void;
  reject(error: GuestwireError): void;
}

/** No unhandled rejection where nobody waits for it: who does not hears of it by the events. */
export function silent<T>(asked: Promise<T>): Promise<T> {
  asked.catch(() => {});
  return asked;
}

export class Tickets<Wish = Call, End extends { ticket: number; code?: number } = Done> {
  readonly #waiting = new Map<number, Waiting<Wish, End>>();
  #last = 0;

  /** The numbers that are waited for with this wish. */
  open(wish: Wish): number[] {
    return [...this.#waiting].flatMap(([ticket, waiting]) => (waiting.wish === wish ? [ticket] : []));
  }

  /** A number, from 1, and the promise that the core settles by it. */
  issue(wish: Wish): { ticket: number; done: Promise<End> } {
    const ticket = (this.#last += 1);
    const done = silent(new Promise<End>((resolve, reject) => this.#waiting.set(ticket, { wish, resolve, reject })));
    return { ticket, done };
  }

  /** A call came to its end. */
  take(done: End): void {
    const waiting = this.#waiting.get(done.ticket);
    this.#waiting.delete(done.ticket);
    if (done.code === undefined) waiting?.resolve(done);
    else waiting?.reject(new GuestwireError(done.code));
  }

  /** Those calls will not come to an end. */
  refuse(error: GuestwireError, which: (wish: Wish) => boolean = () => true): void {
    for (const [ticket, { wish, reject }] of [...this.#waiting]) {
      if (!which(wish)) continue;
      this.#waiting.delete(ticket);
      reject(error);
    }
  }
}
