/**
 * What another tab may say. It is of this origin, but perhaps of another version or of another script: every member is looked at before
 * any of it is taken, so that what does not fit leaves no trace. What fits is believed: who can speak here can read storage as well.
 */

import type { CoreEvent, CoreRow } from "./core-event.js";
import type { Said } from "./tabs.js";

type Is = (value: unknown) => boolean;
type Form = Readonly<Record<string, Is>>;

/** What a JavaScript date can hold. */
const LAST_MS = 8_640_000_000_000_000;

const text: Is = (value) => typeof value === "string";
const truth: Is = (value) => typeof value === "boolean";
const count: Is = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const time: Is = (value) => Number.isInteger(value) && Math.abs(value as number) <= LAST_MS;
const oneOf = (...words: readonly string[]): Is => (value) => words.includes(value as string);
const maybe = (is: Is): Is => (value) => value === undefined || is(value);
/** An object with these members; others are not looked at. */
const like = (form: Form): Is => (value) => typeof value === "object" && value !== null && Object.entries(form).every(([name, is]) => is((value as Record<string, unknown>)[name]));
/** An object whose member says which of these it is like. */
const byName = (name: string, forms: Readonly<Record<string, Form>>): Is => (value) => {
  const word = (value as Record<string, unknown> | null | undefined)?.[name];
  return typeof word === "string" && Object.hasOwn(forms, word) && like(forms[word]!)(value);
};

const status = oneOf("queued", "sending", "sent", "failed", "expired");
const row = like({
  id: text, serverId: maybe(text), direction: oneOf("inbound", "outbound"), kind: oneOf("text", "structured", "event"), time, status, code: maybe(count), text: maybe(text), body: maybe(text),
} satisfies Record<keyof CoreRow, Is>);
const state = byName("name", {
  idle: {}, loading: {}, ready: {}, suspect: {}, offline: {}, authRequired: {}, stopped: {},
  connecting: { attempt: count },
  waiting: { attempt: count, retryAt: time, reason: like({ kind: text, code: maybe(count) }) },
  paused: { until: maybe(time), reason: oneOf("rateLimited", "evicted", "refused") },
  ended: { reason: text },
});
const sessionForm: Form = { newSession: truth, readOnly: truth, expiresAt: maybe(time), durationMs: maybe(count) };
/** What a leader's core tells; its role and the ends of its own calls are no one else's. */
const event = byName("type", {
  state: { state },
  session: sessionForm,
  message: { index: count, message: row },
  updated: { index: count, message: row },
  moved: { from: count, to: count },
  removed: { index: count },
  emptied: {},
  gap: { from: maybe(text), to: maybe(text), filled: truth },
  typing: { active: truth, until: maybe(time), body: maybe(text) },
  receipt: { id: text, status, serverId: maybe(text), time: maybe(time), code: maybe(count) },
  outbox: { length: count, bytes: count },
  unread: { count },
  metric: { kind: oneOf("rtt", "detect", "reconnect", "resync"), ms: count },
  warning: { code: count },
  error: { code: count },
} satisfies Record<Exclude<CoreEvent["type"], "tab" | "done">, Form>);

/** Rows that each stand once. */
const rows: Is = (value) => Array.isArray(value) && value.every(row) && new Set(value.map(({ id }: CoreRow) => id)).size === value.length;

const said = byName("do", {
  ask: {},
  here: { term: maybe(text), seq: maybe(count), hidden: maybe(truth) },
  lead: { term: maybe(text) },
  hello: { from: text },
  list: { to: text, term: text, seq: count, state, session: maybe(like(sessionForm)), unread: count, rows },
  event: { term: text, seq: count, event },
  call: { from: text, call: count, text, ticket: count },
  done: { to: text, done: like({ ticket: count, code: maybe(count), loaded: maybe(count), complete: maybe(truth) }) },
  added: { key: text, value: maybe(text) },
  forget: {},
} satisfies Record<Said["do"], Form>);

/** Whether it is something that a tab says, to one whose list has so many rows. */
export function fits(value: unknown, length: number): value is Said {
  if (!said(value)) return false;
  const { event } = value as { event?: CoreEvent };
  switch (event?.type) {
    case "message": return event.index <= length;
    case "updated":
    case "removed": return event.index < length;
    case "moved": return Math.max(event.from, event.to) < length;
    default: return true;
  }
}
