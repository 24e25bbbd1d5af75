/** Keeps Tab inside what is modal. */

/** `Node.DOCUMENT_POSITION_FOLLOWING`. */
const FOLLOWING = 4;
const TABBABLE = "button, a[href], textarea, input, select, [tabindex]";

/** At either end of `scope` Tab goes on at the other. */
export function keepTabInside(scope: HTMLElement, event: KeyboardEvent, active: Element | null): void {
  const stops = [...scope.querySelectorAll<HTMLElement>(TABBABLE)].filter(
    (stop) => stop.tabIndex >= 0 && !stop.closest("[inert]") && stop.getClientRects().length > 0,
  );
  const first = stops[0];
  const last = stops.at(-1);
  if (!first || !last) return;
  // What has the focus need not be a stop itself, as a message.
  const inside = active !== null && first.compareDocumentPosition(active) & FOLLOWING;
  if (event.shiftKey && !inside) {
    event.preventDefault();
    last.focus();
  } else if (!event.shiftKey && active === last) {
    event.preventDefault();
    first.focus();
  }
}
