/** The whole of it: launcher, panel, and the two pairs of live regions. */

import { Component, type JSX } from "preact";
import { Composer } from "./composer.js";
import { Icon } from "./icons.js";
import { BannerView, Confirm, PhaseNotice } from "./notices.js";
import type { Scene } from "./scene.js";
import { Transcript } from "./transcript.js";

export function Chat({ scene }: { scene: Scene }): JSX.Element {
  return (
    <>
      <Panel scene={scene} />
      <Launcher scene={scene} />
      <LiveRegions />
    </>
  );
}

function Launcher({ scene: { conversation, strings, ui, act } }: { scene: Scene }): JSX.Element {
  const { unread } = conversation.client;
  return (
    <button
      type="button"
      class="launcher"
      part="launcher"
      aria-label={ui.open ? strings.closeChat : strings.openChat(unread)}
      aria-expanded={ui.open}
      aria-controls="panel"
      onClick={() => act.toggle()}
    >
      <slot name="launcher">
        <Icon name={ui.open ? "down" : "chat"} />
      </slot>
      {!ui.open && unread > 0 && (
        <span class="badge" part="badge" aria-hidden="true">
          {unread > 99 ? "99+" : unread}
        </span>
      )}
    </button>
  );
}

/** A `<dialog>`: shown modal by the browser itself at phone width (top layer, inert page, kept focus), else beside the page. */
function Panel({ scene }: { scene: Scene }): JSX.Element {
  const { conversation, strings, ui } = scene;
  const { phase } = conversation;
  return (
    <dialog id="panel" class="panel" part="panel" aria-label={strings.title} aria-modal={ui.fullScreen ? "true" : undefined}>
      <div class="body" inert={ui.confirm !== undefined}>
        <Header scene={scene} />
        <BannerView scene={scene} />
        {(phase.name === "open" || conversation.rows.length > 0) && <Transcript scene={scene} />}
        {phase.name === "open" ? <Composer scene={scene} /> : <PhaseNotice phase={phase} scene={scene} />}
      </div>
      <Confirm scene={scene} />
      <LiveRegions />
    </dialog>
  );
}

function Header({ scene }: { scene: Scene }): JSX.Element {
  const { strings, ui, act } = scene;
  const [tone, word] = standing(scene);
  return (
    <div class="header" part="header">
      <div class="heading">
        <slot name="header">
          <p class="title" part="title" id="title" tabIndex={-1}>
            {strings.title}
          </p>
        </slot>
        <p class={`standing ${tone}`} part="subtitle">
          <bdi>{word}</bdi>
        </p>
      </div>
      <button
        type="button"
        class="plain"
        part="menu-button"
        id="menu-button"
        aria-label={strings.moreActions}
        aria-haspopup="menu"
        aria-expanded={ui.menu}
        aria-controls={ui.menu ? "menu" : undefined}
        // Focus that goes to the button, or in Safari to nothing, would close the menu before the click does.
        onMouseDown={(event) => event.preventDefault()}
        onClick={() => act.set({ menu: !ui.menu })}
      >
        <Icon name="more" />
      </button>
      {ui.menu && <Menu scene={scene} />}
      <button type="button" class="plain" part="close-button" aria-label={strings.closeChat} onClick={() => act.close()}>
        <Icon name="close" />
      </button>
    </div>
  );
}

/** The one word under the title. The banner explains; this is there when nothing needs explaining. */
function standing({ conversation, strings }: Scene): ["good" | "busy" | "off", string] {
  const { phase, state } = conversation;
  if (phase.name === "over") return ["off", phase.restart ? strings.statusEndedShort : strings.statusUnavailable];
  switch (state.name) {
    case "ready":
      return ["good", strings.connected];
    case "suspect":
      return ["busy", strings.statusChecking];
    case "offline":
      return ["off", strings.statusOffline];
    case "paused":
    case "authRequired":
      return ["off", strings.statusPaused];
    case "waiting":
      return ["busy", strings.statusReconnecting];
    default:
      if (!conversation.again) return ["busy", strings.statusConnecting];
      // All was forgotten: nothing connects before the visitor writes.
      return state.name === "idle" ? ["off", strings.statusPaused] : ["busy", strings.statusReconnecting];
  }
}

function Menu({ scene: { conversation, strings, ui, act } }: { scene: Scene }): JSX.Element {
  const onKeyDown = (event: KeyboardEvent): void => {
    const items = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("[role^=menuitem]")];
    const at = items.indexOf(event.target as HTMLElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    items.at(next % items.length)?.focus();
  };
  const onFocusOut = (event: FocusEvent): void => {
    const into = event.relatedTarget as HTMLElement | null;
    if (!(event.currentTarget as HTMLElement).contains(into)) act.set({ menu: false });
  };
  const clearable = conversation.phase.name === "open" && conversation.rows.length > 0;
  return (
    <div class="menu" part="menu" role="menu" id="menu" aria-labelledby="menu-button" onKeyDown={onKeyDown} onFocusOut={onFocusOut}>
      <button
        type="button"
        part="menu-item"
        role="menuitemcheckbox"
        tabIndex={-1}
        aria-checked={ui.enterAddsLine}
        onClick={() => act.set({ enterAddsLine: !ui.enterAddsLine, menu: false })}
      >
        {strings.enterAddsLine}
        <span class="box">{ui.enterAddsLine && <Icon name="tick" />}</span>
      </button>
      {!conversation.textOnly && (
        <button
          type="button"
          part="menu-item"
          role="menuitem"
          tabIndex={-1}
          aria-disabled={!clearable}
          onClick={() => clearable && act.set({ menu: false, confirm: "clear" })}
        >
          {strings.clearConversation}
        </button>
      )}
    </div>
  );
}

/**
 * One pair in the dialog and one outside: what is outside an open modal dialog is not read. The announcer owns what is inside
 * them, so they are drawn once.
 */
class LiveRegions extends Component {
  override shouldComponentUpdate(): boolean {
    return false;
  }

  override render(): JSX.Element {
    return (
      <div class="sr live">
        <div data-live="polite" role="status" aria-live="polite" aria-atomic="false" />
        <div data-live="assertive" role="alert" aria-live="assertive" aria-atomic="false" />
      </div>
    );
  }
}
