/** The agent's side: who is there, what was said, and everything an agent can do. Works on what the simulator tells, not on any client. */
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import type { Feed } from "./feed.js";
import { SAMPLES } from "./samples.js";
import { type AgentAct, type SimulatorSession, actAsAgent } from "./simulator.js";
import { Transcript, wordsOf } from "./transcript.js";
import { useChanges } from "./use.js";

/** How often the guest is told that the agent is typing, in ms; the notice itself counts 5 s. */
const TYPING_EVERY_MS = 4000;

export function AgentConsole({ feed }: { readonly feed: Feed }): JSX.Element {
  useChanges(feed);
  const [chosen, choose] = useState<string>();
  const [failure, setFailure] = useState<string>();
  const { sessions, seenAt } = feed.snapshot;
  const newest = sessions.at(-1);
  const session = sessions.find((candidate) => candidate.token === chosen) ?? newest;

  const act = async (what: AgentAct): Promise<boolean> => {
    if (session === undefined) return false;
    try {
      await actAsAgent(session.token, what);
      setFailure(undefined);
      await feed.refresh();
      return true;
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
      return false;
    }
  };

  return (
    <>
      <header class="column-head">
        <h2 id="agent-title">Agent</h2>
        <p class="column-note">{session ? sessionState(session) : "Nobody is here yet."}</p>
      </header>
      <div class="console">
        <SessionList
          sessions={sessions} shown={session?.token}
          // Whoever picks the newest goes on following the newest.
          onChoose={(token) => choose(token === newest?.token ? undefined : token)}
        />
        {session === undefined ? (
          <p class="console-empty">As soon as a guest opens the chat, the conversation appears here.</p>
        ) : (
          <div class="desk">
            <Transcript key={session.token} session={session} seenAt={seenAt} />
            {failure !== undefined && <p class="failure" role="alert">The service did not take that: {failure}</p>}
            {session.ended ? <p class="console-empty">This session is over. The next one appears here by itself.</p> : <Desk act={act} textOnly={session.protocol === "session"} />}
          </div>
        )}
      </div>
    </>
  );
}

function sessionState(session: SimulatorSession): string {
  const count = session.connections;
  if (session.ended) return "The session is over.";
  const line = count === 0 ? "The guest is away" : count === 1 ? "The guest is connected" : `The guest is connected ${count} times`;
  return session.readOnly ? `${line}, read-only.` : `${line}.`;
}

interface SessionListProps { readonly sessions: readonly SimulatorSession[]; readonly shown: string | undefined; readonly onChoose: (token: string) => void }

function SessionList({ sessions, shown, onChoose }: SessionListProps): JSX.Element | null {
  if (sessions.length === 0) return null;
  return (
    <nav class="sessions" aria-label="Sessions">
      <ul>
        {[...sessions].reverse().map((session) => {
          const last = session.messages.at(-1);
          const isThere = !session.ended && session.connections > 0;
          return (
            <li key={session.token}>
              <button type="button" class="session" aria-current={session.token === shown} onClick={() => onChoose(session.token)}>
                <span class={`presence ${isThere ? "is-there" : ""}`} aria-hidden="true" />
                <span class="session-name">Guest {session.token.slice(0, 6)}</span>
                <span class="session-note">
                  {session.ended ? "over" : session.readOnly ? "read-only" : isThere ? "connected" : "away"}
                </span>
                <span class="session-last">{last === undefined ? "Nothing said yet" : `${last.direction === "Inbound" ? "" : "Shop: "}${wordsOf(last)}`}</span>
              </button>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

function Desk({ act, textOnly }: { readonly act: (what: AgentAct) => Promise<boolean>; readonly textOnly: boolean }): JSX.Element {
  const [text, setText] = useState("");
  const typedAt = useRef(0);

  const send = async (): Promise<void> => {
    const words = text.trim();
    if (words === "") return;
    setText("");
    // What the service did not take goes back into the box unless something new stands there.
    if (!(await act({ do: "text", text: words }))) setText((now) => now || words);
  };
  const noteTyping = (): void => {
    const now = Date.now();
    if (textOnly || now - typedAt.current < TYPING_EVERY_MS) return;
    typedAt.current = now;
    void act({ do: "typing" });
  };

  return (
    <div class="actions">
      <form class="composer" onSubmit={(event) => { event.preventDefault(); void send(); }}>
        <div class="composer-head">
          <label for="agent-text">Your answer</label>
          <span id="agent-hint" class="hint">Enter sends, Shift+Enter adds a line.</span>
        </div>
        <div class="composer-row">
          <textarea
            id="agent-text" rows={2} value={text} aria-describedby="agent-hint"
            onInput={(event) => { setText(event.currentTarget.value); noteTyping(); }}
            onKeyDown={(event) => {
              if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
              event.preventDefault();
              void send();
            }}
          />
          <button type="submit" class="button primary">Send</button>
        </div>
      </form>
      {textOnly ? <p class="hint">The session protocol carries text alone: no typing, no samples, no end by the agent.</p> : <Tools act={act} />}
    </div>
  );
}

function Tools({ act }: { readonly act: (what: AgentAct) => Promise<boolean> }): JSX.Element {
  return (
    <div class="tools">
      <div role="group" aria-label="Samples" class="tool-group">
        {SAMPLES.map((sample) => (
          <button key={sample.id} type="button" class="button small" onClick={() => void act({ do: "structured", text: sample.text, content: sample.content })}>
            {sample.label}
          </button>
        ))}
      </div>
      <div role="group" aria-label="Events" class="tool-group">
        <button type="button" class="button small" onClick={() => void act({ do: "typing" })}>Typing</button>
        <button type="button" class="button small" onClick={() => void act({ do: "disconnect", readOnly: false })}>Disconnect</button>
        <button type="button" class="button small danger" onClick={() => void act({ do: "disconnect", readOnly: true })}>Disconnect, read-only</button>
      </div>
    </div>
  );
}
