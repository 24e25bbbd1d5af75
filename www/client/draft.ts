/** What a visitor answers with, as a message to be sent. */

import type { Choice } from "./api.js";
import type { Draft } from "./early.js";
import { Code, GuestwireError } from "./errors.js";

/** Of something that the other side offered, or of a content part of the page's own making. Throws for what is neither. */
export function draftOf(choice: Choice | object): Draft {
  const { text, payload, type, messageId, content, contentType } = choice as Partial<Record<string, unknown>>;
  const label = typeof text === "string" ? text : "";
  if (Array.isArray(content)) return { text: label, content: content as object[], type: "Structured" };
  if (typeof contentType === "string") return { text: label, content: [choice], type: "Structured" };
  if (typeof payload !== "string" || typeof type !== "string") throw new GuestwireError(Code.InvalidOption, { field: "choice" });
  const buttonResponse = { type, text: label, payload, originatingMessageId: typeof messageId === "string" ? messageId : undefined };
  return { text: label, content: [{ contentType: "ButtonResponse", buttonResponse }], type: "Structured" };
}
