/** Words and a tone for each connection state, for the strip. */
import type { ConnectionState, Reason } from "../client/index.js";

export type Tone = "good" | "busy" | "bad" | "quiet";
export interface Description { readonly tone: Tone; readonly title: string; readonly detail: string }

/** Whole seconds until `at`, never below zero; rounded up so that "1 s" is shown until the moment itself. */
export function secondsUntil(at: number, now: number): number {
  return Math.max(0, Math.ceil((at - now) / 1000));
}

function reasonText(reason: Reason): string {
  switch (reason.kind) {
    case "closed": return reason.code === 1006 ? "the line broke without a goodbye (1006)" : `the service closed the line (${reason.code})`;
    case "timeout": return "no answer in time";
    case "refused": return "the service refused the connection";
    case "service": return `the service said ${reason.code}`;
    case "network": return "the network is away";
  }
}

const ENDED: Record<Extract<ConnectionState, { name: "ended" }>["reason"], string> = {
  sessionExpired: "the session expired",
  sessionCleared: "the conversation was cleared",
  loggedOut: "the guest was logged out",
  notAllowed: "this deployment is not allowed here",
  inactive: "this deployment is inactive",
  policy: "the service does not want this client",
};

const PAUSED: Record<Extract<ConnectionState, { name: "paused" }>["reason"], string> = {
  rateLimited: "too many requests",
  evicted: "pushed out by newer connections with the same token",
  refused: "the service is there but refuses the connection",
};

/** What the strip says in `state` at `now` (ms since the epoch). */
export function describe(state: ConnectionState, now: number): Description {
  switch (state.name) {
    case "idle": return { tone: "quiet", title: "Idle", detail: "not started" };
    case "loading": return { tone: "quiet", title: "Loading", detail: "the module is on its way" };
    case "connecting": return { tone: "busy", title: "Connecting", detail: state.attempt > 1 ? `attempt ${state.attempt}` : "first attempt" };
    case "ready": return { tone: "good", title: "Ready", detail: "messages go out at once" };
    case "suspect": return { tone: "busy", title: "Suspect", detail: "no answer for a while, asking the line" };
    case "waiting": return { tone: "busy", title: `Next try in ${secondsUntil(state.retryAt, now)} s`, detail: reasonText(state.reason) };
    case "paused":
      return {
        tone: "bad",
        title: state.until === undefined ? "Paused" : `Paused for ${secondsUntil(state.until, now)} s`,
        detail: PAUSED[state.reason],
      };
    case "offline": return { tone: "bad", title: "Offline", detail: "the service cannot be reached" };
    case "authRequired": return { tone: "bad", title: "Sign-in needed", detail: "no valid token" };
    case "ended": return { tone: "bad", title: "Ended", detail: ENDED[state.reason] };
    case "stopped": return { tone: "quiet", title: "Stopped", detail: "the client was stopped" };
  }
}
