/** What is played: begin, end, how fast, how much, and how badly it is delivered. */
import type { JSX } from "preact";
import { useBeat } from "./pulse.js";
import { type Scenario, centreClock } from "./scenario.js";
import { Slider } from "./slider.js";

const SPEEDS = [1, 5, 10, 20, 30, 60, 120];
const RATES = [0, 10, 50, 100, 200, 500, 1000, 1500, 2000];
const SHARES = [0, 0.02, 0.05, 0.1, 0.2, 0.5];

const percent = (share: number): string => `${Math.round(share * 100)} %`;

export function ScenarioCard({ scenario }: { readonly scenario: Scenario }): JSX.Element {
  const draw = useBeat(250, [scenario]);
  const { plan, state: { playing }, failure, reachable } = scenario;
  return (
    <section id="scenario" class="column day" aria-labelledby="scenario-title">
      <div class="day-head">
        <h2 id="scenario-title">A day at the centre</h2>
        <p class="column-note number">{stateWords(scenario)}</p>
        <div class="day-buttons">
          <button type="button" class={playing ? "button" : "button primary"} onClick={() => void scenario.play().then(draw)}>{playing ? "Begin anew" : "Play the day"}</button>
          {/* Not `disabled`: the press that stops it would lose the keyboard's place. */}
          <button type="button" class="button" aria-disabled={!playing} onClick={playing ? () => void scenario.stop().then(draw) : undefined}>Stop</button>
        </div>
      </div>
      <div class="sliders" role="group" aria-label="How it is played; a change begins the day anew">
        <Slider id="speed" label="Speed" steps={SPEEDS} value={plan.speed} say={(speed) => `${speed} × the clock`} onChange={(speed) => scenario.change({ speed })} />
        <Slider id="rate" label="Load" steps={RATES} value={plan.rate} say={(rate) => (rate === 0 ? "as it happens" : `${rate.toLocaleString("en")} events/s`)} onChange={(rate) => scenario.change({ rate })} />
        <Slider id="out-of-order" label="Out of order" steps={SHARES} value={plan.outOfOrder} say={percent} onChange={(outOfOrder) => scenario.change({ outOfOrder })} />
        <Slider id="duplicate" label="Sent twice" steps={SHARES} value={plan.duplicate} say={percent} onChange={(duplicate) => scenario.change({ duplicate })} />
      </div>
      {!reachable && <p class="failure" role="alert">The simulator does not answer; is it still running?</p>}
      {failure !== undefined && <p class="failure" role="alert">That did not work: {failure}</p>}
    </section>
  );
}

function stateWords({ state: { playing, events, at } }: Scenario): string {
  if (!playing && events === 0) return "Nothing is played yet. Calls, chats and agents of one story come over all four streams.";
  const told = `${events.toLocaleString("en")} events so far`;
  return playing ? `${centreClock(at)} at the centre · ${told}` : `Stopped at ${centreClock(at)} · ${told}`;
}
