/** One interaction: a lane for each participant, bars for the time somebody was there, and the edge where it goes on. */
import type { JSX } from "preact";
import { useMemo, useRef } from "preact/hooks";
import type { Timeline } from "../../streams/index.js";
import type { Summary } from "./board.js";
import { nameOf } from "./interactions-card.js";
import { type Bar, type Lane, clockWords, durationWords, layOut } from "./lanes.js";
import { useBeat } from "./pulse.js";
import { shortId } from "./tape.js";
import type { Watch } from "./watch.js";

/** The live edge moves some pixels a second: every second frame is smooth. Calm: once a second. */
const MOTION_MS = 33;
const CALM_MS = 1000;

interface FigureProps { readonly summary: Summary; readonly read: (id: string) => Timeline; readonly watch: Watch }

export function LanesFigure({ summary, read, watch }: FigureProps): JSX.Element {
  useBeat(MOTION_MS, [], CALM_MS);
  // It is read again when the board has seen a change, not for every frame.
  const known = useRef<{ readonly summary: Summary; readonly timeline: Timeline } | undefined>(undefined);
  if (known.current?.summary !== summary) known.current = { summary, timeline: read(summary.id) };
  const { timeline } = known.current;
  // The same element again is not looked at again.
  const story = useMemo(() => <Story timeline={timeline} />, [timeline]);
  const isStale = watch.lostAt !== undefined;
  const { live, edge, lastedMs, ticks, lanes } = layOut(timeline, watch.lostAt ?? Date.now());
  return (
    <figure class="lanes" aria-labelledby="lanes-title" tabIndex={0}>
      <figcaption id="lanes-title">
        <strong>{nameOf(summary)} <code>{shortId(summary.id)}</code></strong>
        <span class={live && !isStale ? "lanes-state is-live" : "lanes-state"}>{live ? (isStale ? "was live" : "live") : "over"}<span aria-hidden="true" class="number"> · {durationWords(lastedMs)}</span></span>
      </figcaption>
      <div class="lanes-scale" aria-hidden="true">
        {ticks.map(({ at, label }) => <span key={label} class="lanes-tick number" style={{ insetInlineStart: share(at) }}>{label}</span>)}
      </div>
      <ul class="lanes-list" aria-label="Participants">
        {lanes.map((lane) => <LaneRow key={lane.participant} lane={lane} ticks={ticks} edge={edge} />)}
      </ul>
      {story}
    </figure>
  );
}

/** Who came and went, newest first. */
function Story({ timeline }: { readonly timeline: Timeline }): JSX.Element {
  return (
    <ol class="story" aria-label="What happened, newest first">
      {timeline.entries.map(({ timestamp, type, participant, reason, parsed }, index) => (
        <li key={index}>
          <span class="number story-time">{clockWords(timestamp)}</span> {participant} {type === "ParticipantJoined" ? "joined" : "left"}
          {reason !== undefined && <span class="story-reason"> {reason}</span>}
          {!parsed && <span class="story-reason"> (time unreadable)</span>}
        </li>
      )).reverse()}
    </ol>
  );
}

interface LaneProps { readonly lane: Lane; readonly ticks: readonly { readonly at: number; readonly label: string }[]; readonly edge: number | undefined }

function LaneRow({ lane, ticks, edge }: LaneProps): JSX.Element {
  return (
    <li class={lane.present ? "lane is-present" : "lane"}>
      <span class="lane-name">{lane.participant}</span>
      <span class="visually-hidden">: {lane.bars.map(({ words }) => words).join("; ")}.</span>
      <div class="lane-track" aria-hidden="true">
        {ticks.map(({ at, label }) => <span key={label} class="lane-grid" style={{ insetInlineStart: share(at) }} />)}
        {lane.bars.map((bar, index) => <span key={index} class={classOf(bar)} style={{ insetInlineStart: share(bar.from), inlineSize: share(bar.to - bar.from) }} />)}
        {lane.bars.map((bar, index) => bar.reason !== undefined && <span key={index} class={bar.to > 0.75 ? "lane-reason is-inside" : "lane-reason"} style={bar.to > 0.75 ? { insetInlineEnd: share(1 - bar.to) } : { insetInlineStart: share(bar.to) }}>{bar.reason}</span>)}
        {edge !== undefined && <span class="lane-edge" style={{ insetInlineStart: share(edge) }} />}
      </div>
    </li>
  );
}

function classOf({ live, unseenFrom, unseenTo }: Bar): string {
  return ["lane-bar", live && "is-live", unseenFrom && "is-unseen-from", unseenTo && "is-unseen-to"].filter(Boolean).join(" ");
}

const share = (part: number): string => `${(part * 100).toFixed(2)}%`;
