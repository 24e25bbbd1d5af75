/** Keeps Tab inside what is modal. */

const TABBABLE = "button, a[href], textarea, input, select, [tabindex]";

/** At either end of `scope` Tab goes on at the other. */
export function keepTabInside(scope: HTMLElement, event: KeyboardEvent, active: Element | null): void {
  const stops = [...scope.querySelectorAll<HTMLElement>(TABBABLE)].filter(
    (stop) => stop.tabIndex >= 0 && !stop.closest("[inert]") && stop.getClientRects().length > 0,
  );
  const first = stops[0];
  const last = stops.at(-1);
  if (!first || !last) return;
  const within = active !== null && stops.includes(active as HTMLElement);
  if (event.shiftKey && (active === first || !within)) {
    event.preventDefault();
    last.focus();
  } else if (!event.shiftKey && active === last) {
    event.preventDefault();
    first.focus();
  }
}
