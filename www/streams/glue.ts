/** The glue of the module of the streams. */

import type { Binding } from "../client/load.js";
import { StreamCore, imports, start } from "../client/generated/streams/core.js";

export interface StreamGlue extends Binding<StreamGlue> {
  readonly StreamCore: typeof StreamCore;
}

export const glue: StreamGlue = { StreamCore, imports, start };
