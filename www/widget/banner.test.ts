import assert from "node:assert/strict";
import { test } from "node:test";
import { bannerFor, type BannerFacts } from "./banner.js";
import { duration, secondsLeft } from "./countdown.js";
import { en } from "./locales/en.js";

const NOW = 1_700_000_000_000;
const facts = (state: BannerFacts["state"], more: Partial<BannerFacts> = {}): BannerFacts => ({ state, unsent: 0, durable: true, again: false, recovered: false, now: NOW, ...more });
const text = (state: BannerFacts["state"], more?: Partial<BannerFacts>): string | undefined => bannerFor(facts(state, more), en)?.text;
const waiting = (ms: number): BannerFacts["state"] => ({ name: "waiting", attempt: 1, retryAt: NOW + ms, reason: { kind: "network" } });

test("a countdown counts whole seconds up, so that 0 is over", () => {
  assert.equal(secondsLeft(NOW + 7_001, NOW), 8);
  assert.equal(secondsLeft(NOW + 7_000, NOW), 7);
  assert.equal(secondsLeft(NOW - 5_000, NOW), 0);
});

test("durations are read at a glance", () => {
  assert.deepEqual(
    [1, 59, 60, 61, 100, 300, 605].map((seconds) => duration(seconds, en)),
    ["1 s", "59 s", "1 min", "1 min 1 s", "1 min 40 s", "5 min", "10 min"].map((words) => words.replace(/(\d) /g, "$1\u00a0")),
  );
});

test("waiting counts down, offers to try now, and says so when the time has come", () => {
  assert.equal(text(waiting(8_000)), "Connection lost. Next try in 8\u00a0s.");
  assert.equal(text(waiting(0)), "Reconnecting…");
  assert.equal(bannerFor(facts(waiting(8_000)), en)?.action, "Try now");
});

test("nothing is said when connected, and it is said once when connected again", () => {
  assert.equal(text({ name: "ready" }), undefined);
  assert.equal(text({ name: "ready" }, { recovered: true }), "Connected again.");
});

test("a first connection is connecting, a later one reconnecting", () => {
  assert.equal(text({ name: "connecting", attempt: 0 }), "Connecting… You can write already.");
  assert.equal(text({ name: "connecting", attempt: 0 }, { again: true }), "Reconnecting…");
});

test("what waits is counted, and a browser that cannot store it is admitted", () => {
  assert.equal(bannerFor(facts({ name: "offline" }, { unsent: 1 }), en)?.detail, "1 message will be sent when the connection is back.");
  assert.equal(
    bannerFor(facts({ name: "offline" }, { unsent: 3, durable: false }), en)?.detail,
    "3 messages will be sent when the connection is back. This browser cannot store them: keep this page open until they are sent.",
  );
});

test("who has to sign in is told what waits and may try again", () => {
  assert.deepEqual(bannerFor(facts({ name: "authRequired" }, { unsent: 2 }), en), {
    tone: "warn",
    text: "Please sign in to go on with this conversation.",
    detail: "2 messages will be sent when the connection is back.",
    action: "Try again",
  });
});

test("a pause says why and until when", () => {
  assert.equal(text({ name: "paused", reason: "rateLimited", until: NOW + 45_000 }), "A short pause: too many messages at once. Going on in 45\u00a0s.");
  assert.equal(text({ name: "paused", reason: "evicted" }), "Paused: this conversation was opened somewhere else.");
  assert.equal(text({ name: "paused", reason: "refused", until: NOW + 90_000 }), "The chat service is not accepting connections right now. Next try in 1\u00a0min 30\u00a0s.");
  assert.equal(bannerFor(facts({ name: "paused", reason: "rateLimited" }), en)?.action, undefined);
});
