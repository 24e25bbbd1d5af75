/** What the core tells: the names are those of `src/guest/event.rs`. */

import type { ConnectionState, GuestEvents, Message } from "./api.js";

export interface CoreRow {
  readonly id: string;
  readonly serverId?: string;
  readonly direction: Message["direction"];
  readonly kind: Message["kind"];
  readonly time: number;
  readonly status: Message["status"];
  readonly code?: number;
  readonly text?: string;
  /** The service's body (guest-api.md §3.4.1), JSON. */
  readonly body?: string;
}

export type CoreEvent =
  | { type: "state"; state: ConnectionState }
  | { type: "session"; newSession: boolean; readOnly: boolean; expiresAt?: number; durationMs?: number }
  | { type: "message" | "updated"; index: number; message: CoreRow }
  | { type: "moved"; id: string; from: number; to: number }
  | { type: "removed"; id: string; index: number }
  | { type: "gap"; from?: string; to?: string; filled: boolean }
  | { type: "typing"; active: boolean; until?: number; body?: string }
  | { type: "receipt"; id: string; status: Message["status"]; serverId?: string; time?: number; code?: number }
  | { type: "outbox"; length: number; bytes: number }
  | { type: "unread"; count: number }
  | { type: "tab"; leader: boolean }
  | { type: "metric"; kind: GuestEvents["metric"]["kind"]; ms: number }
  | { type: "warning"; code: number }
  | { type: "error"; code: number }
  | { type: "emptied" }
  | { type: "done"; ticket: number; code?: number; loaded?: number; complete?: boolean };

/** What somebody wrote is nobody else's business; `CoreEvent` has no other member that says it. */
export function redacted(name: string, value: unknown): unknown {
  return name === "text" || name === "body" ? undefined : value;
}

/** An event of the core as the page gets it. */
export function bare<E extends CoreEvent>({ type: _, ...payload }: E): Omit<E, "type"> {
  return payload;
}
