/**
 * The drop-in script: `<script async src="…/guestwire.js" data-deployment-id="…" data-region="…"></script>`, a classic script
 * without dependencies. It puts `<guestwire-chat>` on the page, paints its launcher at once, and fetches the element's code
 * (`define.js` beside this file) when `data-load` says: `eager`, `idle` (default) or `click`.
 *
 * Commands may be queued before it is there: `(window.guestwire = window.guestwire || { q: [] }).q.push(["open"])`. Commands:
 * open, close, show, hide, on (event, listener). Afterwards `guestwire.open()` and the rest work at once.
 *
 * The chat outlives a router that swaps the body (Turbo Drive, hx-boost) and comes along to the next page; `hide()` is what takes
 * it away.
 */

import { inkOn, mix, toCss, BLACK, WHITE, type Rgb } from "../widget/contrast.js";
import { LAUNCHER } from "../widget/launcher-sheet.js";
import { resolveColor } from "../widget/theme.js";

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
/** `keep` is the script's own: run once more, it sees to it that the chat is there. */
type Early = Partial<Omit<GuestwireGlobal, "q">> & { q?: Command[]; keep?: () => void };
type ChatElement = HTMLElement & { open(): void; close(): void };

const PASSED = ["deployment-id", "region", "endpoint", "protocol", "token-url", "storage", "theme", "position", "locale", "open"];
/** What a copy of the chat is known by. */
const MARK = "data-drop-in";
const SVG = "http://www.w3.org/2000/svg";
/** The chat bubble of widget/icons.tsx. */
const BUBBLE =
  "M12 3.5c-5 0-9 3.4-9 7.7 0 2.5 1.4 4.7 3.5 6.1-.1 1-.5 2.1-1.3 3.2 1.9-.2 3.4-.9 4.5-1.8.7.1 1.5.2 2.3.2 5 0 9-3.4 9-7.7s-4-7.7-9-7.7Z";

const script = document.currentScript;
const page = window as unknown as { guestwire?: Early };

if (!(script instanceof HTMLScriptElement) || !script.src) {
  console.error("guestwire.js must be loaded by its own <script src> tag: it finds its other files beside itself.");
} else if (page.guestwire?.open) {
  page.guestwire.keep?.();
} else {
  install(script);
}

function install({ src, dataset }: HTMLScriptElement): void {
  const chat = document.createElement("guestwire-chat") as ChatElement;
  chat.setAttribute(MARK, "");
  for (const name of PASSED) {
    const value = dataset[name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())];
    if (value !== undefined && !(name === "open" && value === "false")) chat.setAttribute(name, value);
  }

  let loading: Promise<unknown> | undefined;
  let failures = 0;
  // Some browsers remember for the life of the page that a module could not be had (whatwg/html#6768), by its address.
  const load = (): Promise<unknown> =>
    (loading ??= import(new URL(failures > 0 ? `define.js?again=${failures}` : "define.js", src).href).catch((error: unknown) => {
      loading = undefined;
      failures++;
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
      // A modal dialog keeps the page inert, seen or not.
      api.show();
      chat.setAttribute("open", "");
      void load();
    },
    close: () => chat.removeAttribute("open"),
    show: () => {
      chat.hidden = false;
    },
    hide: () => {
      api.close();
      chat.hidden = true;
    },
    on: (event, listener) => {
      const heard = (happened: Event): void => listener((happened as CustomEvent).detail);
      chat.addEventListener(`guestwire-${event}`, heard);
      return () => chat.removeEventListener(`guestwire-${event}`, heard);
    },
  };

  // Within the task that took it away, so that nothing of it is lost.
  const swaps = new MutationObserver(() => keep());
  const keep = (): void => {
    const { documentElement, body } = document;
    for (const parent of [document, documentElement, body]) if (parent) swaps.observe(parent, { childList: true });
    if (chat.isConnected || !body) return;
    body.append(chat);
    // A page that a router brings back from its cache has a copy.
    for (const copy of document.querySelectorAll(`guestwire-chat[${MARK}]`)) if (copy !== chat) copy.remove();
  };
  // Behind the commands, as it is none.
  page.guestwire = Object.assign(Object.create({ keep }) as object, api) as unknown as Early;

  const place = (): void => {
    if (!customElements.get("guestwire-chat")) paint(chat, load);
    keep();
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

  // The first sign of interest fetches the code; a click also opens, then by the visitor's own act. A finger that has come is
  // no sign yet: the code would take the button from under it, and a tap on what has gone is none.
  button.addEventListener("focus", () => void load(), { once: true });
  button.addEventListener("pointerenter", ({ pointerType }) => pointerType !== "touch" && void load(), { once: true });
  // Nor does a browser make a click of a mouse that is let go on the button that has come in place of the pressed one.
  button.addEventListener("pointerdown", ({ pointerType }) => {
    const letGo = (event: Event): void => {
      const launcher = waiting(chat);
      if (launcher && launcher !== button && event.composedPath().includes(launcher)) launcher.click();
    };
    if (pointerType === "mouse") addEventListener("pointerup", letGo, { once: true });
  });
  button.addEventListener("click", () => {
    button.setAttribute("aria-busy", "true");
    void load().then((loaded) => {
      if (loaded) queueMicrotask(() => waiting(chat)?.click());
      else button.removeAttribute("aria-busy");
    });
  });

  const colour = (): void => {
    const fill: Rgb = resolveColor(probe);
    const ink = inkOn(fill);
    const hover = mix(fill, ink === WHITE ? BLACK : WHITE, 0.14);
    for (const [name, value] of Object.entries({ fill, ink, hover, edge: fill, accent: fill })) root.style.setProperty(`--_brand-${name}`, toCss(value));
  };
  // Colours compute once the element is on the page.
  queueMicrotask(colour);
}

/** The launcher of a chat that is closed. */
function waiting(chat: ChatElement): HTMLElement | null | undefined {
  return chat.shadowRoot?.querySelector<HTMLElement>(".launcher[aria-expanded=false]");
}
