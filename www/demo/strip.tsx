/** The strip above everything: the state of the line, its last minute and a half, the service's counters, and the proof. */
import type { JSX } from "preact";
import { type Description, describe } from "./describe.js";
import type { Feed } from "./feed.js";
import type { Ledger } from "./ledger.js";
import { type Line, WINDOW_MS } from "./line.js";
import { type Proof, prove, storedForUs } from "./proof.js";
import { Timeline } from "./timeline.js";
import { useChanges, useNow } from "./use.js";

/** Fast enough for a countdown in seconds, slow enough to cost nothing. */
const TICK_MS = 500;

export interface StripProps { readonly line: Line; readonly ledger: Ledger; readonly feed: Feed }

export function Strip({ line, ledger, feed }: StripProps): JSX.Element {
  useChanges(line, feed);
  const now = useNow(TICK_MS);
  const { tone, title, detail } = said(line, now);
  const { counters, reachable, seenAt } = feed.snapshot;
  const stored = storedForUs(ledger.entries, feed.snapshot.stored);
  const last = line.roundTrips.at(-1);
  return (
    <>
      <div class={`state tone-${tone}`} data-state={line.state.name}>
        <span class="lamp" aria-hidden="true" />
        <span class="state-words">
          <strong>{title}</strong>
          <span class="state-detail">{detail}</span>
        </span>
      </div>
      <figure class="trip-figure">
        <Timeline spans={line.spans} roundTrips={line.roundTrips} now={now} />
        <figcaption>
          <span>Round trip</span> <strong class="number">{last ? `${last.ms} ms` : "–"}</strong>
          <span class="trip-span">Graph: last {WINDOW_MS / 1000} s</span>
        </figcaption>
      </figure>
      <dl class="counters">
        <Counter name="Outbox" value={line.outbox} marked={line.outbox > 0} />
        <Counter name="Frames up" value={counters.framesIn} />
        <Counter name="Frames down" value={counters.framesOut} />
        <Counter name="Stored" value={counters.stored} />
        <Counter name="Faults hit" value={counters.faults} />
      </dl>
      <ProofLine proof={prove(ledger.entries, stored, seenAt)} reachable={reachable} />
    </>
  );
}

/** The state of the line, unless something about the conversation matters more. */
function said(line: Line, now: number): Description {
  if (line.readOnly && line.state.name === "ready") return { tone: "quiet", title: "Read-only", detail: "the agent ended this conversation" };
  return describe(line.state, now);
}

function Counter({ name, value, marked = false }: { readonly name: string; readonly value: number; readonly marked?: boolean }): JSX.Element {
  return (
    <div class={marked ? "counter marked" : "counter"}>
      <dt>{name}</dt>
      <dd class="number">{value}</dd>
    </div>
  );
}

function ProofLine({ proof, reachable }: { readonly proof: Proof; readonly reachable: boolean }): JSX.Element {
  // Offline the page itself cannot look; that is the visitor's trouble played, not a broken demo.
  const offline = !reachable && !navigator.onLine;
  const parts = reachable ? proofParts(proof) : [offline ? "This browser is offline: the count goes on when it is back" : "The simulator does not answer; is it still running?"];
  return (
    <p class={`proof proof-${reachable ? proof.verdict : offline ? "waiting" : "broken"}`} data-verdict={proof.verdict}>
      <span class="proof-mark" aria-hidden="true" />
      <span>{parts.join(" · ")}</span>
    </p>
  );
}

/** The proof in words, worst news included. */
export function proofParts(proof: Proof): string[] {
  if (proof.verdict === "empty") return ["Type something to the shop, then break the line"];
  const parts = [`typed ${proof.typed}`];
  if (proof.takenBack > 0) parts.push(`taken back ${proof.takenBack}`);
  parts.push(`the service stored ${proof.stored}`);
  if (proof.waiting > 0) parts.push(`${proof.waiting} waiting to go`);
  if (proof.refused > 0) parts.push(`${proof.refused} not delivered, and the visitor was told`);
  if (proof.missing > 0) parts.push(`${proof.missing} MISSING`);
  parts.push(proof.inOrder ? "in order" : "OUT OF ORDER");
  parts.push(proof.doubled > 0 ? `${proof.doubled} TWICE` : "none twice");
  return parts;
}
