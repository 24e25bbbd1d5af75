// The herd: that a small one comes out as the full one does, that its picture is what it says, and that `docs/herd.svg` is today's.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { chromium } from "playwright-core";
import { herd, table } from "../../scripts/herd.mjs";
import { draw, grouped, words } from "../../scripts/herd/draw.mjs";
import { at, run } from "../../scripts/process.mjs";

const NAMES = ["guestwire", "centrifuge", "partysocket", "phoenix", "socket.io", "fixed"];
const CLIENTS = 5_000;
let small;
before(async () => (small = await herd({ clients: CLIENTS, seed: 2 })));
const named = (name) => small.policies.find((policy) => policy.name === name);

test("every client of every policy comes back, and every attempt is in the picture's counts", () => {
  assert.deepEqual(small.policies.map(({ name }) => name), NAMES);
  assert.deepEqual([small.admittedPerSecond, small.awayMs, small.lostWithinMs, small.ideal], [250, 60_000, 250, { p50: 10_000, p99: 19_800 }]);
  for (const { name, attempts, buckets, back, fullest } of small.policies) {
    assert.equal(buckets.reduce((sum, count) => sum + count, 0), attempts, name);
    assert.ok(attempts > CLIENTS, name);
    assert.ok(back.p50 >= small.ideal.p50 - 1_000 && back.p99 >= small.ideal.p99 - 1_000, `${name} is back before it can be: ${JSON.stringify(back)}`);
    assert.equal(Math.max(...buckets.slice(small.fromMs / small.bucketMs)), fullest.attempts, name);
    assert.equal(buckets[fullest.atMs / small.bucketMs], fullest.attempts, name);
  }
});

test("the link keeps row 1 here too", () => {
  const { fullest, back } = named("guestwire");
  assert.ok(fullest.percent <= 1.5, JSON.stringify(fullest));
  assert.ok(back.p99 <= 1.6 * small.ideal.p99, JSON.stringify(back));
});

test("what waits without chance keeps its crowd together", () => {
  // Lost within 250 ms one after the other, 40 % of all lie within any 100 of them.
  for (const name of ["partysocket", "phoenix", "fixed"]) assert.equal(named(name).fullest.percent, 40, name);
});

test("partysocket's, phoenix's and a fixed wait fall where their formulas say", () => {
  const first = (name, most) => named(name).buckets.flatMap((count, bucket) => (count > 0 ? [bucket * small.bucketMs] : [])).filter((ms, n, all) => all[n - 1] !== ms - small.bucketMs).slice(0, most);
  assert.deepEqual(first("fixed", 4), [5_000, 10_000, 15_000, 20_000]);
  // 3, 3 + 3.9, + 5.07, + 6.591, + 8.5683 s, then every ten.
  assert.deepEqual(first("partysocket", 6), [3_000, 6_900, 11_900, 18_500, 27_100, 37_100]);
  // The steps of a table lie closer than the crowd is wide until they reach half a second.
  assert.deepEqual(first("phoenix", 6).slice(1), [1_200, 2_200, 4_200, 9_200, 14_200]);
});

test("centrifuge's and socket.io's first waits lie where their formulas say", () => {
  // The losses themselves are spread over a quarter of a second.
  // centrifuge: 0.5 s + rand(0, 0.5 s), then 0.5 s + rand(0, 1 s). socket.io: 1 s ± rand(0, 0.5 s), then 2 s ± rand(0, 1 s).
  const within = (name, from, to) => named(name).buckets.slice(from / small.bucketMs, to / small.bucketMs).reduce((sum, count) => sum + count, 0);
  for (const name of ["centrifuge", "socket.io"]) {
    assert.equal(within(name, 0, 500), 0, name);
    assert.ok(within(name, 500, 600) > 0, name);
  }
  // The second of the one comes a second after the loss at the earliest, that of the other one and a half: up to there each tenth of a second
  // is one of the first wait, of a width of half a second and of a whole one.
  const share = (name, from, to) => within(name, from, to) / CLIENTS;
  assert.ok(Math.abs(share("centrifuge", 700, 1_000) - 0.59) < 0.03, `${share("centrifuge", 700, 1_000)}`);
  assert.ok(Math.abs(share("socket.io", 800, 1_500) - 0.7) < 0.03, `${share("socket.io", 800, 1_500)}`);
});

test("one seed is one picture, another is another", async () => {
  assert.equal(draw(await herd({ clients: CLIENTS, seed: 2 })), draw(small));
  assert.notEqual(draw(await herd({ clients: CLIENTS, seed: 3 })), draw(small));
});

test("the picture names and tells every policy, and needs nothing from outside", () => {
  const svg = draw(small);
  for (const policy of small.policies) assert.ok(svg.includes(`>${policy.name}<`) && svg.includes(words(policy)), policy.name);
  assert.match(svg, /@media \(prefers-color-scheme: dark\)/);
  assert.match(svg, /role="img" aria-labelledby="title told"/);
  assert.doesNotMatch(svg, /NaN|undefined|Infinity|<script|<image|href|url\(|@import/);
  assert.ok(grouped(1_234_567) === "1\u202f234\u202f567" && grouped(999) === "999");
});

test("it is a picture to a browser: nothing of it overlaps, in neither colour scheme does text vanish", async (t) => {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
  t.after(() => browser.close());
  for (const colorScheme of ["light", "dark"]) {
    const page = await browser.newPage({ colorScheme });
    await page.goto(`file://${at("docs", "herd.svg")}`);
    const seen = await page.evaluate(() => {
      const light = (colour) => colour.match(/\d+/g).slice(0, 3).map((part) => part / 255).map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)).reduce((sum, part, n) => sum + part * [0.2126, 0.7152, 0.0722][n], 0);
      const contrast = (one, other) => (Math.max(light(one), light(other)) + 0.05) / (Math.min(light(one), light(other)) + 0.05);
      const page = getComputedStyle(document.querySelector(".page")).fill;
      const boxes = [...document.querySelectorAll("text")].map((node) => ({ words: node.textContent, box: node.getBoundingClientRect() }));
      const { width, height } = document.documentElement.getBoundingClientRect();
      const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top + 2 < b.bottom && b.top + 2 < a.bottom;
      return {
        faint: [...document.querySelectorAll("text, tspan, .ours, .other, .marker")].filter((node) => contrast(getComputedStyle(node).fill, page) < (/^t/.test(node.tagName) ? 4.5 : 3)).map((node) => node.textContent || node.getAttribute("class")),
        outside: boxes.filter(({ box }) => box.left < 0 || box.right > width || box.bottom > height).map(({ words }) => words),
        overlapping: boxes.flatMap((one, n) => boxes.slice(n + 1).filter((other) => overlap(one.box, other.box)).map((other) => [one.words, other.words])),
        panels: document.querySelectorAll(".ours, .other").length,
        page,
      };
    });
    assert.deepEqual(seen, { faint: [], outside: [], overlapping: [], panels: 6, page: colorScheme === "light" ? "rgb(255, 255, 255)" : "rgb(13, 17, 23)" });
  }
});

test("the committed picture is what the command draws, and what it prints tells the same", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "herd-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const out = join(folder, "herd.svg");
  const { code, output } = await run(process.execPath, ["scripts/herd.mjs", "--out", out], { quiet: true });
  assert.equal(code, 0, output);
  assert.equal(readFileSync(out, "utf8"), readFileSync(at("docs", "herd.svg"), "utf8"), "draw it anew with `npm run herd`");
  assert.ok(output.includes(table(await herd())), output);
});

test("the README's figures are those of the picture", async () => {
  const { clients, policies } = await herd();
  const readme = readFileSync(at("README.md"), "utf8");
  const [ours, centrifuge] = policies;
  const told = ({ back, attempts }, of) => [`${(back.p99 / 1000).toFixed(1)} s`, `${(attempts / clients).toFixed(1)} ${of}`];
  for (const words of [...told(ours, "attempts a client"), ...told(centrifuge, "and more attempts a client"), `${ours.fullest.percent.toFixed(2)} % of all in 100 ms`]) assert.ok(readme.includes(words), words);
});

test("a number that is none is refused by name", async () => {
  const { code, output } = await run(process.execPath, ["scripts/herd.mjs", "--clients", "many"], { quiet: true });
  assert.equal(code, 1);
  assert.match(output, /--clients takes a whole number/);
});
