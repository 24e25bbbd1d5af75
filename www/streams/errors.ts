/** The codes that streams have besides those of every client: their entries join the table when this entry of the package is loaded. */

import { GuestwireError, TABLE } from "../client/errors.js";

/** The codes, under their names in the table (`src/core/error.rs`; a test holds the two lists together). */
export enum StreamCode {
  Rejected = 7060,
  SubscriptionRefused = 7061,
  ChannelForbidden = 7062,
  TooManyConnections = 7063,
  TooManyChannels = 7064,
  EventsDropped = 7065,
  ConsumerLag = 7066,
  TimestampUnreadable = 7067,
  GaveUp = 7068,
  TokenRateLimited = 7069,
  WebhookFailed = 7070,
  FrameUnreadable = 7071,
  UnknownGroup = 7072,
}

Object.assign(TABLE, {
  // Here it is no visitor who would have to sign in.
  7037: ["AuthRequired", "service", "There is no access token that the service takes.", "Check where tokens come from, then call reconnect()."],

  7060: ["Rejected", "service", "The service refused the token or the first frame.", "Check what the client may do, and the options."],
  7061: ["SubscriptionRefused", "service", "The service refused the subscription.", "Check the filter or the channels."],
  7062: ["ChannelForbidden", "service", "The service does not allow this channel.", "Leave it out, or ask for the permission."],
  7063: ["TooManyConnections", "caller", "As many connections are open as are allowed.", "stop() one, or raise maxConnections if the service allows it."],
  7064: ["TooManyChannels", "caller", "There are more channels than the connections can hold.", "Spread them over several clients."],
  7065: ["EventsDropped", "caller", "Events are dropped, because the consumer is too slow.", "Do less in the listener, or raise queue.size."],
  7066: ["ConsumerLag", "caller", "The consumer is behind.", "Do less in the listener."],
  7067: ["TimestampUnreadable", "service", "A timestamp cannot be read; its event stands where it arrived.", "Nothing."],
  7068: ["GaveUp", "network", "As many attempts in a row as were allowed have failed.", "Call start() when the network is back, or raise attempts."],
  7069: ["TokenRateLimited", "service", "The source of tokens asks to come later.", "Nothing: the client waits and goes on."],
  7070: ["WebhookFailed", "network", "A webhook did not take what was posted to it.", "Check that it answers with 2xx."],
  7071: ["FrameUnreadable", "service", "A frame cannot be read; it was counted and skipped.", "Report it with diagnostics()."],
  7072: ["UnknownGroup", "caller", "No group has this id.", "Mend the call."],
});

/** A `GuestwireError` with what is known about the case. */
export interface StreamError extends GuestwireError {
  /** What the service said, or what it is about: a channel, a webhook, a value. */
  readonly detail?: string;
  /** How many there are, of `TooManyConnections`. */
  readonly count?: number;
}

export function streamError(code: number, { detail, count, ...options }: { field?: string | undefined; cause?: unknown; detail?: string | undefined; count?: number | undefined } = {}): StreamError {
  const error: StreamError = new GuestwireError(code, options);
  const told = detail ?? count;
  if (told === undefined) return error;
  return Object.assign(error, { message: `${error.message.replace(/\.$/, "")}: ${told}` }, detail === undefined ? { count } : { detail });
}
