/** The samples of the last minute, and the scales on which they are drawn. Memory is constant. */
import type { Sample } from "../../streams/index.js";

/** The plots go this far back, in ms. */
export const PLOT_MS = 60_000;
/** More samples than this are not kept, whatever the interval. */
const MOST = 1200;
/** Limits stay in the picture, with so much above them. */
const HEADROOM = 1.15;

export class Probes {
  version = 0;
  timeouts = 0;
  #samples: Sample[] = [];

  push(sample: Sample): void {
    this.version += 1;
    if (sample.timedOut) this.timeouts += 1;
    this.#samples.push(sample);
    // In one go, now and then.
    if (this.#samples.length > 2 * MOST) this.#samples = this.#samples.slice(-MOST);
  }

  get last(): Sample | undefined {
    return this.#samples.at(-1);
  }

  /** Those of the last minute, oldest first. */
  since(now: number): readonly Sample[] {
    const from = now - PLOT_MS;
    let at = this.#samples.length;
    while (at > 0 && (this.#samples[at - 1] as Sample).at >= from && this.#samples.length - at < MOST) at -= 1;
    return this.#samples.slice(at);
  }
}

export interface Scale { readonly top: number; readonly ticks: readonly number[] }

/** From 0 to a round number above all of `values` and above the limit; at most five marks. */
export function scaleOf(values: readonly number[], limit: number): Scale {
  const most = values.reduce((top, value) => Math.max(top, value), limit) * HEADROOM;
  const power = 10 ** Math.floor(Math.log10(most / 4));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => most / size <= 4) as number;
  const count = Math.ceil(most / step - 1e-9);
  return { top: count * step, ticks: Array.from({ length: count + 1 }, (_, index) => index * step) };
}

/** How far a value lies along a scale, 0 to 1. */
export function along({ top }: Scale, value: number): number {
  return Math.min(1, Math.max(0, value / top));
}
