/** What stands between the core and the platform: the page's factories, or the platform's own. */

import { GuestwireError, NO_WEBSOCKET } from "./errors.js";

/** Longer bodies are not read, bytes. A page of history is 100 entries of 4 KB of text at most, with room for rich parts. */
const BODY_LIMIT = 4 << 20;

export interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
}

export interface HostOptions {
  readonly createSocket?: ((url: string) => WebSocket) | undefined;
  readonly fetch?: typeof fetch | undefined;
  /** Gets redacted lines. */
  readonly debug?: ((line: string) => void) | undefined;
  /** Takes in what the core tells, as JSON. It must only queue it. */
  event(json: string): void;
}

export class Host {
  readonly global: typeof globalThis = globalThis;
  readonly event: (json: string) => void;
  readonly #options: HostOptions;

  constructor(options: HostOptions) {
    this.#options = options;
    this.event = options.event;
  }

  /** Makes a socket. Whatever a factory of the page gives back must at least look like one. */
  socket(url: string): WebSocket {
    this.#log("socket", url);
    const { createSocket } = this.#options;
    if (createSocket === undefined && typeof WebSocket !== "function") throw new GuestwireError(NO_WEBSOCKET);
    const socket = createSocket === undefined ? new WebSocket(url) : createSocket(url);
    if (typeof socket?.send !== "function" || typeof socket.close !== "function") throw new TypeError("createSocket gave no WebSocket");
    return socket;
  }

  /** Makes a request and reads its answer. */
  async fetch(url: string, init: RequestInit): Promise<Answer> {
    const response = await (this.#options.fetch ?? globalThis.fetch)(url, init);
    this.#log(String(response.status), url);
    const status = Number(response.status);
    return { status: status > 0 && status < 1000 ? status : 0, retryAfter: response.headers?.get("retry-after") ?? undefined, body: await bodyOf(response) };
  }

  #log(what: string, url: string): void {
    // Whoever may read a log may read which host was asked for which path, and no more.
    this.#options.debug?.(`${what} ${url.replace(/\?.*/, "")}`);
  }
}

async function bodyOf(response: Response): Promise<string> {
  const reader = response.body?.getReader?.();
  if (reader === undefined) {
    const body = String(await response.text());
    if (body.length > BODY_LIMIT) throw new RangeError("body over the limit");
    return body;
  }
  const decoder = new TextDecoder();
  let body = "";
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return body + decoder.decode();
    bytes += value.byteLength;
    if (bytes > BODY_LIMIT) {
      await reader.cancel();
      throw new RangeError("body over the limit");
    }
    body += decoder.decode(value, { stream: true });
  }
}
