/** `guestwire`: the headless client, with its WebAssembly inlined and loaded when the first client is made. */

import type { GuestOptions } from "./api.js";
import { Client } from "./client.js";
import { glue } from "./glue.js";
import { decode, type Provide } from "./load.js";

export type * from "./api.js";
export { GuestwireError, type Fault } from "./errors.js";

const inlined: Provide = async () => {
  const { wasmGzipBase64 } = await import("./generated/core-inline.js");
  return { glue, source: await decode(wasmGzipBase64) };
};

const inlinedSession: Provide = async () => {
  const [{ glue: ofSession }, { wasmGzipBase64 }] = await Promise.all([import("./glue-session.js"), import("./generated/session/core-inline.js")]);
  return { glue: ofSession, source: await decode(wasmGzipBase64) };
};

/** A conversation of one visitor. */
export class GuestClient extends Client {
  /** Validates at once and begins to load the module; usable immediately. */
  constructor(options: GuestOptions) {
    super(options, options?.token === undefined ? inlined : inlinedSession);
  }
}
