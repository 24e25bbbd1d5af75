/** What every component is given: the conversation, the words, and what the visitor can do with the element itself. */

import type { Conversation } from "./conversation.js";
import type { Strings } from "./locales/en.js";

export interface Ui {
  open: boolean;
  /** Phone width: the panel is the whole screen and modal. */
  fullScreen: boolean;
  menu: boolean;
  confirm: "clear" | "restart" | undefined;
  enterAddsLine: boolean;
}

export interface Scene {
  readonly conversation: Conversation;
  readonly strings: Strings;
  /** For dates and times. */
  readonly locale: string;
  readonly now: number;
  readonly ui: Readonly<Ui>;
  readonly act: {
    toggle(): void;
    close(): void;
    set(change: Partial<Ui>): void;
    /** Puts the focus where the conversation goes on: the composer, or what stands in its place. */
    focusNext(): void;
  };
}
