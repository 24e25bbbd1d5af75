import assert from "node:assert/strict";
import { test } from "node:test";
import { Row } from "./message.js";
import { Receipts } from "./receipts.js";

test("a receipt settles by what becomes of the message", async () => {
  const receipts = new Receipts();
  const [sent, failed, expired] = ["a", "b", "c"].map((id) => receipts.of(id, true));
  receipts.take({ type: "receipt", id: "a", status: "sending" });
  receipts.take({ type: "receipt", id: "a", status: "sent", serverId: "s", time: 5 });
  receipts.take({ type: "receipt", id: "b", status: "failed", code: 4011 });
  receipts.take({ type: "receipt", id: "c", status: "expired" });
  assert.deepEqual(await sent!.done, { id: "a", serverId: "s", time: 5 });
  await assert.rejects(failed!.done, { code: 4011, name: "MessageTooLong" });
  await assert.rejects(expired!.done, { name: "MessageExpired" });
});

test("a receipt is the same promise while it waits, and a new one for a retry", async () => {
  const receipts = new Receipts();
  const first = receipts.of("a", true);
  assert.equal(receipts.of("a", true).done, first.done);
  receipts.refuse("a", 7010);
  const again = receipts.of("a", true);
  receipts.take({ type: "receipt", id: "a", status: "sent", serverId: "s", time: 5 });
  await assert.rejects(first.done, { name: "DeliveryUnknown" });
  assert.equal((await again.done).serverId, "s");
});

test("a message that another tab sent is settled by the row the history brings", async () => {
  const receipts = new Receipts();
  const { done } = receipts.of("mine", true);
  const row = (id: string, metadata: object): Row => new Row({ id, serverId: "s", direction: "inbound", kind: "text", time: 7, status: "sent", body: JSON.stringify({ metadata }) });
  receipts.see(row("other", { id: "else" }));
  receipts.see(row("s", { id: "mine" }));
  assert.deepEqual(await done, { id: "mine", serverId: "s", time: 7 });
});
