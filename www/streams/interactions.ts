/** The interaction stream: who joins and leaves, as events and as timelines. */

import { StreamCall, Kind } from "../client/generated/streams/enums.js";
import type { Provide } from "../client/load.js";
import type { InteractionEvents, InteractionFilter, InteractionOptions, Timeline } from "./api.js";
import { bare, type OwnEvent } from "./core-event.js";
import type { StreamGlue } from "./glue.js";
import { checkFilter, checkInteractions, PLAIN, plainOptions } from "./options.js";
import { Stream } from "./stream.js";

export abstract class Interactions extends Stream<InteractionEvents> {
  readonly #options: InteractionOptions;
  /** What is subscribed to. */
  #filter: InteractionFilter;

  constructor(options: InteractionOptions, provide: Provide<StreamGlue>) {
    checkInteractions(options);
    super(options, { kind: Kind.Interactions, provide, taken: "event" });
    this.#options = options;
    this.#filter = only(options);
    this.begin();
  }

  /** Puts another filter in the place of the one before; what it leaves out is every one. Throws GuestwireError when refused. */
  subscribe(filter: InteractionFilter): void {
    checkFilter(filter, this.#options.dialect);
    const fresh = only(filter);
    this.ask(StreamCall.Subscribe, JSON.stringify(fresh));
    this.#filter = fresh;
  }

  /** The timeline of one interaction as it is now: an empty one where nothing was seen. */
  timeline(interaction: string): Timeline {
    const text = this.ask(StreamCall.Timeline, interaction) as string | undefined;
    return text === undefined ? { interaction, entries: [], participants: [] } : (JSON.parse(text) as Timeline);
  }

  /** The interactions that have one. */
  timelines(): string[] {
    return JSON.parse((this.ask(StreamCall.Timelines) as string | undefined) ?? "[]") as string[];
  }

  protected override plain(): string {
    return plainOptions({ ...this.#options, ...this.#filter }, PLAIN.interactions);
  }

  protected override hear(event: OwnEvent): void {
    if (event.type === "timeline") this.emit("timeline", bare(event));
    if (event.type === "lag") this.emit("lag", bare(event));
  }
}

/** A copy: the page may change its own. */
function only({ interaction, channels, users, queues }: InteractionFilter): InteractionFilter {
  return { interaction, channels: channels && [...channels], users: users && [...users], queues: queues && [...queues] };
}
