/**
 * One beat for the whole page. Models change as events come, thousands a second; what shows them is drawn in an animation frame, and no
 * oftener than it asks for. A page that nobody looks at draws nothing.
 */
import { useEffect, useReducer } from "preact/hooks";

/** A frame may come this much early, ms: what asks for every second frame of a 60 Hz screen gets every second one. */
const EARLY_MS = 4;
/** What wishes to be drawn as often begins one after the other, so many ms apart, so that it does not fall into one frame. */
const APART_MS = 17;

interface Beat { readonly everyMs: number; readonly calmMs: number; readonly draw: (now: number) => void; next: number }

export class Pulse {
  readonly #beats = new Set<Beat>();
  readonly #frames: (run: (now: number) => void) => void;
  readonly #isCalm: () => boolean;
  #running = false;

  constructor(frames: (run: (now: number) => void) => void, isCalm: () => boolean) {
    this.#frames = frames;
    this.#isCalm = isCalm;
  }

  /** Draws every `everyMs`, where less motion is asked for every `calmMs`, until the returned function is called. */
  beat(everyMs: number, draw: (now: number) => void, calmMs = everyMs): () => void {
    const beat = { everyMs, calmMs, draw, next: performance.now() + (this.#beats.size * APART_MS) % Math.max(1, everyMs) };
    this.#beats.add(beat);
    this.#run();
    return () => void this.#beats.delete(beat);
  }

  #run(): void {
    if (this.#running) return;
    this.#running = true;
    this.#frames((now) => {
      this.#running = false;
      const isCalm = this.#isCalm();
      for (const beat of this.#beats) {
        if (now < beat.next - EARLY_MS) continue;
        const every = isCalm ? beat.calmMs : beat.everyMs;
        // One that was missed, as by a hidden page, is not made up for.
        beat.next = Math.max(beat.next + every, now + every / 2);
        beat.draw(now);
      }
      if (this.#beats.size > 0) this.#run();
    });
  }
}

const calm = typeof matchMedia === "function" ? matchMedia("(prefers-reduced-motion: reduce)") : { matches: false };
export const isCalm = (): boolean => calm.matches;

/** The page's own. */
export const pulse = new Pulse((run) => requestAnimationFrame(run), isCalm);

/** Draws the component again on the beat; with models only if one of them has changed since. What is returned draws it at once: for what a hand has done. */
export function useBeat(everyMs: number, models: readonly { readonly version: number }[] = [], calmMs = everyMs): () => void {
  const [, draw] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    let seen = -1;
    return pulse.beat(everyMs, () => {
      const version = models.reduce((sum, model) => sum + model.version, 0);
      if (models.length > 0 && version === seen) return;
      seen = version;
      draw(undefined);
    }, calmMs);
  }, [everyMs, calmMs]);
  return () => draw(undefined);
}
