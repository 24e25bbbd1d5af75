/** A row as the page sees it. The service's body is read when somebody looks at it, one odd part never at the cost of the rest. */

import type { Attachment, Content, Message } from "./api.js";
import type { CoreRow } from "./core-event.js";
import { GuestwireError } from "./errors.js";
import { eventLine, partLine } from "./fallback.js";
import { fields, known, list, text, type Fields } from "./fields.js";

const MEMBERS = ["id", "serverId", "direction", "kind", "text", "time", "status", "error", "from", "content", "attachments", "metadata", "fallback"] as const;

/** One state of a row; a change makes a new one. */
export class Row implements Message {
  readonly #row: CoreRow;
  readonly #json: string | undefined;
  #body: Body | undefined;

  /** `before` is the row's last state: a change that brings no body keeps the one there was. */
  constructor(row: CoreRow, before?: Row) {
    // One id for as long as the row stands: a tab that takes the lead may not learn under which one it was sent.
    this.#row = before === undefined ? row : { ...row, id: before.id };
    this.#json = row.body;
    if (row.body === undefined && before !== undefined) {
      this.#json = before.#json;
      this.#body = before.#body;
    }
  }

  get id(): string { return this.#row.id; }
  get serverId(): string | undefined { return this.#row.serverId; }
  get direction(): Message["direction"] { return this.#row.direction; }
  get kind(): Message["kind"] { return this.#row.kind; }
  get time(): number { return this.#row.time; }
  get status(): Message["status"] { return this.#row.status; }
  get error(): GuestwireError | undefined { return this.#row.code === undefined ? undefined : new GuestwireError(this.#row.code); }
  get text(): string | undefined { return this.#read().text ?? this.#row.text; }
  get from(): Message["from"] { return this.#row.direction === "inbound" ? undefined : this.#read().from; }
  get content(): readonly Content[] { return this.#read().content; }
  get attachments(): readonly Attachment[] { return this.#read().attachments; }
  get metadata(): Readonly<Record<string, string>> { return this.#read().metadata; }

  get fallback(): string | undefined {
    const { content, events } = this.#read();
    const lines = this.#row.kind === "event" ? events.map(eventLine) : content.map(partLine);
    const readable = lines.filter((line) => line !== "");
    return readable.length === 0 ? undefined : readable.join("\n");
  }

  /** A row as the core tells it, with the body. Not the row's own member: in a body there may be what admits to a session. */
  static told(row: Message): CoreRow { return { ...(row as Row).#row, body: (row as Row).#json }; }

  /** Getters are not own members, so that JSON, spread and consoles need to be shown what there is. */
  toJSON(): Message {
    return Object.fromEntries(MEMBERS.map((name) => [name, this[name]])) as unknown as Message;
  }

  #read(): Body {
    return (this.#body ??= readBody(this.#json));
  }
}

interface Body {
  readonly text: string | undefined;
  readonly from: NonNullable<Message["from"]>;
  readonly content: readonly Content[];
  readonly events: readonly Fields[];
  readonly attachments: readonly Attachment[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** Who sent a body. */
export function senderOf(json: string | undefined): NonNullable<Message["from"]> {
  return readBody(json).from;
}

function readBody(json: string | undefined): Body {
  const body = fields(parse(json));
  const content = list(body["content"]).map((part) => (typeof part["contentType"] === "string" ? part : { ...part, contentType: "" }) as Content);
  return {
    text: typeof body["text"] === "string" && body["text"] !== "" ? body["text"] : undefined,
    from: readSender(fields(fields(body["channel"])["from"]), body["originatingEntity"]),
    content,
    events: list(body["events"]),
    attachments: content.filter(({ contentType }) => contentType === "Attachment").map((part) => readAttachment(fields(part["attachment"]))),
    metadata: Object.fromEntries(Object.entries(fields(body["metadata"])).filter((entry): entry is [string, string] => typeof entry[1] === "string")),
  };
}

function parse(json: string | undefined): unknown {
  try {
    return json === undefined ? undefined : JSON.parse(json);
  } catch {
    return undefined;
  }
}

function readSender(from: Fields, entity: unknown): NonNullable<Message["from"]> {
  const name = text(from["nickname"], [from["firstName"], from["lastName"]].filter((part) => typeof part === "string").join(" "));
  const image = text(from["image"]);
  return known({ name, image, entity: entity === "Human" ? "human" : entity === "Bot" ? "bot" : "unknown" });
}

function readAttachment(part: Fields): Attachment {
  const [id, url, mime, size] = [text(part["id"]), text(part["url"]), text(part["mime"]), part["fileSize"]];
  const fileName = text(part["filename"], part["text"]) ?? "";
  return known({ id: id ?? "", fileName, fileSize: typeof size === "number" ? size : undefined, mime, url, state: "sent" });
}
