// The soak's verdict, tried with what a soak must never be quiet about, and with what it may excuse.

import assert from "node:assert/strict";
import { test } from "node:test";
import { account } from "./account.mjs";

const inbound = (text) => ({ direction: "Inbound", text });
const outbound = (text) => ({ direction: "Outbound", text });
const row = (text) => ({ text, status: "sent" });

/** Two messages of each side, all of them where they belong; what differs is laid over it. */
function run(more = {}) {
  const messages = more.messages ?? [inbound("g1"), outbound("a1"), inbound("g2"), outbound("a2")];
  return account({
    written: [{ text: "g1", at: 10, known: true }, { text: "g2", at: 20, known: true }],
    sent: new Set(), failed: [], doubts: new Map(), wipes: [], ends: [], said: ["a1", "a2"],
    sessions: [{ connections: 1, messages: [{ direction: "Inbound" }, ...messages] }],
    lists: [{ tab: 0, rows: (more.list ?? messages.map(({ text }) => text)).map(row) }],
    ...more,
  });
}

test("everything once, in order, on both sides: no problem and no excuse", () => {
  assert.deepEqual(run(), { problems: [], excuses: { doubled: [], wiped: [], unprovable: [], overtaken: [], unanswered: [] }, stored: 2, conversations: 1 });
});

test("a message that is missing, twice, in the wrong place or nobody's is a problem", () => {
  const at = (messages) => run({ messages, said: [] }).problems;
  assert.deepEqual(at([inbound("g1")]), ["g2 is lost"]);
  assert.deepEqual(at([inbound("g1"), inbound("g1"), inbound("g2")]).slice(0, 1), ["g1 is there 2 times, sent again without proof 0 times"]);
  assert.deepEqual(at([inbound("g2"), inbound("g1")]), ["g1 stands behind g2 at the service"]);
  assert.deepEqual(at([inbound("g1"), inbound("g2"), inbound("x")]), ["the service holds what nobody wrote: x"]);
});

test("a double is excused by as many resends without proof of that very message", () => {
  const messages = [inbound("g1"), inbound("g2"), inbound("g2"), inbound("g2")];
  const list = ["g1", "g2"];
  assert.match(run({ messages, list, said: [], doubts: new Map([["g2", 1]]) }).problems[0], /g2 is there 3 times/);
  assert.match(run({ messages, list, said: [], doubts: new Map([["g1", 2]]) }).problems[0], /g2 is there 3 times/);
  assert.deepEqual(run({ messages, list, said: [], doubts: new Map([["g2", 2]]) }), { problems: [], excuses: { doubled: ["g2"], wiped: [], unprovable: [], overtaken: [], unanswered: [] }, stored: 4, conversations: 1 });
});

test("a loss is excused by cleared storage only if it was accepted before, a page ended after it, and nobody said that it was sent", () => {
  const messages = [inbound("g1")];
  const lost = (more) => run({ messages, said: [], ...more });
  assert.deepEqual(lost({ wipes: [30], ends: [40] }).excuses.wiped, ["g2"]);
  assert.deepEqual(lost({ wipes: [30], ends: [25] }).problems, ["g2 is lost"], "no page has ended since");
  assert.deepEqual(lost({ wipes: [15], ends: [40] }).problems, ["g2 is lost"], "it was stored after the wipe");
  assert.deepEqual(lost({ wipes: [], ends: [40] }).problems, ["g2 is lost"]);
  assert.deepEqual(lost({ wipes: [30], ends: [40], sent: new Set(["g2"]) }).problems, ["g2 was shown as sent and is not at the service"]);
});

test("a message behind a later one is excused only with storage cleared between the two, and another tab", () => {
  const messages = [inbound("g2"), inbound("g1")];
  const two = [0, 1].map((tab) => ({ tab, rows: messages.map(({ text }) => row(text)) }));
  const late = (more) => run({ messages, said: [], lists: two, ...more });
  assert.deepEqual([late({ wipes: [15] }).problems, late({ wipes: [15] }).excuses.overtaken], [[], ["g1"]]);
  for (const wipes of [[], [5], [20], [25]]) assert.deepEqual(late({ wipes }).problems, ["g1 stands behind g2 at the service"]);
  assert.deepEqual(late({ wipes: [15], lists: two.slice(1) }).problems, ["g1 stands behind g2 at the service"]);
  const three = [inbound("g3"), inbound("g1"), inbound("g2")];
  const written = ["g1", "g2", "g3"].map((text, n) => ({ text, at: 10 * n, known: true }));
  assert.deepEqual(run({ messages: three, said: [], written }).problems, ["g1 stands behind g3 at the service", "g2 stands behind g3 at the service"]);
});

test("what a dying page was asked to send may be there or not", () => {
  const written = [{ text: "g1", at: 10, known: true }, { text: "g2", at: 20, known: false }];
  assert.deepEqual(run({ messages: [inbound("g1")], said: [], written }).excuses.unanswered, ["g2"]);
  assert.deepEqual(run({ written }).excuses.unanswered, []);
});

test("a failed message is a problem, and so is one of the agent that the service does not have", () => {
  assert.deepEqual(run({ failed: [{ text: "g2", status: "failed", code: 7003 }] }).problems, ["g2 has failed with 7003"]);
  assert.deepEqual(run({ said: ["a1", "a2", "a3"] }).problems, ["a3 of the agent is at the service 0 times"]);
});

test("what can be proved no more is excused only with cleared storage, a page that ended, and the code that says so", () => {
  const given = (code, more) => run({ failed: [{ text: "g2", status: "failed", code }], ...more });
  assert.deepEqual(given(7010, { wipes: [30], ends: [40] }).excuses.unprovable, ["g2"]);
  assert.deepEqual(given(7010, { wipes: [30], ends: [40], messages: [inbound("g1")], said: [] }).problems, []);
  assert.deepEqual(given(7010, { wipes: [30], ends: [] }).problems, ["g2 has failed with 7010"]);
  assert.deepEqual(given(4011, { wipes: [30], ends: [40] }).problems, ["g2 has failed with 4011"]);
  assert.deepEqual(run({ failed: [{ text: "g2", status: "expired", code: 7010 }], wipes: [30], ends: [40] }).problems, ["g2 has expired with 7010"]);
});

test("a tab shows the conversation from some message on, without a hole, a double or a stranger", () => {
  const shown = (...list) => run({ list }).problems;
  assert.deepEqual(shown("a1", "g2", "a2"), []);
  assert.deepEqual(shown("g1", "g2", "a2"), ["tab 1: shows g2 where the service has a1"]);
  assert.deepEqual(shown("g1", "a1", "g2"), ["tab 1: shows nothing where the service has a2"]);
  assert.deepEqual(shown("g1", "a1", "g2", "a2", "a2"), ["tab 1: a2 is shown 2 times", "tab 1: shows a2, which the service does not have"]);
  assert.deepEqual(shown("g1", "a1", "a2", "g2"), ["tab 1: shows a2 where the service has g2"]);
  assert.deepEqual(shown(), ["tab 1: shows nothing first, which is not where the conversation has anything"]);
});

test("messages of one millisecond may stand either way round, others may not", () => {
  const messages = [inbound("g1"), outbound("a1"), outbound("a2"), inbound("g2")].map((message, n) => ({ ...message, at: [5, 7, 7, 9][n] }));
  for (const list of [["g1", "a1", "a2", "g2"], ["g1", "a2", "a1", "g2"], ["a2", "a1", "g2"]]) assert.deepEqual(run({ messages, list }).problems, []);
  assert.deepEqual(run({ messages, list: ["a1", "g1", "a2", "g2"] }).problems, ["tab 1: shows g1 where the service has a2"]);
});

test("a message that the service holds twice is one row, wherever it stands", () => {
  const messages = [inbound("g1"), outbound("a1"), inbound("g2"), inbound("g1"), outbound("a2")];
  const shown = (...list) => run({ messages, list, doubts: new Map([["g1", 1]]) }).problems;
  assert.deepEqual(shown("g1", "a1", "g2", "a2"), []);
  assert.deepEqual(shown("a1", "g2", "g1", "a2"), []);
  assert.deepEqual(shown("a1", "g2", "a2"), ["tab 1: does not show g1"]);
});

test("a new conversation takes cleared storage, and at the end there is one", () => {
  const ended = { connections: 0, messages: [inbound("g1")] };
  const live = { connections: 1, messages: [outbound("a1"), inbound("g2"), outbound("a2")] };
  const lists = [{ tab: 0, rows: ["a1", "g2", "a2"].map(row) }];
  assert.deepEqual(run({ sessions: [ended, live], lists, wipes: [15], ends: [15] }).problems, []);
  assert.deepEqual(run({ sessions: [ended, live], lists }).problems, ["2 conversations, though storage was cleared 0 times"]);
  assert.equal(run({ sessions: [{ ...ended, connections: 1 }, live], lists, wipes: [15] }).problems[0], "2 conversations are connected at the end");
});
