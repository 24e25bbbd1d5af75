/** Options are looked at when a client is made, before there is a core to do it: the rules are those of `src/guest/options.rs`. */

import type { GuestOptions } from "./api.js";
import { Code, GuestwireError } from "./errors.js";

const PLAIN = ["deploymentId", "region", "endpoint", "protocol", "storage", "consent", "attributes", "backoff", "token"] as const;

/** Throws what is wrong with them, by field. */
export function checkOptions(options: GuestOptions): void {
  if (typeof options !== "object" || options === null) fail("options");
  const { deploymentId, region, endpoint, protocol, token, storage, consent, attributes, backoff, createSocket, fetch, signal, debug } = options;
  if (typeof deploymentId !== "string" || !/^[A-Za-z0-9_-]{1,128}$/.test(deploymentId)) fail("deploymentId");
  oneOf("protocol", protocol, ["guest", "session"]);
  if (region === undefined && endpoint === undefined) fail("region");
  if (region !== undefined && endpoint !== undefined) fail("endpoint");
  if (region !== undefined && !(typeof region === "string" && region.includes(".") && /^[A-Za-z0-9.-]+$/.test(region))) fail("region");
  if (endpoint !== undefined && !(typeof endpoint === "string" && /^https?:\/\/[^?#@ /]+[^?#@ ]*$/.test(endpoint))) fail("endpoint");
  oneOf("storage", storage, ["local", "session", "memory"]);
  oneOf("consent", consent, ["granted", "required"]);
  if (attributes !== undefined) checkAttributes(attributes);
  const isSession = protocol === "session";
  if (isSession && endpoint === undefined) fail("endpoint");
  if (isSession && attributes !== undefined) throw new GuestwireError(Code.Unsupported, { field: "attributes" });
  // On the guest API it is for what the session protocol left unsettled.
  if (isSession || token !== undefined) checkToken(token);
  if (typeof backoff === "object" && backoff !== null) {
    const { baseMs, maxMs } = backoff;
    if (!(Number.isInteger(baseMs) && Number.isInteger(maxMs) && baseMs >= 1 && maxMs >= baseMs && maxMs <= 3_600_000)) fail("backoff");
  } else {
    oneOf("backoff", backoff, ["default", "tutorial"]);
  }
  for (const [name, value] of Object.entries({ createSocket, fetch, debug })) if (value !== undefined && typeof value !== "function") fail(name);
  if (signal !== undefined && typeof signal?.addEventListener !== "function") fail("signal");
}

/** Throws unless it is a source of tokens, and one that may be in this page. */
export function checkToken(token: unknown): void {
  if (typeof token === "function") return;
  const { url, clientId, clientSecret, allowSecretInPage } = (token ?? {}) as Partial<Record<string, unknown>>;
  // What is empty is not there, as for the core.
  const given = [url, clientId, clientSecret].map((value) => value && typeof value).join();
  if (given !== "string,," && given !== ",string,string") fail("token");
  // Whoever reads the page has the secret, and with it everything that it opens.
  if (!url && allowSecretInPage !== true && globalThis.origin?.startsWith("https:")) throw new GuestwireError(Code.SecretInPage, { field: "token" });
}

/** Throws unless it is an object of strings. */
export function checkAttributes(attributes: unknown): void {
  const good = typeof attributes === "object" && attributes !== null && !Array.isArray(attributes) && Object.values(attributes).every((value) => typeof value === "string");
  if (!good) fail("attributes");
}

/** The plain members as JSON, as the core takes them. A function does not pass: where there is no token, the core asks the page. */
export function plainOptions(options: GuestOptions): string {
  return JSON.stringify({ ...Object.fromEntries(PLAIN.map((name) => [name, options[name]])), visible: !globalThis.document?.hidden });
}

function oneOf(field: string, value: unknown, allowed: readonly string[]): void {
  if (value !== undefined && !allowed.includes(value as string)) fail(field);
}

function fail(field: string): never {
  throw new GuestwireError(Code.InvalidOption, { field });
}
