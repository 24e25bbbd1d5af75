/** Conversation events: in the order of their time, each once. */

import { Kind } from "../client/generated/streams/enums.js";
import type { Provide } from "../client/load.js";
import type { ConversationEventsEvents, ConversationOptions, Health, StreamState } from "./api.js";
import type { OwnEvent } from "./core-event.js";
import { StreamCode, streamError } from "./errors.js";
import type { StreamGlue } from "./glue.js";
import { checkConversations, PLAIN, plainOptions } from "./options.js";
import { Stream } from "./stream.js";

/** Those of this page or process that are connected, or will be again by themselves. */
const live = new Set<object>();
/** So many at a time, unless told. */
const MOST = 10;

export abstract class Conversations extends Stream<ConversationEventsEvents> {
  readonly #options: ConversationOptions;

  constructor(options: ConversationOptions, provide: Provide<StreamGlue>) {
    checkConversations(options);
    super(options, { kind: Kind.Conversations, provide, taken: "event" });
    this.#options = options;
    this.begin();
  }

  /** What would be tried later is tried now. Throws when it had ended, and as many others are connected as may be. */
  override reconnect(): void {
    if (isOver(this.state)) this.#refuseMore();
    super.reconnect();
  }

  protected override plain(): string {
    return plainOptions(this.#options, PLAIN.conversations);
  }

  protected override hear(event: OwnEvent): void {
    if (event.type === "health") this.emit("health", JSON.parse(event.body) as Health);
  }

  protected override admit(): void {
    super.admit();
    this.#refuseMore();
    live.add(this);
  }

  protected override settle(state: StreamState): void {
    if (isOver(state)) live.delete(this);
    else live.add(this);
  }

  #refuseMore(): void {
    const { maxConnections = MOST } = this.#options;
    if (!live.has(this) && live.size >= maxConnections) throw streamError(StreamCode.TooManyConnections, { field: "maxConnections", count: live.size });
  }
}

/** Nothing is connected, and nothing will be without a call of the page. */
function isOver({ name }: StreamState): boolean {
  return name === "idle" || name === "ended" || name === "authRequired" || name === "stopped";
}
