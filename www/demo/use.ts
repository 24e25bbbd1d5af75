/** The two hooks of this page: draw again when something reports a change, and as time goes by. */
import { useEffect, useReducer } from "preact/hooks";

interface Subscribable { subscribe(listener: () => void): () => void }

/** Draws the component again whenever one of `sources` changes. The sources stay the same for its whole life. */
export function useChanges(...sources: readonly Subscribable[]): void {
  const [, draw] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    const ends = sources.map((source) => source.subscribe(() => draw(undefined)));
    return () => { for (const end of ends) end(); };
  }, []);
}

/** The time, drawn again every `everyMs`. */
export function useNow(everyMs: number): number {
  const [, draw] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    const timer = setInterval(() => draw(undefined), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return Date.now();
}
