/** The glue of the module that speaks the guest API. */

export { Core, imports, start } from "./generated/core.js";
