// The live check finds out what the simulator was told to be. Every switch is turned and the answer has to turn with it; the
// expected answers are the switch's own meaning in simulator.md.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { liveCheck, table } from "../../scripts/live-check.mjs";
import { Redactor } from "../../scripts/live/redact.mjs";
import { Room, until, url } from "../simulator-check/harness.mjs";

const settleMs = 500;

async function ask(room, only, more = {}) {
  const { answers, records } = await liveCheck({ deployment: room.deploymentId, endpoint: url, only, settleMs, ...more });
  return { records, notes: Object.fromEntries(answers.map(({ id, note }) => [id, note])), is: Object.fromEntries(answers.map(({ id, answer }) => [id, answer])) };
}

/** Only what a test is about. */
const pick = (answers, ids) => Object.fromEntries(ids.map((id) => [id, answers[id]]));

test("against the simulator as it starts, each question of a conversation has the answer of guest-api.md", async (t) => {
  const { is, notes } = await ask(new Room(t), ["configuration", "chat", "files", "connections", "observed"]);
  assert.deepEqual(is, {
    configCors: "yes", fileTypesForm: "yes", autoStart: "yes",
    unconfigured: "4007", expirationUnit: "seconds", autoStarted: "false", joinEcho: "yes", joinAgain: "nothing", echoEnvelope: "message",
    metadataInEcho: "yes", metadataInHistory: "yes", tracingToSender: "yes", tracingToOthers: "no", tracingInHistory: "no", sameIds: "yes",
    resend: "no", historyLag: is.historyLag, errorNamesRequest: "yes", textLimit: "bytes", attributesPlace: "both", quickReply: "both",
    unknownAction: "string 400", echoReply: "response", jwtUnit: "seconds",
    urlErrorEnvelope: "response 400", uploadCors: "yes", uploadEvent: "UploadSuccessEvent", downloadAddress: "yes",
    fourth: "told and closed", closedField: "not seen", closeSession: "SessionResponse", readOnlySend: "409", startNew: "new session", historyAfterNew: "no",
    typingDuration: "not seen", receipts: "not seen", structuredError: "not seen", unknownClasses: "none",
  });
  assert.equal(notes.historyLag, "shown by the first read");
});

test("the other readings: no metadata, no tracingId, 403 before configure, a Join stored again, autoStarted absent", async (t) => {
  const room = new Room(t);
  await room.set({ echoMetadata: false, echoTracingId: "none", unconfigured: 403, joinAgain: "store", autoStarted: "absent", autoStart: false });
  const { is } = await ask(room, ["configuration", "chat"]);
  assert.deepEqual(pick(is, ["metadataInEcho", "metadataInHistory", "tracingToSender", "tracingToOthers", "unconfigured", "joinAgain", "autoStarted", "autoStart"]), {
    metadataInEcho: "no", metadataInHistory: "no", tracingToSender: "no", tracingToOthers: "no", unconfigured: "403", joinAgain: "stored again", autoStarted: "absent", autoStart: "no",
  });
});

test("the tracingId to all connections, and a Join made by the service", async (t) => {
  const room = new Room(t);
  await room.set({ echoTracingId: "all", autoStarted: true });
  const { is } = await ask(room, ["chat"]);
  assert.deepEqual(pick(is, ["tracingToSender", "tracingToOthers", "autoStarted"]), { tracingToSender: "yes", tracingToOthers: "yes", autoStarted: "true" });
});

test("a history that lags is measured between two reads", async (t) => {
  const room = new Room(t);
  await room.faults({ on: "http", match: { path: "/api/v2/webmessaging/messages", deploymentId: room.deploymentId }, do: "history-lag", ms: 1_500, count: 0 });
  const { is } = await ask(room, ["chat"]);
  assert.ok(Number(is.historyLag) >= 1_500 && Number(is.historyLag) < 4_000, is.historyLag);
  assert.equal(is.metadataInHistory, "yes");
});

// Each fills more than a page at the pace that the limits allow, so they go side by side.
describe("limits and pages", { concurrency: true }, () => {
  test("a full page of 100, Retry-After hidden from pages of other origins", async (t) => {
    const { is } = await ask(new Room(t), ["history"]);
    assert.deepEqual(is, {
      pageSize: "yes", historyOrder: "newest first", historyCors: "yes", corsOn401: "yes", messageLimit: "TooManyRequestsErrorMessage",
      echoLimit: "TooManyRequestsErrorMessage", historyLimit: "10", retryAfter: "yes", headersExposed: "no",
    });
  });

  test("turned: 25 to a page, headers exposed, a limit told as a string", async (t) => {
    const room = new Room(t);
    await room.set({ maxPageSize: 25, exposeHeaders: true, tooManyRequests: "string" });
    const { is } = await ask(room, ["history"]);
    assert.deepEqual(pick(is, ["pageSize", "messageLimit", "echoLimit", "headersExposed"]), { pageSize: "no", messageLimit: "string", echoLimit: "string", headersExposed: "yes" });
  });

  test("a service without limits refuses nothing", async (t) => {
    const room = new Room(t);
    await room.set({ limits: false });
    const { is } = await ask(room, ["history"]);
    assert.deepEqual(pick(is, ["messageLimit", "echoLimit", "historyLimit", "retryAfter"]), { messageLimit: "not refused", echoLimit: "not refused", historyLimit: "not refused", retryAfter: "not known" });
  });
});

test("files: the error as a message, an upload that fails", async (t) => {
  const room = new Room(t);
  await room.set({ generateUrlError: "message", upload: "failure" });
  const { is } = await ask(room, ["files"]);
  assert.deepEqual(pick(is, ["urlErrorEnvelope", "uploadEvent"]), { urlErrorEnvelope: "message 200", uploadEvent: "UploadFailureEvent" });
});

for (const [reading, expected] of [["4006", "4006"], ["new", "new session"]]) {
  test(`a session that ran out: configure answers ${reading}`, async (t) => {
    const room = new Room(t);
    await room.set({ sessionDurationSeconds: 1, expiredConfigure: reading });
    const { is } = await ask(room, ["expiry"]);
    assert.deepEqual(is, { expiredEvent: "SessionExpiredEvent", expiredConfigure: expected });
  });
}

test("a session that lasts longer than the patience is not waited for; the token of one that ran out may be given", async (t) => {
  const room = new Room(t);
  assert.deepEqual((await ask(room, ["expiry"])).is, { expiredEvent: "not asked", expiredConfigure: "not asked" });
  const guest = await room.guest();
  await room.expire({ what: "session", token: guest.token });
  assert.equal((await ask(room, ["expiry"], { expiredToken: guest.token })).is.expiredConfigure, "4006");
});

test("an idle connection that stays, and one that the service closes", async (t) => {
  const room = new Room(t);
  assert.equal((await ask(room, ["idle"])).is.idle, "not asked");
  assert.deepEqual((({ is, notes }) => [is.idle, notes.idle])(await ask(room, ["idle"], { idleMs: 1_000 })), ["over 1 s", "it still worked"]);
  const asked = ask(room, ["idle"], { idleMs: 20_000 });
  // The session before is the first; this one is there once it has a connection.
  await until(async () => (await (await fetch(`${url}/_sim/sessions?deploymentId=${room.deploymentId}`)).json()).filter(({ connections }) => connections === 1), (open) => open.length === 1);
  await room.agent({ do: "kick", deploymentId: room.deploymentId });
  const { is, notes } = await asked;
  assert.equal(notes.idle, "closed with 1000");
  assert.match(is.idle, /^1?\d s$/, "before it was left alone for as long as was asked");
});

test("a bot's typing is seen, and what it said is not written down", async (t) => {
  const room = new Room(t);
  await room.set({ bot: "script" });
  const { is, records } = await ask(room, ["chat", "observed"], { settleMs: 1_500 });
  assert.equal(is.typingDuration, "duration");
  const said = records.filter(({ frame }) => frame?.body?.direction === "Outbound" && frame.body.type === "Text");
  assert.ok(said.length > 0);
  for (const { frame } of said) assert.match(frame.body.text, /^<\d+ characters>$/);
});

test("no token, no JWT, no address of a file and no deployment is written down", async (t) => {
  const room = new Room(t);
  const { records } = await ask(room, ["chat", "files"]);
  const text = JSON.stringify(records);
  const { token } = (await (await fetch(`${url}/_sim/sessions?deploymentId=${room.deploymentId}`)).json())[0];
  for (const secret of [room.deploymentId, token, "eyJ", "/downloads/"]) assert.ok(!text.includes(secret), secret);
  assert.ok(text.includes('"token":"<token 1>"') && text.includes('"jwt":"<jwt 1>"') && text.includes('"url":"<address>"'));
  assert.ok(records.some(({ dir }) => dir === "sent") && records.some(({ dir }) => dir === "received"));
});

test("a refused or absent service leaves every question open, with the reason", async (t) => {
  const refused = await ask(new Room(t, "refused"), ["chat"]);
  assert.equal(refused.is.resend, "not known");
  assert.match(refused.notes.resend, /HTTP 403/);
  const { answers } = await liveCheck({ deployment: "d", endpoint: "http://127.0.0.1:9", only: ["configuration"] });
  for (const { answer, note } of answers) assert.deepEqual([answer, /ECONNREFUSED|bad port/.test(note)], ["not known", true], note);
});

/** The command as `npm run live-check` runs it. */
function command(...args) {
  const script = fileURLToPath(new URL("../../scripts/live-check.mjs", import.meta.url));
  return new Promise((done) => execFile(process.execPath, [script, ...args], (error, stdout, stderr) => done({ code: error?.code ?? 0, stdout, stderr })));
}

test("the command prints the answers and writes the frames, one a line", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "guestwire-live-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const out = join(folder, "frames.jsonl");
  const { code, stdout, stderr } = await command("--deployment", new Room(t).deploymentId, "--endpoint", url, "--only", "configuration,files", "--out", out);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /What follows an upload\? +UploadSuccessEvent +PUT 200/);
  assert.match(stderr, /7 of 7 questions answered/);
  const records = readFileSync(out, "utf8").trim().split("\n").map((line) => JSON.parse(line));
  assert.ok(records.some(({ dir, frame }) => dir === "sent" && frame.action === "onAttachment"));
});

test("what is missing or wrong on the command line is one sentence and the usage", async () => {
  for (const [args, sentence] of [
    [["--endpoint", url], /A deployment and either a region or an endpoint are needed\./],
    [["--deployment", "d", "--region", "mypurecloud.com", "--endpoint", url], /either a region or an endpoint/],
    [["--deployment", "d", "--region", "nowhere"], /A region is a domain such as mypurecloud\.com, not nowhere\./],
    [["--deployment", "d", "--endpoint", url, "--only", "poetry"], /There is no section poetry/],
  ]) {
    const { code, stderr } = await command(...args);
    assert.equal(code, 1);
    assert.match(stderr, sentence);
  }
});

test("the table names section, question, answer and note", () => {
  const answers = [{ section: "chat", id: "resend", question: "Same twice?", answer: "no", note: "stored a second time" }];
  assert.deepEqual(table(answers), ["", "chat:", "  Same twice?  no  stored a second time"]);
});

test("redaction: a secret is hidden wherever it occurs, also before it was seen as one", () => {
  const redactor = new Redactor();
  redactor.hide("token", "t-0001");
  const frame = { token: "t-0001", journeyContext: { customer: { id: "t-0001" } }, message: { text: "my token is t-0001" } };
  assert.deepEqual(redactor.redact(JSON.stringify(frame)), { token: "<token 1>", journeyContext: { customer: { id: "<token 1>" } }, message: { text: "my token is <token 1>" } });
  assert.deepEqual(redactor.redact('{"body":{"jwt":"eyJhbGciOi.eyJleHAi.abc","exp":1}}'), { body: { jwt: "<jwt 1>", exp: 1 } });
  assert.deepEqual(redactor.redact('{"direction":"Outbound","channel":{"from":{"nickname":"Ann","image":"https://x.test/a"}},"text":"hi","id":"5b"}'), {
    direction: "Outbound", channel: { from: { nickname: "<name>", image: "<address>" } }, text: "<2 characters>", id: "5b",
  });
  assert.deepEqual(redactor.redact("not json"), { unreadable: 8 });
  assert.equal(redactor.address("https://x.test/up/1?deploymentId=d&signature=s"), "https://x.test/up/1?deploymentId=d&signature=<redacted>");
});
