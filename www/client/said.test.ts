import assert from "node:assert/strict";
import { test } from "node:test";
import { fits } from "./said.js";

const row = { id: "a", serverId: "s", direction: "outbound", kind: "text", time: 5, status: "sent", code: 4011, text: "hello", body: "{}" };
const bare = { id: "b", direction: "inbound", kind: "text", time: 6, status: "queued" };
const session = { newSession: false, readOnly: true, expiresAt: 7, durationMs: 8 };
const state = { name: "waiting", attempt: 2, retryAt: 9, reason: { kind: "closed", code: 1006 } };

/** One of everything that a tab says, with every member that may be there. */
const GOOD = [
  { do: "ask" }, { do: "here" }, { do: "here", term: "t", seq: 3, hidden: true }, { do: "lead", term: "t" }, { do: "hello", from: "me" }, { do: "forget" },
  { do: "call", from: "me", call: 4, text: "", ticket: 0 }, { do: "done", to: "me", done: { ticket: 1, code: 7030, loaded: 5, complete: true } },
  { do: "added", key: "gw1:d:m:1:x" }, { do: "added", key: "gw1:d:m:1:x", value: "{}" },
  { do: "list", to: "me", term: "t", seq: 0, state, session, unread: 1, rows: [row, bare] },
  ...[
    ...["idle", "loading", "ready", "suspect", "offline", "authRequired", "stopped"].map((name) => ({ type: "state", state: { name } })),
    { type: "state", state }, { type: "state", state: { name: "connecting", attempt: 1 } }, { type: "state", state: { name: "paused", until: 1, reason: "refused" } }, { type: "state", state: { name: "ended", reason: "policy" } },
    { type: "session", ...session }, { type: "message", index: 2, message: row }, { type: "updated", index: 1, message: bare }, { type: "moved", from: 0, to: 1 }, { type: "removed", index: 1 }, { type: "emptied" },
    { type: "gap", from: "a", to: "b", filled: false }, { type: "typing", active: true, until: 5, body: "{}" }, { type: "receipt", id: "a", status: "failed", serverId: "s", time: 5, code: 4011 },
    { type: "outbox", length: 1, bytes: 2 }, { type: "unread", count: 3 }, { type: "metric", kind: "rtt", ms: 40 }, { type: "warning", code: 7050 }, { type: "error", code: 7024 },
  ].map((event) => ({ do: "event", term: "t", seq: 1, event })),
];
const JUNK: readonly unknown[] = [null, 7.5, -1, Number.NaN, 1e300, true, "x".repeat(3), "__proto__", "constructor", [], {}, () => 1, Symbol("s"), { toString: null }];

/** What has something else in one of its places. */
function* twisted(value: unknown, path = ""): Generator<{ path: string; was: unknown; junk: unknown; value: unknown }> {
  for (const junk of JUNK) yield { path, was: value, junk, value: junk };
  if (typeof value !== "object" || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    for (const one of twisted(inner, `${path}.${name}`)) yield { ...one, value: Array.isArray(value) ? Object.assign([...value], { [name]: one.value }) : { ...value, [name]: one.value } };
  }
}

/** Whether it cannot stand there: it is of another type, no number of its kind, or none of the words. */
function isWrong(path: string, was: unknown, junk: unknown): boolean {
  const kind = (value: unknown): string => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value);
  if (kind(was) !== kind(junk)) return true;
  if (typeof junk === "number") return !(junk === -1 && /\.(time|retryAt|until|expiresAt)$/.test(path));
  if (typeof junk === "string") return /\.(do|status|direction|type|name)$/.test(path);
  return kind(junk) === "object";
}

test("everything that a tab says fits, a list of two rows at hand", () => {
  for (const said of GOOD) assert.equal(fits(structuredClone(said), 2), true, JSON.stringify(said));
});

test("what has another type in one of its places does not", () => {
  let dropped = 0;
  for (const said of GOOD) {
    for (const { path, was, junk, value } of twisted(said)) {
      if (!isWrong(path, was, junk)) continue;
      dropped += 1;
      assert.equal(fits(value, 2), false, `${JSON.stringify(said)} with ${typeof junk} ${JSON.stringify(junk)} as ${path}`);
    }
  }
  assert.ok(dropped > 2_000, String(dropped));
});

test("a place beyond the list, a row twice, a time that no date holds, and a role are dropped", () => {
  const event = (told: object, length = 2): boolean => fits({ do: "event", term: "t", seq: 1, event: told }, length);
  assert.equal(event({ type: "message", index: 3, message: row }), false);
  assert.equal(event({ type: "updated", index: 2, message: row }), false);
  assert.equal(event({ type: "removed", index: 0 }, 0), false);
  assert.equal(event({ type: "moved", from: 0, to: 2 }), false);
  assert.equal(event({ type: "message", index: 0, message: { ...row, time: 8.64e15 + 1 } }), false);
  assert.equal(event({ type: "message", index: 0, message: { ...row, time: 8.64e15 } }), true);
  assert.equal(event({ type: "tab", leader: true }), false);
  assert.equal(event({ type: "done", ticket: 1 }), false);
  assert.equal(fits({ do: "list", to: "me", term: "t", seq: 0, state, session, unread: 1, rows: [row, row] }, 0), false);
});
