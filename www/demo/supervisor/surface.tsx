/** A canvas that is as sharp as its screen, drawn on the beat, in the colours of the page's sheet. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { pulse } from "./pulse.js";

/** A curve that moves some pixels a second needs no more. */
const DRAW_MS = 100;
const CALM_MS = 1000;

export interface Pen {
  readonly context: CanvasRenderingContext2D;
  /** In CSS pixels. */
  readonly width: number;
  readonly height: number;
  /** The colour of a custom property. */
  readonly ink: (name: string) => string;
}

export interface SurfaceProps {
  readonly class: string;
  /** What is to be seen, in words; it is read when somebody comes by, and said by nobody. */
  readonly label: string;
  readonly draw: (pen: Pen) => void;
}

export function Surface({ class: name, label, draw }: SurfaceProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const newest = useRef(draw);
  newest.current = draw;
  useEffect(() => {
    const element = canvas.current as HTMLCanvasElement;
    const context = element.getContext("2d");
    if (context === null) return;
    const inks = new Map<string, string>();
    const ink = (property: string): string => {
      const known = inks.get(property);
      if (known !== undefined) return known;
      const read = getComputedStyle(element).getPropertyValue(property).trim();
      inks.set(property, read);
      return read;
    };
    const forget = (): void => inks.clear();
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", forget);
    let [width, height] = [0, 0];
    // A canvas that is given its size again is emptied: only when that is another one.
    const resize = new ResizeObserver(([entry]) => {
      const box = entry?.contentRect;
      if (box === undefined) return;
      [width, height] = [box.width, box.height];
      const ratio = devicePixelRatio;
      element.width = Math.round(width * ratio);
      element.height = Math.round(height * ratio);
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
    });
    resize.observe(element);
    const end = pulse.beat(DRAW_MS, () => {
      if (width === 0) return;
      context.clearRect(0, 0, width, height);
      newest.current({ context, width, height, ink });
    }, CALM_MS);
    return () => {
      end();
      resize.disconnect();
      scheme.removeEventListener("change", forget);
    };
  }, []);
  return <canvas ref={canvas} class={name} role="img" aria-label={label} />;
}
