/** The list that the page sees: patched by what the core tells with an index. */

import type { Message } from "./api.js";

/** Rows in order. Snapshots are new when something changed and the same while nothing did. */
export class MessageList {
  #rows: Message[] = [];
  #messages: readonly Message[] | undefined;
  #outbox: readonly Message[] | undefined;

  get length(): number {
    return this.#rows.length;
  }

  get messages(): readonly Message[] {
    return (this.#messages ??= Object.freeze([...this.#rows]));
  }

  /** The guest's messages that the service is not known to have. */
  get outbox(): readonly Message[] {
    return (this.#outbox ??= Object.freeze(this.#rows.filter(({ direction, status }) => direction === "inbound" && status !== "sent")));
  }

  at(index: number): Message | undefined {
    return this.#rows[index];
  }

  /** Where a row is, -1 if there is none of this id. */
  indexOf(id: string): number {
    return this.#rows.findIndex((row) => row.id === id);
  }

  /** All rows at once. */
  reset(rows: readonly Message[]): void {
    this.#rows = [...rows];
    this.#changed();
  }

  insert(index: number, row: Message): void {
    this.#rows.splice(index, 0, row);
    this.#changed();
  }

  replace(index: number, row: Message): void {
    this.#rows[index] = row;
    this.#changed();
  }

  /** `to` counts after the row was taken out. */
  move(from: number, to: number): Message | undefined {
    const [row] = this.#rows.splice(from, 1);
    if (row !== undefined) this.#rows.splice(to, 0, row);
    this.#changed();
    return row;
  }

  remove(index: number): Message | undefined {
    const [row] = this.#rows.splice(index, 1);
    this.#changed();
    return row;
  }

  #changed(): void {
    this.#messages = this.#outbox = undefined;
  }
}
