// What a connection has received: frames are awaited here, never slept for. A frame that breaks a rule of
// guest-api.md §3 or "Never send" of §10 fails the wait that meets it, unless the connection was opened as lenient.

const CLASSES = new Set([
  "string", "SessionResponse", "StructuredMessage", "PresignedUrlResponse", "UploadSuccessEvent", "UploadFailureEvent",
  "GenerateUrlError", "AttachmentDeletedResponse", "JwtResponse", "SessionExpiredEvent", "SessionClearedEvent",
  "ConnectionClosedEvent", "LogoutEvent", "TooManyRequestsErrorMessage", "GetConfigurationResponse",
  "ResumeTokenResponse", "Error", "Unknown",
]);

/** Maps and arrays that must be left out rather than sent as null (§3.1, §10 "Never send"). */
const NEVER_NULL = new Set([
  "body", "channel", "content", "events", "metadata", "customAttributes", "from", "to", "headers", "allowedMedia",
  "inbound", "fileTypes", "blockedExtensions", "entities", "tracingId", "class", "type", "code", "id", "direction",
]);

function nullMember(value, path = "") {
  if (Array.isArray(value)) {
    return value.map((item, index) => nullMember(item, `${path}[${index}]`)).find(Boolean);
  }
  if (value === null || typeof value !== "object") return undefined;
  for (const [key, member] of Object.entries(value)) {
    if (member === null && NEVER_NULL.has(key)) return `${path}.${key}`;
    const inner = nullMember(member, `${path}.${key}`);
    if (inner) return inner;
  }
  return undefined;
}

/** The first rule that a frame of the service breaks, or undefined. */
export function ruleBroken(frame) {
  if (frame.binary) return "a binary frame (§0: text frames only)";
  const { json, raw } = frame;
  if (json === undefined || json === null || Array.isArray(json) || typeof json !== "object") {
    return "not one JSON object (§0)";
  }
  if (json.type !== "response" && json.type !== "message") return `envelope type ${json.type} (§3.1)`;
  if (!CLASSES.has(json.class)) return `class ${json.class} (§3.2)`;
  if (!Number.isInteger(json.code)) return `code ${json.code} (§3.1)`;
  if (json.body === undefined) return "no body (§3.1)";
  if ((json.class === "string") !== (typeof json.body === "string")) return "body is a string exactly for class string (§3.1)";
  if ("tracingId" in json && typeof json.tracingId !== "string") return "tracingId is a string or absent (§3.1)";
  const nulled = nullMember(json);
  if (nulled) return `null at ${nulled} (§10 "Never send")`;
  const withoutStrings = raw.replace(/"(?:[^"\\]|\\.)*"/g, '""');
  if (/\d[.eE]/.test(withoutStrings)) return 'a float for a count (§10 "Never send")';
  if (json.class === "StructuredMessage") {
    const { body } = json;
    if (typeof body.id !== "string" || body.id === "") return "StructuredMessage without id (§3.4.1)";
    if (!["Text", "Structured", "Event"].includes(body.type)) return `StructuredMessage of type ${body.type} (§3.4.1)`;
    if (body.direction !== "Inbound" && body.direction !== "Outbound") return `direction ${body.direction} (§3.4.1)`;
    // The reply to the echo action is a response; its fixture in §3.4.6 has no channel.
    if (json.type === "message" && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(body.channel?.time ?? "")) {
      return `channel.time ${body.channel?.time} is not ISO-8601 UTC with ms (§3.4.1)`;
    }
    for (const [key, value] of Object.entries(body.metadata ?? {})) {
      if (typeof value !== "string") return `metadata.${key} is not a string (§3.4.1)`;
    }
  }
  return undefined;
}

export class Inbox {
  #frames = [];
  #waiters = [];
  #ended;
  #lenient;

  constructor({ lenient = false } = {}) {
    this.#lenient = lenient;
  }

  /** Takes a frame in; wakes the first wait that asks for it. */
  push(raw, binary) {
    const frame = { raw, binary, json: undefined, at: performance.now(), taken: false };
    if (!binary) {
      try {
        frame.json = JSON.parse(raw);
      } catch {
        frame.json = undefined;
      }
    }
    const broken = this.#lenient ? undefined : ruleBroken(frame);
    if (broken) frame.broken = `${broken}: ${String(raw).slice(0, 300)}`;
    this.#frames.push(frame);
    this.#settle();
  }

  /** The connection is over: every wait that no frame can satisfy any more fails. */
  end(reason) {
    this.#ended = reason;
    this.#settle();
  }

  #settle() {
    this.#waiters = this.#waiters.filter((waiter) => !waiter.attempt());
  }

  /** The first frame not yet taken for which `predicate` holds, in order of arrival. */
  next(predicate, timeoutMs = 4000) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters = this.#waiters.filter((waiter) => waiter !== self);
        reject(this.#failure(`no such frame within ${timeoutMs} ms`, predicate));
      }, timeoutMs);
      const self = {
        attempt: () => {
          const broken = this.#frames.find((frame) => frame.broken);
          const found = this.#frames.find((frame) => !frame.taken && predicate(frame));
          if (!broken && !found && !this.#ended) return false;
          clearTimeout(timer);
          if (broken) reject(new Error(`the service broke a rule: ${broken.broken}`));
          else if (found) resolve(Object.assign(found, { taken: true }));
          else reject(this.#failure(`connection ended (${this.#ended})`, predicate));
          return true;
        },
      };
      if (!self.attempt()) this.#waiters.push(self);
    });
  }

  /** Every frame that has arrived since `mark` for which `predicate` holds, taken or not. */
  seen(predicate = () => true, mark = 0) {
    return this.#frames.slice(mark).filter((frame) => predicate(frame));
  }

  /** A place in the order of arrival, for `seen`. */
  mark() {
    return this.#frames.length;
  }

  /** The first broken rule so far, whether or not a wait met it. */
  broken() {
    return this.#frames.find((frame) => frame.broken)?.broken;
  }

  #failure(what, predicate) {
    const left = this.#frames.filter((frame) => !frame.taken).map((frame) => String(frame.raw).slice(0, 200));
    return new Error(`${what} [${predicate}]; untaken: ${left.length ? left.join("\n") : "none"}`);
  }
}

export const byTracing = (tracingId) => (frame) => frame.json?.tracingId === tracingId;
export const byClass = (name) => (frame) => frame.json?.class === name;
export const isText = (text) => (frame) => frame.json?.class === "StructuredMessage" && frame.json.body?.text === text;
export const isEvent = (eventType, presence) => (frame) =>
  frame.json?.class === "StructuredMessage" &&
  (frame.json.body?.events ?? []).some(
    (event) => event.eventType === eventType && (presence === undefined || event.presence?.type === presence),
  );
