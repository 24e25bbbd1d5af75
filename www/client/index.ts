/** `guestwire`: the headless client, with its WebAssembly inlined and loaded when the first client is made. */

import type { GuestOptions } from "./api.js";
import { Client } from "./client.js";
import { decode } from "./load.js";

export type * from "./api.js";
export { GuestwireError, type Fault } from "./errors.js";

async function inlined(): Promise<ArrayBuffer> {
  const { wasmGzipBase64 } = await import("./generated/core-inline.js");
  return decode(wasmGzipBase64);
}

/** A conversation of one visitor. */
export class GuestClient extends Client {
  /** Validates at once and begins to load the module; usable immediately. */
  constructor(options: GuestOptions) {
    super(options, inlined);
  }
}
