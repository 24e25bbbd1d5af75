/**
 * Every code: its name, whose fault it is, what it means and what to do about it. Service codes are as on the wire
 * (guest-api.md §4), the core's own begin at 7000 (`src/core/error.rs`; a test holds the two lists together), those of
 * the JavaScript half at 7100.
 */

export { Code } from "./code.js";

export type Fault = "caller" | "service" | "network" | "library";

/** A refused call, a message that was not delivered, or something that nobody asked for and that went wrong. */
export class GuestwireError extends Error {
  readonly code: number;
  readonly fault: Fault;
  readonly remediation: string;
  readonly field?: string;

  constructor(code: number, options?: { field?: string | undefined; cause?: unknown }) {
    const [name, fault, message, remediation] = TABLE[code] ?? unlisted(code);
    super(options?.field === undefined ? message : `${message} (${options.field})`, options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = name;
    this.code = code;
    this.fault = fault;
    this.remediation = remediation;
    if (options?.field !== undefined) this.field = options.field;
  }
}

type Entry = readonly [name: string, fault: Fault, message: string, remediation: string];

/** What is to be done about several of them. */
enum Remedy {
  Offer = "Offer the visitor to send it again.",
  Fix = "Mend the call.",
  New = "Start a new conversation with restart().",
  Deployment = "Check the deployment id, the region, the deployment.",
  File = "Choose another file.",
  Report = "Report it with diagnostics().",
  Wait = "Nothing: the client waits and goes on.",
  SignIn = "Have the visitor sign in.",
  Room = "Nothing: it is sent, but does not survive a reload.",
}

/** Another entry of the package adds its own to it. */
export const TABLE: Readonly<Record<number, Entry>> = {

  7000: ["InvalidOption", "caller", "An option is missing or wrong.", Remedy.Fix],
  7001: ["Stopped", "caller", "The client was stopped or disposed of.", "Call start(), or make a new client."],
  7037: ["AuthRequired", "service", "The service asks the visitor to sign in.", Remedy.SignIn],
  7038: ["Unsupported", "caller", "This is not part of this version or protocol.", Remedy.Fix],
  7055: ["Policy", "service", "The service closed the connection over its policy, three times.", Remedy.New],

  7100: ["WasmBlocked", "caller", "The page's Content-Security-Policy blocks WebAssembly.", "Send the header Content-Security-Policy: script-src 'self' 'wasm-unsafe-eval'"],
  7101: ["NotLoaded", "network", "The WebAssembly module could not be loaded.", "Nothing: the client tries again. Check that its files are served."],
  7102: ["Restarted", "library", "A defect stopped the module; it was started again.", Remedy.Report],
  7103: ["NoWebSocket", "caller", "This host has no WebSocket.", "Give the option createSocket."],
  7106: ["SecretInPage", "caller", "A client secret in a page is everybody's.", "Give token a url or a function, or allowSecretInPage."],
};

function unlisted(code: number): Entry {
  if (code >= 300 && code < 600) return ["ServiceError", "service", `The service answered ${code}.`, Remedy.Offer];
  return ["UnknownError", "service", `The service answered with the unknown code ${code}.`, Remedy.Report];
}

/** What a code says, for those that come as a warning. */
export function messageOf(code: number): string {
  return new GuestwireError(code).message;
}

/** All listed codes and their names. */
export function listedCodes(): ReadonlyMap<number, string> {
  return new Map(Object.entries(TABLE).map(([code, [name]]) => [Number(code), name]));
}
