/**
 * The conversation. One stop in the tab order: arrows move between its messages, Enter goes into one, Escape comes back. It
 * stays at its end while its end is on screen, and stays where it is while someone reads further up.
 */

import { Component, type JSX } from "preact";
import { dayText } from "./dates.js";
import { layout, type Item } from "./grouping.js";
import { Icon } from "./icons.js";
import { MessageView } from "./message.js";
import type { Scene } from "./scene.js";

/** Within this of the end counts as being there; of the top, an older page is loaded. Pixels. */
const END_SLACK_PX = 48;
const TOP_SLACK_PX = 80;

interface Snapshot {
  readonly first: string | undefined;
  readonly count: number;
  readonly top: number;
  readonly height: number;
  readonly atEnd: boolean;
}

export class Transcript extends Component<{ scene: Scene }> {
  #log: HTMLElement | null = null;
  #resize: ResizeObserver | undefined;
  #first: string | undefined;
  #count = 0;
  /** The log's height when it was last measured. */
  #seenHeight = 0;

  override componentDidMount(): void {
    this.#remember();
    // The keyboard of a phone, a growing composer, a rotated screen: the end stays the end.
    this.#resize = new ResizeObserver(() => {
      if (this.props.scene.conversation.atEnd) this.#toEnd();
    });
    if (this.#log) this.#resize.observe(this.#log);
    this.#toEnd();
  }

  override componentWillUnmount(): void {
    this.#resize?.disconnect();
  }

  override getSnapshotBeforeUpdate(): Snapshot {
    const log = this.#log;
    return {
      first: this.#first,
      count: this.#count,
      top: log?.scrollTop ?? 0,
      height: log?.scrollHeight ?? 0,
      atEnd: this.props.scene.conversation.atEnd,
    };
  }

  override componentDidUpdate(previous: { scene: Scene }, _state: unknown, before: Snapshot): void {
    const log = this.#log;
    if (!log) return;
    const { conversation, ui } = this.props.scene;
    const { rows } = conversation;
    const opened = ui.open && !previous.scene.ui.open;
    const prepended = before.first !== undefined && rows[0]?.id !== before.first && rows.some((row) => row.id === before.first);
    const said = rows.length > before.count && rows.at(-1)?.direction === "inbound" && rows.at(-1)?.status !== "sent";
    if (opened) this.#show();
    else if (said || (before.atEnd && !prepended)) this.#toEnd();
    else if (prepended) log.scrollTop = before.top + log.scrollHeight - before.height;
    this.#remember();
  }

  override render({ scene }: { scene: Scene }): JSX.Element {
    const { conversation, strings, locale, now } = scene;
    const days = layout(conversation.rows, { gap: conversation.gap, markerId: conversation.markerId });
    const { typing } = conversation;
    return (
      <div class="scroll">
        <div
          class="log"
          part="log"
          role="log"
          aria-live="off"
          aria-label={strings.conversation}
          aria-describedby="log-hint"
          tabIndex={0}
          ref={(node) => void (this.#log = node)}
          onScroll={() => this.#onScroll()}
          onKeyDown={(event) => this.#onKeyDown(event)}
          onFocusIn={(event) => this.#onFocusIn(event)}
          onFocusOut={(event) => this.#onFocusOut(event)}
        >
          <p class="sr" id="log-hint">
            {strings.conversationHint}
          </p>
          {days.length === 0 ? <Empty scene={scene} /> : <Older scene={scene} />}
          {days.map((day) => (
            <section class="day" key={day.key}>
              <p class="date" part="day" id={day.key}>
                <time dateTime={isoDay(day.start)}>{dayText(day.start, now, locale, strings)}</time>
              </p>
              <ol role="list" aria-labelledby={day.key} part="list">
                {day.items.map((item) => (
                  <ItemView key={item.key} item={item} scene={scene} />
                ))}
              </ol>
            </section>
          ))}
          {typing && (
            <div class="typing" part="typing">
              <span class="sr">{strings.typing(typing.name)}</span>
              <span class="dots" aria-hidden="true">
                <i />
                <i />
                <i />
              </span>
              <span class="who" aria-hidden="true" dir="auto">
                {strings.typing(typing.name)}
              </span>
            </div>
          )}
        </div>
        {!conversation.atEnd && (
          <button type="button" class={`jump${conversation.below > 0 ? " news" : ""}`} part="jump" onClick={() => this.#jump()}>
            {conversation.below > 0 ? <span>{strings.jump(conversation.below)}</span> : <span class="sr">{strings.jump(0)}</span>}
            <Icon name="down" />
          </button>
        )}
      </div>
    );
  }

  #remember(): void {
    const { rows } = this.props.scene.conversation;
    this.#first = rows[0]?.id;
    this.#count = rows.length;
  }

  /** What opening shows: the first new message if there is one, else the end. */
  #show(): void {
    const marker = this.#log?.querySelector<HTMLElement>(".marker");
    this.#toEnd();
    if (marker && this.#log && marker.offsetTop < this.#log.scrollTop) this.#log.scrollTop = marker.offsetTop - 8;
    this.#measure();
  }

  #toEnd(): void {
    if (this.#log) this.#log.scrollTop = this.#log.scrollHeight;
    this.#measure();
  }

  #jump(): void {
    this.#toEnd();
    this.#log?.focus();
  }

  #measure(): void {
    const log = this.#log;
    if (!log || log.clientHeight === 0) return;
    this.#seenHeight = log.clientHeight;
    this.props.scene.conversation.reachedEnd(log.scrollHeight - log.scrollTop - log.clientHeight < END_SLACK_PX);
  }

  #onScroll(): void {
    const log = this.#log;
    const { conversation } = this.props.scene;
    // Scroll events come before resize observers: a log that shrank under its end was not scrolled away from it.
    if (log && conversation.atEnd && log.clientHeight !== this.#seenHeight) this.#toEnd();
    else this.#measure();
    const scrollable = log !== null && log.scrollHeight > log.clientHeight;
    if (scrollable && log.scrollTop < TOP_SLACK_PX && conversation.older === "unknown") void conversation.loadOlder();
  }

  #onKeyDown(event: KeyboardEvent): void {
    const log = this.#log;
    if (!log || event.ctrlKey || event.altKey || event.metaKey) return;
    const target = event.target as HTMLElement;
    const stop = target.closest<HTMLElement>("[data-stop]");
    if (stop && stop !== target) {
      if (event.key === "Escape") {
        take(event);
        stop.focus();
      }
      return;
    }
    const stops = [...log.querySelectorAll<HTMLElement>("[data-stop]")];
    const at = stop ? stops.indexOf(stop) : stops.length;
    const last = stops.length - 1;
    const to = (index: number): void => {
      take(event);
      stops[Math.max(0, Math.min(last, index))]?.focus();
    };
    switch (event.key) {
      case "ArrowUp":
        return to(at - 1);
      case "ArrowDown":
        return to(at + 1);
      case "Home":
        return to(0);
      case "End":
        return to(last);
      case "PageUp":
      case "PageDown": {
        const step = event.key === "PageUp" ? -1 : 1;
        const from = stops[Math.min(at, last)]?.offsetTop ?? 0;
        let index = Math.min(at, last);
        while (index + step >= 0 && index + step <= last && Math.abs((stops[index]?.offsetTop ?? 0) - from) < log.clientHeight * 0.8) index += step;
        return to(index);
      }
      case "Enter": {
        const inside = stop?.querySelectorAll<HTMLElement>("[data-act]");
        if (!inside?.length) return;
        take(event);
        for (const control of inside) control.tabIndex = 0;
        inside[0]?.focus();
        return;
      }
    }
  }

  /** While a message has the focus the log is not a second stop behind it. */
  #onFocusIn(event: FocusEvent): void {
    if (this.#log) this.#log.tabIndex = event.target === this.#log ? 0 : -1;
  }

  #onFocusOut(event: FocusEvent): void {
    const from = (event.target as HTMLElement).closest("[data-stop]");
    const into = event.relatedTarget instanceof Element ? event.relatedTarget.closest("[data-stop]") : null;
    if (from && from !== into) for (const control of from.querySelectorAll<HTMLElement>("[data-act]")) control.tabIndex = -1;
    if (this.#log && !this.#log.contains(event.relatedTarget as Node | null)) this.#log.tabIndex = 0;
  }
}

function ItemView({ item, scene }: { item: Item; scene: Scene }): JSX.Element {
  const { strings, conversation } = scene;
  switch (item.type) {
    case "message":
      return <MessageView item={item} held={conversation.phase.name === "over"} scene={scene} />;
    case "event":
      return (
        <li class="event" part="event" tabIndex={-1} data-stop dir="auto">
          {conversation.textOf(item.row)}
        </li>
      );
    case "gap":
      return (
        <li class="gap" part="gap" tabIndex={-1} data-stop>
          {strings.gap}
        </li>
      );
    case "marker":
      return (
        <li class="marker" part="marker">
          <span>{strings.newMessages}</span>
        </li>
      );
  }
}

function Empty({ scene: { conversation, strings } }: { scene: Scene }): JSX.Element | null {
  if (conversation.phase.name !== "open") return null;
  return (
    <div class="empty" part="empty">
      <slot name="empty">
        <span class="emblem">
          <Icon name="chat" />
        </span>
        <p class="headline">{strings.emptyTitle}</p>
        <p>{strings.emptyText}</p>
      </slot>
    </div>
  );
}

/** Reached like a message, by arrows; a pointer reaches it at the top, where scrolling loads by itself. */
function Older({ scene: { conversation, strings } }: { scene: Scene }): JSX.Element | null {
  const { older } = conversation;
  if (older === "complete" || (conversation.state.name !== "ready" && older !== "loading")) return null;
  return (
    <div class="older" part="older">
      <button
        type="button"
        class="small"
        part="older-button"
        tabIndex={-1}
        data-stop
        aria-disabled={older === "loading"}
        onClick={() => void conversation.loadOlder()}
      >
        {older === "loading" ? strings.loadingEarlier : older === "failed" ? strings.earlierFailed : strings.showEarlier}
      </button>
    </div>
  );
}

function take(event: Event): void {
  event.preventDefault();
  event.stopPropagation();
}

function isoDay(start: number): string {
  const date = new Date(start);
  const two = (n: number): string => String(n).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
