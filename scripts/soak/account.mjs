// The verdict of a soak: what was accepted against what the service holds, and what the service holds against what each tab shows. The promise
// has limits (README, "The promise and its limits"), so there are excuses, each with the evidence that it takes:
//
// - `doubled`: the client said, of this very message, that it sent it again without proof. One more copy for each time it said so.
// - `wiped`: not at the service, never said to be sent, accepted before what the site had stored was cleared, and after that a page ended or was
//   put away and read anew: its memory was the only other place that knew it. Where none did, there is no excuse.
// - `unprovable`: shown as failed with `DeliveryUnknown` or `SessionEnded`, which is where proof ends, once the guest's own token was cleared with the rest:
//   on the evidence of `wiped`. It may be at the service.
// - `overtaken`: behind what was accepted later, with what the site had stored cleared between the two, and another tab: one tab's memory knew the first, and
//   the other led and sent the second. Of one tab there is no such excuse.
// - `unanswered`: the page died in the moment in which it was asked to send, so that nobody knows whether it had accepted.

/** `DeliveryUnknown` and `SessionEnded` (www/client/errors.ts). */
const OF_ANOTHER_TOKEN = [7010, 7011];

/**
 * `written`: `{ text, at, known }` in the order in which they were accepted. `sent`: the texts that a page has shown as sent. `failed`: `{ text,
 * status, code }` of those that end so. `doubts`: how often each text was sent again without proof. `wipes` and `ends`: when. `said`: the agent's texts.
 * `sessions`: as the service gives them, oldest first. `lists`: `{ tab, rows }`.
 */
export function account({ written, sent, failed, doubts, wipes, ends, said, sessions, lists }) {
  const problems = [];
  const excuses = { doubled: [], wiped: [], unprovable: [], overtaken: [], unanswered: [] };
  const texts = (messages, direction) => messages.filter((message) => typeof message.text === "string" && (direction === undefined || message.direction === direction)).map(({ text }) => text);

  // ---- what the guest wrote, at the service
  const stored = sessions.flatMap(({ messages }) => texts(messages, "Inbound"));
  const copies = counted(stored);
  const wiped = ({ at }) => wipes.some((wipe) => wipe >= at && ends.some((end) => end >= wipe));
  for (const one of written) {
    const count = copies.get(one.text) ?? 0;
    if (count === 0) {
      if (sent.has(one.text)) problems.push(`${one.text} was shown as sent and is not at the service`);
      else if (failed.some(({ text }) => text === one.text)) continue; // judged below
      else if (!one.known) excuses.unanswered.push(one.text);
      else if (wiped(one)) excuses.wiped.push(one.text);
      else problems.push(`${one.text} is lost`);
    } else if (count > 1) {
      const unproved = doubts.get(one.text) ?? 0;
      if (unproved >= count - 1) excuses.doubled.push(one.text);
      else problems.push(`${one.text} is there ${count} times, sent again without proof ${unproved} times`);
    }
  }
  const places = new Map(written.map(({ text }, n) => [text, n]));
  const strangers = [...copies.keys()].filter((text) => !places.has(text));
  if (strangers.length > 0) problems.push(`the service holds what nobody wrote: ${strangers.join(", ")}`);
  const acceptedAt = (text) => written[places.get(text)].at;
  const isOvertaken = (before, after) => lists.length > 1 && wipes.some((wipe) => acceptedAt(after) <= wipe && wipe < acceptedAt(before));
  for (const [before, after] of disordered([...copies.keys()].filter((text) => places.has(text)), (text) => places.get(text))) {
    if (isOvertaken(before, after)) excuses.overtaken.push(after);
    else problems.push(`${after} stands behind ${before} at the service`);
  }
  const given = new Map(failed.map((one) => [one.text, one]));
  for (const one of written.filter(({ text }) => given.has(text))) {
    const { text, status, code } = given.get(one.text);
    if (status === "failed" && OF_ANOTHER_TOKEN.includes(code) && wiped(one)) excuses.unprovable.push(text);
    else problems.push(`${text} has ${status}${code === undefined ? "" : ` with ${code}`}`);
  }

  // ---- what the agent said, at the service
  const spoken = counted(sessions.flatMap(({ messages }) => texts(messages, "Outbound")));
  for (const text of said) if (spoken.get(text) !== 1) problems.push(`${text} of the agent is at the service ${spoken.get(text) ?? 0} times`);

  // ---- what each tab shows, against the conversation that goes on
  if (sessions.length - 1 > wipes.length) problems.push(`${sessions.length} conversations, though storage was cleared ${wipes.length} times`);
  const live = sessions.filter(({ connections }) => connections > 0);
  if (live.length !== 1) problems.push(`${live.length} conversations are connected at the end`);
  const times = new Map((live[0]?.messages ?? []).map(({ text, at }) => [text, at]));
  const conversation = unravelled(texts(live[0]?.messages ?? []), times);
  // What has failed is judged above, whichever conversation it was of.
  for (const { tab, rows } of lists) problems.push(...shown(conversation, unravelled(texts(rows.filter(({ status }) => status !== "failed" && status !== "expired")), times)).map((what) => `tab ${tab + 1}: ${what}`));
  return { problems, excuses, stored: stored.length, conversations: sessions.length };
}

/** What is wrong with a list that shows this conversation from some message on to its end, a message that is doubled there once. */
function shown(conversation, list) {
  const problems = [...counted(list)].filter(([, count]) => count > 1).map(([text, count]) => `${text} is shown ${count} times`);
  const from = conversation.indexOf(list[0]);
  if (list.length === 0 ? conversation.length > 0 : from < 0) return [...problems, `shows ${list[0] ?? "nothing"} first, which is not where the conversation has anything`];
  const doubled = new Set([...counted(conversation)].filter(([, count]) => count > 1).map(([text]) => text));
  const [expected, actual] = [conversation.slice(from), list].map((all) => all.filter((text) => !doubled.has(text)));
  const at = expected.findIndex((text, n) => text !== actual[n]);
  if (at >= 0) problems.push(`shows ${actual[at] ?? "nothing"} where the service has ${expected[at]}`);
  else if (actual.length > expected.length) problems.push(`shows ${actual[expected.length]}, which the service does not have`);
  const missing = [...doubled].filter((text) => conversation.lastIndexOf(text) > from && !list.includes(text));
  if (missing.length > 0) problems.push(`does not show ${missing.join(", ")}`);
  return problems;
}

/** Messages of one millisecond stand in no order that anybody could tell (faults.md row 26): here in that of their texts. */
function unravelled(all, times) {
  const runs = [];
  for (const text of all) {
    const at = times.get(text);
    const last = runs.at(-1);
    if (last !== undefined && at !== undefined && last.at === at) last.texts.push(text);
    else runs.push({ at, texts: [text] });
  }
  return runs.flatMap(({ texts }) => texts.sort());
}

function counted(all) {
  const count = new Map();
  for (const one of all) count.set(one, (count.get(one) ?? 0) + 1);
  return count;
}

/** What stands behind what belongs behind it: pairs of the furthest before it, and itself. */
function disordered(all, place) {
  const found = [];
  let furthest = all[0];
  for (const one of all) {
    if (place(one) < place(furthest)) found.push([furthest, one]);
    else furthest = one;
  }
  return found;
}
