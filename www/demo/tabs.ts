/** Three columns side by side where there is room, else one at a time behind tabs (the tabs pattern of the ARIA practices guide). */

/** The width from which the three columns fit; `demo.css` has the same number. */
const WIDE = "(min-width: 70rem)";

/** Arranges now and whenever the width changes. Gives back whether the page is wide at this moment. */
export function arrangeColumns(): boolean {
  const media = matchMedia(WIDE);
  const list = document.querySelector<HTMLElement>("[role=tablist]");
  if (list === null) return media.matches;
  const tabs = [...list.querySelectorAll<HTMLElement>("[role=tab]")];
  const panelOf = (tab: HTMLElement): HTMLElement => document.getElementById(tab.getAttribute("aria-controls") ?? "") as HTMLElement;

  const select = (chosen: HTMLElement): void => {
    for (const tab of tabs) {
      const isChosen = tab === chosen;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      panelOf(tab).hidden = !media.matches && !isChosen;
    }
  };
  const arrange = (): void => {
    list.hidden = media.matches;
    for (const tab of tabs) {
      const panel = panelOf(tab);
      // Side by side they are regions named by their headings; a tab panel without visible tabs would be a lie.
      panel.setAttribute("role", media.matches ? "region" : "tabpanel");
      panel.setAttribute("aria-labelledby", media.matches ? (panel.dataset["title"] ?? "") : tab.id);
    }
    select(tabs.find((tab) => tab.getAttribute("aria-selected") === "true") ?? (tabs[0] as HTMLElement));
  };

  const KEYS: Record<string, (index: number) => number> = {
    ArrowRight: (index) => (index + 1) % tabs.length,
    ArrowLeft: (index) => (index + tabs.length - 1) % tabs.length,
    Home: () => 0,
    End: () => tabs.length - 1,
  };
  list.addEventListener("keydown", (event) => {
    const next = tabs[KEYS[event.key]?.(tabs.indexOf(document.activeElement as HTMLElement)) ?? -1];
    if (next === undefined) return;
    event.preventDefault();
    select(next);
    next.focus();
  });
  for (const tab of tabs) {
    tab.addEventListener("click", () => {
      select(tab);
      // Another part begins at its beginning, however far down the last one was read.
      scrollTo(0, 0);
    });
  }
  media.addEventListener("change", arrange);
  arrange();
  return media.matches;
}
