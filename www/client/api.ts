/**
 * The types of the JavaScript API. Times are integer milliseconds since the epoch unless a name says otherwise. Nothing here
 * touches the DOM, storage, network or WebAssembly at import time.
 */

import type { GuestwireError } from "./errors.js";

export interface GuestOptions {
  deploymentId: string;
  /** Platform domain, e.g. "mypurecloud.com". Either this or `endpoint`. */
  region?: string;
  /** One origin that serves every path of the API (the simulator, a proxy), e.g. "http://127.0.0.1:8787". */
  endpoint?: string;
  /** "guest": the platform's guest API. "session": the session protocol; it needs `token` and `endpoint`, and knows text alone. */
  protocol?: "guest" | "session";
  /** Where access tokens of the session protocol come from. */
  token?: TokenSource;
  storage?: "local" | "session" | "memory";
  /** Nothing is stored and nothing connects before consent is "granted" (see `grantConsent`). Default "granted". */
  consent?: "granted" | "required";
  /** Custom attributes for the first message. */
  attributes?: Record<string, string>;
  backoff?: "default" | "tutorial" | { baseMs: number; maxMs: number };
  /** Makes the socket; for hosts without a global WebSocket, or to add headers where the host can. */
  createSocket?: (url: string, protocols?: string[]) => WebSocket;
  fetch?: typeof fetch;
  /** Aborting it disposes of the client. */
  signal?: AbortSignal;
  /** Gets lines for a log: no text of a message, no token. */
  debug?: (line: string) => void;
}

export type TokenSource =
  /** Asked for each token. Whatever it rejects with means that there is none now; after three in a row the visitor has to sign in. */
  | (() => Promise<{ access_token: string; expires_in: number }>)
  /** A path of the site's own backend, which answers a POST with such an object. */
  | { url: string }
  /** The client-credentials grant, for trusted hosts: an https page is refused, or everybody would have the secret. */
  | { clientId: string; clientSecret: string; allowSecretInPage?: true };

export type ConnectionState =
  | { name: "idle" }
  | { name: "loading" }
  | { name: "connecting"; attempt: number }
  | { name: "ready" }
  | { name: "suspect" }
  | { name: "waiting"; attempt: number; retryAt: number; reason: Reason }
  | { name: "paused"; until?: number; reason: "rateLimited" | "evicted" | "refused" }
  | { name: "offline" }
  | { name: "authRequired" }
  | { name: "ended"; reason: "sessionExpired" | "sessionCleared" | "loggedOut" | "notAllowed" | "inactive" | "policy" }
  | { name: "stopped" };

export type Reason =
  | { kind: "closed"; code: number }
  | { kind: "timeout" }
  | { kind: "refused" }
  | { kind: "service"; code: number }
  | { kind: "network" };

export interface Message {
  /** Stable for the life of the row, from the moment it is accepted. */
  readonly id: string;
  readonly serverId?: string;
  /** From the platform's side: "inbound" is the guest's. */
  readonly direction: "inbound" | "outbound";
  readonly kind: "text" | "structured" | "event";
  readonly text?: string;
  /** The service's time where known, else the time of acceptance. */
  readonly time: number;
  readonly status: "queued" | "sending" | "sent" | "failed" | "expired";
  readonly error?: GuestwireError;
  readonly from?: { name?: string; image?: string; entity: "human" | "bot" | "unknown" };
  readonly content: readonly Content[];
  readonly attachments: readonly Attachment[];
  readonly metadata: Readonly<Record<string, string>>;
  /** A readable line for content that is not plain text. */
  readonly fallback?: string;
}

/** A part as the service sent it; kinds of guest-api.md §3.4.4 are typed, the rest is `{contentType, …}` untouched. */
export type Content = { readonly contentType: string; readonly [member: string]: unknown };

export interface Attachment {
  readonly id: string;
  readonly fileName: string;
  readonly fileSize?: number;
  readonly mime?: string;
  readonly url?: string;
  readonly state: "checking" | "presigning" | "uploading" | "uploaded" | "sending" | "sent" | "failed" | "detached";
  readonly progress?: number;
  readonly error?: GuestwireError;
}

export interface Session {
  readonly newSession: boolean;
  readonly readOnly: boolean;
  readonly expiresAt?: number;
  readonly durationMs?: number;
}

export interface Receipt {
  readonly id: string;
  /** False when storage could not keep it: it will not survive a reload. */
  readonly durable: boolean;
  /** Settles once. A rejection nobody listens to is not reported as unhandled. */
  readonly done: Promise<{ id: string; serverId: string; time: number }>;
}

export interface GuestEvents {
  state: ConnectionState;
  session: Session;
  message: { message: Message; index: number };
  updated: { message: Message; index: number };
  moved: { message: Message; from: number; to: number };
  removed: { id: string };
  gap: { from?: string; to?: string; filled: boolean };
  typing: { active: boolean; from?: Message["from"]; until?: number };
  receipt: { id: string; status: Message["status"] };
  outbox: { length: number; bytes: number };
  attachment: Attachment;
  unread: { count: number };
  tab: { role: "leader" | "follower" };
  metric: { kind: "rtt" | "detect" | "reconnect" | "resync"; ms: number };
  warning: { code: number; message: string };
  error: GuestwireError;
}

/** What `send` may carry beside the text. */
export interface SendOptions {
  attributes?: Record<string, string>;
  /** Not part of this version. */
  attachments?: string[];
}

/** A choice out of something the other side offered. */
export interface Choice {
  text: string;
  payload: string;
  type: "QuickReply" | "Button" | "DatePicker" | "ListPicker" | "Form";
  /** The message that offered it. */
  messageId?: string;
}
