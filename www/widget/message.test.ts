import assert from "node:assert/strict";
import { test } from "node:test";
import { readable, type Row } from "./chat-client.js";
import { dayText, timeText } from "./dates.js";
import { en } from "./locales/en.js";
import { initials } from "./message.js";

test("initials are the first letters of the first and last name, whatever the script", () => {
  assert.deepEqual(["Ana Duarte", "ana", "Jean-Luc  van der Berg", "李 小龙", "  ", "Ana <script>", "42"].map(initials), ["AD", "A", "JB", "李小", "", "AS", ""]);
});

test("a row is read as its text and what came with it, each once, and files are left to be shown as files", () => {
  const read = (more: Partial<Row>): string | undefined => readable({ content: [], attachments: [], kind: "structured", ...more } as unknown as Row);
  const file = { id: "a", fileName: "a.pdf", state: "sent" } as const;
  assert.equal(read({ text: "Which size?", fallback: "[Small]\n[Large]" }), "Which size?\n[Small]\n[Large]");
  assert.equal(read({ text: "Hi", fallback: "Hi" }), "Hi");
  assert.equal(read({ fallback: "A card" }), "A card");
  assert.equal(read({ text: "Hi" }), "Hi");
  assert.equal(read({}), undefined);
  assert.equal(read({ fallback: "a.pdf", attachments: [file], content: [{ contentType: "Attachment" }] }), undefined);
  assert.equal(read({ text: "Here", fallback: "a.pdf", attachments: [file], content: [{ contentType: "Attachment" }] }), "Here");
});

test("days are named as people name them", () => {
  const now = new Date(2026, 4, 12, 15, 0).getTime();
  const day = (year: number, month: number, date: number): string => dayText(new Date(year, month, date).getTime(), now, "en-GB", en);
  assert.equal(day(2026, 4, 12), "Today");
  assert.equal(day(2026, 4, 11), "Yesterday");
  assert.equal(day(2026, 4, 9), "Saturday");
  assert.match(day(2026, 3, 1), /^Wednesday,? 1 April$/);
  assert.match(day(2025, 3, 1), /^Tuesday,? 1 April 2025$/);
  // A service whose clock is ahead of the visitor's.
  assert.equal(day(2026, 4, 13), "Today");
});

test("times follow the locale", () => {
  assert.equal(timeText(new Date(2026, 4, 12, 15, 5).getTime(), "en-GB"), "15:05");
  assert.equal(timeText(new Date(2026, 4, 12, 15, 5).getTime(), "de"), "15:05");
});
