/**
 * What is inside a bubble. Plain text, with addresses as links; everything else by its readable line, so that nothing is ever
 * an empty bubble. Quick replies, cards and the other kinds of `message.content` get their components here.
 */

import type { JSX } from "preact";
import type { Attachment } from "../client/index.js";
import { readable, type Row } from "./chat-client.js";
import { Icon } from "./icons.js";
import { linkify, safeHref } from "./linkify.js";
import type { Strings } from "./locales/en.js";

export function MessageContent({ row, strings }: { row: Row; strings: Strings }): JSX.Element {
  const text = readable(row) ?? "";
  return (
    <>
      {text !== "" && <PlainText text={text} strings={strings} />}
      {row.attachments.map((attachment) => (
        <File key={attachment.id} attachment={attachment} strings={strings} />
      ))}
      {text === "" && row.attachments.length === 0 && <em>{strings.unsupported}</em>}
    </>
  );
}

function PlainText({ text, strings }: { text: string; strings: Strings }): JSX.Element {
  return (
    <p class="text" dir="auto" lang="">
      {linkify(text).map(({ text: piece, href }) => (href === undefined ? piece : <Link href={href} text={piece} strings={strings} />))}
    </p>
  );
}

/** Reached by Enter on its message: the log is one stop in the tab order. */
function Link({ href, text, strings }: { href: string; text: string; strings: Strings }): JSX.Element {
  return (
    <a part="link" href={href} target="_blank" rel="noopener" tabIndex={-1} data-act>
      {text}
      <span class="sr"> ({strings.newTab})</span>
    </a>
  );
}

function File({ attachment, strings }: { attachment: Attachment; strings: Strings }): JSX.Element {
  const href = attachment.url === undefined ? undefined : safeHref(attachment.url);
  const name = attachment.fileName || strings.attachment;
  return (
    <p class="file" part="attachment">
      <Icon name="clip" />
      {href === undefined ? <span dir="auto">{name}</span> : <Link href={href} text={name} strings={strings} />}
    </p>
  );
}
