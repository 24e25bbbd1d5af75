/**
 * Speaks to screen readers through a hidden live region, apart from the transcript (whose own `aria-live` is off), so that
 * each thing is said once: history, re-rendering and the visitor's own echo say nothing. What comes within one pause is said
 * together. Plain text; each saying is a node of its own and is removed when it has been read out.
 */

/** At most one announcement in this time (widget.md, row 11). */
export const PAUSE_MS = 700;
/** How long a saying stays in the region (row 10). */
export const STAY_MS = 1000;

export type Urgency = "polite" | "assertive";

export class Announcer {
  readonly #region: (urgency: Urgency) => Element | null;
  #waiting: string[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #removals = new Set<ReturnType<typeof setTimeout>>();

  /** `region` is asked at each saying, as the region inside an open dialog is another than the one outside. */
  constructor(region: (urgency: Urgency) => Element | null) {
    this.#region = region;
  }

  /** The first is said at once; more within the pause are collected and said together after it. */
  say(text: string): void {
    this.#waiting.push(text);
    if (this.#timer === undefined) this.#flush();
  }

  /** Takes back what was not said yet and is no longer true. */
  unsay(text: string): void {
    this.#waiting = this.#waiting.filter((other) => other !== text);
  }

  /** For what is lost if it is not heard; interrupts. */
  alert(text: string): void {
    this.#put(text, "assertive");
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting = [];
    for (const removal of this.#removals) clearTimeout(removal);
    this.#removals.clear();
  }

  #flush(): void {
    if (this.#waiting.length === 0) {
      this.#timer = undefined;
      return;
    }
    this.#put(this.#waiting.join("\n"), "polite");
    this.#waiting = [];
    this.#timer = setTimeout(() => this.#flush(), PAUSE_MS);
  }

  #put(text: string, urgency: Urgency): void {
    const region = this.#region(urgency);
    if (!region) return;
    const node = region.ownerDocument.createElement("p");
    node.textContent = text;
    region.append(node);
    const removal = setTimeout(() => {
      node.remove();
      this.#removals.delete(removal);
    }, STAY_MS);
    this.#removals.add(removal);
  }
}
