/**
 * The catalogue of what can be broken, as data: each switch says what it does, what to watch for, and which rules or acts it is.
 * Every rule names this demo's deployment, so that others on the same simulator keep their line.
 */
import type { Protocol } from "./deployment.js";
import type { Rule } from "./simulator.js";

/** What happens besides rules; `breaking.ts` carries it out. */
export type Act = "drop" | "expire" | "expireToken" | "readOnly" | "evict";

interface Common {
  readonly id: string;
  readonly title: string;
  readonly does: string;
  readonly watch: string;
  /** Why there is no such thing in the session protocol, where there is none. */
  readonly notInSession?: string;
}

type Rules = (deploymentId: string, protocol: Protocol) => readonly Rule[];

export type Switch =
  /** Stays on until it is switched off. `breaksNow`: the fault is felt at once, not at the next frame; `then`: what happens besides. */
  | (Common & { readonly kind: "hold"; readonly breaksNow: boolean; readonly then?: Act; readonly rules: Rules })
  /** Armed for the next message, then off by itself. */
  | (Common & { readonly kind: "once"; readonly rules: Rules })
  /** Happens at the press. `verb` is what the button says: a word of the title. */
  | (Common & { readonly kind: "act"; readonly act: Act; readonly verb: string });

export interface SwitchGroup {
  readonly title: string;
  readonly switches: readonly Switch[];
  /** The other protocol has nothing of the kind. */
  readonly only?: Protocol;
}

/** How much longer every answer takes on the slow line, in ms. */
const SLOW_MS = 1500;
/** How long late bytes are held, in ms: longer than the client waits for an ack and for the old line, shorter than its second look. */
const LATE_MS = 9000;

/** A guest's message, not a typing notice, a Join or a ping. */
function nextMessage(deploymentId: string, protocol: Protocol): Pick<Rule, "match" | "count"> {
  const message: Record<string, string> = protocol === "session" ? { action: "message" } : { action: "onMessage", type: "Text" };
  return { match: { deploymentId, ...message }, count: 1 };
}

/** Rules of a fault that lasts: every match, until the rule is removed. */
function always(deploymentId: string): Pick<Rule, "match" | "count"> {
  return { match: { deploymentId }, count: 0 };
}

/** A message there is answered by its echo or not at all. */
const NO_ANSWERS = "There a message is answered by its echo alone.";

function refusal(status: number): Rules {
  return (id) => [
    { on: "connect", ...always(id), do: "refuse", status },
    // The line that is up would never notice; it breaks once, so that the next attempt meets the refusal.
    { on: "frame-out", match: { deploymentId: id }, count: 1, do: "drop" },
  ];
}

const SWITCHES: readonly SwitchGroup[] = [
  {
    title: "The line",
    switches: [
      {
        id: "drop", kind: "act", act: "drop", verb: "Drop", title: "Drop the line",
        does: "Cuts the connection without a goodbye.",
        watch: "Back in about two seconds; what you typed meanwhile goes out in order.",
      },
      {
        id: "black-hole", kind: "hold", breaksNow: true, title: "Black hole",
        does: "Nothing passes and nothing fails, as in a tunnel.",
        watch: "Send something: the line is suspect within five seconds, then given up. Nothing is lost.",
        rules: (id) => [
          { on: "connect", ...always(id), do: "blackhole" },
          { on: "frame-in", ...always(id), do: "stall", direction: "both" },
          { on: "frame-out", ...always(id), do: "stall", direction: "both" },
          { on: "http", ...always(id), do: "blackhole" },
        ],
      },
      {
        id: "up-only", kind: "hold", breaksNow: false, title: "Half open",
        does: "Your words are held back, the agent’s still arrive.",
        watch: "The line looks alive, yet the client notices that nobody answers.",
        rules: (id) => [{ on: "frame-in", ...always(id), do: "stall", direction: "up" }],
      },
      {
        id: "slow", kind: "hold", breaksNow: false, title: "Slow line",
        does: "Every answer takes 1.5 s longer.",
        watch: "The round trip climbs, messages stay “sending” a little, the line stays up.",
        rules: (id) => [
          { on: "frame-out", ...always(id), do: "delay", ms: SLOW_MS },
          { on: "http", ...always(id), do: "delay", ms: SLOW_MS },
        ],
      },
      {
        id: "late", kind: "once", title: "Deliver late",
        does: "Holds your next message for 9 s, longer than the client trusts the line.",
        watch: "The late copy arrives after all: it is stored once.",
        rules: (id, protocol) => [{ on: "frame-in", ...nextMessage(id, protocol), do: "stall", direction: "up", ms: LATE_MS }],
      },
    ],
  },
  {
    title: "The service",
    switches: [
      {
        id: "refuse-503", kind: "hold", breaksNow: true, title: "Refuse with 503",
        does: "Drops the line, then answers every attempt with 503.",
        watch: "The attempts grow rarer, with a reason and a countdown. “Try now” works.",
        rules: refusal(503),
      },
      {
        id: "refuse-403", kind: "hold", breaksNow: true, title: "Refuse with 403",
        does: "Drops the line, then answers every attempt with 403.",
        watch: "Browsers hide the status; the client tells a refusal from a dead network all the same.",
        rules: refusal(403),
      },
      {
        id: "429-wait", kind: "once", title: "429, wait 3 s",
        does: "Answers your next message with “too many requests, try in 3 s”.",
        watch: "It stays queued, then goes out by itself. Nothing is shown as failed.",
        notInSession: NO_ANSWERS,
        rules: (id) => [{
          on: "frame-in", ...nextMessage(id, "guest"), do: "reply",
          frame: {
            type: "response", class: "TooManyRequestsErrorMessage", code: 429, tracingId: "$tracingId",
            body: { retryAfter: 3, errorCode: 4029, errorMessage: "Message rate too high for this session" },
          },
        }],
      },
      {
        id: "429-plain", kind: "once", title: "429, no hint",
        does: "Answers your next message with a bare 429.",
        watch: "With no hint the client waits the service’s own minute, then sends it.",
        notInSession: NO_ANSWERS,
        rules: (id) => [{
          on: "frame-in", ...nextMessage(id, "guest"), do: "reply",
          frame: { type: "response", class: "string", code: 429, tracingId: "$tracingId", body: "Too many requests" },
        }],
      },
      {
        id: "lose-echo", kind: "once", title: "Lose the receipt",
        does: "Stores your next message, swallows the confirmation.",
        watch: "After ten seconds the client reads the history instead of sending again: one copy.",
        rules: (id, protocol) => [{ on: "frame-out", ...nextMessage(id, protocol), do: "lose" }],
      },
      {
        id: "cut-after", kind: "once", title: "Cut before the receipt",
        does: "Stores your next message, drops the line instead of confirming.",
        watch: "On a new line it first proves what arrived: one copy.",
        rules: (id, protocol) => [{ on: "frame-in", ...nextMessage(id, protocol), do: "drop", after: true }],
      },
    ],
  },
  {
    title: "The conversation",
    switches: [
      {
        id: "evict", kind: "act", act: "evict", verb: "Push", title: "Push the visitor out",
        does: "Opens three more connections with the visitor’s token; the service allows three.",
        watch: "The visitor’s is ended. It pauses instead of fighting, and comes back when asked.",
        notInSession: "Any number of connections may be open there.",
      },
      {
        id: "read-only", kind: "act", act: "readOnly", verb: "End", title: "End the chat, read-only",
        does: "The agent ends the conversation for good.",
        watch: "The transcript stays; start a new one, with what was unsent if you like.",
        notInSession: "There an agent cannot end a conversation.",
      },
      {
        id: "expire", kind: "act", act: "expire", verb: "Expire", title: "Expire the session",
        does: "The session runs out, as after days of silence.",
        watch: "The client says so. Old text never slips into a new session unasked.",
      },
    ],
  },
  {
    title: "Access tokens", only: "session",
    switches: [
      {
        id: "expire-token", kind: "act", act: "expireToken", verb: "Expire", title: "Expire the access token",
        does: "The token is good no more, and the line that came with it is closed.",
        watch: "One new token is asked for, and the line is back. What you typed meanwhile goes out.",
      },
      {
        id: "no-token", kind: "hold", breaksNow: false, then: "expireToken", title: "Token endpoint down",
        does: "Ends the token, and the site’s backend answers 503 when asked for another.",
        watch: "What you type waits until the endpoint is back.",
        rules: (id) => [{ on: "http", match: { deploymentId: id, path: "/demo-backend/token" }, count: 0, do: "status", status: 503 }],
      },
    ],
  },
];

/** The groups of one protocol. */
export function groupsOf(protocol: Protocol): readonly SwitchGroup[] {
  return SWITCHES.filter(({ only }) => only === undefined || only === protocol);
}

export const ALL_SWITCHES: readonly Switch[] = SWITCHES.flatMap((group) => group.switches);
