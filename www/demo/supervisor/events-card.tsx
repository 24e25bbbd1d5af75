/** What comes, type by type and event by event. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Feed } from "./feed.js";
import { drawColumns } from "./plot.js";
import { scaleOf } from "./probes.js";
import { useBeat } from "./pulse.js";
import { EVENT_STREAMS, type EventStream, type Rates, type TypeRate } from "./rates.js";
import { Surface } from "./surface.js";
import { type Tape, keyOf } from "./tape.js";
import { TITLES, rateWords } from "./words.js";

const RATES_MS = 500;
/** The scale of the columns never shrinks below this, events a second. */
const LEAST_SCALE = 4;

export const COLORS: Readonly<Record<EventStream, string>> = { conversations: "--series-1", interactions: "--series-2", presence: "--series-3" };

export interface EventsProps { readonly rates: Rates; readonly tape: Tape }

export function EventsCard({ rates, tape }: EventsProps): JSX.Element {
  const [hidden, hide] = useState<ReadonlySet<string>>(new Set());
  const toggle = (key: string): void => hide((before) => {
    const after = new Set(before);
    if (!after.delete(key)) after.add(key);
    return after;
  });
  return (
    <section id="events" class="column events" aria-labelledby="events-title">
      <header class="column-head">
        <h2 id="events-title">Events</h2>
        <Totals rates={rates} />
        <ul class="legend" aria-hidden="true">
          {EVENT_STREAMS.map((stream) => <li key={stream}><span class={`series ${stream}`} />{TITLES[stream]}</li>)}
        </ul>
      </header>
      <div class="events-body">
        <RatePlot rates={rates} />
        <Feed tape={tape} hidden={hidden} />
        <RateTable rates={rates} hidden={hidden} toggle={toggle} />
      </div>
    </section>
  );
}

function Totals({ rates }: { readonly rates: Rates }): JSX.Element {
  useBeat(RATES_MS);
  const late = rates.late === 0 ? "" : `, ${rates.late.toLocaleString("en")} late`;
  return <p class="column-note number">{rateWords(rates.perSecond(Date.now()))}/s · {rates.total.toLocaleString("en")} in all{late}</p>;
}

function RatePlot({ rates }: { readonly rates: Rates }): JSX.Element {
  useBeat(5000);
  const now = Date.now();
  const sums = sumsOf(EVENT_STREAMS.map((stream) => rates.history(stream, now)));
  return (
    <Surface
      class="plot plot-rates" label={`Events a second over the last minute: now ${rateWords(rates.perSecond(now))}, at most ${rateWords(Math.max(...sums))}`}
      draw={(pen) => {
        const at = Date.now();
        const series = EVENT_STREAMS.map((stream) => ({ color: COLORS[stream], counts: rates.history(stream, at) }));
        drawColumns(pen, series, scaleOf(sumsOf(series.map(({ counts }) => counts)), LEAST_SCALE));
      }}
    />
  );
}

function sumsOf(histories: readonly (readonly number[])[]): number[] {
  return (histories[0] ?? []).map((_, second) => histories.reduce((sum, history) => sum + (history[second] ?? 0), 0));
}

interface TableProps { readonly rates: Rates; readonly hidden: ReadonlySet<string>; readonly toggle: (key: string) => void }

function RateTable({ rates, hidden, toggle }: TableProps): JSX.Element | null {
  useBeat(RATES_MS);
  const types = rates.types(Date.now());
  if (types.length === 0) return null;
  const most = Math.max(...types.map(({ perSecond }) => perSecond), 1);
  return (
    <div class="rates" role="region" aria-label="Rates" tabIndex={0}>
      <table>
        <caption class="visually-hidden">Events by type; what is unchecked is left out above</caption>
        <thead><tr><th scope="col">Type</th><th scope="col" class="figure">Per <abbr title="second">s</abbr></th><th scope="col" class="figure">In all</th><th scope="col" class="figure">Late</th></tr></thead>
        <tbody>{types.map((rate) => <TypeRow key={keyOf(rate)} rate={rate} most={most} shown={!hidden.has(keyOf(rate))} toggle={toggle} />)}</tbody>
      </table>
    </div>
  );
}

interface RowProps { readonly rate: TypeRate; readonly most: number; readonly shown: boolean; readonly toggle: (key: string) => void }

function TypeRow({ rate, most, shown, toggle }: RowProps): JSX.Element {
  const { stream, type, perSecond, total, late } = rate;
  return (
    <tr>
      <th scope="row"><label class="check"><input type="checkbox" checked={shown} onChange={() => toggle(keyOf(rate))} /><span class={`series ${stream}`} aria-hidden="true" />{type}</label></th>
      <td class="figure number"><span class="rate-bar" aria-hidden="true"><span class={stream} style={{ inlineSize: `${((100 * perSecond) / most).toFixed(1)}%` }} /></span>{rateWords(perSecond)}</td>
      <td class="figure number">{total.toLocaleString("en")}</td>
      <td class="figure number">{late === 0 ? "" : late.toLocaleString("en")}</td>
    </tr>
  );
}
