/** What stands between the core and the platform: the page's factories, or the platform's own. */

import type { TokenSource } from "./api.js";
import type { CoreEvent } from "./core-event.js";
import { guarded } from "./emitter.js";
import { Code, GuestwireError } from "./errors.js";

export interface HostOptions<Event> {
  readonly createSocket?: ((url: string) => WebSocket) | undefined;
  readonly fetch?: typeof fetch | undefined;
  readonly token?: TokenSource | undefined;
  /** Gets redacted lines. */
  readonly debug?: ((line: string) => void) | undefined;
  /** Takes in what the core tells. It must only queue it. */
  event(event: Event): void;
}

export class Host<Event = CoreEvent> {
  readonly global: typeof globalThis = globalThis;
  locks: LockManager | undefined = globalThis.navigator?.locks;
  readonly event: (event: Event) => void;
  /** Takes a redacted line. */
  readonly debug: ((line: string) => void) | undefined;
  readonly #options: HostOptions<Event>;

  constructor(options: HostOptions<Event>) {
    this.#options = options;
    this.event = options.event;
    this.debug = guarded(options.debug);
  }

  /** Makes a socket. Whatever a factory of the page gives back must at least look like one. */
  socket(url: string): WebSocket {
    this.#log("socket", url);
    const { createSocket } = this.#options;
    if (createSocket === undefined && typeof WebSocket !== "function") throw new GuestwireError(Code.NoWebSocket);
    const socket = createSocket === undefined ? new WebSocket(url) : createSocket(url);
    if (typeof socket?.send !== "function" || typeof socket.close !== "function") throw new TypeError("createSocket gave no WebSocket");
    return socket;
  }

  /** Makes a request. Whatever a `fetch` of the page gives back must at least look like a response. */
  async fetch(url: string, init: RequestInit): Promise<Response> {
    const request = new Request(url, init);
    const response = await (this.#options.fetch ?? fetch)(request);
    if (typeof response?.headers?.get !== "function") throw new TypeError("fetch gave no Response");
    this.#log(String(response.status), request.url);
    return response;
  }

  /** Asks the page for an access token, as if it were a request. */
  async token(): Promise<Response> {
    return new Response(JSON.stringify(await (this.#options.token as () => Promise<object>)()));
  }

  #log(what: string, url: string): void {
    // Whoever may read a log may read which host was asked for what, and no more: a session's or a channel's id admits to it.
    this.debug?.(`${what} ${url.replace(/(\?|sessions|channels).*/, "")}`);
  }
}
