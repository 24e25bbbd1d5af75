/** What the element asks of its client: the public face of GuestClient, so that a page may hand in its own. */

import type { GuestClient, Message } from "../client/index.js";

export type ChatClient = Pick<
  GuestClient,
  | "protocol" | "state" | "session" | "messages" | "outbox" | "unread" | "on" | "start" | "send" | "retry" | "cancel" | "typing" | "markRead"
  | "history" | "clear" | "restart" | "reconnect" | "dispose"
>;

/** A row of the transcript; `fallback` is the readable line of content that is not plain text. */
export type Row = Message & { readonly fallback?: string };

/**
 * The text a row is read as: its own, and the readable line of what came with it. Undefined when there is neither. Files are
 * shown as files, so a line that only names them is left out.
 */
export function readable(row: Row): string | undefined {
  const { text, fallback } = row;
  const onlyFiles = row.attachments.length > 0 && row.content.every((part) => part.contentType === "Attachment");
  if (!fallback || onlyFiles || text?.includes(fallback)) return text;
  return !text || fallback.includes(text) ? fallback : `${text}\n${fallback}`;
}
