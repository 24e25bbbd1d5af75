/** One message: avatar, sender, bubble, and the line under it with time, status and what can be done about it. */

import { Component, type JSX } from "preact";
import type { Row } from "./chat-client.js";
import { MessageContent } from "./content.js";
import { timeText } from "./dates.js";
import type { MessageItem } from "./grouping.js";
import { Icon, type IconName } from "./icons.js";
import type { Strings } from "./locales/en.js";
import type { Scene } from "./scene.js";

interface MessageProps {
  readonly item: MessageItem;
  /** The conversation is over: what waits is not on its way. */
  readonly held: boolean;
  readonly scene: Scene;
}

export class MessageView extends Component<MessageProps> {
  #li: HTMLElement | null = null;

  /** A row is replaced when it changes, so its identity and its place in the layout tell whether to draw again. */
  override shouldComponentUpdate({ item, held, scene }: MessageProps): boolean {
    const old = this.props.item;
    return (
      item.row !== old.row ||
      item.row.status !== old.row.status ||
      item.first !== old.first ||
      item.last !== old.last ||
      item.line !== old.line ||
      item.status !== old.status ||
      held !== this.props.held ||
      scene.strings !== this.props.scene.strings ||
      scene.locale !== this.props.scene.locale
    );
  }

  override render({ item, held, scene }: MessageProps): JSX.Element {
    const { row, first, last, line, status } = item;
    const { conversation, strings, locale } = scene;
    const mine = row.direction === "inbound";
    const side = mine ? "guest" : "agent";
    const id = domId(row.id);
    const name = conversation.nameOf(row);
    const lost = mine && (row.status === "failed" || row.status === "expired");
    return (
      <li
        class={`message ${side}${first ? " first" : ""}${last ? " last" : ""} ${row.status}`}
        part={`message message-${side}`}
        id={id}
        ref={(node) => void (this.#li = node)}
        tabIndex={-1}
        data-stop
        aria-labelledby={`${id}-who ${id}-what ${id}-when`}
      >
        {!mine && last && <Avatar row={row} name={name} />}
        <div class="stack">
          <span class={mine || !first ? "sr" : "sender"} part="sender" id={`${id}-who`} dir="auto">
            {name}
          </span>
          <div class="bubble" part={`bubble bubble-${side}`} id={`${id}-what`}>
            <MessageContent row={row} strings={strings} />
          </div>
          <div class={line ? `line${last || lost ? "" : " within"}` : "sr"} part="line" id={`${id}-when`}>
            <time part="time" dateTime={new Date(row.time).toISOString()}>
              {timeText(row.time, locale)}
            </time>
            {mine && (
              <span class={status ? "status" : "sr"} part="status">
                {status && <Icon name={STATUS_ICON[row.status]} />}
                <bdi>{statusText(row, held, strings)}</bdi>
              </span>
            )}
          </div>
          {lost && (
            <div class="repair" part="message-actions">
              <button type="button" class="small accent" part="retry" tabIndex={-1} data-act onClick={() => this.#repair("retry")}>
                {row.status === "expired" ? strings.sendNow : row.error?.name === "DeliveryUnknown" ? strings.sendAgain : strings.retry}
              </button>
              <button type="button" class="small" part="remove" tabIndex={-1} data-act onClick={() => this.#repair("remove")}>
                {strings.remove}
              </button>
            </div>
          )}
        </div>
      </li>
    );
  }

  /** The buttons go with the trouble: the focus is moved off them first, so that it never falls to the page. */
  #repair(what: "retry" | "remove"): void {
    const { item, scene } = this.props;
    const li = this.#li;
    const focused = (li?.getRootNode() as ShadowRoot | undefined)?.activeElement;
    if (li && focused && li.contains(focused)) (what === "remove" ? li.closest<HTMLElement>("[role=log]") : li)?.focus();
    scene.conversation[what](item.row.id);
  }
}

const STATUS_ICON: Record<Row["status"], IconName> = { queued: "clock", sending: "clock", sent: "check", failed: "alert", expired: "alert" };

export function statusText(row: Row, held: boolean, strings: Strings): string {
  switch (row.status) {
    case "queued":
      return held ? strings.statusHeld : strings.statusQueued;
    case "sending":
      return held ? strings.statusHeld : strings.statusSending;
    case "sent":
      return strings.statusSent;
    case "expired":
      return strings.statusExpired;
    case "failed":
      // 4011: guest-api.md §4, MessageTooLong. Names from 7000 are the library's own.
      if (row.error?.code === 4011) return strings.statusTooLong;
      if (row.error?.name === "DeliveryUnknown") return strings.statusUnknown;
      if (row.error?.name === "SessionEnded") return strings.statusEnded;
      return strings.statusFailed;
  }
}

interface AvatarProps {
  readonly row: Row;
  readonly name: string;
}

/** Decoration: the name is said by the sender line. */
class Avatar extends Component<AvatarProps, { broken: boolean }> {
  override state = { broken: false };

  override render({ row, name }: AvatarProps, { broken }: { broken: boolean }): JSX.Element {
    const image = row.from?.image;
    const usable = image !== undefined && /^https?:\/\//i.test(image) && !broken;
    return (
      <span class="avatar" part="avatar" aria-hidden="true">
        {usable ? (
          <img src={image} alt="" referrerPolicy="no-referrer" onError={() => this.setState({ broken: true })} />
        ) : row.from?.entity === "bot" ? (
          <Icon name="bot" />
        ) : row.from?.name ? (
          initials(name)
        ) : (
          <Icon name="person" />
        )}
      </span>
    );
  }
}

/** First letters of the first and last word; a whole grapheme each, as names are not all Latin. */
export function initials(name: string): string {
  const words = name.match(/\p{L}[^\s]*/gu) ?? [];
  const letter = (word: string | undefined): string => (word === undefined ? "" : [...word][0] ?? "").toLocaleUpperCase();
  return letter(words[0]) + (words.length > 1 ? letter(words.at(-1)) : "");
}

/** Row ids are any text; an id that others refer to has no spaces. */
function domId(id: string): string {
  return `m-${id.replace(/[^\w-]/g, (character) => `.${character.codePointAt(0)?.toString(16) ?? ""}`)}`;
}
