/**
 * Colour arithmetic of WCAG 2.2 (1.4.3, 1.4.11): whatever brand colour a site chooses, the ink on it and the accents made of it
 * stay readable. Pure; the browser's part (resolving a CSS colour to numbers) is in theme.ts.
 */

/** Red, green, blue, each 0-255. */
export type Rgb = readonly [number, number, number];

export const WHITE: Rgb = [255, 255, 255];
export const BLACK: Rgb = [0, 0, 0];

/** Contrast ratio of two colours, 1-21 (WCAG 2.2, "contrast ratio"). */
export function contrast(a: Rgb, b: Rgb): number {
  const x = luminance(a);
  const y = luminance(b);
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

/**
 * The colour to write with on `fill`: white where white is readable (it looks better on a brand), else black.
 * One of the two always reaches 4.5, since their contrasts multiply to 21.
 */
export function inkOn(fill: Rgb): Rgb {
  return contrast(fill, WHITE) >= 4.5 ? WHITE : BLACK;
}

/** `color`, moved away from `surface` only as far as `ratio` needs. */
export function readableOn(color: Rgb, surface: Rgb, ratio: number): Rgb {
  const goal = contrast(surface, WHITE) >= contrast(surface, BLACK) ? WHITE : BLACK;
  for (let step = 0; step < 20; step++) {
    const candidate = mix(color, goal, step / 20);
    if (contrast(candidate, surface) >= ratio) return candidate;
  }
  return goal;
}

/** `share` 0 is all `a`, 1 is all `b`. */
export function mix(a: Rgb, b: Rgb, share: number): Rgb {
  const channel = (i: 0 | 1 | 2): number => Math.round(a[i] + (b[i] - a[i]) * share);
  return [channel(0), channel(1), channel(2)];
}

/** Reads an sRGB colour as `getComputedStyle` gives it; undefined for one in another space. */
export function parseColor(computed: string): Rgb | undefined {
  const [, r, g, b] = /^rgba?\((\d+), (\d+), (\d+)/.exec(computed) ?? [];
  return r === undefined ? undefined : [Number(r), Number(g), Number(b)];
}

export function toCss([r, g, b]: Rgb): string {
  return `rgb(${r} ${g} ${b})`;
}

function luminance(color: Rgb): number {
  const linear = (i: 0 | 1 | 2): number => {
    const c = color[i] / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(0) + 0.7152 * linear(1) + 0.0722 * linear(2);
}
