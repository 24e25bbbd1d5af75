// The supervisor's page as its tests drive it.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Service, profile, url } from "./stage.mjs";

/** No day begins by itself: the test is the only one that tells anything. */
export const still = { reducedMotion: "reduce" };
/** A time of a story that is told whole; where the page's own clock matters, that of a beginning of its own. */
const NINE = Date.UTC(2030, 0, 1, 9);
export const time = (second, beginning = NINE) => new Date(beginning + 1000 * second).toISOString();

/** The page on a deployment of its own, with its four lines up. */
export async function open(t, options = {}) {
  const context = await profile(t, options);
  const asked = `e2e-${randomUUID()}`;
  const service = new Service(`${asked}-floor`);
  t.after(() => service.reset());
  const page = await context.newPage();
  await page.goto(`${url}/supervisor?deployment=${asked}`);
  const floor = new Floor(service, page);
  await floor.ready();
  return floor;
}

export class Floor {
  constructor(service, page) {
    this.service = service;
    this.page = page;
    this.list = page.getByRole("listbox", { name: "Interactions" });
    this.feed = page.getByRole("listbox", { name: "Newest events" });
    this.status = page.getByRole("status").filter({ hasText: /:/ });
    this.latency = page.getByRole("region", { name: "Latency" });
  }

  /** Has the service tell something on a stream. */
  async tell(to, what) {
    const response = await fetch(`${url}/_sim/stream`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ deploymentId: this.service.deploymentId, to, ...what }) });
    assert.ok(response.ok, `${to}: ${response.status} ${await response.text()}`);
  }

  /** Joins and leaves of one interaction: [second, participant, reason of a leave, or nothing for a join]. */
  happen(interaction, ...entries) {
    return this.happenFrom(NINE, interaction, ...entries);
  }

  happenFrom(beginning, interaction, ...entries) {
    const events = entries.map(([second, participant, reason]) => ({ timestamp: time(second, beginning), type: reason === undefined ? "ParticipantJoined" : "ParticipantLeft", participant, interaction, channel: "voice", ...(reason && { reason }) }));
    return this.tell("interactions", { events });
  }

  presence(userId, name, presence, second) {
    return this.tell("presence", { updates: [{ timestamp: time(second), eventType: "presence.changed", payload: { userId, name, presence } }] });
  }

  conversation(id, type, second) {
    return this.tell("conversations", { events: [{ id, timestamp: time(second), type, data: { queue: "sales" } }] });
  }

  card(key) {
    return this.page.locator(`[data-stream=${key}]`);
  }

  async ready() {
    for (const key of ["latency", "conversations", "interactions", "presence"]) await this.state(key, "ready");
  }

  state(key, name) {
    return this.page.locator(`[data-stream=${key}][data-state=${name}]`).waitFor();
  }

  press(key, name) {
    return this.card(key).getByRole("button", { name, exact: true }).click();
  }

  /** A figure of a line's card, when it reads so. */
  figure(key, name, value) {
    return this.card(key).locator(".line-figure", { hasText: name }).locator("dd").getByText(value, { exact: true }).waitFor();
  }

  /** What a screen reader reads of the lanes. */
  lanes() {
    return this.page.getByRole("list", { name: "Participants" }).getByRole("listitem").evaluateAll((rows) => rows.map((row) => `${row.querySelector(".lane-name").textContent}${row.querySelector(".visually-hidden").textContent}`));
  }

  rows() {
    return this.feed.getByRole("option").evaluateAll((rows) => rows.map((row) => `${row.querySelector(".feed-type").textContent}${row.querySelector(".feed-late") === null ? "" : " late"}`));
  }

  focused() {
    return this.page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent?.trim());
  }
}
