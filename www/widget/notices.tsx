/** What stands around the conversation: the connection banner, what takes the composer's place, and the two questions. */

import { Component, type JSX } from "preact";
import { bannerFor } from "./banner.js";
import type { Phase } from "./conversation.js";
import { Icon } from "./icons.js";
import type { Scene } from "./scene.js";

export class BannerView extends Component<{ scene: Scene }> {
  #tick: ReturnType<typeof setInterval> | undefined;

  override componentWillUnmount(): void {
    clearInterval(this.#tick);
  }

  override render({ scene }: { scene: Scene }): JSX.Element | null {
    const { conversation, strings, act } = scene;
    const { state, unsent, durable, recovered, again } = conversation;
    const banner = conversation.phase.name === "open" ? bannerFor({ state, unsent, durable, recovered, again, now: Date.now() }, strings) : undefined;
    this.#count(scene.ui.open && banner?.until !== undefined);
    if (!banner) return null;
    const icon = banner.tone === "good" ? "check" : banner.tone === "info" ? "clock" : state.name === "offline" || state.name === "waiting" ? "offline" : "alert";
    return (
      <div class={`banner ${banner.tone}${banner.late ? " late" : ""}`} part={`banner banner-${banner.tone}`}>
        <Icon name={icon} />
        <p part="banner-text">
          {banner.text}
          {banner.detail !== undefined && <span class="detail"> {banner.detail}</span>}
        </p>
        {banner.action !== undefined && (
          <button
            type="button"
            class="small"
            part="banner-action"
            onClick={() => {
              act.focusNext();
              conversation.reconnect();
            }}
          >
            {banner.action}
          </button>
        )}
      </div>
    );
  }

  #count(counting: boolean): void {
    if (counting && this.#tick === undefined) this.#tick = setInterval(() => this.forceUpdate(), 1000);
    if (!counting) {
      clearInterval(this.#tick);
      this.#tick = undefined;
    }
  }
}

/** In the composer's place when nothing can be written here. */
export function PhaseNotice({ phase, scene }: { phase: Exclude<Phase, { name: "open" }>; scene: Scene }): JSX.Element {
  const { strings, conversation, act } = scene;
  const alone = conversation.rows.length === 0;
  return (
    <div class={`notice${alone ? " alone" : ""}`} part="notice">
      {alone && (
        <span class="emblem">
          <Icon name="chat" />
        </span>
      )}
      <p part="notice-text">{phase.text}</p>
      {conversation.refusal !== undefined && <p class="wrong">{conversation.refusal}</p>}
      {phase.restart && (
        <button
          type="button"
          class="primary"
          part="notice-action"
          data-next
          aria-disabled={conversation.busy}
          onClick={() => (conversation.leftOver > 0 ? act.set({ confirm: "restart" }) : void conversation.restart("discard"))}
        >
          {conversation.busy ? strings.starting : strings.startNew}
        </button>
      )}
    </div>
  );
}

export function Confirm({ scene }: { scene: Scene }): JSX.Element | null {
  const { strings, conversation, ui, act } = scene;
  const kind = ui.confirm;
  if (kind === undefined) return null;
  const count = conversation.leftOver;
  const done = (run?: () => void): void => {
    act.set({ confirm: undefined });
    run?.();
  };
  return (
    <div class="cover" part="backdrop">
      <div class="confirm" part="dialog" role="alertdialog" aria-modal="true" aria-labelledby="confirm-title" aria-describedby="confirm-text">
        <p class="headline" id="confirm-title">
          {kind === "clear" ? strings.confirmClearTitle : strings.confirmRestartTitle}
        </p>
        <p id="confirm-text">{kind === "clear" ? strings.confirmClearText : strings.confirmRestartText(count)}</p>
        <div class="choices">
          {kind === "clear" ? (
            <button type="button" class="danger" part="dialog-action" onClick={() => done(() => void conversation.clear())}>
              {strings.confirmClear}
            </button>
          ) : (
            <>
              <button type="button" class="primary" part="dialog-action" onClick={() => done(() => void conversation.restart("send"))}>
                {strings.restartSend(count)}
              </button>
              <button type="button" class="danger" part="dialog-action" onClick={() => done(() => void conversation.restart("discard"))}>
                {strings.restartDiscard(count)}
              </button>
            </>
          )}
          <button type="button" part="dialog-cancel" data-safe onClick={() => done()}>
            {strings.cancel}
          </button>
        </div>
      </div>
    </div>
  );
}
