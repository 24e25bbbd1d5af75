/** Icons as SVG nodes, drawn with the current colour on a 24 unit grid. They say nothing: the control has the name. */

import type { JSX } from "preact";

const PATHS = {
  chat: "M12 3.5c-5 0-9 3.4-9 7.7 0 2.5 1.4 4.7 3.5 6.1-.1 1-.5 2.1-1.3 3.2 1.9-.2 3.4-.9 4.5-1.8.7.1 1.5.2 2.3.2 5 0 9-3.4 9-7.7s-4-7.7-9-7.7Z",
  down: "m6 9.5 6 6 6-6",
  close: "m6.5 6.5 11 11m0-11-11 11",
  send: "M12 19V5.5m0 0L6.5 11M12 5.5 17.5 11",
  more: "M5.5 11.7v.6M12 11.7v.6M18.5 11.7v.6",
  check: "m5.5 12.5 4.2 4.2 8.8-9.2",
  clock: "M12 7.5V12l3 2m5.5-2a8.5 8.5 0 1 1-17 0 8.5 8.5 0 0 1 17 0Z",
  alert: "M12 7.5v5.5m0 3.2v.01m8.5-4.21a8.5 8.5 0 1 1-17 0 8.5 8.5 0 0 1 17 0Z",
  offline: "M4 4l16 16M8.7 15.3a4.7 4.7 0 0 1 6.6 0M5.5 12a9.3 9.3 0 0 1 4-2.3m4.3-.2A9.3 9.3 0 0 1 18.5 12M12 18.7v.01M2.5 8.8a14 14 0 0 1 3.7-2.5m4.3-1.2a14 14 0 0 1 11 3.7",
  bot: "M12 4v3m-4 0h8a3 3 0 0 1 3 3v5a3 3 0 0 1-3 3H8a3 3 0 0 1-3-3v-5a3 3 0 0 1 3-3Zm1.5 5v1.5m5-1.5v1.5",
  person: "M12 12a3.7 3.7 0 1 0 0-7.4 3.7 3.7 0 0 0 0 7.4Zm-7 7.5c.8-3 3.5-4.7 7-4.7s6.2 1.7 7 4.7",
  clip: "m19 11.5-7.3 7.3a4.6 4.6 0 0 1-6.5-6.5l7.8-7.8a3.1 3.1 0 0 1 4.3 4.3l-7.6 7.6a1.5 1.5 0 0 1-2.2-2.2l6.8-6.7",
  tick: "m5 12.5 4.5 4.5L19 7.5",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width={name === "more" ? 2.6 : 1.8} stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
