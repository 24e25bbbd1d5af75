/** Where the visitor writes. The draft lives in the conversation, so that closing the panel keeps it. */

import { Component, type JSX } from "preact";
import { COUNT_FROM_BYTES, TEXT_LIMIT_BYTES } from "./conversation.js";
import { Icon } from "./icons.js";
import type { Scene } from "./scene.js";

export class Composer extends Component<{ scene: Scene }> {
  #input: HTMLTextAreaElement | null = null;
  #grownFor: string | undefined;

  override componentDidMount(): void {
    this.#grow();
  }

  override componentDidUpdate(): void {
    this.#grow();
  }

  override render({ scene }: { scene: Scene }): JSX.Element {
    const { conversation, strings, ui } = scene;
    const bytes = conversation.draftBytes;
    const left = TEXT_LIMIT_BYTES - bytes;
    const problem = left < 0 ? strings.bytesOver(-left) : conversation.refusal;
    const sendable = bytes > 0 && left >= 0;
    return (
      <form class="composer" part="composer" noValidate onSubmit={(event) => this.#submit(event)}>
        <label class="sr" for="message">
          {strings.message}
        </label>
        <div class={`field${problem === undefined ? "" : " wrong"}`} part="field">
          <textarea
            id="message"
            part="input"
            rows={1}
            dir="auto"
            lang=""
            autocomplete="off"
            enterkeyhint={ui.enterAddsLine ? "enter" : "send"}
            placeholder={strings.placeholder}
            aria-describedby="message-hint message-note"
            aria-invalid={problem !== undefined}
            value={conversation.draft}
            ref={(node) => void (this.#input = node)}
            onInput={(event) => conversation.write(event.currentTarget.value)}
            onKeyDown={(event) => this.#onKeyDown(event)}
          />
          <button type="submit" class="send" part="send" aria-label={strings.send} aria-disabled={!sendable}>
            <Icon name="send" />
          </button>
        </div>
        <p class="sr" id="message-hint">
          {ui.enterAddsLine ? strings.hintEnterAddsLine : strings.hintEnterSends}
        </p>
        <p class={`note${problem === undefined ? "" : " wrong"}`} part="note" id="message-note">
          {problem ?? (bytes >= COUNT_FROM_BYTES ? strings.bytesLeft(left) : "")}
        </p>
      </form>
    );
  }

  #onKeyDown(event: KeyboardEvent): void {
    // 229: the key belongs to an input method (UI Events, "keyCode during composition"); Safari ends composition before keydown.
    if (event.key !== "Enter" || event.isComposing || event.keyCode === 229) return;
    const sends = this.props.scene.ui.enterAddsLine ? event.ctrlKey || event.metaKey : !event.shiftKey;
    if (sends) this.#submit(event);
  }

  #submit(event: Event): void {
    event.preventDefault();
    this.props.scene.conversation.send();
    this.#input?.focus();
  }

  /** As tall as its text, up to the limit the sheet sets. */
  #grow(): void {
    const input = this.#input;
    const { draft } = this.props.scene.conversation;
    if (!input || this.#grownFor === draft || input.clientWidth === 0) return;
    this.#grownFor = draft;
    input.style.blockSize = "auto";
    if (draft !== "") input.style.blockSize = `${input.scrollHeight}px`;
  }
}
