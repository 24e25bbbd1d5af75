import assert from "node:assert/strict";
import { test } from "node:test";
import { contrast, inkOn, parseColor, readableOn, BLACK, WHITE, type Rgb } from "./contrast.js";
import { brandColors, GROUND, RAISED } from "./theme.js";

/** A seeded generator (mulberry32), so that a failing colour can be found again. */
function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function colours(count: number): Rgb[] {
  const random = seeded(1);
  const channel = (): number => Math.floor(random() * 256);
  return Array.from({ length: count }, () => [channel(), channel(), channel()]);
}

test("contrast is the ratio of WCAG 2.2", () => {
  assert.equal(contrast(BLACK, WHITE), 21);
  assert.equal(contrast(WHITE, WHITE), 1);
  // Known pair: #767676 is the lightest grey that passes on white.
  assert.equal(contrast([0x76, 0x76, 0x76], WHITE).toFixed(2), "4.54");
  assert.equal(contrast([0x77, 0x77, 0x77], WHITE).toFixed(2), "4.48");
});

test("ink on any of 1000 brand colours reaches 4.5, hovered too", () => {
  for (const fill of [...colours(1000), WHITE, BLACK]) {
    const { ink, hover } = brandColors(fill, "light");
    assert.ok(contrast(ink, fill) >= 4.5, `ink ${ink} on ${fill}`);
    assert.ok(contrast(ink, hover) >= 4.5, `ink ${ink} on hovered ${hover}`);
  }
});

test("accents of any of 1000 brand colours are readable on the panel and on a bubble, edges visible, in both themes", () => {
  for (const theme of ["light", "dark"] as const) {
    for (const fill of [...colours(1000), WHITE, BLACK]) {
      const { accent, edge } = brandColors(fill, theme);
      assert.ok(contrast(accent, RAISED[theme]) >= 4.5, `accent of ${fill} on the ${theme} bubble`);
      assert.ok(contrast(accent, GROUND[theme]) >= 4.5, `accent of ${fill} on the ${theme} panel`);
      assert.ok(contrast(edge, GROUND[theme]) >= 3, `edge of ${fill} on the ${theme} panel`);
    }
  }
});

test("a brand that is readable as it is stays as it is", () => {
  assert.deepEqual(readableOn([47, 84, 209], WHITE, 4.5), [47, 84, 209]);
  assert.deepEqual(inkOn([47, 84, 209]), WHITE);
  assert.deepEqual(inkOn([255, 220, 0]), BLACK);
});

test("colours are read as browsers compute them", () => {
  assert.deepEqual(parseColor("rgb(47, 84, 209)"), [47, 84, 209]);
  assert.deepEqual(parseColor("rgba(47, 84, 209, 0.5)"), [47, 84, 209]);
  assert.equal(parseColor("color(srgb 1 0.5 0)"), undefined);
  assert.equal(parseColor("oklch(0.5 0.1 200)"), undefined);
  assert.equal(parseColor("color(display-p3 1 0 0)"), undefined);
  assert.equal(parseColor(""), undefined);
});
