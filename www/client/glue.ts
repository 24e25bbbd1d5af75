/** The glue of the module that speaks the guest API. */

import type { Glue } from "./load.js";
import { Core, imports, start } from "./generated/core.js";

export const glue: Glue = { Core, imports, start };
