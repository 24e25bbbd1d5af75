import assert from "node:assert/strict";
import { test } from "node:test";
import type { Row } from "./chat-client.js";
import { GROUP_PAUSE_MS, layout, type MessageItem } from "./grouping.js";

const NOON = new Date(2026, 4, 12, 12, 0).getTime();
const MINUTE = 60_000;
let count = 0;
const row = (more: Partial<Row>): Row => ({
  id: `r${++count}`, direction: "outbound", kind: "text", text: "x", time: NOON, status: "sent", content: [], attachments: [], metadata: {}, ...more,
});
const ana = { name: "Ana", entity: "human" } as const;
const bot = { name: "Fern", entity: "bot" } as const;
const messages = (rows: Row[], options?: Parameters<typeof layout>[1]): MessageItem[] =>
  layout(rows, options).flatMap((day) => day.items.filter((item) => item.type === "message"));
const shape = (items: MessageItem[]): string => items.map((item) => `${item.first ? "[" : ""}${item.row.direction === "inbound" ? "g" : "a"}${item.last ? "]" : ""}`).join("");

test("messages of one sender in a row are one group", () => {
  const rows = [row({ from: ana }), row({ from: ana }), row({ direction: "inbound" }), row({ from: ana })];
  assert.equal(shape(messages(rows)), "[aa][g][a]");
});

test("another agent, a long pause and another day start a new group", () => {
  assert.equal(shape(messages([row({ from: ana }), row({ from: bot })])), "[a][a]");
  assert.equal(shape(messages([row({ from: ana }), row({ from: ana, time: NOON + GROUP_PAUSE_MS })])), "[a][a]");
  assert.equal(shape(messages([row({ from: ana }), row({ from: ana, time: NOON + GROUP_PAUSE_MS - 1 })])), "[aa]");
  const midnight = new Date(2026, 4, 13).getTime();
  assert.equal(shape(messages([row({ time: midnight - 1000 }), row({ time: midnight + 1000 })])), "[a][a]");
});

test("each day is a section, in order", () => {
  const days = layout([row({ time: NOON - 24 * 60 * MINUTE }), row({}), row({})]);
  assert.deepEqual(
    days.map((day) => [new Date(day.start).getDate(), day.items.length]),
    [
      [11, 1],
      [12, 2],
    ],
  );
});

test("an unsent row accepted yesterday stands last without a day of its own", () => {
  const days = layout([row({}), row({ direction: "inbound", status: "queued", time: NOON - 24 * 60 * MINUTE })]);
  assert.equal(days.length, 1);
  assert.equal(days[0]?.items.length, 2);
});

test("a failure says so under its own bubble, waiting once under the last, sent only under the newest", () => {
  const guest = (status: Row["status"]): Row => row({ direction: "inbound", status });
  const said = messages([guest("sent"), guest("sent"), guest("failed"), guest("queued"), guest("queued")]).map((item) => item.status);
  assert.deepEqual(said, [false, true, true, false, true]);
});

test("the marker and a gap cut a group and are drawn in their places", () => {
  const rows = [row({ id: "a" }), row({ id: "b", serverId: "srv-b" }), row({ id: "c" })];
  assert.equal(shape(messages(rows, { markerId: "b" })), "[a][aa]");
  const types = (options: Parameters<typeof layout>[1]): string[] => layout(rows, options).flatMap((day) => day.items.map((item) => item.type));
  assert.deepEqual(types({ markerId: "b" }), ["message", "marker", "message", "message"]);
  assert.deepEqual(types({ gap: { from: "a" } }), ["message", "gap", "message", "message"]);
  assert.deepEqual(types({ gap: { to: "srv-b" } }), ["message", "gap", "message", "message"]);
  assert.deepEqual(types({ gap: { from: "unknown" } }), ["gap", "message", "message", "message"]);
});

test("events without words are not drawn, and do not part a group", () => {
  const rows = [row({ from: ana }), row({ kind: "event", text: undefined } as Partial<Row>), row({ from: ana })];
  assert.equal(shape(messages(rows)), "[aa]");
});
