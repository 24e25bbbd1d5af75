// Runs in the page, whichever engine and driver bring it there: it is handed over as text, so that it may name nothing of this file.

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
