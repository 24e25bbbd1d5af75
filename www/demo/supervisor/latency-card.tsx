/** Round trips and jitter over the last minute with their limits, percentiles, and how much of it was within the limit. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { clockWords } from "./lanes.js";
import { drawCurves } from "./plot.js";
import { type Probes, type Scale, along, scaleOf } from "./probes.js";
import { useBeat } from "./pulse.js";
import type { Scenario } from "./scenario.js";
import { Slider } from "./slider.js";
import { LIMITS } from "./sources.js";
import { Surface } from "./surface.js";
import type { Watch } from "./watch.js";

const FIGURES_MS = 500;
/** What is told of a plot in words changes this often. */
const WORDS_MS = 5000;
const TABLE_ROWS = 20;
const DELAYS_MS = [0, 20, 50, 80, 120, 200, 400, 800];

interface LatencyProps { readonly probes: Probes; readonly watch: Watch; readonly scenario: Scenario }

export function LatencyCard({ probes, watch, scenario }: LatencyProps): JSX.Element {
  const [delay, setDelay] = useState(0);
  return (
    <section id="latency" class="column latency" aria-labelledby="latency-title">
      <header class="column-head">
        <h2 id="latency-title">Latency</h2>
        <p class="column-note">A probe every {LIMITS.pingIntervalMs} ms, given up after {LIMITS.timeoutMs / 1000} s</p>
      </header>
      <div class="latency-body">
        <Figures probes={probes} watch={watch} />
        <Plots probes={probes} />
        <Percentiles watch={watch} />
        <Slider id="delay" label="Slow the line down" steps={DELAYS_MS} value={delay} say={(ms) => (ms === 0 ? "not at all" : `by ${ms} ms`)} onChange={(ms) => { setDelay(ms); void scenario.delay(ms); }} />
        <ProbeTable probes={probes} />
      </div>
    </section>
  );
}

function Figures({ probes, watch }: Omit<LatencyProps, "scenario">): JSX.Element {
  useBeat(FIGURES_MS, [probes, watch]);
  const last = probes.last;
  const ms = (value: number | undefined): string => (value === undefined ? "–" : `${Math.round(value)} ms`);
  return (
    <dl class="latency-figures">
      <div class={(last?.latencyMs ?? 0) > LIMITS.maxLatencyMs || last?.timedOut ? "marked" : ""}><dt>Round trip</dt><dd class="number">{last?.timedOut ? "timeout" : ms(last?.latencyMs)}</dd></div>
      <div class={(last?.jitterMs ?? 0) > LIMITS.maxJitterMs ? "marked" : ""}><dt>Jitter</dt><dd class="number">{ms(last?.jitterMs)}</dd></div>
      <div><dt>Smoothed</dt><dd class="number">{ms(last?.smoothedJitterMs)}</dd></div>
      <div><dt>Within limit</dt><dd class="number">{last === undefined ? "–" : `${(100 * last.stability).toFixed(1)} %`}</dd></div>
      <div class={probes.timeouts > 0 ? "marked" : ""}><dt>Timeouts</dt><dd class="number">{probes.timeouts}</dd></div>
      <div><dt>Clock offset</dt><dd class="number">{ms(last?.offsetMs)}</dd></div>
    </dl>
  );
}

function Plots({ probes }: { readonly probes: Probes }): JSX.Element {
  useBeat(WORDS_MS);
  const seen = probes.since(Date.now());
  const trips = seen.flatMap(({ latencyMs }) => (latencyMs === undefined ? [] : [latencyMs]));
  const timeouts = seen.filter(({ timedOut }) => timedOut).length;
  const over = trips.filter((ms) => ms > LIMITS.maxLatencyMs).length;
  const jitters = seen.map(({ jitterMs }) => jitterMs);
  return (
    <>
      <figure class="plot-figure">
        <figcaption>Round trip, ms <span class="plot-span">last minute; × is a timeout</span></figcaption>
        <Surface
          class="plot" label={trips.length === 0 ? "Round trips of the last minute: none yet" : `Round trips of the last minute: ${Math.min(...trips)} to ${Math.max(...trips)} ms, ${over} of ${trips.length} over ${LIMITS.maxLatencyMs} ms, ${timeouts} timeouts`}
          draw={(pen) => {
            const now = Date.now();
            const points = probes.since(now).map(({ at, latencyMs }) => ({ at, value: latencyMs }));
            drawCurves(pen, [{ points, color: "--series-1" }], scaleOf(points.flatMap(({ value }) => (value === undefined ? [] : [value])), LIMITS.maxLatencyMs), LIMITS.maxLatencyMs, now);
          }}
        />
      </figure>
      <figure class="plot-figure">
        <figcaption>Jitter, ms <span class="plot-span">bars: from one to the next; line: smoothed</span></figcaption>
        <Surface
          class="plot plot-low" label={jitters.length === 0 ? "Jitter of the last minute: none yet" : `Jitter of the last minute: at most ${Math.max(...jitters)} ms, the limit is ${LIMITS.maxJitterMs} ms`}
          draw={(pen) => {
            const now = Date.now();
            const samples = probes.since(now).filter(({ timedOut }) => !timedOut);
            const raw = samples.map(({ at, jitterMs }) => ({ at, value: jitterMs }));
            const smooth = samples.map(({ at, smoothedJitterMs }) => ({ at, value: smoothedJitterMs }));
            drawCurves(pen, [{ points: raw, color: "--series-2", bars: true }, { points: smooth, color: "--series-1" }], scaleOf(raw.map(({ value }) => value), LIMITS.maxJitterMs), LIMITS.maxJitterMs, now);
          }}
        />
      </figure>
    </>
  );
}

function Percentiles({ watch }: { readonly watch: Watch }): JSX.Element {
  useBeat(FIGURES_MS, [watch]);
  const values = [50, 95, 99].map((percent) => ({ percent, ms: watch.figures[`p${percent}Ms`] }));
  const scale: Scale = scaleOf(values.flatMap(({ ms }) => (ms === undefined ? [] : [ms])), LIMITS.maxLatencyMs);
  const share = (ms: number): string => `${(100 * along(scale, ms)).toFixed(1)}%`;
  return (
    <dl class="percentiles">
      {values.map(({ percent, ms }) => (
        <div key={percent}>
          <dt title={`${percent} of 100 round trips are no longer`}>p{percent}</dt>
          <dd class="number">
            <span class="percentile-track" aria-hidden="true">
              <span class={(ms ?? 0) > LIMITS.maxLatencyMs ? "is-over" : ""} style={{ inlineSize: share(ms ?? 0) }} />
              <span class="percentile-limit" style={{ insetInlineStart: share(LIMITS.maxLatencyMs) }} />
            </span>
            {ms === undefined ? "–" : `${ms} ms`}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function ProbeTable({ probes }: { readonly probes: Probes }): JSX.Element {
  const [open, setOpen] = useState(false);
  return (
    <details class="as-table" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>The last {TABLE_ROWS} probes as a table</summary>
      {open && <ProbeRows probes={probes} />}
    </details>
  );
}

function ProbeRows({ probes }: { readonly probes: Probes }): JSX.Element {
  useBeat(1000, [probes]);
  const rows = probes.since(Date.now()).slice(-TABLE_ROWS).reverse();
  return (
    <table>
      <thead><tr><th scope="col">At</th><th scope="col" class="figure">Round trip</th><th scope="col" class="figure">Jitter</th><th scope="col" class="figure">Smoothed</th></tr></thead>
      <tbody>
        {rows.map(({ at, latencyMs, jitterMs, smoothedJitterMs }) => (
          <tr key={at}>
            <th scope="row" class="number">{clockWords(new Date(at).toISOString())}</th>
            <td class="figure number">{latencyMs === undefined ? "timed out" : `${latencyMs} ms`}</td>
            <td class="figure number">{jitterMs} ms</td>
            <td class="figure number">{smoothedJitterMs} ms</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
