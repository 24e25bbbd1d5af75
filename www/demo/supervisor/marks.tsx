/** A sign and a word for each presence, so that colour is never alone. */
import type { JSX } from "preact";

/** Drawn in a square of 16, in the colour of the text. */
const SIGNS: Readonly<Record<string, string>> = {
  online: "M3.5 8.5l3 3 6-7",
  busy: "M4 3.5c0 5 3.5 8.5 8.5 8.5l.5-2.5-2.5-1-1 1c-1.5-.5-2.5-1.5-3-3l1-1-1-2.500z",
  away: "M8 3a5 5 0 1 0 0 10A5 5 0 0 0 8 3zM8 5.500V8l2 1.5",
  meeting: "M5.5 7a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM11 7.500a1.7 1.7 0 1 0 0-3.400M2 13c0-4 7-4 7 0M11 9.800c2 0 3 1.2 3 3.2",
  lunch: "M4.5 3v3.500M6.5 3v3.500M4.5 6.500h2M5.5 6.500V13M11 13V3c-1.5 1-2 3-2 5h2",
  training: "M2 6l6-2.500L14 6 8 8.500zM4.5 7.500V11c2 1.5 5 1.5 7 0V7.5",
  other: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  offline: "M4 4l8 8M12 4l-8 8",
};
const WORDS: Readonly<Record<string, string>> = { online: "Online", busy: "Busy", away: "Away", meeting: "Meeting", lunch: "Lunch", training: "Training", other: "Other", offline: "Offline" };
const TONES: Readonly<Record<string, string>> = { online: "free", busy: "busy", away: "away", meeting: "apart", lunch: "away", training: "apart", other: "away", offline: "gone" };

export function PresenceSign({ presence }: { readonly presence: string | undefined }): JSX.Element {
  return (
    <svg class="presence-sign" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={SIGNS[presence ?? ""] ?? "M6 6c0-3 4.5-3 4.5-.5C10.5 7.5 8 7.5 8 9.500M8 12.500h.01"} fill="none" stroke="currentColor" stroke-width={presence === "other" ? 2.5 : 1.6} stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}

export function presenceWord(presence: string | undefined): string {
  return presence === undefined ? "Not heard of" : (WORDS[presence] ?? presence);
}

/** The class that colours it. */
export function presenceTone(presence: string | undefined): string {
  return `presence-${presence === undefined ? "gone" : (TONES[presence] ?? "away")}`;
}

const ROUTING: Readonly<Record<string, string>> = { IDLE: "idle", INTERACTING: "in contact", OFF_QUEUE: "off queue", NOT_RESPONDING: "no answer" };

export function routingWords(routing: string | undefined): string {
  return routing === undefined ? "" : (ROUTING[routing] ?? routing.toLowerCase());
}
