/**
 * One beat for the whole page. Models change as events come, thousands a second; what shows them is drawn in an animation frame, and no
 * oftener than it asks for. A page that nobody looks at draws nothing, and one on a slow machine draws less often: its events come first.
 */
import { useEffect, useReducer } from "preact/hooks";

/** A frame may come this much early, ms: what asks for every second frame of a 60 Hz screen gets every second one. */
const EARLY_MS = 4;
/** What wishes to be drawn as often begins one after the other, so many ms apart, so that it does not fall into one frame. */
const APART_MS = 17;
/** After a frame that took so long nothing is drawn for so many times as long: drawing has a quarter of the time and the rest is left to events and hands. */
const REST = 3;
/** It rests no longer, ms: a frame that was seen late, as where the machine slept over it, says nothing of what drawing takes. */
const LONGEST_REST_MS = 500;

/** Where it is drawn. */
export interface Screen {
  /** Calls back in the next frame, with the time when it begins, in ms. */
  frame(run: (now: number) => void): void;
  /** Calls back when what is drawn from here on in this frame is seen, with what that took, in ms. */
  seen(run: (tookMs: number) => void): void;
}

interface Beat { readonly everyMs: number; readonly calmMs: number; readonly draw: (now: number) => void; next: number }

export class Pulse {
  readonly #beats = new Set<Beat>();
  readonly #screen: Screen;
  readonly #isCalm: () => boolean;
  #running = false;
  /** It rests until then. */
  #rests = 0;

  constructor(screen: Screen, isCalm: () => boolean) {
    this.#screen = screen;
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
    this.#screen.frame((now) => {
      this.#running = false;
      if (now >= this.#rests) this.#draw(now);
      if (this.#beats.size > 0) this.#run();
    });
  }

  #draw(now: number): void {
    const due = [...this.#beats].filter(({ next }) => now >= next - EARLY_MS);
    if (due.length === 0) return;
    this.#screen.seen((tookMs) => (this.#rests = now + tookMs + Math.min(REST * tookMs, LONGEST_REST_MS) - EARLY_MS));
    const isCalm = this.#isCalm();
    for (const beat of due) {
      // What was drawn before it may have ended it.
      if (!this.#beats.has(beat)) continue;
      const every = isCalm ? beat.calmMs : beat.everyMs;
      // One that was missed, as by a hidden page, is not made up for.
      beat.next = Math.max(beat.next + every, now + every / 2);
      beat.draw(now);
    }
  }
}

const calm = typeof matchMedia === "function" ? matchMedia("(prefers-reduced-motion: reduce)") : { matches: false };
export const isCalm = (): boolean => calm.matches;

const page: Screen = {
  frame: (run) => void requestAnimationFrame(run),
  seen(run) {
    const from = performance.now();
    // The first task after this frame's: what was drawn is laid out and painted by then.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      run(performance.now() - from);
    };
    port2.postMessage(undefined);
  },
};

/** The page's own. */
export const pulse = new Pulse(page, isCalm);

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
