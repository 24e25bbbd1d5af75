/** The interactions to choose from, and the one that is looked at, as lanes. */
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import type { Timeline } from "../../streams/index.js";
import type { Board, Summary } from "./board.js";
import { durationWords } from "./lanes.js";
import { LanesFigure } from "./lanes-figure.js";
import { useBeat } from "./pulse.js";
import { moved } from "./roving.js";
import { Stale } from "./stale.js";
import { shortId } from "./tape.js";
import type { Watch } from "./watch.js";

/** The list is drawn so often at most; durations go by whole seconds. */
const LIST_MS = 250;

export interface InteractionsProps { readonly board: Board; readonly read: (id: string) => Timeline; readonly watch: Watch }

export function InteractionsCard({ board, read, watch }: InteractionsProps): JSX.Element {
  const draw = useBeat(LIST_MS);
  const live = board.rows.filter(({ until }) => until === undefined).length;
  const chosen = board.rows.find(({ id }) => id === board.chosen);
  return (
    <section id="interactions" class={watch.lostAt === undefined ? "column interactions" : "column interactions is-stale"} aria-labelledby="interactions-title">
      <header class="column-head">
        <h2 id="interactions-title">Interactions</h2>
        <p class="column-note number">{live} live</p>
        <Stale watch={watch} now={Date.now()} />
        <label class="check"><input type="checkbox" checked={board.follows} onChange={(event) => { board.follow(event.currentTarget.checked, Date.now()); draw(); }} /> Follow live ones</label>
      </header>
      {board.rows.length === 0 ? <p class="console-empty">As soon as somebody calls or writes, it appears here.</p> : (
        <div class="interactions-body">
          <List board={board} watch={watch} draw={draw} />
          {chosen === undefined ? <p class="console-empty">Choose an interaction to see who took part.</p> : <LanesFigure key={chosen.id} summary={chosen} read={read} watch={watch} />}
        </div>
      )}
    </section>
  );
}

function List({ board, watch, draw }: { readonly board: Board; readonly watch: Watch; readonly draw: () => void }): JSX.Element {
  const box = useRef<HTMLUListElement>(null);
  const now = watch.lostAt ?? Date.now();
  const { rows, chosen } = board;
  const at = rows.findIndex(({ id }) => id === chosen);
  const choose = (place: number): void => {
    const row = rows[place];
    if (row === undefined) return;
    board.choose(row.id);
    draw();
    box.current?.querySelector<HTMLElement>(`[data-id="${CSS.escape(row.id)}"]`)?.focus();
  };
  return (
    <div
      class="interaction-list"
      onPointerEnter={() => board.hold(true)} onPointerLeave={() => board.hold(box.current?.contains(document.activeElement) ?? false)}
      onFocusIn={() => board.hold(true)} onFocusOut={(event) => board.hold(event.currentTarget.matches(":hover") || event.currentTarget.contains(event.relatedTarget as Node | null))}
    >
      <ul
        ref={box} role="listbox" aria-label="Interactions"
        onKeyDown={(event) => {
          const next = moved(event.key, at, rows.length);
          if (next === undefined) return;
          event.preventDefault();
          choose(next);
        }}
      >
        {rows.map((row, index) => (
          <li
            key={row.id} role="option" class={row.until === undefined ? "interaction is-live" : "interaction"} data-id={row.id} aria-selected={row.id === chosen}
            tabIndex={index === Math.max(0, at) ? 0 : -1} onClick={() => choose(index)}
          >
            <Row row={row} now={now} />
          </li>
        ))}
      </ul>
      <p class="list-note">{board.waiting > 0 ? `${board.waiting} more when you leave the list` : "Holds still while you are in it"}</p>
    </div>
  );
}

function Row({ row, now }: { readonly row: Summary; readonly now: number }): JSX.Element {
  return (
    <>
      <span class="interaction-name">{nameOf(row)}</span>
      <span class="interaction-time number">{row.isOlder ? "older" : durationWords((row.until ?? now) - row.from)}</span>
      <span class="interaction-note">{noteOf(row)}</span>
      <code class="interaction-id">{shortId(row.id)}</code>
    </>
  );
}

/** "Voice, billing". */
export function nameOf({ channel, queue }: Summary): string {
  const name = channel === "sms" ? "SMS" : channel.charAt(0).toUpperCase() + channel.slice(1);
  return queue === undefined ? name : `${name}, ${queue}`;
}

function noteOf({ present, participants, until }: Summary): string {
  if (until !== undefined) return `over, ${participants} took part`;
  return participants === 1 ? "waiting for an agent" : `${present} there${participants > present ? `, ${participants - present} left` : ""}`;
}
