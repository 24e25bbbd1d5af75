/** The glue of the module that speaks the session protocol as well. It is fetched for a client with a `token`, and not before. */

import type { Glue } from "./load.js";
import { Core, imports, start } from "./generated/session/core.js";

export const glue: Glue = { Core, imports, start };
