/** One card for each line: where it stands, its last minute and a half, its figures, and how to break it. */
import type { JSX } from "preact";
import { Timeline } from "../timeline.js";
import type { Breaking, Hold } from "./breaking.js";
import { useBeat } from "./pulse.js";
import type { Rates } from "./rates.js";
import { SLOW_MS, type Sources } from "./sources.js";
import { type Watch, isUp } from "./watch.js";
import { TITLES, describeStream, rateWords, remedyOf, spanWords } from "./words.js";

/** A change is seen at once, a countdown goes by seconds. */
const CHANGE_MS = 100;
const TICK_MS = 500;
const HOLDS: readonly (readonly [Hold, string, string])[] = [["stall", "Stall", "nothing passes, nothing fails"], ["refuse", "Refuse", "503 to whoever connects"]];

interface CardsProps { readonly watches: readonly Watch[]; readonly breaking: Breaking; readonly rates: Rates; readonly sources: Pick<Sources, "isSlow"> }

export function HealthCards({ watches, breaking, rates, sources }: CardsProps): JSX.Element {
  useBeat(CHANGE_MS, [...watches, breaking]);
  const draw = useBeat(TICK_MS);
  const press = (work: () => Promise<void>) => (): void => { void work().then(draw); };
  return (
    <section id="lines" class="lines" aria-labelledby="lines-title">
      <div class="lines-head">
        <h2 id="lines-title">Lines</h2>
        <p class="column-note">Break one and watch it come back with what was missed.</p>
        <label class="check"><input type="checkbox" checked={sources.isSlow} onChange={(event) => { sources.isSlow = event.currentTarget.checked; draw(); }} /> Read slowly, {1000 / SLOW_MS} a second</label>
        <button type="button" class={breaking.anyOn ? "heal heal-needed" : "heal"} onClick={press(() => breaking.heal())}>Heal everything</button>
      </div>
      {breaking.failure !== undefined && <p class="failure" role="alert">That did not work: {breaking.failure}</p>}
      <ul class="line-cards">
        {watches.map((watch) => <li key={watch.key}><Card watch={watch} breaking={breaking} rates={rates} press={press} /></li>)}
      </ul>
    </section>
  );
}

interface CardProps extends Omit<CardsProps, "watches" | "sources"> { readonly watch: Watch; readonly press: (work: () => Promise<void>) => () => void }

function Card({ watch, breaking, rates, press }: CardProps): JSX.Element {
  const now = Date.now();
  const { key, state, spans, trouble } = watch;
  const { tone, title, detail } = describeStream(state, key, now, key === "latency" ? undefined : rates.lastAt(key));
  const remedy = remedyOf(state);
  const coalesced = watch.figure("coalesced");
  const lag = watch.lag(now);
  const said = trouble !== undefined && tone !== "good" ? `${detail} · ${trouble}` : lag > 0 && tone === "good" ? `read ${spanWords(lag)} late` : detail;
  const back = watch.figure("reconnects");
  const isDown = !isUp(state);
  return (
    <article class="column line-card" aria-labelledby={`line-${key}`} data-stream={key} data-state={state.name}>
      <h3 id={`line-${key}`}>{TITLES[key]}</h3>
      <p class="line-rate number">{key === "latency" ? rttWords(watch) : `${rateWords(rates.perSecond(now, key))}/s`}</p>
      <div class={`line-state tone-${tone}`}>
        <span class="lamp" aria-hidden="true" />
        <span class="state-words"><strong>{title}</strong><span class="state-detail">{said}</span></span>
      </div>
      <Timeline spans={spans} roundTrips={[]} now={now} />
      <dl class="line-figures">
        <Figure name="Queue" value={watch.figure("queued")} marked={watch.figure("queued") > 200} />
        <Figure name="Dropped" value={watch.figure("dropped")} marked={watch.figure("dropped") > 0} note={coalesced > 0 ? `${coalesced.toLocaleString("en")} merged` : undefined} />
        <Figure name="Reconnects" value={back} note={back > 0 ? `last in ${spanWords(watch.figure("reconnectMs"))}` : undefined} />
        {key === "latency" ? <Figure name="Timeouts" value={watch.figure("timeouts")} /> : <Figure name="Doubles" value={watch.figure("duplicates")} />}
      </dl>
      <div class="line-buttons" role="group" aria-label={`Break the line of ${TITLES[key]}`}>
        <button
          type="button" class="button small" title="Cut without a goodbye" aria-disabled={isDown}
          onClick={isDown ? undefined : press(() => breaking.drop(key, watch.connections))}
        >
          Drop
        </button>
        {HOLDS.map(([hold, name, does]) => (
          <button key={hold} type="button" class={breaking.isOn(hold, key) ? "button small is-held" : "button small"} title={does} aria-pressed={breaking.isOn(hold, key)} onClick={press(() => breaking.toggle(hold, key, watch.connections))}>{name}</button>
        ))}
        <button
          type="button" class="button small remedy" aria-disabled={remedy === undefined}
          onClick={remedy === undefined ? undefined : () => watch[remedy]()}
        >
          {remedy === "start" ? "Start again" : "Try now"}
        </button>
      </div>
    </article>
  );
}

function rttWords(watch: Watch): string {
  const last = watch.figures["latencyMs"];
  return last === undefined ? "–" : `${last} ms`;
}

function Figure({ name, value, marked = false, note }: { readonly name: string; readonly value: number; readonly marked?: boolean; readonly note?: string | undefined }): JSX.Element {
  return (
    <div class={marked ? "line-figure marked" : "line-figure"}>
      <dt>{name}</dt>
      <dd class="number">{value.toLocaleString("en")}{note !== undefined && <span class="figure-note"> {note}</span>}</dd>
    </div>
  );
}
