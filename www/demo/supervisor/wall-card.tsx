/** The agents as tiles, and how many there are of each presence. */
import type { JSX } from "preact";
import { durationWords } from "./lanes.js";
import { PresenceSign, presenceTone, presenceWord, routingWords } from "./marks.js";
import { useBeat } from "./pulse.js";
import { Stale } from "./stale.js";
import type { Agent, Wall } from "./wall.js";
import type { Watch } from "./watch.js";

/** Presences may change many times a second when the day is fast; nobody reads faster than this. */
const WALL_MS = 250;

export function WallCard({ wall, watch }: { readonly wall: Wall; readonly watch: Watch }): JSX.Element {
  useBeat(WALL_MS);
  const { agents, counts } = wall;
  const now = Date.now();
  const reordered = watch.figure("outOfOrder");
  return (
    <section id="wall" class={watch.lostAt === undefined ? "column wall" : "column wall is-stale"} aria-labelledby="wall-title">
      <header class="column-head">
        <h2 id="wall-title">Agents</h2>
        <p class="column-note">{agents.length} in all{reordered > 0 ? `, ${reordered.toLocaleString("en")} ${reordered === 1 ? "update" : "updates"} out of order` : ""}</p>
        <Stale watch={watch} now={now} />
      </header>
      <dl class="wall-counts" aria-label="How many of each presence">
        {counts.map(({ presence, count }) => (
          <div key={presence} class={`wall-count ${presenceTone(count === 0 ? undefined : presence)}`}>
            <dt><PresenceSign presence={presence} /> {presenceWord(presence)}</dt>
            <dd class="number">{count}</dd>
          </div>
        ))}
      </dl>
      <ul class="tiles" aria-label="Agents">
        {agents.map((agent) => <Tile key={agent.id} agent={agent} now={watch.lostAt ?? now} />)}
      </ul>
    </section>
  );
}

function Tile({ agent: { name, presence, routing, since }, now }: { readonly agent: Agent; readonly now: number }): JSX.Element {
  return (
    <li class={`tile ${presenceTone(presence)}`}>
      <span class="tile-name">{name}</span>
      <span class="tile-time number" aria-hidden="true">{since === undefined ? "" : durationWords(now - since)}</span>
      <span class="tile-presence"><PresenceSign presence={presence} /> {presenceWord(presence)}<span class="tile-routing">{routingWords(routing)}</span></span>
    </li>
  );
}
