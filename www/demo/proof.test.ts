import assert from "node:assert/strict";
import { test } from "node:test";
import { type Stored, type Typed, prove, storedForUs } from "./proof.js";

const sent = (id: string, text = id): Typed => ({ id, text, status: "sent", sentAt: 1000 });
const stored = (tracingId: string | undefined, text = tracingId): Stored => ({ ...(tracingId ? { tracingId } : {}), ...(text ? { text } : {}) });
const LATER = 2000;

test("nothing typed is nothing to prove", () => {
  assert.equal(prove([], [], LATER).verdict, "empty");
});

test("all stored, in order, none twice is proved", () => {
  const proof = prove([sent("a"), sent("b")], [stored("a"), stored("b")], LATER);
  assert.deepEqual(proof, { typed: 2, stored: 2, waiting: 0, refused: 0, takenBack: 0, missing: 0, doubled: 0, inOrder: true, verdict: "proved" });
});

test("a sent message that a later look does not find is missing, an earlier look cannot tell", () => {
  assert.equal(prove([sent("a")], [], LATER).missing, 1);
  assert.equal(prove([sent("a")], [], LATER).verdict, "broken");
  assert.equal(prove([sent("a")], [], 999).verdict, "waiting");
});

test("a second copy under the same id breaks the proof", () => {
  const proof = prove([sent("a")], [stored("a"), stored("a")], LATER);
  assert.equal(proof.doubled, 1);
  assert.equal(proof.verdict, "broken");
});

test("a second copy under another id breaks the proof by its text", () => {
  const proof = prove([sent("a", "hello")], [stored("a", "hello"), stored("x", "hello")], LATER);
  assert.equal(proof.doubled, 1);
});

test("the same text typed twice is two messages, with and without ids", () => {
  const typed = [sent("a", "hi"), sent("b", "hi")];
  assert.equal(prove(typed, [stored("a", "hi"), stored("b", "hi")], LATER).verdict, "proved");
  assert.equal(prove(typed, [stored(undefined, "hi"), stored(undefined, "hi")], LATER).verdict, "proved");
  assert.equal(prove(typed, [stored(undefined, "hi")], LATER).missing, 1);
});

test("an id is not robbed by an earlier entry without one", () => {
  const proof = prove([sent("a", "hi"), sent("b", "hi")], [stored(undefined, "hi"), stored("a", "hi")], LATER);
  assert.equal(proof.doubled, 0);
  assert.equal(proof.inOrder, false);
});

test("stored in another order than typed is out of order", () => {
  const proof = prove([sent("a"), sent("b")], [stored("b"), stored("a")], LATER);
  assert.equal(proof.inOrder, false);
  assert.equal(proof.verdict, "broken");
});

test("queued messages are waiting, failed ones refused, and neither is missing", () => {
  const proof = prove([sent("a"), { id: "b", text: "b", status: "failed" }, { id: "c", text: "c", status: "queued" }], [stored("a")], LATER);
  assert.deepEqual([proof.waiting, proof.refused, proof.missing, proof.verdict], [1, 1, 0, "waiting"]);
});

test("what the service stored counts as stored although the client has not heard of it", () => {
  assert.equal(prove([{ id: "a", text: "a", status: "sending" }], [stored("a")], LATER).verdict, "proved");
});

test("a message taken back counts as typed, a cleared conversation as never typed", () => {
  const takenBack = prove([{ id: "a", text: "a", status: "queued", removed: true }], [], LATER);
  assert.deepEqual([takenBack.typed, takenBack.takenBack, takenBack.verdict], [1, 1, "proved"]);
  const cleared = prove([{ ...sent("a"), removed: true }, sent("b")], [stored("b")], LATER);
  assert.deepEqual([cleared.typed, cleared.stored, cleared.verdict], [1, 1, "proved"]);
});

test("what somebody else said with the same token is no business of the proof", () => {
  const proof = prove([sent("a")], [stored("x", "from another page"), stored("a")], LATER);
  assert.deepEqual([proof.stored, proof.doubled, proof.verdict], [1, 0, "proved"]);
});

test("only what was stored under a token used here counts", () => {
  const ours = [{ token: "t", tracingId: "a", text: "hi" }, { token: "t", tracingId: "x", text: "hi" }];
  assert.deepEqual(storedForUs([sent("a", "hi")], [{ token: "u", tracingId: "other", text: "hi" }, ...ours]), ours);
});

test("where nothing carries our id, a stored message is ours by the id that the service gave it, and so is all of its session", () => {
  const typed: Typed[] = [{ ...sent("a", "hello"), serverId: "s1" }, sent("b", "there")];
  const all: Stored[] = [
    { text: "hello", serverId: "s9", token: "another" },
    { text: "hello", serverId: "s1", token: "mine" },
    { text: "there", serverId: "s2", token: "mine" },
  ];
  assert.deepEqual(storedForUs(typed, all).map(({ serverId }) => serverId), ["s1", "s2"]);
  assert.equal(prove(typed, storedForUs(typed, all), LATER).verdict, "proved");
});

test("the same text twice is two messages, and a third copy of it is one too many", () => {
  const typed = [sent("a", "yes"), sent("b", "yes")];
  const copies = (count: number): Stored[] => Array.from({ length: count }, () => ({ text: "yes" }));
  assert.equal(prove(typed, copies(2), LATER).verdict, "proved");
  assert.equal(prove(typed, copies(3), LATER).doubled, 1);
});
