// The session protocol in Chromium: the demo over it while tokens run out, are refused and cannot be had, while the line breaks and
// the session ends. What was typed is stored once, in order, and where nothing is wrong for the visitor nothing is shown. axe looks
// at the element in every state that is reached.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BROKEN_LINE, NARROW, Visit, deployment, profile, until, url, visit } from "./stage.mjs";

const minutes = 60_000;
const TOKEN = "/demo-backend/token";
const protocol = "session";
const broken = { protocol, expects: BROKEN_LINE };
const sent = (...texts) => texts.map((text) => `You: ${text} (Sent)`);
const waiting = (...texts) => texts.map((text) => `You: ${text} (Waiting to be sent)`);

const isToken = ({ kind, path }) => kind === "http" && path === TOKEN;
const isOpen = ({ kind }) => kind === "open";
const isRead = ({ kind, path, method }) => kind === "http" && method === "GET" && path.endsWith("/messages");
const count = async (service, wanted, since) => (await service.records(since)).filter(wanted).length;

describe("over the session protocol", { concurrency: 4 }, () => {
  test("both speak and read each other, over a reload too; what the protocol lacks is not there", async (t) => {
    const visitor = await visit(t, { protocol });
    const { service, page, chat, input } = visitor;
    const tokens = [];
    // A page cannot set headers on an upgrade: the token stands in the socket's address, and nowhere else.
    page.on("websocket", (socket) => tokens.push(new URL(socket.url()).searchParams.get("token")));
    await input.pressSequentially("Good morning");
    await input.press("Enter");
    await visitor.sees(sent("Good morning"));
    await service.says("Good morning!", "What can I do for you?");
    await visitor.sees([...sent("Good morning"), "Agent: Good morning!", "Agent: What can I do for you?"]);
    assert.deepEqual(await visitor.violations(), []);
    await chat.getByRole("button", { name: "More actions" }).click();
    await chat.getByRole("menuitemcheckbox", { name: "Enter adds a line" }).waitFor();
    assert.equal(await chat.getByRole("menuitem").count(), 0);
    assert.deepEqual(await visitor.violations(), []);
    await page.keyboard.press("Escape");

    await page.locator("#agent textarea").fill("By the console");
    await page.keyboard.press("Enter");
    const all = [...sent("Good morning"), "Agent: Good morning!", "Agent: What can I do for you?", "Agent: By the console"];
    await visitor.sees(all);
    await visitor.load();
    await visitor.sees(all);
    await visitor.say("Still here");
    await visitor.sees([...all, ...sent("Still here")]);
    assert.deepEqual(await service.stored(), ["Good morning", "Still here"]);
    assert.equal((await service.sessions()).length, 1, "the session outlives the page");
    assert.equal(tokens.length, 1, "one socket in the second life of the page");
    assert.ok(tokens[0].length > 16);
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.querySelector("guestwire-chat").client.diagnostics()]));
    assert.ok(kept.includes("gw1:") && !kept.includes(tokens[0]), "and keeps it to itself");
    await visitor.proves(2);
    await visitor.assertNothingAlarming();
  });

  test("the protocol is chosen by a switch that the address keeps; each has a conversation and an account of its own", async (t) => {
    const visitor = await visit(t);
    const { service, page } = visitor;
    const fetched = [];
    page.on("request", (request) => fetched.push(new URL(request.url()).pathname));
    const modules = () => fetched.splice(0).filter((path) => /core|glue/.test(path)).sort();
    await visitor.say("By the guest API");
    await visitor.sees(sent("By the guest API"));
    assert.equal(await page.getByRole("link", { name: "Guest API" }).getAttribute("aria-current"), "page");
    await page.reload();
    await visitor.ready();
    assert.deepEqual(modules(), ["/dist/core-inline.js"]);

    await page.getByRole("link", { name: "Session protocol" }).click();
    await page.waitForURL((address) => address.searchParams.get("protocol") === "session");
    assert.equal(new URL(page.url()).searchParams.get("deployment"), service.deploymentId);
    await visitor.ready();
    assert.deepEqual(modules(), ["/dist/core-session-inline.js", "/dist/glue-session.js"]);
    assert.equal(await page.getByRole("link", { name: "Session protocol" }).getAttribute("aria-current"), "page");
    await visitor.say("By the session protocol");
    await visitor.sees(sent("By the session protocol"));
    await visitor.proves(1);
    const rows = page.locator("#network .switch");
    assert.match(await rows.filter({ hasText: "End the chat, read-only" }).textContent(), /not in this protocol.*cannot end/);
    assert.equal(await page.getByRole("switch", { name: "429, no hint" }).count(), 0);
    assert.equal(await page.getByRole("switch", { name: "Lose the receipt" }).count(), 1);
    assert.equal(await page.locator("#agent .tools").count(), 0);
    assert.deepEqual(await visitor.violations("#network"), []);
    assert.deepEqual(await visitor.violations("#agent"), []);

    await page.getByRole("link", { name: "Guest API" }).click();
    await visitor.ready();
    await visitor.sees(sent("By the guest API"));
    await visitor.proves(1);
    assert.equal(await page.getByRole("button", { name: "Expire the access token" }).count(), 0);
  });

  test("the token runs out in mid-conversation, three times: the socket is replaced and nobody notices", async (t) => {
    // Half of a short life is used; the other half is what a renewal may take.
    const visitor = await visit(t, { protocol, set: { accessTokenSeconds: 20 } });
    const { service } = visitor;
    const line = await visitor.watchLine();
    const expected = [];
    const texts = [];
    for (let opens = 1; opens <= 3; opens++) {
      const [before, after] = [`Before renewal ${opens}`, `After renewal ${opens}`];
      await visitor.say(before);
      await until(() => count(service, isOpen), (found) => found > opens, "a socket in the place of the last");
      await service.says(`While two may be up ${opens}`);
      await visitor.say(after);
      texts.push(before, after);
      expected.push(...sent(before, after), `Agent: While two may be up ${opens}`);
      await until(() => visitor.rows(), (rows) => rows.length === expected.length && expected.every((row) => rows.includes(row)), "all of it is there, once");
    }
    assert.deepEqual(await service.stored(), texts);
    for (const text of texts) assert.equal(await service.arrivals(text), 1);
    assert.deepEqual(await line(), { states: ["ready"], banners: [] });
    assert.ok((await count(service, isToken)) >= 4);
    await until(() => service.sessions(), ([{ connections }]) => connections === 1, "the replaced sockets are closed");
    await visitor.proves(6);
    await visitor.assertNothingAlarming();
    assert.deepEqual(await visitor.violations(), []);
  });

  test("the token is refused before its time: one more is asked for, and what was typed meanwhile goes out", async (t) => {
    const visitor = await visit(t, broken);
    const { service, page } = visitor;
    await visitor.say("Before");
    await visitor.sees(sent("Before"));
    const since = await service.mark();
    await page.getByRole("button", { name: "Expire the access token" }).click();
    await service.record(({ kind, code }) => kind === "close" && code === 1008, since);
    await visitor.say("Meanwhile");
    await visitor.sees(sent("Before", "Meanwhile"));
    assert.equal(await count(service, isToken), 2, "one at first, and one in the place of the one that is no good");
    assert.ok((await count(service, ({ status }) => status === 401, since)) <= 2, "the old one is not tried over and over");
    assert.deepEqual(await service.stored(), ["Before", "Meanwhile"]);
    assert.equal(await count(service, ({ text }) => text === "Before", since), 0, "what had arrived was not sent again");
    await visitor.proves(2);
    await visitor.assertNothingAlarming();
  });

  test("the token endpoint is down for a minute: what is typed waits, over a reload too, and is sent once it is back", { timeout: 4 * minutes }, async (t) => {
    const visitor = await visit(t, broken);
    const { service, page } = visitor;
    const line = await visitor.watchLine();
    await visitor.say("Before");
    await visitor.sees(sent("Before"));
    const since = await service.mark();
    await page.getByRole("switch", { name: "Token endpoint down" }).click();
    await service.record(({ path, status }) => path === TOKEN && status === 503, since);
    await visitor.say("While it is down", "And one more");
    await visitor.sees([...sent("Before"), ...waiting("While it is down", "And one more")]);
    await visitor.banner.getByText("2 messages will be sent when the connection is back.").waitFor();
    assert.deepEqual(await visitor.violations(), []);
    const asked = await until(async () => (await service.records(since)).filter(isToken), (all) => all.at(-1).at - all[0].at >= minutes, "it is asked for a minute and longer", 3 * minutes);
    assert.ok(asked.length >= 4 && asked.length <= 20, `asked ${asked.length} times`);
    // A backend that is away is nothing that signing in would mend.
    assert.deepEqual([...new Set((await line()).states)].sort(), ["connecting", "ready", "waiting"]);
    await visitor.load();
    await visitor.sees(waiting("While it is down", "And one more"));
    assert.deepEqual(await service.stored(), ["Before"]);
    await page.getByRole("button", { name: "Heal everything" }).click();
    await visitor.sees(sent("Before", "While it is down", "And one more"));
    assert.deepEqual(await service.stored(), ["Before", "While it is down", "And one more"]);
    await visitor.proves(3);
    await visitor.assertNothingAlarming();
  });

  test("a history of three pages with a 429 in the middle is read whole, in order, as often as the service asks", async (t) => {
    const visitor = await visit(t, { ...broken, set: { sessionPageSize: 2 } });
    const { service, page } = visitor;
    const rows = [];
    for (const n of [1, 2, 3]) {
      await visitor.say(`Question ${n}`);
      await visitor.sees([...rows, ...sent(`Question ${n}`)]);
      await service.says(`Answer ${n}`);
      rows.push(...sent(`Question ${n}`), `Agent: Answer ${n}`);
      await visitor.sees(rows);
    }
    // A page reads its history again half a minute after it connected: this one is left, so that no such read is counted.
    await page.goto("about:blank");
    await service.faults({ on: "http", match: { path: "/messages" }, nth: 2, count: 1, do: "status", status: 429, retryAfter: 2 });
    const since = await service.mark();
    await visitor.load();
    await visitor.sees(rows, 60_000);
    const reads = (await service.records(since)).filter(isRead);
    assert.deepEqual(reads.map(({ status }) => status), [200, 429, 200, 200]);
    assert.ok(reads[2].at - reads[1].at >= 2_000, `again after ${reads[2].at - reads[1].at} ms`);
    assert.deepEqual(await visitor.violations(), []);
    await visitor.assertNothingAlarming();
  });

  test("a reload with three unsent: they are there again before anything is sent, and go in order", async (t) => {
    const visitor = await visit(t, broken);
    const { service } = visitor;
    const away = await visitor.goAway();
    await visitor.say("One", "Two", "Three");
    await visitor.sees(waiting("One", "Two", "Three"));
    await visitor.load();
    await visitor.sees(waiting("One", "Two", "Three"));
    assert.deepEqual(await service.stored(), []);
    await service.lift(away);
    await visitor.sees(sent("One", "Two", "Three"));
    assert.deepEqual(await service.stored(), ["One", "Two", "Three"]);
    await visitor.proves(3);
    await visitor.assertNothingAlarming();
  });

  test("the acknowledgement is lost, of a text that was said before: proved from the history, one copy of each", async (t) => {
    const visitor = await visit(t, broken);
    const { service } = visitor;
    await visitor.say("Hello?");
    await visitor.sees(sent("Hello?"));
    await service.faults({ on: "frame-out", match: service.message, do: "lose" });
    const since = await service.mark();
    await visitor.say("Hello?", "Is anybody there?");
    await service.record(({ kind }) => kind === "stored", since);
    await visitor.sees(sent("Hello?", "Hello?", "Is anybody there?"), 60_000);
    assert.deepEqual(await service.stored(), ["Hello?", "Hello?", "Is anybody there?"]);
    assert.equal(await service.arrivals("Hello?"), 2);
    await visitor.proves(3);
  });

  test("a reload with one on its way, stored but not confirmed, and two behind it", async (t) => {
    const visitor = await visit(t, broken);
    const { service } = visitor;
    await service.faults({ on: "frame-out", match: service.message, do: "lose" });
    const since = await service.mark();
    await visitor.say("On its way", "Second", "Third");
    await service.record(({ kind }) => kind === "stored", since);
    await visitor.load();
    await visitor.sees(sent("On its way", "Second", "Third"), 60_000);
    assert.deepEqual(await service.stored(), ["On its way", "Second", "Third"]);
    assert.equal(await service.arrivals("On its way"), 1);
    await visitor.proves(3);
    await visitor.assertNothingAlarming();
  });

  test("the session expired: it says so, nothing slips into a new one unasked, and asked it is sent there", async (t) => {
    const visitor = await visit(t, broken);
    const { service, chat } = visitor;
    await visitor.say("Long ago");
    await visitor.sees(sent("Long ago"));
    const away = await visitor.goAway();
    await visitor.say("Too late for that one", "And this");
    await service.expire("session");
    const since = await service.mark();
    await service.lift(away);
    await visitor.notice.getByText("This conversation has ended because nothing was written for a while.").waitFor();
    assert.deepEqual(await visitor.violations(), []);
    assert.equal(await count(service, ({ kind, text }) => kind === "frame-in" && text !== undefined, since), 0);
    await chat.getByRole("button", { name: "Start a new conversation" }).click();
    const question = chat.getByRole("alertdialog", { name: "What about your unsent messages?" });
    assert.deepEqual(await visitor.violations(), []);
    await question.getByRole("button", { name: "Send them in the new one" }).click();
    await until(() => visitor.rows(), (rows) => rows.slice(-2).join() === sent("Too late for that one", "And this").join(), "both are sent, in order");
    const open = (await service.sessions()).filter(({ ended }) => !ended);
    assert.deepEqual(open.map(({ messages }) => messages.map(({ text }) => text)), [["Too late for that one", "And this"]]);
    await visitor.proves(3);
  });

  test("a page that has no token to give, three times: sign in, Try again, and what was typed is sent", async (t) => {
    const context = await profile(t, { expects: BROKEN_LINE, viewport: NARROW });
    await context.route(`${url}/bare.js`, (route) => route.fulfill({ contentType: "text/javascript", body: "" }));
    const service = deployment(t, protocol);
    const page = await context.newPage();
    const visitor = new Visit(service, page);
    await page.goto(`${url}/bare.html`);
    await page.evaluate(async ({ deploymentId, tokenUrl }) => {
      const [{ GuestClient }] = await Promise.all([import("/dist/index.js"), import("/dist/define.js")]);
      window.visitor = { asked: 0, signedIn: false };
      const token = async () => {
        window.visitor.asked += 1;
        if (!window.visitor.signedIn) throw new Error("nobody is signed in");
        return (await fetch(tokenUrl, { method: "POST" })).json();
      };
      const client = new GuestClient({ deploymentId, endpoint: location.origin, protocol: "session", token });
      const chat = document.createElement("guestwire-chat");
      chat.client = client;
      chat.setAttribute("open", "");
      document.body.append(chat);
    }, { deploymentId: service.deploymentId, tokenUrl: `${TOKEN}?deploymentId=${service.deploymentId}` });
    await visitor.say("Typed before I signed in");
    const asked = () => page.evaluate(() => window.visitor.asked);
    await visitor.banner.getByText("Please sign in to go on with this conversation.").waitFor();
    await visitor.banner.getByText("1 message will be sent when the connection is back.").waitFor();
    assert.equal(await asked(), 3);
    assert.deepEqual(await visitor.violations(), []);
    const again = visitor.banner.getByRole("button", { name: "Try again" });

    // In vain, as nobody has signed in: three times more, and no more than that.
    await again.focus();
    await page.keyboard.press("Enter");
    await until(asked, (times) => times > 3, "the page is asked again");
    await again.waitFor();
    assert.equal(await asked(), 6);
    assert.deepEqual(await service.records(), []);

    await page.evaluate(() => void (window.visitor.signedIn = true));
    await again.click();
    await visitor.sees(sent("Typed before I signed in"));
    assert.equal(await asked(), 7);
    assert.deepEqual(await service.stored(), ["Typed before I signed in"]);
    assert.equal(await visitor.focused(), "message");
    await service.says("There you are");
    await visitor.sees([...sent("Typed before I signed in"), "Agent: There you are"]);
    assert.deepEqual(await visitor.violations(), []);
  });

  test("the element by attributes alone asks the site's backend for tokens, and says what is missing", async (t) => {
    const context = await profile(t, { expects: [/GuestwireError|InvalidOption/], viewport: NARROW });
    await context.route(`${url}/bare.js`, (route) => route.fulfill({ contentType: "text/javascript", body: "" }));
    const service = deployment(t, protocol);
    const page = await context.newPage();
    const complaints = [];
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    const visitor = new Visit(service, page);
    await page.goto(`${url}/bare.html`);
    await page.evaluate(async ({ deploymentId }) => {
      await import("/dist/define.js");
      const chat = document.createElement("guestwire-chat");
      for (const [name, value] of Object.entries({ "deployment-id": deploymentId, endpoint: location.origin, protocol: "session", open: "" })) chat.setAttribute(name, value);
      document.body.append(chat);
    }, { deploymentId: service.deploymentId });
    await until(() => complaints, ({ length }) => length === 1, "the option that is missing is named");
    assert.match(complaints[0], /\(token\)/);
    await page.evaluate((tokenUrl) => document.querySelector("guestwire-chat").setAttribute("token-url", tokenUrl), `${TOKEN}?deploymentId=${service.deploymentId}`);
    await visitor.say("By attributes");
    await visitor.sees(sent("By attributes"));
    assert.deepEqual(await service.stored(), ["By attributes"]);
    assert.equal(complaints.length, 1);
  });
});
