/** The last minute and a half as a picture: what the line was (bands) and how long an answer took (dots and a line). */
import type { JSX } from "preact";
import { type RoundTrip, type Span, WINDOW_MS } from "./line.js";

const WIDTH = 360;
const HEIGHT = 44;
/** The scale never shrinks below this many ms, so that noise on a fast line does not look like trouble. */
const LEAST_SCALE_MS = 100;

export interface TimelineProps { readonly spans: readonly Span[]; readonly roundTrips: readonly RoundTrip[]; readonly now: number }

export function Timeline({ spans, roundTrips, now }: TimelineProps): JSX.Element {
  const start = now - WINDOW_MS;
  const x = (at: number): number => Math.max(0, ((at - start) / WINDOW_MS) * WIDTH);
  const shown = roundTrips.filter((trip) => trip.at >= start);
  const scale = Math.max(LEAST_SCALE_MS, ...shown.map((trip) => trip.ms)) * 1.15;
  const y = (ms: number): number => HEIGHT - 4 - (ms / scale) * (HEIGHT - 10);
  const points = shown.map((trip) => `${x(trip.at).toFixed(1)},${y(trip.ms).toFixed(1)}`).join(" ");
  return (
    <svg class="timeline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {spans.map((span, index) => {
        const from = x(span.from);
        const to = x(spans[index + 1]?.from ?? now);
        return <rect key={span.from} class={`band band-${span.tone}`} x={from} y={0} width={Math.max(0, to - from)} height={HEIGHT} />;
      })}
      <polyline class="trips" points={points} vector-effect="non-scaling-stroke" />
      {shown.map((trip) => (
        // A line of no length with a round cap stays a circle however the picture is stretched.
        <line key={trip.at} class="trip" x1={x(trip.at)} x2={x(trip.at)} y1={y(trip.ms)} y2={y(trip.ms)} vector-effect="non-scaling-stroke" />
      ))}
    </svg>
  );
}
