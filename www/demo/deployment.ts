/** What the page's address asks for, and what this browser chooses where it does not: the deployment and the protocol. */

import type { GuestOptions } from "../client/index.js";

const KEY = "guestwire-demo:deployment";

export type Protocol = NonNullable<GuestOptions["protocol"]>;

/**
 * `?deployment=` if the address has one, else this browser's own, made up on the first visit, so that several people can use one
 * simulator without breaking each other's line.
 */
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

/** `?protocol=session`, else the guest API. */
export function protocolOfThisPage(): Protocol {
  return new URLSearchParams(location.search).get("protocol") === "session" ? "session" : "guest";
}

/** This page over another protocol. */
export function addressOver(protocol: Protocol): string {
  const query = new URLSearchParams(location.search);
  if (protocol === "session") query.set("protocol", protocol);
  else query.delete("protocol");
  return `${location.pathname}?${query}`;
}

/** What a client is made with to speak it. Tokens come from what would be the site's own backend. */
export function optionsFor(protocol: Protocol, deploymentId: string): GuestOptions {
  const common = { deploymentId, endpoint: location.origin };
  if (protocol === "guest") return common;
  return { ...common, protocol, token: { url: `/demo-backend/token?deploymentId=${encodeURIComponent(deploymentId)}` } };
}
