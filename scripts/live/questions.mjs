// What guest-api.md leaves open ([?] and its §12), in the order of the report, and where each is asked.

/** `[id, question]` by section. */
export const questions = {
  configuration: [
    ["configCors", "May a page of another origin read the configuration?"],
    ["fileTypesForm", "Are file types objects in the session and strings in the configuration?"],
    ["autoStart", "Does the configuration ask for a Join?"],
  ],
  chat: [
    ["unconfigured", "What answers a message before configure?"],
    ["expirationUnit", "expirationDate in the session: seconds or milliseconds?"],
    ["autoStarted", "autoStarted in the session?"],
    ["joinEcho", "Is a Join echoed?"],
    ["joinAgain", "What does a second Join do?"],
    ["echoEnvelope", "Envelope type of a message's echo?"],
    ["metadataInEcho", "Is message.metadata echoed?"],
    ["metadataInHistory", "Is message.metadata in the history?"],
    ["tracingToSender", "Does the sender's echo carry the tracingId?"],
    ["tracingToOthers", "Do the other connections' echoes carry the tracingId?"],
    ["tracingInHistory", "Is the tracingId in the history?"],
    ["sameIds", "Do echo and history agree on id and channel.messageId?"],
    ["resend", "Is a re-sent tracingId deduplicated?"],
    ["historyLag", "How long until the history shows a message (ms after its echo)?"],
    ["errorNamesRequest", "Does a refusal carry the request's tracingId?"],
    ["textLimit", "Is the text limit of 4096 counted in bytes?"],
    ["attributesPlace", "Where are custom attributes read?"],
    ["quickReply", "Which message types may a quick reply have?"],
    ["unknownAction", "What answers an unknown action?"],
    ["echoReply", "What is the reply to echo, and does it tell the expiry as strings?"],
    ["jwtUnit", "exp of the history JWT: seconds or milliseconds?"],
  ],
  history: [
    ["pageSize", "Is a page size of 100 honoured?"],
    ["historyOrder", "In which order is the history?"],
    ["historyCors", "May a page of another origin read the history?"],
    ["corsOn401", "… and the answer to a JWT that is not valid?"],
    ["messageLimit", "How is the sixth message in a second refused?"],
    ["echoLimit", "How is the third echo in a minute refused?"],
    ["historyLimit", "After how many reads in a minute is the history refused?"],
    ["retryAfter", "Does that refusal carry Retry-After?"],
    ["headersExposed", "May a page of another origin read Retry-After?"],
  ],
  files: [
    ["urlErrorEnvelope", "Envelope of GenerateUrlError?"],
    ["uploadCors", "May a page of another origin put a file to its address?"],
    ["uploadEvent", "What follows an upload?"],
    ["downloadAddress", "Does getAttachment answer with empty headers and a fileSize?"],
  ],
  connections: [
    ["fourth", "What happens to the oldest of four connections?"],
    ["closedField", "Member of ConnectionClosedEvent that says why?"],
    ["closeSession", "What answers closeSession?"],
    ["readOnlySend", "What answers a message to a closed session?"],
    ["startNew", "What does configure with startNew answer after that?"],
    ["historyAfterNew", "Does the history still show the session before?"],
  ],
  expiry: [
    ["expiredEvent", "What is told when the session runs out?"],
    ["expiredConfigure", "What answers configure for an expired session?"],
  ],
  idle: [["idle", "How long may a connection stay idle?"]],
  observed: [
    ["typingDuration", "Member that tells how long typing lasts?"],
    ["receipts", "Are receipts seen by guests?"],
    ["structuredError", "Class of a structured error?"],
    ["unknownClasses", "Classes that the reference does not know?"],
  ],
};

export const sections = Object.keys(questions);

const KNOWN = new Set([
  "string", "SessionResponse", "StructuredMessage", "PresignedUrlResponse", "UploadSuccessEvent", "UploadFailureEvent", "GenerateUrlError",
  "AttachmentDeletedResponse", "JwtResponse", "SessionExpiredEvent", "SessionClearedEvent", "ConnectionClosedEvent", "LogoutEvent",
  "TooManyRequestsErrorMessage", "GetConfigurationResponse", "ResumeTokenResponse", "Error", "ErrorMessage",
]);

/** Answers from what happened to be seen on all connections. */
export function observe({ seen }, answer) {
  const typing = seen.filter(({ body }) => body?.direction === "Outbound").flatMap(({ body }) => body.events ?? []).filter(({ eventType }) => eventType === "Typing");
  const names = new Set(typing.flatMap((event) => Object.keys(event.typing ?? {}).filter((name) => /duration/i.test(name))));
  answer("typingDuration", typing.length === 0 ? "not seen" : names.size === 0 ? "absent" : [...names].join(", "), typing.length === 0 ? "nobody typed; let an agent or a bot answer meanwhile" : `${typing.length} typing events`);
  const receipts = seen.filter(({ body }) => body?.type === "Receipt");
  answer("receipts", receipts.length === 0 ? "not seen" : "yes", receipts.length === 0 ? "" : `${receipts.length} of them`);
  const errors = new Set(seen.map((frame) => frame.class).filter((name) => name === "Error" || name === "ErrorMessage"));
  answer("structuredError", errors.size === 0 ? "not seen" : [...errors].join(", "));
  const unknown = new Set(seen.map((frame) => frame.class).filter((name) => !KNOWN.has(name)));
  answer("unknownClasses", unknown.size === 0 ? "none" : [...unknown].join(", "));
}

/** Whether a number of the epoch is in seconds, as guest-api.md §12 tells them apart. */
export function epochUnit(number) {
  if (typeof number !== "number") return number === undefined ? "absent" : typeof number;
  return number > 1e11 ? "milliseconds" : "seconds";
}
