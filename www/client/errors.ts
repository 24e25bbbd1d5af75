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
  Deployment = "Check the deployment, its id, the region.",
  File = "Attach another file.",
  Report = "Report it with diagnostics().",
  Wait = "Nothing: the client waits and goes on.",
  SignIn = "Have the visitor sign in.",
  Room = "Nothing: it is sent, but does not survive a reload.",
}

/** Another entry of the package adds its own to it. */
export const TABLE: Readonly<Record<number, Entry>> = {
  400: ["BadRequest", "service", "The service does not take the request.", Remedy.Report],
  401: ["Unauthorized", "service", "The service does not know the visitor.", Remedy.SignIn],
  403: ["Forbidden", "service", "The service does not allow this.", "Check what the deployment allows."],
  404: ["NotFound", "service", "The service does not find it.", Remedy.Deployment],
  408: ["RequestTimeout", "service", "The service did not answer.", Remedy.Offer],
  409: ["ReadOnly", "service", "The conversation is read-only.", Remedy.New],
  429: ["TooManyRequests", "service", "Too many requests.", Remedy.Wait],
  1001: ["WebsocketError", "network", "The connection broke.", Remedy.Wait],
  1002: ["WebsocketAccessDenied", "service", "The service refuses the connection.", "Check the deployment's allowed domains."],
  4000: ["FeatureUnavailable", "service", "The service does not allow this.", "Check what the deployment allows."],
  4001: ["FileTypeInvalid", "caller", "The service does not take the attachment.", Remedy.File],
  4002: ["FileSizeInvalid", "caller", "The service does not take the attachment.", Remedy.File],
  4003: ["FileContentInvalid", "caller", "The service does not take the attachment.", Remedy.File],
  4004: ["FileNameInvalid", "caller", "The service does not take the attachment.", Remedy.File],
  4005: ["FileNameTooLong", "caller", "The service does not take the attachment.", Remedy.File],
  4006: ["SessionHasExpired", "service", "The conversation ran out of time.", Remedy.New],
  4007: ["SessionNotFound", "service", "The service does not know the conversation.", Remedy.New],
  4008: ["AttachmentHasExpired", "service", "The service does not take the attachment.", Remedy.File],
  4009: ["AttachmentNotFound", "service", "The service does not take the attachment.", Remedy.File],
  4010: ["AttachmentNotSuccessfullyUploaded", "service", "The service does not take the attachment.", Remedy.File],
  4011: ["MessageTooLong", "caller", "The service does not take a text this long.", "Shorten or split the text."],
  4013: ["CustomAttributeSizeTooLarge", "caller", "The custom attributes are too large.", "Send fewer or shorter attributes."],
  4017: ["CannotDowngradeToUnauthenticated", "service", "The visitor is not signed in any more.", Remedy.SignIn],
  4020: ["MissingParameter", "service", "The service does not take the request.", Remedy.Report],
  4029: ["RequestRateTooHigh", "service", "Too many requests.", Remedy.Wait],
  4102: ["FileEmpty", "caller", "The service does not take the attachment.", Remedy.File],
  5000: ["UnexpectedError", "service", "The service failed.", Remedy.Offer],

  7000: ["InvalidOption", "caller", "An option is missing or wrong.", Remedy.Fix],
  7001: ["Stopped", "caller", "The client was stopped or disposed of.", "Call start(), or make a new client."],
  7002: ["MessageEmpty", "caller", "There is no text.", Remedy.Fix],
  7003: ["MessageTooLong", "caller", "The text is over 4096 bytes of UTF-8.", "Shorten or split the text."],
  7004: ["OutboxFull", "caller", "200 messages or 192 KiB wait already.", "Wait, or cancel() some."],
  7005: ["AttributesTooLarge", "caller", "The custom attributes are too large.", "Send fewer or shorter attributes."],
  7006: ["UnknownMessage", "caller", "No message has this id.", Remedy.Fix],
  7007: ["NotRetryable", "caller", "The message is on its way or has arrived.", Remedy.Fix],
  7010: ["DeliveryUnknown", "service", "Nothing can tell whether the message arrived.", "Ask the visitor: retry() may double it."],
  7011: ["SessionEnded", "service", "The message's conversation has ended.", 'Offer restart({outbox: "send"}).'],
  7012: ["MessageExpired", "network", "The message waited for over an hour.", Remedy.Offer],
  7013: ["MessageTooBig", "service", "The service does not take a message this big.", "Shorten or split the text."],
  7020: ["DeploymentNotFound", "caller", "The service does not know the deployment.", Remedy.Deployment],
  7021: ["DeploymentInvalid", "caller", "The service does not take this deployment id.", Remedy.Deployment],
  7022: ["DeploymentInactive", "service", "The deployment is not active.", Remedy.Deployment],
  7023: ["ConfigMalformed", "network", "The configuration cannot be read: a captive portal?", Remedy.Wait],
  7024: ["NotAllowed", "service", "The service refuses this page.", "Check the deployment's allowed domains."],
  7030: ["HistoryUnavailable", "service", "The history could not be read.", "Try again."],
  7031: ["ClearNotAllowed", "service", "The service does not allow this.", "Check what the deployment allows."],
  7032: ["NotConnected", "network", "This needs a connection.", 'Wait for the state "ready".'],
  7033: ["NoAnswer", "network", "The service did not answer.", "Try again."],
  7034: ["NotEnded", "caller", "The conversation has not ended.", 'Wait for the state "ended", or for read-only.'],
  7035: ["OtherTab", "caller", "Another tab may be sending it.", "Try again."],
  7036: ["ConsentRequired", "caller", "Nothing connects before the visitor's consent.", "Call grantConsent()."],
  7037: ["AuthRequired", "service", "The service asks the visitor to sign in.", Remedy.SignIn],
  7038: ["Unsupported", "caller", "This is not part of this version or protocol.", Remedy.Fix],
  7050: ["StorageFull", "caller", "The browser's storage is full.", Remedy.Room],
  7051: ["StorageUnavailable", "caller", "The browser gives no storage.", Remedy.Room],
  7052: ["StorageQuarantined", "library", "A stored record could not be read and was put aside.", Remedy.Report],
  7053: ["StorageNewer", "library", "A stored record is of a newer version.", "Load the same version in every page."],
  7054: ["Garbage", "service", "Frames that cannot be read.", Remedy.Report],
  7055: ["Policy", "service", "The service closed the connection over its policy.", Remedy.New],

  7100: ["WasmBlocked", "caller", "The page's Content-Security-Policy blocks WebAssembly.", "Send the header Content-Security-Policy: script-src 'self' 'wasm-unsafe-eval'"],
  7101: ["NotLoaded", "network", "The WebAssembly module could not be loaded.", "Check that its files are served."],
  7102: ["Restarted", "library", "The module failed and was started again.", Remedy.Report],
  7103: ["NoWebSocket", "caller", "This host has no WebSocket.", "Give the option createSocket."],
  7104: ["Cancelled", "caller", "The message was taken back.", "Nothing."],
  7105: ["NotInitialised", "caller", "guestwire/slim does not know where its module is.", "Call initGuestwire(urlOrModule) first."],
  7106: ["SecretInPage", "caller", "A client secret in a page is everybody's.", "Give token a url or a function."],
};

function unlisted(code: number): Entry {
  const answered = `The service answered ${code}.`;
  return code >= 300 && code < 600 ? ["ServiceError", "service", answered, Remedy.Offer] : ["UnknownError", "service", answered, Remedy.Report];
}

/** What a code says, for those that come as a warning. */
export function messageOf(code: number): string {
  return new GuestwireError(code).message;
}

/** All listed codes and their names. */
export function listedCodes(): ReadonlyMap<number, string> {
  return new Map(Object.entries(TABLE).map(([code, [name]]) => [Number(code), name]));
}
