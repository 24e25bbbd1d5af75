/** Registers `<guestwire-chat>`. Importing it twice, or where there is no DOM, does nothing. */

import { GuestwireChat } from "./element.js";

if (typeof customElements !== "undefined" && !customElements.get("guestwire-chat")) {
  customElements.define("guestwire-chat", GuestwireChat);
}

export { GuestwireChat };
