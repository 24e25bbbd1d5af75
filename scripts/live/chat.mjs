// The conversation: configure, Join, a message and its echo, the same message again, refusals, and what the history makes of it.

import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import { describe, isEchoOf, isRefusal, pass } from "./wire.mjs";
import { epochUnit } from "./questions.mjs";

/** The history is asked for a message at these times after its echo, milliseconds; ten reads a minute are allowed. */
const LAG_READS = [0, 500, 1_000, 2_000, 4_000, 8_000];

export async function configuration(wire, answer) {
  const { status, headers, body } = await wire.config();
  const allowed = headers.get("access-control-allow-origin");
  answer("configCors", allowed === null ? "no" : "yes", `HTTP ${status}, access-control-allow-origin: ${allowed ?? "absent"}`);
  if (status !== 200 || body === undefined) return;
  const conversations = body.messenger?.apps?.conversations ?? {};
  answer("autoStart", conversations.autoStart?.enabled === true ? "yes" : "no", `status ${body.status}; session of ${conversations.sessionDurationSeconds ?? "unknown"} s`);
  const session = (await wire.guest("f").configured()).session;
  const inSession = session.allowedMedia?.inbound?.fileTypes?.[0];
  const inConfig = body.messenger?.fileUpload?.modes?.[0]?.fileTypes?.[0];
  const form = (type) => (type === undefined ? "absent" : typeof type === "object" ? "objects" : "strings");
  answer("fileTypesForm", form(inSession) === "objects" && form(inConfig) === "strings" ? "yes" : "no", `session: ${form(inSession)}, configuration: ${form(inConfig)}`);
}

export async function chat(wire, answer, { settleMs }) {
  const guest = wire.guest("a");
  const one = await guest.connect();
  const early = await one.request({ action: "onMessage", message: { text: "before configure", type: "Text" } }, settleMs + 2_000);
  answer("unconfigured", early === undefined ? "nothing" : String(early.code), describe(early));
  const line = one.isOpen ? one : await guest.connect();
  const session = await line.configure();
  answer("expirationUnit", epochUnit(session.expirationDate), `${session.durationSeconds ?? "unknown"} s`);
  answer("autoStarted", session.autoStarted === undefined ? "absent" : String(session.autoStarted));
  const other = await guest.configured();

  await joins(line, answer, settleMs);
  const told = await echoes(guest, line, other, answer);
  await again(line, told, answer, settleMs);
  await refusals(line, session, answer, settleMs);
  await replies(line, answer);
  if (told.frame !== undefined) await inHistory(guest, line, told, answer);
}

async function joins(line, answer, settleMs) {
  const isJoin = (frame) => frame.body?.direction === "Inbound" && frame.body.events?.some((event) => event.presence?.type === "Join");
  const sent = await line.presence("Join");
  const seen = await line.next((frame) => isJoin(frame) || frame.tracingId === sent);
  answer("joinEcho", seen !== undefined && isJoin(seen) ? "yes" : "no", seen === undefined ? "" : describe(seen));
  const since = line.frames.length;
  const second = await line.presence("Join");
  const again = await line.next((frame) => isJoin(frame) || frame.tracingId === second, { since, ms: settleMs });
  answer("joinAgain", again === undefined ? "nothing" : isJoin(again) ? "stored again" : `refused: ${again.code}`, again === undefined ? `no echo within ${settleMs} ms` : "");
}

async function echoes(guest, line, other, answer) {
  const metadata = { id: randomUUID(), note: "live-check" };
  const text = `live-check ${randomUUID().slice(0, 8)}`;
  const [told, elsewhere] = await Promise.all([line.say(text, { metadata }), other.next(isEchoOf(text))]);
  const { frame, tracingId } = told;
  if (frame === undefined || isRefusal(frame)) {
    answer("echoEnvelope", "no echo", describe(frame));
    return {};
  }
  answer("echoEnvelope", frame.type, describe(frame));
  answer("metadataInEcho", echoed(frame.body, metadata), `keys: ${Object.keys(frame.body.metadata ?? {}).join(", ") || "none"}`);
  answer("tracingToSender", frame.tracingId === tracingId ? "yes" : "no");
  answer("tracingToOthers", elsewhere === undefined ? "no echo" : elsewhere.tracingId === tracingId ? "yes" : "no", elsewhere === undefined ? "the other connection saw no echo" : "");
  return { frame, tracingId, text, metadata, at: performance.now(), lag: await lag(guest, line, frame, answer) };
}

function echoed(body, metadata) {
  const kept = Object.entries(metadata).filter(([name, value]) => body?.metadata?.[name] === value);
  return kept.length === Object.keys(metadata).length ? "yes" : kept.length === 0 ? "no" : `only ${kept.map(([name]) => name).join(", ")}`;
}

/** Reads until the history shows the message, and notes what the first such page says of it. */
async function lag(guest, line, { body }, answer) {
  const from = performance.now();
  const { jwt, exp } = await line.jwt();
  answer("jwtUnit", epochUnit(exp), `${Math.round((exp > 1e11 ? exp / 1000 : exp) - Date.now() / 1000)} s left`);
  for (const at of LAG_READS) {
    await pass(Math.max(0, from + at - performance.now()));
    const asked = performance.now();
    const page = await guest.history(line, { jwt });
    const found = page.body?.entities?.find((entity) => entity.id === body.id || (entity.channel?.messageId !== undefined && entity.channel.messageId === body.channel?.messageId) || entity.text === body.text);
    if (found !== undefined) {
      const ms = Math.round(asked - from);
      answer("historyLag", String(ms), at === 0 ? "shown by the first read" : `not shown ${Math.round(LAG_READS[LAG_READS.indexOf(at) - 1])} ms after the echo`);
      return found;
    }
    if (page.status !== 200) return answer("historyLag", "unknown", `the history answered ${page.status}`), undefined;
  }
  answer("historyLag", `over ${LAG_READS.at(-1)}`);
  return undefined;
}

/** The same request a second time: a copy, a refusal, or nothing. */
async function again(line, { frame, tracingId, text, metadata }, answer, settleMs) {
  if (frame === undefined) return;
  const since = line.frames.length;
  await line.send({ action: "onMessage", message: { text, metadata, type: "Text" }, tracingId });
  const copy = await line.next((one) => isEchoOf(text)(one) || (one.tracingId === tracingId && isRefusal(one)), { since, ms: settleMs });
  if (copy === undefined) answer("resend", "yes", `nothing within ${settleMs} ms`);
  else if (isRefusal(copy)) answer("resend", "refused", describe(copy));
  else answer("resend", copy.body.id === frame.body.id ? "yes" : "no", copy.body.id === frame.body.id ? "echoed again under the same id" : "stored a second time");
}

async function refusals(line, session, answer, settleMs) {
  // 2049 characters of two bytes each: 4098 bytes.
  const long = await line.say("é".repeat(2_049));
  answer("textLimit", long.frame === undefined ? "unknown" : isRefusal(long.frame) ? "bytes" : "characters", describe(long.frame));
  const longer = long.frame !== undefined && isRefusal(long.frame) ? long : await line.say("x".repeat(4_097));
  const refused = longer.frame ?? line.frames.filter(isRefusal).at(-1);
  answer("errorNamesRequest", longer.frame === undefined ? "unknown" : longer.frame.tracingId === longer.tracingId ? "yes" : "no", describe(refused));

  const channel = { metadata: { customAttributes: { a: "x".repeat(session.maxCustomDataBytes ?? 2_048) } } };
  const inside = await line.say("attributes in the message", { channel });
  const above = await line.say("attributes above the message", {}, { channel });
  const reads = [["message", inside], ["top level", above]].filter(([, { frame }]) => frame !== undefined && isRefusal(frame)).map(([place]) => place);
  answer("attributesPlace", reads.length === 2 ? "both" : reads[0] ?? "neither", `too many: ${describe(inside.frame)} in the message, ${describe(above.frame)} above it`);

  const unknown = await line.request({ action: "liveCheck" }, settleMs + 2_000);
  answer("unknownAction", unknown === undefined ? "nothing" : `${unknown.class} ${unknown.code}`);
  const reply = await line.request({ action: "echo", message: { text: "ping", type: "Text" } });
  const { durationSeconds, expirationDate } = reply?.body?.metadata ?? {};
  answer("echoReply", reply === undefined ? "nothing" : reply.type, `durationSeconds: ${typeof durationSeconds}, expirationDate: ${typeof expirationDate}`);
}

async function replies(line, answer) {
  const content = (text) => [{ contentType: "ButtonResponse", buttonResponse: { text, payload: text, type: "QuickReply" } }];
  const taken = [];
  for (const type of ["Structured", "Text"]) {
    const label = `quick ${type}`;
    const since = line.frames.length;
    const tracingId = await line.send({ action: "onMessage", message: { text: type === "Text" ? "" : label, content: content(label), type } });
    const isIt = (frame) => frame.tracingId === tracingId || frame.body?.content?.some?.((part) => part.buttonResponse?.payload === label);
    const frame = await line.next(isIt, { since });
    if (frame !== undefined && !isRefusal(frame)) taken.push(type);
  }
  answer("quickReply", taken.length === 2 ? "both" : taken[0] ?? "neither");
}

async function inHistory(guest, line, told, answer) {
  const entity = told.lag;
  if (entity === undefined) {
    for (const id of ["metadataInHistory", "tracingInHistory", "sameIds"]) answer(id, "unknown", "the history never showed the message");
    return;
  }
  const { frame, metadata, tracingId } = told;
  answer("metadataInHistory", echoed(entity, metadata), `keys: ${Object.keys(entity.metadata ?? {}).join(", ") || "none"}`);
  answer("tracingInHistory", JSON.stringify(entity).includes(tracingId) ? "yes" : "no");
  const same = [["id", frame.body.id === entity.id], ["messageId", frame.body.channel?.messageId === entity.channel?.messageId]];
  answer("sameIds", same.every(([, is]) => is) ? "yes" : same.filter(([, is]) => is).map(([name]) => `${name} only`)[0] ?? "no");
}
