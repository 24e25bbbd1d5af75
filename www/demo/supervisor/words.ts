/** Words and a tone for each state of a stream. What all connections have in common reads as on the visitor's strip. */
import type { StreamState } from "../../streams/index.js";
import { type Description, describe } from "../describe.js";
import type { StreamKey } from "./rates.js";

export const TITLES: Readonly<Record<StreamKey, string>> = { latency: "Latency", conversations: "Conversations", interactions: "Interactions", presence: "Presence" };

const ENDED: Readonly<Record<Extract<StreamState, { name: "ended" }>["reason"], string>> = {
  gaveUp: "as many attempts as allowed have failed",
  notAllowed: "the service does not let this page in",
  policy: "closed three times as a matter of policy",
};

/** A line on which nothing came for so long says so, in ms: that it is up and that it is silent are two things. */
const SILENCE_MS = 5000;

/** `heardAt`: when the last event came, in ms. */
export function describeStream(state: StreamState, key: StreamKey, now: number, heardAt?: number): Description {
  switch (state.name) {
    case "ready": {
      const isSilent = heardAt !== undefined && now - heardAt >= SILENCE_MS;
      const detail = key === "latency" ? "probes are answered" : isSilent ? `no event for ${Math.floor((now - heardAt) / 1000)} s` : "events arrive as they happen";
      return { tone: "good", title: "Ready", detail };
    }
    case "ended": return { tone: "bad", title: state.reason === "gaveUp" ? "Gave up" : "Ended", detail: ENDED[state.reason] };
    case "authRequired": return { tone: "bad", title: "No token", detail: "there is none that the service takes" };
    case "stopped": return { tone: "quiet", title: "Stopped", detail: "until it is started again" };
    default: return describe(state, now);
  }
}

/** What is said aloud of a state, without a countdown; nothing of what passes by. */
export function spoken(state: StreamState): string | undefined {
  switch (state.name) {
    case "ready": return "ready";
    case "suspect": return "no answer for a while";
    case "waiting": return "line lost, trying again";
    case "paused": return "paused";
    case "offline": return "offline";
    case "ended": return "ended";
    case "authRequired": return "no token";
    default: return undefined;
  }
}

/** What can be done about it by hand: try at once what would be tried later, or begin again what has ended. */
export function remedyOf({ name }: StreamState): "reconnect" | "start" | undefined {
  if (name === "waiting" || name === "paused" || name === "offline" || name === "suspect") return "reconnect";
  return name === "ended" || name === "stopped" || name === "authRequired" || name === "idle" ? "start" : undefined;
}

/** "0", "3.2", "128", "2,004": as many digits as say something. */
export function rateWords(perSecond: number): string {
  if (perSecond === 0) return "0";
  return perSecond < 10 ? perSecond.toFixed(1) : Math.round(perSecond).toLocaleString("en");
}

/** "340 ms", "2.4 s". */
export function spanWords(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
