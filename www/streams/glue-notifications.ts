/** The glue of the module that speaks the notifications dialect as well. It is fetched for a stream of that dialect, and not before. */

import { StreamCore, imports, start } from "../client/generated/notifications/core.js";
import type { StreamGlue } from "./glue.js";

export const glue: StreamGlue = { StreamCore, imports, start };
