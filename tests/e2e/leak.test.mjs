// No token and no word of a conversation reaches a log, an error, a metric, diagnostics, an address, an attribute or the name of a
// key, whatever goes wrong: one conversation over each protocol, through every fault that has words or tokens to lose.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Room } from "./leak-room.mjs";
import { Witness } from "./overhear.mjs";
import { BROKEN_LINE, deployment, profile, until, url } from "./stage.mjs";

const minutes = 60_000;

/** What both protocols go through. */
async function conversation(room) {
  const { page, service, witness } = room;
  await page.evaluate(() => void window.client.start());
  await room.ready();
  await room.sent(room.early);
  await room.sent(await room.say());
  await room.answers();

  // The line breaks under a message whose receipt is lost, and the service refuses for a while.
  const [rule] = await service.faults({ on: "frame-in", match: service.message, count: 1, do: "drop", after: true });
  const lost = await room.say();
  await page.waitForFunction(() => window.client.state.name !== "ready");
  await service.lift([rule]);
  // Then the history fails, and says more than it should.
  const said = [...witness.secrets.keys(), witness.word("failed")].join(" ");
  await service.faults({ on: "http", match: { path: "messages" }, count: 1, do: "status", status: 500, body: said });
  const refusing = await service.refuse();
  await room.hurry();
  await page.waitForFunction(() => ["paused", "offline", "waiting"].includes(window.client.state.name));
  await service.lift(refusing);
  await room.hurry();
  await room.sent(lost);
  await service.record(({ kind, path, status }) => kind === "http" && path?.includes("messages") && status === 500);
  await room.answers();

  await room.rave();
  await room.ready().catch(() => undefined);
  await room.hurry();
  await room.ready();
  await room.sent(await room.say());

  // The storage throws with everything in its mouth, then the module comes to its end under a frame.
  await page.evaluate(() => {
    const { setItem } = Storage.prototype;
    window.restore = () => (Storage.prototype.setItem = setItem);
    Storage.prototype.setItem = (key, value) => {
      throw new Error(`no room for ${key} ${value}`);
    };
  });
  const homeless = await room.say();
  await room.sent(homeless);
  await page.evaluate(() => window.restore());
  await room.told("warning event");
  await page.evaluate(() => {
    const { encode } = TextEncoder.prototype;
    TextEncoder.prototype.encode = () => {
      TextEncoder.prototype.encode = encode;
      throw new WebAssembly.RuntimeError("unreachable");
    };
  });
  await room.answers();
  await page.waitForFunction(() => window.client.state.name === "ready");
  await until(() => witness.listen(page).then(() => witness.from("error event")), (errors) => errors.some((text) => text.includes("Restarted")), "the panic is told");

  await refusedCalls(room);

  // What waits survives the page; what was damaged meanwhile is put aside.
  const away = await service.goAway();
  await page.waitForFunction(() => window.client.state.name !== "ready");
  const waiting = await room.say();
  await room.shows(waiting, "queued");
  const damaged = witness.word("damaged");
  await page.evaluate(([id, text]) => {
    localStorage.setItem(`gw1:${id}:m:900:${crypto.randomUUID()}`, `{"v":1,"text":"${text}`);
    localStorage.setItem(`gw1:${id}:m:901:${crypto.randomUUID()}`, JSON.stringify({ v: 99, text }));
  }, [service.deploymentId, damaged]);
  await witness.listen(page);
  // Left before it is closed: of a page that is closed at once the browser may lose what it wrote last.
  await page.goto("about:blank");
  await page.close();
  await service.lift(away);
  await room.enter();
  await room.page.evaluate(() => void window.client.start());
  await room.sent(waiting);
  await room.sent(room.early);
  await until(() => witness.listen(room.page).then(() => witness.from("warning event")), (warnings) => warnings.some((text) => text.includes("7052")), "what was damaged is told");
  await room.sent(await room.say());
}

/** Another tab beside this one, which follows: what the two say to each other is overheard, and what a follower tells its page. */
async function company(room) {
  const first = room.page;
  await room.enter();
  const second = room.page;
  await second.evaluate(() => void window.client.start());
  await room.ready();
  await room.sent(room.early);
  await room.sent(await room.say());
  await room.answers();
  for (const page of [first, second]) await room.witness.listen(page);
  await second.close();
  room.page = first;
}

/** Everything a page can be refused, with a word in every argument. */
async function refusedCalls(room) {
  const word = room.witness.word("refused");
  await room.refusal((text) => window.client.send(text.repeat(200)), word);
  await room.refusal((text) => window.client.send({ text }), word);
  await room.refusal((text) => window.client.send(text, { attributes: { [text]: 7 } }), word);
  await room.refusal((text) => window.client.send(text, { attachments: [text] }), word);
  await room.refusal((text) => window.client.reply({ text }), word);
  await room.refusal((text) => window.client.setAttributes({ [text]: { text } }), word);
  await room.refusal((text) => window.client.retry(text), word);
  await room.refusal((text) => window.client.restart({ outbox: text }), word);
  await room.refusal((text) => window.client.attach(new File([text], text), { fileName: text }), word);
  await room.refusal((text) => window.client.detach(text), word);
  for (const field of ["deploymentId", "endpoint", "storage", "attributes", "backoff", "protocol", "token"]) await room.refusal(([name, text]) => window.make("d", { [name]: `${text}/ ` }), [field, word]);
  // A deployment that is not there, with something to say to it.
  await room.page.evaluate(async (text) => {
    const client = await window.make("missing-deployment");
    client.send(text);
    await window.overheard.refusal(() => client.start());
    client.dispose();
    window.clients.splice(window.clients.indexOf(client), 1);
  }, word);
}

/** There was something to overhear, everywhere where something is said. */
function assertHeard({ witness }, places, secrets) {
  for (const place of places) assert.ok(witness.count(place) > 0, `nothing was heard from ${place}`);
  assert.deepEqual([...new Set(witness.secrets.values())].sort(), secrets);
  assert.equal(witness.count("not refused"), 0, witness.from("not refused").join("\n"));
  for (const place of ["uncaught", "unhandled rejection", "window error", "dialog", "policy violation", "beacon", "database"]) assert.deepEqual(witness.from(place), []);
}

const EVERYWHERE = [
  "attribute", "title", "address", "key", "stored", "diagnostics", "metrics", "debug", "request", "socket", "channel", "performance entry", "refusal", "browser's console",
  "state event", "message event", "receipt event", "warning event", "error event", "metric event", "outbox event",
];

describe("nothing of a conversation leaks", { concurrency: 2 }, () => {
  test("over the guest API", { timeout: 4 * minutes }, async (t) => {
    const room = await Room.of(t, "guest");
    const { service, witness } = room;
    await conversation(room);
    await company(room);
    const { page } = room;
    // Attributes, too many messages, a text that is not taken, an offer and its answer.
    const attribute = witness.word("attribute");
    await room.sent(await room.say({ attributes: { shoe: attribute } }));
    const refuse = (code, body = "") => ({ on: "frame-in", match: service.message, count: 1, do: "reply", frame: { type: "response", class: "string", code, tracingId: "$tracingId", body } });
    const all = [...witness.secrets.keys()].join(" ");
    const limited = { type: "response", class: "TooManyRequestsErrorMessage", code: 429, tracingId: "$tracingId", body: { retryAfter: 1, errorCode: 4029, errorMessage: `${all} ${witness.word("limited")}` } };
    await service.faults({ ...refuse(429), frame: limited });
    await room.sent(await room.say());
    await service.faults(refuse(4011, `${all} ${witness.word("long")}`));
    await room.shows(await room.say(), "failed");
    const [label, payload] = [witness.word("label"), witness.word("payload")];
    await service.agent({ do: "structured", text: `${witness.word("offer")} Choose`, content: [{ contentType: "QuickReply", quickReply: { text: label, payload, action: "Message" } }] });
    await page.waitForFunction((text) => window.client.messages.some(({ content }) => JSON.stringify(content).includes(text)), label);
    await page.evaluate(([text, value]) => void window.client.reply({ text, payload: value, type: "QuickReply" }), [label, payload]);
    // The history's token is refused, then the guest's own.
    await service.expire("jwt");
    await room.refusal(() => window.client.history().then(() => Promise.reject(new Error("read all the same"))));
    await service.expire("session");
    const late = await room.say();
    await page.waitForFunction(() => window.client.state.name === "ended");
    await room.refusal(() => window.client.start());
    await page.evaluate(() => void window.client.restart({ outbox: "send" }));
    await room.ready();
    await room.sent(await room.say());
    await witness.listen(page);
    assert.ok(late);
    assertHeard(room, EVERYWHERE, ["JWT", "guest token"]);
    witness.assertNothingLeaked();
  });

  test("over the session protocol", { timeout: 4 * minutes }, async (t) => {
    const room = await Room.of(t, "session");
    const { service, witness } = room;
    await conversation(room);
    await company(room);
    const { page } = room;
    // The token is refused, and whoever is asked for another fails with the last one in its mouth; then it gives what is none.
    await page.evaluate(() => {
      window.usual = window.ask;
      window.ask = async () => {
        const { access_token } = await window.usual();
        throw Object.assign(new Error(`the backend does not take ${access_token}`), { access_token });
      };
    });
    await service.expire("token");
    await page.waitForFunction(() => window.client.state.name === "authRequired");
    await room.refusal(() => window.client.start());
    await page.evaluate(() => (window.ask = async () => ({ error: (await window.usual()).access_token })));
    await room.hurry();
    await page.waitForFunction(() => window.client.state.name === "authRequired");
    await page.evaluate(() => (window.ask = window.usual));
    await room.hurry();
    await room.ready();
    await room.sent(await room.say());
    await room.answers();
    // The session is gone.
    await service.expire("session");
    await page.waitForFunction(() => window.client.state.name === "ended");
    await page.evaluate(() => void window.client.restart({ outbox: "send" }));
    await room.ready();
    await room.sent(await room.say());
    await witness.listen(page);
    assertHeard(room, EVERYWHERE, ["access token", "session"]);
    witness.assertNothingLeaked();
  });

  test("of a client in a worker, where nobody looks", { timeout: 2 * minutes }, async (t) => {
    const context = await profile(t, { expects: BROKEN_LINE });
    const witness = await Witness.of(context);
    const service = deployment(t);
    const page = await context.newPage();
    // Trusted Types would have a word about workers: a page without a policy. A worker of the package's own file, which does nothing when it is loaded.
    await page.route("**/favicon.ico", (route) => route.fulfill({ status: 204 }));
    await page.goto(`${url}/_sim/sessions?deploymentId=none`);
    const [worker] = await Promise.all([page.waitForEvent("worker"), page.evaluate(() => void (window.worker = new Worker("/dist/index.js", { type: "module" })))]);
    const [typed, again, said] = ["typed", "again", "said"].map((name) => witness.word(name));
    await worker.evaluate(async ([id, text]) => {
      const { GuestClient } = await import("/dist/index.js");
      const heard = (self.heard = []);
      for (const name of ["log", "info", "warn", "error", "debug"]) console[name] = (...values) => heard.push([`console.${name}`, values.map((value) => `${value} ${value?.stack ?? ""} ${JSON.stringify(value)}`).join(" ")]);
      addEventListener("error", ({ message }) => heard.push(["window error", message]));
      addEventListener("unhandledrejection", ({ reason }) => heard.push(["unhandled rejection", String(reason)]));
      const client = (self.client = new GuestClient({ deploymentId: id, endpoint: location.origin, debug: (line) => heard.push(["debug", line]) }));
      for (const event of ["state", "session", "receipt", "outbox", "unread", "tab", "metric", "warning", "error", "gap"]) client.on(event, (payload) => heard.push([`${event} event`, `${payload} ${payload.stack ?? ""} ${payload.cause ?? ""} ${JSON.stringify(payload)}`]));
      client.send(text);
      await client.start();
    }, [service.deploymentId, typed]);
    await until(() => service.stored(), (stored) => stored.includes(typed), "it is stored");
    const all = [...witness.secrets.keys(), witness.word("raved")].join(" ");
    for (const frame of [`${all} {`, { type: "response", class: "string", code: 500, body: all }, { type: "message", class: all, code: 200, body: { text: all } }]) await service.agent({ do: "raw", frame });
    await service.says(said);
    await service.cut();
    await worker.evaluate((text) => {
      const receipt = self.client.send(text);
      self.client.reconnect();
      return receipt.done;
    }, again);
    const shown = () => worker.evaluate(() => self.client.messages.map(({ text }) => text));
    await until(shown, (texts) => texts.includes(said) && texts.includes(again), "both are there");
    const heard = await worker.evaluate(() => [...self.heard, ["diagnostics", JSON.stringify(self.client.diagnostics())], ["metrics", JSON.stringify(self.client.metrics)]]);
    for (const [place, text] of heard) witness.hear(place, text);
    for (const place of ["debug", "state event", "receipt event", "metric event", "diagnostics", "metrics", "socket", "request"]) assert.ok(witness.count(place) > 0, `nothing was heard from ${place}`);
    assert.ok([...witness.secrets.values()].includes("guest token"));
    witness.assertNothingLeaked();
  });
});
