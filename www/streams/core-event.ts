/** What the module tells: the names are those of `src/streams/event.rs`. */

import type { Sample, StreamEvents, StreamState, Threshold } from "./api.js";

/** Told of every stream. */
export type CommonEvent =
  | { type: "state"; state: StreamState }
  | { type: "available"; consumer: string }
  | { type: "metric"; kind: StreamEvents["metric"]["kind"]; ms: number }
  | { type: "metrics"; [name: string]: unknown }
  | { type: "warning"; code: number; detail?: string }
  | { type: "error"; code: number; detail?: string; field?: string }
  | { type: "dropped"; count: number; total: number }
  | { type: "audit"; line: string }
  | { type: "done"; ticket: number; code?: number };

/** Told of one class alone. */
export type OwnEvent =
  | ({ type: "probe" } & Sample)
  | ({ type: "threshold"; latency: boolean } & Omit<Threshold, "what">)
  /** `body` is JSON. */
  | { type: "health"; body: string }
  | { type: "timeline"; interaction: string }
  | { type: "lag"; ms: number };

export type StreamCoreEvent = CommonEvent | OwnEvent;

/** An event of the module as the page gets it. */
export function bare<E extends StreamCoreEvent>({ type: _, ...payload }: E): Omit<E, "type"> {
  return payload;
}
