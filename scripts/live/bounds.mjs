// The rest of the questions: pages and limits of the history, files, many connections, and the session's end.

import { randomUUID } from "node:crypto";
import { describe, isEchoOf, isRefusal, pass, within } from "./wire.mjs";

/** More entries than a page of the default size holds (guest-api.md §5.7). */
const ENTRIES = 30;
/** What is asked for beyond the ten reads a minute that are allowed (§4.4). */
const MOST_READS = 14;
/** The smallest PNG there is. */
const PIXEL = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==", "base64");
/** What a browser has to be allowed to send. */
const ELSEWHERE = "https://another.example";

export async function history(wire, answer, { limits }) {
  const guest = wire.guest("h");
  const line = await guest.configured();
  const kept = await fill(line, answer, limits);
  const { jwt } = await line.jwt();
  const page = await guest.history(line, { size: 100, jwt });
  const entities = page.body?.entities ?? [];
  if (page.status !== 200) answer("pageSize", "unknown", `HTTP ${page.status}`);
  else answer("pageSize", entities.length > 25 ? "yes" : "no", `${entities.length} of ${page.body.total ?? kept} entries on the page, which calls itself ${page.body.pageSize}`);
  const times = entities.map(({ channel }) => Date.parse(channel?.time ?? "")).filter(Number.isFinite);
  const falls = times.every((time, at) => at === 0 || time <= times[at - 1]);
  const rises = times.every((time, at) => at === 0 || time >= times[at - 1]);
  answer("historyOrder", falls && !rises ? "newest first" : rises && !falls ? "oldest first" : falls ? "unknown" : "mixed", `${times.length} times`);
  answer("historyCors", page.headers.get("access-control-allow-origin") === null ? "no" : "yes", `access-control-allow-origin: ${page.headers.get("access-control-allow-origin") ?? "absent"}`);
  const foreign = await guest.history(line, { jwt: "not-a-jwt" });
  answer("corsOn401", foreign.headers.get("access-control-allow-origin") === null ? "no" : "yes", `HTTP ${foreign.status}`);
  if (limits) await reads(guest, line, answer);
}

/** Writes until there is more than one page; the first eight at once, which is more than the five a second that are allowed. */
async function fill(line, answer, limits) {
  let kept = 0;
  if (limits) {
    const said = await Promise.all(Array.from({ length: 8 }, (_, n) => line.say(`burst ${n + 1}`)));
    const refused = said.map(({ frame }) => frame).filter((frame) => frame !== undefined && isRefusal(frame));
    kept = said.filter(({ frame }) => frame !== undefined && !isRefusal(frame)).length;
    const first = refused[0];
    answer("messageLimit", first === undefined ? "not refused" : first.class, first === undefined ? `${kept} of 8 taken` : `${describe(first)}, retryAfter ${first.body?.retryAfter ?? "absent"}; ${kept} of 8 taken`);
    await pass(1_100);
  }
  while (kept < ENTRIES) {
    const four = await Promise.all(Array.from({ length: 4 }, (_, n) => line.say(`entry ${kept + n + 1}`)));
    const taken = four.filter(({ frame }) => frame !== undefined && !isRefusal(frame)).length;
    kept += taken;
    if (taken === 0) break;
    await pass(1_100);
  }
  if (limits) {
    const replies = [];
    for (let n = 0; n < 3; n += 1) replies.push(await line.request({ action: "echo", message: { text: "ping", type: "Text" } }));
    const refused = replies.find((frame) => frame !== undefined && isRefusal(frame));
    answer("echoLimit", refused === undefined ? (replies.includes(undefined) ? "no answer" : "not refused") : refused.class, refused === undefined ? "" : describe(refused));
  }
  return kept;
}

async function reads(guest, line, answer) {
  const { jwt } = await line.jwt();
  // One page was read before.
  for (let count = 2; count <= MOST_READS; count += 1) {
    const { status, headers } = await guest.history(line, { size: 1, jwt });
    if (status !== 429) continue;
    const after = headers.get("retry-after");
    const exposed = headers.get("access-control-expose-headers");
    answer("historyLimit", String(count - 1));
    answer("retryAfter", after === null ? "no" : "yes", after === null ? "" : `${after} s`);
    const names = (exposed ?? "").toLowerCase().split(",").map((name) => name.trim());
    answer("headersExposed", names.includes("retry-after") || names.includes("*") ? "yes" : "no", `access-control-expose-headers: ${exposed ?? "absent"}`);
    return;
  }
  answer("historyLimit", "not refused", `${MOST_READS} reads`);
}

export async function files(wire, answer) {
  const line = await wire.guest("u").configured();
  const ask = (fileName, fileType) => line.request({ action: "onAttachment", attachmentId: randomUUID(), fileName, fileType, fileSize: PIXEL.length, errorsAsJson: true });
  const refused = await ask(`live-check${line.session.blockedExtensions?.[0] ?? ".exe"}`, "application/octet-stream");
  answer("urlErrorEnvelope", refused === undefined ? "nothing" : refused.class === "GenerateUrlError" ? `${refused.type} ${refused.code}` : describe(refused), refused?.body?.errorMessage ?? "");
  const signed = await ask("live-check.png", "image/png");
  if (signed?.class !== "PresignedUrlResponse") {
    for (const id of ["uploadCors", "uploadEvent", "downloadAddress"]) answer(id, "unknown", `onAttachment was answered by ${describe(signed)}`);
    return;
  }
  const { attachmentId, url, headers } = signed.body;
  const names = [...Object.keys(headers), "content-type"].join(",").toLowerCase();
  const preflight = await wire.http(url, { method: "OPTIONS", headers: { origin: ELSEWHERE, "access-control-request-method": "PUT", "access-control-request-headers": names } });
  const allowed = preflight.headers.get("access-control-allow-headers")?.toLowerCase() ?? "";
  const may = preflight.headers.get("access-control-allow-origin") !== null && (allowed.includes("*") || names.split(",").every((name) => allowed.includes(name)));
  answer("uploadCors", may ? "yes" : "no", `HTTP ${preflight.status} for ${names}`);
  const put = await wire.http(url, { method: "PUT", headers: { "content-type": "image/png", ...headers }, body: PIXEL });
  const event = await line.next((frame) => /^Upload(Success|Failure)Event$/.test(frame.class) && frame.body?.attachmentId === attachmentId);
  answer("uploadEvent", event?.class ?? "nothing", `PUT ${put.status}`);
  const again = await line.request({ action: "getAttachment", attachmentId });
  const plain = Object.keys(again?.body?.headers ?? { none: "" }).length === 0;
  answer("downloadAddress", again?.class !== "PresignedUrlResponse" ? describe(again) : plain && again.body.fileSize !== undefined ? "yes" : "no", `headers ${plain ? "empty" : "not empty"}, fileSize ${typeof again?.body?.fileSize}`);
  await line.request({ action: "deleteAttachment", attachmentId });
}

export async function connections(wire, answer, { settleMs }) {
  const guest = wire.guest("c");
  const lines = [];
  for (let n = 0; n < 4; n += 1) lines.push(await guest.configured());
  const [oldest] = lines;
  const told = await oldest.next((frame) => frame.class === "ConnectionClosedEvent", { ms: settleMs + 2_000 });
  const code = told === undefined && oldest.isOpen ? undefined : await within(oldest.closed, settleMs + 2_000);
  answer("fourth", told !== undefined ? "told and closed" : code === undefined ? "stays" : "closed", `${describe(told)}, close ${code ?? "none"}`);

  const last = lines[3];
  await last.say("a word before the end");
  const marks = lines.map(({ frames }) => frames.length);
  const closing = await last.request({ action: "closeSession", closeAllConnections: true }, settleMs + 5_000);
  answer("closeSession", describe(closing), closing?.class === "SessionResponse" ? `connected ${closing.body.connected}, readOnly ${closing.body.readOnly}` : "");
  await Promise.all(lines.slice(1, 3).map((line, at) => line.next((frame) => frame.class === "ConnectionClosedEvent", { since: marks[at + 1], ms: settleMs })));
  const members = new Set(wire.seen.filter((frame) => frame.class === "ConnectionClosedEvent").flatMap(({ body }) => Object.keys(body ?? {})));
  answer("closedField", members.size === 0 ? "not seen" : [...members].join(", "), "only a signed-in visitor's has one for certain");

  const line = last.isOpen ? last : await guest.connect();
  const refused = await line.say("after the end");
  answer("readOnlySend", refused.frame === undefined ? "nothing" : isRefusal(refused.frame) ? String(refused.frame.code) : "taken", describe(refused.frame));
  const session = await line.configure({ startNew: true });
  answer("startNew", session.newSession ? "new session" : session.readOnly ? "read-only" : "old session");
  const page = await guest.history(line);
  const shown = page.body?.entities?.some(({ text }) => text === "a word before the end");
  answer("historyAfterNew", page.status !== 200 ? "unknown" : shown ? "yes" : "no", `HTTP ${page.status}`);
}

/** Waits for a session to run out, where that is soon, or asks with the token of one that has. */
export async function expiry(wire, answer, { patienceMs, expiredToken, settleMs }) {
  const guest = wire.guest("e", expiredToken);
  if (expiredToken === undefined) {
    const line = await guest.configured();
    const ms = (line.session.durationSeconds ?? Infinity) * 1_000;
    if (ms > patienceMs) {
      const why = `a session lasts ${Math.round(ms / 1_000)} s here: --patience or --expired-token`;
      for (const id of ["expiredEvent", "expiredConfigure"]) answer(id, "not asked", why);
      return;
    }
    await line.say("a word that will be old");
    const event = await line.next((frame) => /Expired|Closed/.test(frame.class), { ms: ms + settleMs + 1_000 });
    answer("expiredEvent", event?.class ?? "nothing", `${Math.round(ms / 1_000)} s`);
    await line.close();
  } else {
    answer("expiredEvent", "not asked", "the session ran out before");
  }
  const line = await guest.connect();
  const frame = await line.request({ action: "configureSession", deploymentId: wire.deployment });
  if (frame?.class === "SessionResponse") answer("expiredConfigure", frame.body.newSession ? "new session" : frame.body.readOnly ? "read-only" : "old session");
  else answer("expiredConfigure", frame === undefined ? "nothing" : String(frame.code), describe(frame));
}

export async function idle(wire, answer, { idleMs }) {
  if (idleMs === 0) return answer("idle", "not asked", "ask with --idle SECONDS");
  const line = await wire.guest("i").configured();
  const from = performance.now();
  const code = await within(line.closed, idleMs);
  if (code !== undefined) return answer("idle", `${Math.round((performance.now() - from) / 1_000)} s`, `closed with ${code}`);
  const said = await line.say("still here");
  const works = said.frame !== undefined && isEchoOf("still here")(said.frame);
  return answer("idle", `over ${Math.round(idleMs / 1_000)} s`, works ? "it still worked" : "open, but a message was not echoed");
}
