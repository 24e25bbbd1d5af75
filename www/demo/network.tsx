/** The switches that break the network, the service and the conversation, each with what it does and what to watch for. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Breaking } from "./breaking.js";
import { type Protocol, addressOver } from "./deployment.js";
import type { Feed } from "./feed.js";
import { type Switch, groupsOf } from "./switches.js";
import { useChanges } from "./use.js";

export interface NetworkProps {
  readonly breaking: Breaking;
  readonly feed: Feed;
  readonly protocol: Protocol;
  readonly startOver: () => Promise<void>;
}

export function Network({ breaking, feed, protocol, startOver }: NetworkProps): JSX.Element {
  useChanges(feed);
  const [failure, setFailure] = useState<string>();
  const attempt = (work: () => Promise<void>) => (): void => {
    setFailure(undefined);
    work().catch((error: unknown) => setFailure(error instanceof Error ? error.message : String(error)));
  };
  const anyOn = breaking.anyOn;
  return (
    <>
      <header class="column-head">
        <h2 id="network-title">Network</h2>
        <button type="button" class={anyOn ? "heal heal-needed" : "heal"} onClick={attempt(() => breaking.heal())}>
          Heal everything
        </button>
      </header>
      <div class="column-body">
        <p class="column-note">Break it and watch nothing get lost.</p>
        {failure !== undefined && <p class="failure" role="alert">That did not work: {failure}</p>}
        <ProtocolChoice protocol={protocol} />
        {groupsOf(protocol).map((group) => (
          <section key={group.title} class="switch-group">
            <h3>{group.title}</h3>
            <ul class="switches">
              {group.switches.map((which) => (
                <li key={which.id}>
                  {protocol === "session" && which.notInSession !== undefined ? (
                    <AbsentRow title={which.title} why={which.notInSession} />
                  ) : (
                    <SwitchRow which={which} breaking={breaking} onPress={attempt(() => breaking.press(which))} />
                  )}
                </li>
              ))}
            </ul>
          </section>
        ))}
        <section class="switch-group">
          <h3>This demo</h3>
          <button type="button" class="button start-over" onClick={attempt(startOver)}>Start over</button>
          <p class="start-over-note">Heals everything and forgets the conversation, here and in the simulator.</p>
        </section>
      </div>
    </>
  );
}

const PROTOCOLS: readonly { readonly protocol: Protocol; readonly name: string; readonly what: string }[] = [
  { protocol: "guest", name: "Guest API", what: "The platform’s own: ids of ours in every message, typing, an agent who can end the conversation." },
  { protocol: "session", name: "Session protocol", what: "Text alone, with access tokens of the site’s backend. What arrived is proved by its words." },
];

/** Links: the page is another one over another protocol, and its address says so. */
function ProtocolChoice({ protocol }: { readonly protocol: Protocol }): JSX.Element {
  return (
    <nav class="switch-group" aria-labelledby="protocol-title">
      <h3 id="protocol-title">Protocol</h3>
      <ul class="protocols">
        {PROTOCOLS.map(({ protocol: which, name }) => (
          <li key={which}>
            <a class="protocol" href={addressOver(which)} aria-current={which === protocol ? "page" : undefined}>{name}</a>
          </li>
        ))}
      </ul>
      <p class="start-over-note">{PROTOCOLS.find((one) => one.protocol === protocol)?.what}</p>
    </nav>
  );
}

/** What the protocol does not have stays in its place, with the reason. */
function AbsentRow({ title, why }: { readonly title: string; readonly why: string }): JSX.Element {
  return (
    <div class="switch is-absent">
      <p class="switch-title">{title}<span class="switch-tag">not in this protocol</span></p>
      <p class="switch-does">{why}</p>
    </div>
  );
}

interface RowProps { readonly which: Switch; readonly breaking: Breaking; readonly onPress: () => void }

const TAGS = { hold: "", once: "once", act: "" } as const;

/** The whole row answers the pointer; the button in it carries the name, the state and the keyboard's focus. */
function SwitchRow({ which, breaking, onPress }: RowProps): JSX.Element {
  const does = `${which.id}-does`;
  const on = which.kind !== "act" && breaking.isOn(which);
  const tag = on ? { hold: "on", once: "armed" }[which.kind] : TAGS[which.kind];
  return (
    <div class={on ? "switch is-on" : "switch"}>
      <p class="switch-title">{which.title}{tag !== "" && <span class="switch-tag">{tag}</span>}</p>
      {which.kind === "act" ? (
        <button
          type="button" class="do-it" aria-label={which.title} aria-describedby={does}
          // Not `disabled`: the press that drops the line would lose the keyboard's place.
          aria-disabled={!breaking.isConnected} onClick={breaking.isConnected ? onPress : undefined}
        >
          {which.verb}
        </button>
      ) : (
        <button type="button" role="switch" class="toggle" aria-checked={on} aria-label={which.title} aria-describedby={does} onClick={onPress} />
      )}
      <p class="switch-does" id={does}>{which.does} <span class="switch-watch">{which.watch}</span></p>
    </div>
  );
}
