/**
 * What the connection banner says. A pure function of what the client reports, so that every state has one sentence and the
 * sentence is true: no "connected" before it is, no countdown without a time that was given.
 */

import type { ConnectionState } from "../client/index.js";
import { duration, secondsLeft } from "./countdown.js";
import type { Strings } from "./locales/en.js";

export interface Banner {
  readonly tone: "info" | "warn" | "good";
  readonly text: string;
  /** How many wait to be sent, and whether they would survive a reload. */
  readonly detail?: string;
  /** Counting down to this time: redraw each second. */
  readonly until?: number;
  readonly action?: string;
  /** Shown only when it lasts: a first connection takes a moment and is no news. */
  readonly late?: boolean;
}

export interface BannerFacts {
  readonly state: ConnectionState;
  /** Messages accepted and not yet sent. */
  readonly unsent: number;
  /** False when storage could not keep one of them. */
  readonly durable: boolean;
  /** This page was connected before, or tried to be: the next connection is a reconnection. */
  readonly again: boolean;
  /** Just back after trouble that was shown. */
  readonly recovered: boolean;
  readonly now: number;
}

export function bannerFor({ state, unsent, durable, again, recovered, now }: BannerFacts, strings: Strings): Banner | undefined {
  const kept = durable ? "" : ` ${strings.keepOpen}`;
  const later = unsent > 0 ? { detail: strings.willBeSent(unsent) + kept } : {};
  const soon = unsent > 0 ? { detail: strings.willBeSentSoon(unsent) + kept } : {};
  const counting = (until: number | undefined, open: string, counted: (time: string) => string): { text: string; until?: number } => {
    if (until === undefined) return { text: open };
    const left = secondsLeft(until, now);
    return left > 0 ? { text: counted(duration(left, strings)), until } : { text: strings.reconnecting };
  };

  switch (state.name) {
    case "connecting":
      return again
        ? { tone: "warn", text: strings.reconnecting, ...later }
        : { tone: "info", text: strings.connecting, late: true, ...later };
    case "loading":
      return { tone: "info", text: strings.connecting, late: true, ...later };
    case "waiting":
      return { tone: "warn", ...counting(state.retryAt, strings.reconnecting, strings.waiting), ...later, action: strings.tryNow };
    case "offline":
      return { tone: "warn", text: strings.offline, ...later, action: strings.tryNow };
    case "suspect":
      return { tone: "info", text: strings.suspect, ...soon };
    case "paused":
      switch (state.reason) {
        case "rateLimited": {
          const left = state.until === undefined ? 0 : secondsLeft(state.until, now);
          return left > 0
            ? { tone: "info", text: strings.rateLimited(duration(left, strings)), until: state.until as number, ...soon }
            : { tone: "info", text: strings.rateLimitedOpen, ...soon };
        }
        case "evicted":
          return { tone: "warn", ...counting(state.until, strings.evicted, strings.evictedUntil), ...later, action: strings.useHere };
        case "refused":
          return { tone: "warn", ...counting(state.until, strings.refused, strings.refusedUntil), ...later, action: strings.tryNow };
      }
    case "authRequired":
      return { tone: "warn", text: strings.signIn, ...later, action: strings.retry };
    case "ready":
      return recovered ? { tone: "good", text: strings.connectedAgain } : undefined;
    case "idle":
    case "ended":
    case "stopped":
      return undefined;
  }
}
