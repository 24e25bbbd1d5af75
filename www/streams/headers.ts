/**
 * The token of the presence socket as a header, where the host can send one (systems.md P1). No browser can: there it stays in
 * the query, as the service allows.
 */

import { Code, GuestwireError } from "../client/errors.js";
import type { StreamOptions } from "./api.js";

type CreateSocket = NonNullable<StreamOptions["createSocket"]>;

/** A factory that takes the token out of the URL, in Node; elsewhere the one that was given. */
export function headed(createSocket: CreateSocket | undefined): CreateSocket | undefined {
  if (!isNode()) return createSocket;
  return (address, protocols) => {
    const url = new URL(address);
    const token = url.searchParams.get("access_token");
    if (token === null && createSocket !== undefined) return createSocket(address, protocols);
    url.searchParams.delete("access_token");
    const headers: Record<string, string> = token === null ? {} : { Authorization: `Bearer ${token}` };
    if (createSocket !== undefined) return createSocket(url.href, protocols, { headers });
    if (typeof WebSocket !== "function") throw new GuestwireError(Code.NoWebSocket);
    // Node's own takes this in the place of the protocols.
    return new (WebSocket as unknown as new (url: string, init: { headers: object }) => WebSocket)(url.href, { headers });
  };
}

/** Neither what has Node beside a page (Electron), nor what only speaks like it (Deno, whose WebSocket takes no headers everywhere). */
function isNode(): boolean {
  const host = globalThis as { process?: { versions?: { node?: string } }; Deno?: unknown; document?: unknown; importScripts?: unknown };
  return host.process?.versions?.node !== undefined && host.Deno === undefined && host.document === undefined && host.importScripts === undefined;
}
