/** The conversation as the service stored it, for the agent. Stays at its end unless somebody scrolled up. */
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { SimulatorSession, StoredMessage } from "./simulator.js";

/** Within this many pixels of the end counts as being at the end. */
const AT_END_PX = 24;
/** A guest's typing notice counts this long without another, in ms (guest-api.md §3.4.5). */
const TYPING_MS = 5000;

export interface TranscriptProps { readonly session: SimulatorSession; /** When the service was looked at, in ms. */ readonly seenAt: number }

export function Transcript({ session, seenAt }: TranscriptProps): JSX.Element {
  const entries = [...session.messages, ...session.events].sort((a, b) => a.at - b.at);
  const isTyping = guestIsTyping(session, seenAt);
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  useLayoutEffect(() => {
    if (atEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [entries.length, isTyping]);
  return (
    <div
      ref={box} class="transcript" role="log" aria-label="Conversation" tabIndex={0}
      onScroll={({ currentTarget: element }) => {
        atEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < AT_END_PX;
      }}
    >
      <ol>
        {entries.map((entry) => <Entry key={entry.serverId} entry={entry} />)}
      </ol>
      {isTyping && <p class="typing-note">The guest is typing …</p>}
      {entries.length === 0 && !isTyping && <p class="console-empty">Nothing has been said yet.</p>}
    </div>
  );
}

/** A message ends the typing that led to it. */
function guestIsTyping({ typingAt, messages }: SimulatorSession, seenAt: number): boolean {
  if (typingAt === null || seenAt - typingAt >= TYPING_MS) return false;
  return !messages.some(({ direction, at }) => direction === "Inbound" && at > typingAt);
}

function Entry({ entry }: { readonly entry: StoredMessage }): JSX.Element {
  if (entry.events !== undefined) return <li class="entry event">{eventWords(entry)}</li>;
  const fromGuest = entry.direction === "Inbound";
  const kinds = kindsOf(entry);
  return (
    <li class={fromGuest ? "entry from-guest" : "entry from-agent"}>
      <span class="visually-hidden">{fromGuest ? "Guest: " : "Shop: "}</span>
      <span class="bubble" dir="auto">
        {entry.text}
        {kinds !== "" && <span class="bubble-kinds">{kinds}</span>}
      </span>
    </li>
  );
}

/** What a message is read as in one line. */
export function wordsOf(message: StoredMessage): string {
  return message.text || kindsOf(message) || "…";
}

/** The kinds of content a message carries: "QuickReply × 2, Card". */
function kindsOf({ content = [] }: StoredMessage): string {
  const counts = new Map<string, number>();
  for (const { contentType } of content) counts.set(contentType, (counts.get(contentType) ?? 0) + 1);
  return [...counts].map(([kind, count]) => (count === 1 ? kind : `${kind} × ${count}`)).join(", ");
}

const EVENT_WORDS: Readonly<Record<string, string>> = { Join: "The guest joined", Disconnect: "The agent left the conversation", Clear: "The guest cleared the conversation" };

function eventWords({ events = [] }: StoredMessage): string {
  return events.map(({ eventType, presence }) => EVENT_WORDS[presence?.type ?? ""] ?? presence?.type ?? eventType).join(", ");
}
