// The supervisor's page in Chromium over the four streams: what the service tells is what is seen, with a line that breaks, by keyboard,
// and for those who see none of the pictures.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Floor, open, still, time } from "./floor.mjs";
import { BROKEN_LINE, Service, WIDE, until, violationsIn, visit } from "./stage.mjs";

const minutes = 60_000;
const PHONE = { width: 375, height: 800 };

describe("what the service tells", { concurrency: 3 }, () => {
  test("joins and leaves stand as lanes in the order of their time, whatever order they came in", async (t) => {
    const floor = await open(t, still);
    await floor.happen("call-1", [12, "Ada (agent)", "transfer"], [0, "customer"], [3, "Ada (agent)"], [12, "Ben (agent)"]);
    await floor.list.getByRole("option", { name: /2 there, 1 left/ }).waitFor();
    const lanes = await until(() => floor.lanes(), (read) => read.length === 3, "three lanes");
    assert.deepEqual(lanes, ["customer: joined at 09:00:00, still there.", "Ada (agent): joined at 09:00:03, left at 09:00:12 (transfer).", "Ben (agent): joined at 09:00:12, still there."]);
    await floor.page.locator(".lane-reason", { hasText: "transfer" }).waitFor();

    await floor.happen("call-1", [20, "customer", "hangup"], [20, "Ben (agent)", "peer"]);
    await floor.list.getByRole("option", { name: /over, 3 took part/ }).waitFor();
    const widths = await until(() => floor.page.locator(".lane-bar").evaluateAll((bars) => bars.map(({ style }) => [style.insetInlineStart, style.inlineSize])), ([first]) => first[1] === "100%" || first[1] === "100.00%", "the scale ends with the call");
    assert.deepEqual(widths.flat().map(Number.parseFloat), [0, 100, 15, 45, 60, 40]);
    await floor.page.getByText("over · 0:20").waitFor();
  });

  test("the wall has each agent's newest presence and counts them", async (t) => {
    const floor = await open(t, still);
    const { page } = floor;
    await floor.presence("agent-01", "Ada Park", "lunch", 10);
    await floor.presence("agent-18", "Ben Okafor", "busy", 11);
    // It was overtaken by the one before.
    await floor.presence("agent-01", "Ada Park", "online", 9);
    const tile = (name) => page.locator(".tile", { hasText: name });
    await tile("Ada Park").getByText("Lunch").waitFor();
    await tile("Ben Okafor").getByText("Busy").waitFor();
    await page.getByText("18 in all, 1 update out of order").waitFor();
    assert.match(await tile("Ada Park").textContent(), /Lunch/);
    const counts = await page.locator(".wall-count").evaluateAll((rows) => Object.fromEntries(rows.map((row) => [row.querySelector("dt").textContent.trim(), Number(row.querySelector("dd").textContent)])));
    assert.deepEqual(counts, { Online: 0, Busy: 1, Away: 0, Meeting: 0, Lunch: 1, Training: 0, Other: 0, Offline: 0 });
    assert.equal(await page.locator(".tile").count(), 18);
  });

  test("events are counted by type, what came late is marked, and a type can be left out of the feed", async (t) => {
    const floor = await open(t, still);
    const { page } = floor;
    await floor.conversation("e2", "QueueJoined", 20);
    await floor.feed.getByRole("option", { name: /QueueJoined/ }).waitFor();
    await floor.conversation("e1", "HoldStarted", 10);
    await floor.conversation("e1", "HoldStarted", 10);
    await floor.feed.getByRole("option", { name: /HoldStarted/ }).waitFor();
    await floor.happen("call-1", [30, "customer"]);
    assert.deepEqual(await until(() => floor.rows(), (rows) => rows.length === 3, "three events"), ["ParticipantJoined", "HoldStarted late", "QueueJoined"]);
    await floor.figure("conversations", "Doubles", "1");
    const table = page.getByRole("table", { name: /Events by type/ });
    const cells = await table.getByRole("row", { name: /HoldStarted/ }).getByRole("cell").allTextContents();
    assert.deepEqual(cells.slice(1), ["1", "1"]);
    await table.getByRole("checkbox", { name: "HoldStarted" }).uncheck();
    await page.getByText("1 type left out").waitFor();
    assert.deepEqual(await until(() => floor.rows(), (rows) => rows.length === 2, "two events"), ["ParticipantJoined", "QueueJoined"]);
  });

  test("whoever picks an event holds the feed still, and reads it as it was sent", async (t) => {
    const floor = await open(t, still);
    for (const n of [1, 2, 3]) await floor.conversation(`e${n}`, `Step${n}`, n);
    await until(() => floor.rows(), (rows) => rows.join() === "Step3,Step2,Step1", "three steps");
    await floor.feed.focus();
    await floor.page.keyboard.press("ArrowDown");
    await floor.page.keyboard.press("ArrowDown");
    const raw = floor.page.getByRole("region", { name: "The event as the service sent it" });
    await raw.waitFor();
    assert.deepEqual(JSON.parse(await raw.textContent()), { id: "e2", timestamp: time(2), type: "Step2", data: { queue: "sales" } });
    const active = await floor.feed.evaluate((list) => document.getElementById(list.getAttribute("aria-activedescendant"))?.textContent);
    assert.match(active, /Step2/);

    await floor.conversation("e4", "Step4", 4);
    await floor.page.getByRole("row", { name: /Step4/ }).waitFor();
    // The press has the list drawn anew.
    await floor.page.keyboard.press("ArrowUp");
    await until(() => raw.textContent(), (text) => text.includes("Step3"), "the one before");
    assert.deepEqual(await floor.rows(), ["Step3", "Step2", "Step1"]);
    await floor.page.keyboard.press("Escape");
    await until(() => floor.rows(), (rows) => rows[0] === "Step4", "the newest again");
    assert.equal(await raw.count(), 0);
  });

  test("a day that is played fills every part of the page, from one story", async (t) => {
    const floor = await open(t);
    const { page } = floor;
    await page.getByText(/at the centre · \d/).waitFor();
    await until(() => floor.lanes(), (lanes) => lanes.length >= 2 && /\(agent\): joined at .*, still there/.test(lanes.join()), "an agent with a customer");
    await page.locator(".tile", { hasText: "in contact" }).first().waitFor();
    await floor.feed.getByRole("option").nth(9).waitFor();
    for (const type of ["ConversationStarted", "ParticipantJoined", "presence.changed", "routing.changed"]) await page.getByRole("row", { name: new RegExp(type.replace(".", "\\.")) }).first().waitFor();
    const columns = page.getByRole("img", { name: /^Events a second over the last minute: now [\d.]+/ });
    await columns.waitFor();
    await page.getByRole("img", { name: /^Round trips of the last minute: \d+ to \d+ ms, \d+ of \d+ over 100 ms, \d+ timeouts/ }).waitFor();
    // Something is drawn in each of the three plots, and not the same everywhere.
    const painted = await page.locator("canvas").evaluateAll((plots) => plots.map((plot) => new Set(plot.getContext("2d").getImageData(0, 0, plot.width, plot.height).data).size));
    assert.equal(painted.length, 3);
    assert.ok(painted.every((colours) => colours > 8), painted.join());
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByText(/^Stopped at/).waitFor();
  });

  test("the limit is marked, percentiles and the share within it follow what is measured", async (t) => {
    const floor = await open(t, still);
    const { latency, page } = floor;
    const p50 = latency.locator(".percentiles div", { hasText: "p50" }).locator("dd");
    await until(() => p50.textContent(), (text) => /^\d+ ms$/.test(text), "a median");
    await page.getByRole("slider", { name: "Slow the line down" }).focus();
    for (let step = 0; step < 5; step += 1) await page.keyboard.press("ArrowRight");
    await latency.getByText("by 200 ms").waitFor();
    await latency.locator(".marked dd", { hasText: /^2\d\d ms/ }).first().waitFor();
    await until(() => latency.locator(".latency-figures div", { hasText: "Within limit" }).locator("dd").textContent(), (text) => Number.parseFloat(text) < 100, "less than all within the limit");
    await latency.getByText("The last 20 probes as a table").click();
    await latency.getByRole("cell", { name: /^2\d\d ms$/ }).first().waitFor();
  });
});

describe("a broken line", { concurrency: 3 }, () => {
  const broken = { ...still, expects: BROKEN_LINE };

  test("is told, counted down, and back with what was missed", async (t) => {
    const floor = await open(t, broken);
    const began = Date.now();
    await floor.happenFrom(began, "call-1", [0, "customer"]);
    await floor.list.getByRole("option").waitFor();
    const edge = () => floor.page.locator(".lane-edge").evaluate(({ style }) => Number.parseFloat(style.insetInlineStart));
    const first = await edge();
    await until(edge, (share) => share > first, "the live edge moves");
    await floor.press("interactions", "Refuse");
    await floor.state("interactions", "waiting");
    await floor.card("interactions").getByText(/^Next try in \d+ s$/).waitFor();
    await floor.status.filter({ hasText: "Interactions: line lost, trying again." }).waitFor({ state: "attached" });
    // What was known is not passed off as what is: the edge stands while seconds go by.
    const lost = floor.page.locator("#interactions").getByText(/^Line lost: as it was \d+ s ago$/);
    await lost.waitFor();
    const age = async () => Number((await lost.textContent()).match(/\d+/)[0]);
    const [since, stood] = [await age(), await edge()];
    await until(age, (seconds) => seconds >= since + 3, "three seconds");
    assert.equal(await edge(), stood);
    await floor.happenFrom(began, "call-1", [5, "Ada (agent)"]);
    assert.equal((await floor.lanes()).length, 1);

    await floor.press("interactions", "Refuse");
    await floor.state("interactions", "ready");
    assert.deepEqual(await until(() => floor.lanes(), (lanes) => lanes.length === 2, "what was missed"), ["customer", "Ada (agent)"].map((who, n) => `${who}: joined at ${time(5 * n, began).slice(11, 19)}, still there.`));
    await floor.figure("interactions", "Reconnects", /^1\b/);
    await floor.status.filter({ hasText: "Interactions: ready." }).waitFor({ state: "attached" });
  });

  test("a drop breaks every connection of the multiplexer, and each agent is as they were", async (t) => {
    const floor = await open(t, broken);
    await floor.presence("agent-01", "Ada Park", "busy", 10);
    await floor.presence("agent-18", "Ben Okafor", "busy", 11);
    await floor.page.locator(".wall-count", { hasText: "Busy" }).getByText("2").waitFor();
    const since = await floor.service.mark();
    await floor.press("presence", "Drop");
    await floor.service.record(({ kind, path }) => kind === "close" && path === "/api/v2/user/websocket", since);
    // While it is away one of them goes to lunch.
    await floor.presence("agent-18", "Ben Okafor", "lunch", 12);
    await floor.figure("presence", "Reconnects", /^2\b/);
    await floor.state("presence", "ready");
    await floor.page.locator(".tile", { hasText: "Ben Okafor" }).getByText("Lunch").waitFor();
    await floor.page.locator(".tile", { hasText: "Ada Park" }).getByText("Busy").waitFor();
  });

  test("a stalled monitor counts timeouts and shows them, until it is healed", async (t) => {
    const floor = await open(t, broken);
    await floor.page.getByRole("button", { name: "Heal everything" }).waitFor();
    await floor.press("latency", "Stall");
    // A page that is late counts several in one turn.
    await until(() => floor.card("latency").locator(".line-figure", { hasText: "Timeouts" }).locator("dd").textContent(), (text) => Number.parseInt(text, 10) >= 3, "three timeouts");
    await floor.page.getByRole("img", { name: /^Round trips .* [1-9]\d* timeouts$/ }).waitFor();
    await floor.page.getByRole("button", { name: "Heal everything" }).click();
    await floor.state("latency", "ready");
    await floor.card("latency").getByRole("button", { name: "Stall", pressed: false }).waitFor();
  });

  test("one that has given up is started again by hand", { timeout: 2 * minutes }, async (t) => {
    const floor = await open(t, broken);
    await floor.press("interactions", "Refuse");
    const card = floor.card("interactions");
    // The last wait is so long that it is not the one that ends by itself.
    await card.getByText(/^Next try in 1\d s$/).waitFor();
    await card.getByRole("button", { name: "Try now" }).click();
    await card.getByText("Gave up").waitFor({ timeout: 8_000 });
    await floor.page.getByRole("button", { name: "Heal everything" }).click();
    await card.getByRole("button", { name: "Start again" }).click();
    await floor.state("interactions", "ready");
    await floor.happen("call-1", [0, "customer"]);
    await floor.list.getByRole("option").waitFor();
  });

  test("a page that reads slowly sees its queue fill, what is dropped, and how late it is", async (t) => {
    const floor = await open(t, still);
    const { page } = floor;
    await page.getByRole("checkbox", { name: /^Read slowly/ }).check();
    const burst = (from) => floor.tell("interactions", { batch: true, events: Array.from({ length: 1200 }, (_, n) => ({ timestamp: time(from + n), type: "Held", participant: "customer", interaction: "call-1", channel: "voice" })) });
    await burst(0);
    const figure = (name) => floor.card("interactions").locator(".line-figure", { hasText: name }).locator("dd").textContent().then((text) => Number(text.replaceAll(",", "")));
    await until(() => figure("Queue"), (count) => count > 900, "a queue");
    await until(() => figure("Dropped"), (count) => count > 100, "dropped ones");
    await floor.card("interactions").getByText(/^read \d.* late$/).waitFor();
    // A flood of messages pushes out messages, and not what an agent does.
    await floor.presence("agent-01", "Ada Park", "lunch", 1);
    await floor.tell("presence", { updates: Array.from({ length: 1500 }, (_, n) => ({ type: "message", timestamp: time(n), eventType: "message.unread", payload: { userId: "agent-02" } })) });
    await until(() => floor.card("presence").locator(".line-figure", { hasText: "Dropped" }).textContent(), (text) => /^Dropped0 [1-9]\d* merged$/.test(text), "none dropped, some merged");
    await page.getByRole("checkbox", { name: /^Read slowly/ }).uncheck();
    await page.locator(".tile", { hasText: "Ada Park" }).getByText("Lunch").waitFor();
    await floor.figure("interactions", "Queue", "0");
    await floor.card("interactions").getByText(/^read /).waitFor({ state: "detached" });
  });

  test("breaking one leaves the others alone", async (t) => {
    const floor = await open(t, broken);
    await floor.press("conversations", "Refuse");
    await floor.state("conversations", "waiting");
    for (const key of ["latency", "interactions", "presence"]) assert.equal(await floor.card(key).getAttribute("data-state"), "ready");
    assert.equal(await floor.page.locator(".line-state.tone-good").count(), 3);
  });
});

describe("by keyboard and for all eyes", { concurrency: 3 }, () => {
  test("each list is one stop, arrows go through it, and focus is always seen", async (t) => {
    const floor = await open(t, still);
    const { page } = floor;
    for (const n of [1, 2, 3]) await floor.happen(`call-${n}`, [n, "customer"]);
    await floor.list.getByRole("option").nth(2).waitFor();
    await page.getByRole("checkbox", { name: "Follow live ones" }).focus();
    await page.keyboard.press("Tab");
    const chosen = () => floor.list.getByRole("option", { selected: true }).textContent();
    assert.equal(await page.evaluate(() => document.activeElement.role ?? document.activeElement.getAttribute("role")), "option");
    await page.keyboard.press("Home");
    assert.match(await chosen(), /call-3/);
    await page.keyboard.press("End");
    assert.match(await chosen(), /call-1/);
    assert.equal(await page.getByRole("checkbox", { name: "Follow live ones" }).isChecked(), false);
    await page.keyboard.press("ArrowUp");
    assert.match(await chosen(), /call-2/);
    // What comes meanwhile does not move what is under the hand.
    await floor.happen("call-4", [4, "customer"]);
    await page.getByText("1 more when you leave the list").waitFor();
    assert.match(await chosen(), /call-2/);
    assert.equal(await floor.list.getByRole("option").count(), 3);

    const stops = [];
    for (let step = 0; step < 60; step += 1) {
      await page.keyboard.press("Tab");
      const stop = await page.evaluate(() => {
        const element = document.activeElement;
        const style = getComputedStyle(element);
        return { isBody: element === document.body, list: element.closest("[role=listbox]")?.getAttribute("aria-label"), outline: style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) > 0, name: element.getAttribute("aria-label") ?? element.textContent.trim().slice(0, 30) };
      });
      if (stop.isBody) break;
      stops.push(stop);
    }
    assert.deepEqual(stops.filter(({ outline }) => !outline), []);
    assert.equal(stops.filter(({ list }) => list === "Interactions").length, 0, "it was one stop, and is behind us");
    assert.ok(stops.length > 3, JSON.stringify(stops));
    await floor.list.getByRole("option").nth(3).waitFor();
  });

  test("sliders say their value in words, and a change begins the day anew", async (t) => {
    const floor = await open(t, still);
    const { page } = floor;
    await page.getByRole("button", { name: "Play the day" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Begin anew" }).waitFor();
    const load = page.getByRole("slider", { name: "Load" });
    await load.focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    assert.equal(await load.getAttribute("aria-valuetext"), "50 events/s");
    await until(() => page.locator("#events .column-note").first().textContent(), (text) => Number.parseFloat(text) > 35, "about fifty a second");
    await page.getByRole("button", { name: "Stop" }).focus();
    await page.keyboard.press("Enter");
    await page.getByText(/^Stopped at/).waitFor();
    assert.equal(await floor.focused(), "Stop", "the press that ends it keeps the keyboard's place");
  });

  for (const colorScheme of ["light", "dark"]) {
    for (const viewport of [WIDE, PHONE]) {
      test(`axe finds nothing, ${colorScheme}, ${viewport.width} px: as it begins, at work, and broken`, async (t) => {
        const floor = await open(t, { viewport, colorScheme, expects: BROKEN_LINE });
        const { page } = floor;
        await page.locator(".tile", { hasText: "in contact" }).first().waitFor();
        await floor.feed.getByRole("option").nth(5).waitFor();
        assert.deepEqual(await violationsIn(page, "body"), []);
        await floor.press("interactions", "Refuse");
        await floor.press("latency", "Stall");
        await floor.state("interactions", "waiting");
        await floor.feed.getByRole("option").nth(1).click();
        await page.getByText("The last 20 probes as a table").click();
        await page.getByRole("table").nth(1).waitFor();
        assert.deepEqual(await violationsIn(page, "body"), []);
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), viewport.width, "nothing sticks out");
      });
    }
  }

  test("axe finds nothing where nothing was played yet", async (t) => {
    const floor = await open(t, still);
    await floor.page.getByText("Nothing is played yet.").waitFor();
    assert.deepEqual(await violationsIn(floor.page, "body"), []);
  });

  test("the whole demo leads here", async (t) => {
    const { service, page } = await visit(t);
    await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Supervisor" }).click();
    await page.getByRole("heading", { name: "A day at the centre" }).waitFor();
    const floor = new Floor(new Service(`${service.deploymentId}-floor`), page);
    t.after(() => floor.service.reset());
    await floor.ready();
    assert.equal(await page.locator("#deployment").textContent(), floor.service.deploymentId);
  });
});
