/** The presence multiplexer: many channels, routed to groups of subscribers. */

import { Code, GuestwireError } from "../client/errors.js";
import { StreamCall, Kind } from "../client/generated/streams/enums.js";
import type { Provide } from "../client/load.js";
import type { Channel, PresenceEvents, PresenceGroup, PresenceOptions, PresenceUpdate } from "./api.js";
import { Audience } from "./consumer.js";
import type { StreamGlue } from "./glue.js";
import { headed } from "./headers.js";
import { checkChannels, checkGroup, checkPresence, PLAIN, plainOptions } from "./options.js";
import { Stream } from "./stream.js";

export abstract class Presence extends Stream<PresenceEvents> {
  readonly #options: PresenceOptions;
  /** What is subscribed to. */
  #channels: readonly Channel[];
  /** The groups by id, as the module takes them. */
  readonly #groups = new Map<string, string>();

  constructor(options: PresenceOptions, provide: Provide<StreamGlue>) {
    checkPresence(options);
    super(options, { kind: Kind.Presence, provide, taken: "update", createSocket: headed(options.createSocket) });
    this.#options = options;
    this.#channels = copied(options.channels);
    this.begin();
  }

  /** Adds a group, or puts it in the place of the one of this id. A group has either a handler or a URL. Throws GuestwireError when refused. */
  register(id: string, group: PresenceGroup): void {
    checkGroup(id, group);
    const { handler, url, channels } = group;
    const plain = JSON.stringify({ id, url, channels });
    this.unregister(id);
    if (this.disposed) throw new GuestwireError(Code.Stopped);
    this.#groups.set(id, plain);
    if (handler !== undefined) {
      const audience = new Audience<PresenceUpdate>();
      audience.on(handler);
      this.consume(id, (item) => audience.tell(this.read(item)));
    }
    try {
      this.ask(StreamCall.Register, plain);
    } catch (error) {
      this.unregister(id);
      throw error;
    }
  }

  /** Takes a group away; false if there is none of this id. What it has not got yet, it does not get. */
  unregister(id: string): boolean {
    if (!this.#groups.delete(id)) return false;
    this.release(id);
    this.ask(StreamCall.Unregister, id);
    return true;
  }

  /** Puts other channels in the place of those before, all at once. Throws GuestwireError when refused, and leaves them as they are. */
  subscribe(channels: readonly Channel[]): void {
    checkChannels(channels, this.#options);
    const fresh = copied(channels);
    this.ask(StreamCall.Subscribe, JSON.stringify(fresh));
    this.#channels = fresh;
  }

  protected override plain(): string {
    return plainOptions({ ...this.#options, channels: this.#channels }, PLAIN.presence);
  }

  protected override prepare(): void {
    for (const plain of this.#groups.values()) this.ask(StreamCall.Register, plain);
  }

  protected override read(item: unknown): PresenceUpdate {
    const { update, outOfOrder } = item as { update: PresenceUpdate; outOfOrder: boolean };
    return { ...update, outOfOrder };
  }
}

/** The page may change its own. */
function copied(channels: readonly Channel[]): readonly Channel[] {
  return channels.map(({ id, type, config }) => ({ id, type, config: config && { presenceTypes: config.presenceTypes && [...config.presenceTypes], userId: config.userId } }));
}
