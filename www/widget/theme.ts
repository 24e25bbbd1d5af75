/** Light, dark or the host's, and the colours that follow from the site's brand colour, set as custom properties by CSSOM. */

import { inkOn, mix, parseColor, readableOn, toCss, BLACK, WHITE, type Rgb } from "./contrast.js";

export type Theme = "light" | "dark";

export const DEFAULT_COLOR: Rgb = [47, 84, 209];

/** What the brand stands on, the panel's ground and the agent's bubble; the sheet has the same values. */
export const GROUND: Record<Theme, Rgb> = { light: [255, 255, 255], dark: [22, 24, 29] };
export const RAISED: Record<Theme, Rgb> = { light: [243, 245, 248], dark: [35, 39, 47] };

/** `auto`: what the page around declares by `color-scheme`, else what the visitor prefers. */
export function resolveTheme(asked: string | null, host: Element, prefersDark: boolean): Theme {
  if (asked === "light" || asked === "dark") return asked;
  const scheme = getComputedStyle(host.parentElement ?? document.documentElement).colorScheme;
  const [light, dark] = [/\blight\b/.test(scheme), /\bdark\b/.test(scheme)];
  if (light !== dark) return dark ? "dark" : "light";
  return prefersDark ? "dark" : "light";
}

export interface BrandColors {
  readonly fill: Rgb;
  readonly ink: Rgb;
  readonly hover: Rgb;
  /** Edge of what is filled with the brand, 3:1 on the panel. */
  readonly edge: Rgb;
  /** The brand as text, 4.5:1 on the panel and on the agent's bubble. */
  readonly accent: Rgb;
}

/** Everything derived from one brand colour; each pair keeps its WCAG ratio for any colour. */
export function brandColors(fill: Rgb, theme: Theme): BrandColors {
  const ink = inkOn(fill);
  return {
    fill,
    ink,
    // Away from the ink, so that hovering never costs contrast.
    hover: mix(fill, ink === WHITE ? BLACK : WHITE, 0.14),
    edge: readableOn(fill, GROUND[theme], 3),
    // On the bubble, the nearer of the two to any text: what is readable there is more so on the ground.
    accent: readableOn(fill, RAISED[theme], 4.5),
  };
}

/** Reads `--guestwire-color` as it computes on `probe` and sets the derived colours on `root`. */
export function applyBrand(root: HTMLElement, probe: Element, theme: Theme): void {
  const colors = brandColors(resolveColor(probe), theme);
  for (const [name, color] of Object.entries(colors) as [keyof BrandColors, Rgb][]) {
    root.style.setProperty(`--_brand-${name}`, toCss(color));
  }
}

/** The colour of `probe`. One in a space that does not serialise as sRGB (oklch, lab, …) is painted on one pixel and read back. */
export function resolveColor(probe: Element): Rgb {
  const computed = getComputedStyle(probe).color;
  const parsed = parseColor(computed);
  const context = parsed ? null : document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  if (!context) return parsed ?? DEFAULT_COLOR;
  context.fillStyle = computed;
  context.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data as unknown as [number, number, number, number];
  return a === 0 ? DEFAULT_COLOR : [r, g, b];
}
