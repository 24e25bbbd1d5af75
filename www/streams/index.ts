/** `guestwire/streams`: what an agent's page, a worker or a server hears of the platform. The module is loaded when the first stream is made. */

import { decode, type Provide, type WasmSource } from "../client/load.js";
import type { AttachedLatencyOptions, ConversationOptions, InteractionOptions, LatencyOptions, PresenceOptions } from "./api.js";
import { Conversations } from "./conversations.js";
import { glue, type StreamGlue } from "./glue.js";
import { Interactions } from "./interactions.js";
import { Latency } from "./latency.js";
import { Presence } from "./presence.js";

export type * from "./api.js";
export type { Reason, TokenSource } from "../client/api.js";
export { GuestwireError, type Fault } from "../client/errors.js";
export type { WasmSource } from "../client/load.js";
export type { StreamError } from "./errors.js";

type Given = WasmSource | Promise<WasmSource> | undefined;
let source: Given;
let ofNotifications: Given;

/**
 * Says what the module is made of: its URL (`guestwire/core-streams.wasm`), a response, its bytes, or a compiled module; and what
 * that of the notifications dialect is made of (`guestwire/core-notifications.wasm`). To be called before the first stream is made;
 * without it the modules come with the package, inlined. Nothing is loaded before that.
 */
export function initStreams(urlOrModule: WasmSource | Promise<WasmSource>, notifications?: WasmSource | Promise<WasmSource>): void {
  [source, ofNotifications] = [urlOrModule, notifications];
}

const provide: Provide<StreamGlue> = async () => ({
  glue,
  source: (await source) ?? (await unpacked(() => import("../client/generated/streams/core-inline.js"))),
});

const provideNotifications: Provide<StreamGlue> = async () => ({
  glue: (await import("./glue-notifications.js")).glue,
  source: (await ofNotifications) ?? (await unpacked(() => import("../client/generated/notifications/core-inline.js"))),
});

async function unpacked(load: () => Promise<{ wasmGzipBase64: string }>): Promise<ArrayBuffer> {
  return decode((await load()).wasmGzipBase64);
}

function provideFor(options: { dialect?: string } | undefined): Provide<StreamGlue> {
  return options?.dialect === "notifications" ? provideNotifications : provide;
}

/** Measures the line to the service, or that of another client: round trips, jitter, how stable they are. */
export class LatencyMonitor extends Latency {
  /** Validates at once and begins to load the module; usable immediately. */
  constructor(options: LatencyOptions | AttachedLatencyOptions) {
    super(options, provide);
  }
}

/** The events of conversations, in the order of their time, each once. */
export class ConversationEvents extends Conversations {
  /** Validates at once and begins to load the module; usable immediately. */
  constructor(options: ConversationOptions) {
    super(options, provide);
  }
}

/** The events of interactions, and who took part in them and when. */
export class InteractionStream extends Interactions {
  /** Validates at once and begins to load the module; usable immediately. */
  constructor(options: InteractionOptions) {
    super(options, provideFor(options));
  }
}

/** The presence of many channels, over as many connections as it takes, routed to groups of subscribers. */
export class PresenceMultiplexer extends Presence {
  /** Validates at once and begins to load the module; usable immediately. */
  constructor(options: PresenceOptions) {
    super(options, provideFor(options));
  }
}
