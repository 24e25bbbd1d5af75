/** `guestwire/slim`: the same client without a module of its own. `initGuestwire` says where it is. */

import type { GuestOptions } from "./api.js";
import { Client } from "./client.js";
import { Code, GuestwireError } from "./errors.js";
import { glue } from "./glue.js";
import type { Provide, WasmSource } from "./load.js";

export type * from "./api.js";
export { GuestwireError, type Fault } from "./errors.js";
export type { WasmSource } from "./load.js";

let source: WasmSource | Promise<WasmSource> | undefined;

/**
 * Says what the module is made of: its URL (`guestwire/core.wasm`, or `guestwire/core-session.wasm` where there is a `token`),
 * a response, its bytes, or a compiled module. To be called before the first client is made. Nothing is loaded before that.
 */
export function initGuestwire(urlOrModule: WasmSource | Promise<WasmSource>): void {
  source = urlOrModule;
}

function given(): WasmSource | Promise<WasmSource> {
  if (source === undefined) throw new GuestwireError(Code.NotInitialised);
  return source;
}

const provide: Provide = async () => ({ glue, source: await given() });
const provideSession: Provide = async () => ({ glue: (await import("./glue-session.js")).glue, source: await given() });

/** A conversation of one visitor. */
export class GuestClient extends Client {
  /** Validates at once and begins to load the module; usable immediately. */
  constructor(options: GuestOptions) {
    given();
    super(options, options?.token === undefined ? provide : provideSession);
  }
}
