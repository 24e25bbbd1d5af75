/** The whole page: what is played, the four lines, and what comes over them. */
import type { JSX } from "preact";
import type { Breaking } from "./breaking.js";
import { EventsCard } from "./events-card.js";
import { HealthCards } from "./health-cards.js";
import type { Herald } from "./herald.js";
import { InteractionsCard } from "./interactions-card.js";
import { LatencyCard } from "./latency-card.js";
import { useBeat } from "./pulse.js";
import type { StreamKey } from "./rates.js";
import type { Scenario } from "./scenario.js";
import { ScenarioCard } from "./scenario-card.js";
import type { Sources } from "./sources.js";
import { WallCard } from "./wall-card.js";
import type { Watch } from "./watch.js";

export interface FloorProps {
  readonly sources: Sources;
  readonly watches: Readonly<Record<StreamKey, Watch>>;
  readonly scenario: Scenario;
  readonly breaking: Breaking;
  readonly herald: Herald;
}

const PARTS = [["scenario", "Day"], ["lines", "Lines"], ["interactions", "Interactions"], ["wall", "Agents"], ["events", "Events"], ["latency", "Latency"]] as const;

export function Floor({ sources, watches, scenario, breaking, herald }: FloorProps): JSX.Element {
  return (
    <>
      <nav class="parts-nav" aria-label="On this page">
        <ul>{PARTS.map(([id, name]) => <li key={id}><a href={`#${id}`}>{name}</a></li>)}</ul>
      </nav>
      <div class="floor">
        <ScenarioCard scenario={scenario} />
        <HealthCards watches={Object.values(watches)} breaking={breaking} rates={sources.rates} sources={sources} />
        <InteractionsCard board={sources.board} read={(id) => sources.interactions.timeline(id)} watch={watches.interactions} />
        <WallCard wall={sources.wall} watch={watches.presence} />
        <EventsCard rates={sources.rates} tape={sources.tape} />
        <LatencyCard probes={sources.probes} watch={watches.latency} scenario={scenario} />
      </div>
      <Announcements herald={herald} />
    </>
  );
}

function Announcements({ herald }: { readonly herald: Herald }): JSX.Element {
  useBeat(500, [herald]);
  return <p class="visually-hidden" role="status">{herald.text}</p>;
}
