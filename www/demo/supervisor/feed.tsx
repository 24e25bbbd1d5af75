/**
 * The newest events, a few times a second; held still, all that is kept, of which only what is in sight is on the page. Whoever picks
 * one holds it still by that.
 */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useBeat } from "./pulse.js";
import { moved } from "./roving.js";
import { type Tape, type Told, aboutOf } from "./tape.js";
import { TITLES, spanWords } from "./words.js";

/** So many rows are in sight. Their height is also in the sheet. */
export const ROWS = 10;
export const ROW_PX = 28;
/** So many can be looked through while it is held. */
const HELD = 2000;
/** Nobody reads faster. */
const FEED_MS = 250;
const CALM_MS = 1000;

export interface FeedProps { readonly tape: Tape; readonly hidden: ReadonlySet<string> }

export function Feed({ tape, hidden }: FeedProps): JSX.Element {
  useBeat(FEED_MS, [tape], CALM_MS);
  const [held, hold] = useState<readonly Told[]>();
  const [picked, pick] = useState<Told>();
  const box = useRef<HTMLDivElement>(null);
  const [scrolled, setScrolled] = useState(0);
  useEffect(() => {
    // Another choice of types is another list.
    if (held !== undefined) hold(tape.newest(HELD, hidden));
  }, [hidden]);

  const events = held ?? tape.newest(ROWS, hidden);
  const at = picked === undefined ? -1 : events.findIndex(({ number }) => number === picked.number);
  const choose = (told: Told, list: readonly Told[]): void => {
    hold(list);
    pick(told);
    const top = list.indexOf(told) * ROW_PX;
    const element = box.current;
    // Held for the first time it gets its height with the next drawing.
    requestAnimationFrame(() => element?.scrollTo({ top: Math.min(Math.max(element.scrollTop, top - (ROWS - 1) * ROW_PX), top), behavior: "instant" }));
  };
  const resume = (): void => {
    hold(undefined);
    pick(undefined);
    setScrolled(0);
    box.current?.scrollTo({ top: 0, behavior: "instant" });
  };

  const first = held === undefined ? 0 : Math.max(0, Math.floor(scrolled / ROW_PX) - 1);
  const shown = events.slice(first, first + ROWS + 3);
  return (
    <div class="feed">
      <div class="feed-head">
        <p class="column-note">{noteOf(held, hidden.size)}</p>
        <button type="button" class="button small" onClick={() => (held === undefined ? hold(tape.newest(HELD, hidden)) : resume())}>{held === undefined ? "Pause" : "Resume"}</button>
      </div>
      {events.length === 0 ? <p class="console-empty feed-empty">No event yet.</p> : (
        <div
          ref={box} class={held === undefined ? "feed-list" : "feed-list is-held"} role="listbox" aria-label="Newest events" tabIndex={0}
          aria-activedescendant={at >= first && at < first + shown.length ? `event-${picked?.number}` : undefined}
          onScroll={(event) => held !== undefined && setScrolled(event.currentTarget.scrollTop)}
          onKeyDown={(event) => {
            if (event.key === "Escape" && held !== undefined) return resume();
            const list = held ?? tape.newest(HELD, hidden);
            const next = moved(event.key, list.findIndex(({ number }) => number === picked?.number), list.length);
            const told = next === undefined ? undefined : list[next];
            if (told === undefined) return;
            event.preventDefault();
            choose(told, list);
          }}
        >
          <div class="feed-all" role="none" style={{ blockSize: `${(held === undefined ? ROWS : events.length) * ROW_PX}px` }}>
            {shown.map((told, index) => (
              <Row
                // A place, not an event: at some thousand a second every row is another event each time, and its elements stay.
                key={index} told={told} place={first + index} count={events.length} isPicked={told.number === picked?.number}
                onPick={() => choose(told, held ?? tape.newest(HELD, hidden))}
              />
            ))}
          </div>
        </div>
      )}
      {picked !== undefined && <pre class="feed-raw" tabIndex={0} role="region" aria-label="The event as the service sent it">{JSON.stringify(picked.raw, undefined, 1)}</pre>}
    </div>
  );
}

function noteOf(held: readonly Told[] | undefined, hidden: number): string {
  const left = hidden === 0 ? "" : ` · ${hidden} ${hidden === 1 ? "type" : "types"} left out`;
  return `${held === undefined ? "Newest first, times in UTC. Pick one to hold it still" : `Held still: the last ${held.length.toLocaleString("en")}. Esc goes on`}${left}`;
}

interface RowProps { readonly told: Told; readonly place: number; readonly count: number; readonly isPicked: boolean; readonly onPick: () => void }

function Row({ told, place, count, isPicked, onPick }: RowProps): JSX.Element {
  const { stream, type, timestamp, late, at } = told;
  const behind = at - Date.parse(timestamp);
  return (
    <div
      id={`event-${told.number}`} class="feed-row" role="option" aria-selected={isPicked} aria-setsize={count} aria-posinset={place + 1}
      style={{ insetBlockStart: `${place * ROW_PX}px` }} onClick={onPick}
    >
      <span class="feed-time number">{timestamp.slice(11, 23)}</span>
      <span class={`series ${stream}`} aria-hidden="true" /><span class="visually-hidden">{TITLES[stream]}</span>
      <span class="feed-type">{type}</span>
      <span class="feed-about">{aboutOf(told)}</span>
      {late && <span class="feed-late">late{behind > 0 ? ` ${spanWords(behind)}` : ""}</span>}
    </div>
  );
}
