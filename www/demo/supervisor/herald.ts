/**
 * What is said aloud of the streams. It waits until a state has stood for a moment, and says all that has changed in one sentence, so that
 * a line that flaps, or four that break at once, make one announcement and not twenty.
 */

/** A state has to stand so long, in ms. */
export const SETTLE_MS = 1500;

export class Herald {
  version = 0;
  text = "";
  readonly #said = new Map<string, string>();
  readonly #pending = new Map<string, { readonly words: string; readonly since: number }>();

  /** This is how it stands. */
  note(title: string, words: string, now: number): void {
    if (this.#said.get(title) === words) this.#pending.delete(title);
    else if (this.#pending.get(title)?.words !== words) this.#pending.set(title, { words, since: now });
  }

  /** How it stands without a word about it: what everybody expects. */
  assume(title: string, words: string): void {
    this.#said.set(title, words);
  }

  /** Says what has stood long enough. */
  settle(now: number): void {
    const settled = [...this.#pending].filter(([, { since }]) => now - since >= SETTLE_MS);
    if (settled.length === 0) return;
    for (const [title, { words }] of settled) {
      this.#pending.delete(title);
      this.#said.set(title, words);
    }
    this.text = `${settled.map(([title, { words }]) => `${title}: ${words}`).join(". ")}.`;
    this.version += 1;
  }
}
