import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageList } from "./list.js";
import { Row } from "./message.js";

const row = (id: string, status: "queued" | "sent" = "sent", direction: "inbound" | "outbound" = "inbound"): Row =>
  new Row({ id, direction, kind: "text", time: 1, status, text: id });
const ids = (list: MessageList): string => list.messages.map(({ id }) => id).join("");

test("the list follows its patches by index", () => {
  const list = new MessageList();
  for (const [index, id] of [...["a", "b", "d"].entries()]) list.insert(index, row(id));
  list.insert(2, row("c"));
  assert.equal(ids(list), "abcd");
  assert.equal(list.move(0, 3)?.id, "a");
  assert.equal(ids(list), "bcda");
  list.replace(1, row("C"));
  list.remove(0);
  assert.equal(ids(list), "Cda");
  assert.equal(list.indexOf("a"), 2);
  assert.equal(list.indexOf("b"), -1);
});

test("a snapshot is the same while nothing changes, a new one after, and cannot be changed", () => {
  const list = new MessageList();
  list.insert(0, row("a"));
  const before = list.messages;
  assert.equal(list.messages, before);
  list.insert(1, row("b"));
  assert.notEqual(list.messages, before);
  assert.deepEqual(before.map(({ id }) => id), ["a"]);
  assert.throws(() => (list.messages as Row[]).push(row("c")), TypeError);
});

test("the outbox is what the guest wrote and the service is not known to have", () => {
  const list = new MessageList();
  list.insert(0, row("a", "sent"));
  list.insert(1, row("b", "sent", "outbound"));
  list.insert(2, row("c", "queued"));
  assert.deepEqual(list.outbox.map(({ id }) => id), ["c"]);
});
