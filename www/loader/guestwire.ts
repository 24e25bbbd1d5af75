/**
 * The drop-in script: `<script async src="…/guestwire.js" data-deployment-id="…" data-region="…"></script>`, a classic script
 * without dependencies. It puts `<guestwire-chat>` on the page, paints its launcher at once, and fetches the element's code
 * (`define.js` beside this file) when `data-load` says: `eager`, `idle` (default) or `click`.
 *
 * Commands may be queued before it is there: `(window.guestwire = window.guestwire || { q: [] }).q.push(["open"])`. Commands:
 * open, close, show, hide, on (event, listener). Afterwards `guestwire.open()` and the rest work at once.
 */

import { inkOn, mix, parseColor, toCss, BLACK, WHITE, type Rgb } from "../widget/contrast.js";
import { LAUNCHER } from "../widget/launcher-sheet.js";

type Listener = (detail: unknown) => void;
export type Command = ["open"] | ["close"] | ["show"] | ["hide"] | ["on", "open" | "close" | "message" | "state", Listener];
export interface GuestwireGlobal {
  q: { push(...commands: Command[]): number };
  open(): void;
  close(): void;
  show(): void;
  hide(): void;
  /** Gives back what stops listening. */
  on(event: "open" | "close" | "message" | "state", listener: Listener): () => void;
}
type Early = Partial<Omit<GuestwireGlobal, "q">> & { q?: Command[] };
type ChatElement = HTMLElement & { open(): void; close(): void };

const PASSED = ["deployment-id", "region", "endpoint", "protocol", "token-url", "storage", "theme", "position", "locale", "open"];
const SVG = "http://www.w3.org/2000/svg";
/** The chat bubble of widget/icons.tsx. */
const BUBBLE =
  "M12 3.5c-5 0-9 3.4-9 7.7 0 2.5 1.4 4.7 3.5 6.1-.1 1-.5 2.1-1.3 3.2 1.9-.2 3.4-.9 4.5-1.8.7.1 1.5.2 2.3.2 5 0 9-3.4 9-7.7s-4-7.7-9-7.7Z";

const script = document.currentScript;
const page = window as unknown as { guestwire?: Early };

if (!(script instanceof HTMLScriptElement) || !script.src) {
  console.error("guestwire.js must be loaded by its own <script src> tag: it finds its other files beside itself.");
} else if (!page.guestwire?.open) {
  install(script);
}

function install({ src, dataset }: HTMLScriptElement): void {
  const chat = document.createElement("guestwire-chat") as ChatElement;
  for (const name of PASSED) {
    const value = dataset[name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())];
    if (value !== undefined && !(name === "open" && value === "false")) chat.setAttribute(name, value);
  }

  let loading: Promise<unknown> | undefined;
  const load = (): Promise<unknown> =>
    (loading ??= import(new URL("define.js", src).href).catch((error: unknown) => {
      loading = undefined;
      console.error("guestwire: the chat could not be loaded.", error);
    }));

  const queue = page.guestwire?.q ?? [];
  const api: GuestwireGlobal = {
    q: {
      push(...commands) {
        for (const [name, ...rest] of commands) {
          const command = Object.hasOwn(api, name) && name !== ("q" as string) ? (api[name] as (...rest: unknown[]) => unknown) : undefined;
          if (command) command(...rest);
          else console.error(`guestwire: there is no command "${String(name)}".`);
        }
        return commands.length;
      },
    },
    // Kept in the attribute, so that it holds before the element's code is there.
    open: () => {
      chat.setAttribute("open", "");
      void load();
    },
    close: () => chat.removeAttribute("open"),
    show: () => {
      chat.hidden = false;
    },
    hide: () => {
      // A modal dialog keeps the page inert, seen or not.
      api.close();
      chat.hidden = true;
    },
    on: (event, listener) => {
      const heard = (happened: Event): void => listener((happened as CustomEvent).detail);
      chat.addEventListener(`guestwire-${event}`, heard);
      return () => chat.removeEventListener(`guestwire-${event}`, heard);
    },
  };
  page.guestwire = api as unknown as Early;

  const place = (): void => {
    if (!customElements.get("guestwire-chat")) paint(chat, load);
    document.body.append(chat);
    const when = chat.hasAttribute("open") ? "eager" : (dataset.load ?? "idle");
    if (when === "eager") void load();
    else if (when !== "click") (window.requestIdleCallback ?? setTimeout)(() => void load());
    api.q.push(...queue);
  };
  if (document.body) place();
  else addEventListener("DOMContentLoaded", place, { once: true });
}

/** A launcher of its own, in the shadow root that the element takes over when its code arrives. */
function paint(chat: ChatElement, load: () => Promise<unknown>): void {
  const shadow = chat.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`${LAUNCHER} .probe { display: none; color: var(--guestwire-color, #2f54d1); }`);
  shadow.adoptedStyleSheets = [sheet];

  const root = document.createElement("div");
  root.dataset.position = chat.getAttribute("position") === "left" ? "left" : "right";
  const probe = document.createElement("span");
  probe.className = "probe";
  const button = document.createElement("button");
  button.type = "button";
  button.className = "launcher";
  button.setAttribute("part", "launcher");
  button.setAttribute("aria-label", "Open chat");
  button.setAttribute("aria-expanded", "false");
  const icon = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({ class: "icon", viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", "stroke-width": "1.8", "stroke-linejoin": "round", "aria-hidden": "true" }))
    icon.setAttribute(name, value);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", BUBBLE);
  icon.append(path);
  button.append(icon);
  root.append(button);
  shadow.append(root, probe);

  // The first sign of interest fetches the code; a click also opens, then by the visitor's own act.
  for (const sign of ["pointerenter", "focus", "touchstart"]) button.addEventListener(sign, () => void load(), { once: true, passive: true });
  button.addEventListener("click", () => {
    button.setAttribute("aria-busy", "true");
    void load().then((loaded) => {
      if (loaded) queueMicrotask(() => chat.shadowRoot?.querySelector<HTMLElement>(".launcher[aria-expanded=false]")?.click());
      else button.removeAttribute("aria-busy");
    });
  });

  const colour = (): void => {
    const fill: Rgb = parseColor(getComputedStyle(probe).color) ?? [47, 84, 209];
    const ink = inkOn(fill);
    const hover = mix(fill, ink === WHITE ? BLACK : WHITE, 0.14);
    for (const [name, value] of Object.entries({ fill, ink, hover, edge: fill, accent: fill })) root.style.setProperty(`--_brand-${name}`, toCss(value));
  };
  // Colours compute once the element is on the page.
  queueMicrotask(colour);
}
