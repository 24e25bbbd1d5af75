/** Which deployment this browser talks to, so that several people can use one simulator without breaking each other's line. */

const KEY = "guestwire-demo:deployment";

/** `?deployment=` if the address has one, else this browser's own, made up on the first visit. */
export function deploymentOfThisBrowser(): string {
  const asked = new URLSearchParams(location.search).get("deployment");
  if (asked) return asked;
  const kept = localStorage.getItem(KEY);
  if (kept) return kept;
  const random = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  const made = `demo-${random.toString(36)}`;
  localStorage.setItem(KEY, made);
  return made;
}
