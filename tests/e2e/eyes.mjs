// What runs in the page, whichever engine and driver bring it there: it is handed over as text, so that it may name nothing of this file. And what
// is made of the moments in which the machine did not let a page run.

/** How often a page looks whether it stands still: what it notes of a stall may be shorter by so much. */
export const TICK_MS = 50;
/** A stall of so much voids what a page has asked the leader (`www/client/tabs.ts`). */
const VOIDED_MS = 1000;

/** Runs in the page: what the visitor reads, and a watch over what must never be read. */
export function eyes() {
  const shadow = () => document.querySelector("guestwire-chat")?.shadowRoot;
  const words = (node, selector) => node.querySelector(selector)?.textContent.trim() ?? "";
  window.eyes = {
    rows: () =>
      [...(shadow()?.querySelectorAll(".message") ?? [])].map((row) => {
        const status = words(row, "[part=status]");
        return `${words(row, "[part=sender]")}: ${words(row, ".bubble")}${status === "" ? "" : ` (${status})`}`;
      }),
    banner: () => words(shadow(), ".banner"),
    focused: () => {
      const active = document.activeElement?.shadowRoot?.activeElement ?? document.activeElement;
      return active?.id || active?.className || active?.tagName.toLowerCase();
    },
    failed: new Set(),
    doubled: new Set(),
    watch() {
      const look = () => {
        const mine = [...shadow().querySelectorAll(".message.guest")];
        const texts = mine.map((row) => words(row, ".bubble"));
        for (const text of texts) if (texts.indexOf(text) !== texts.lastIndexOf(text)) this.doubled.add(text);
        for (const row of mine) if (row.matches(".failed, .expired")) this.failed.add(words(row, ".bubble"));
      };
      new MutationObserver(look).observe(shadow(), { childList: true, subtree: true, characterData: true, attributeFilter: ["class"] });
      look();
    },
  };
}

/** Runs in the page: from then on `stalls()` gives when it could run again, by `clock` (`Date` or `performance`), and how late that was. */
export function watchStalls(tickMs, clock) {
  const now = () => window[clock].now();
  const noted = [];
  let last = now();
  const look = () => {
    const at = now();
    const lateMs = at - last - tickMs;
    // One that is not seen has slow timers anyway.
    if (lateMs > tickMs && !document.hidden) noted.push({ at, lateMs });
    last = at;
  };
  // While it was put away, frozen or not seen it was not held.
  const begin = () => {
    last = now();
  };
  addEventListener("pageshow", begin);
  for (const name of ["resume", "visibilitychange"]) document.addEventListener(name, begin);
  setInterval(look, tickMs);
  window.stalls = () => (look(), noted);
}

/** For how long a page was held between two moments. */
export function heldMs(stalls, from, to) {
  return stalls.reduce((sum, { at, lateMs }) => sum + Math.max(Math.min(at, to) - Math.max(at - lateMs, from), 0), 0);
}

/**
 * Until when a tab that has so long has to lead. A stall on the way is time that it did not have; after one that voids what it asked it asks
 * anew, by design.
 */
export function dueAt(stalls, from, allowedMs) {
  return stalls.reduce((due, { at, lateMs }) => {
    if (at <= from || at - lateMs >= due) return due;
    return lateMs + TICK_MS > VOIDED_MS ? at + allowedMs : due + heldMs([{ at, lateMs }], from, at);
  }, from + allowedMs);
}
