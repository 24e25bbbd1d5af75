/**
 * `<guestwire-chat>`: the custom element around the components. It makes the client from its attributes unless the page hands
 * one in, opens and closes, keeps the focus rules of widget.md (rows 4-6), and tells the page by events.
 *
 * Attributes: deployment-id, region, endpoint, protocol, token-url, storage, theme, position, locale, open. Properties: client, strings, and open, for
 * frameworks that set those: read, it is the method.
 */

import { h, render } from "preact";
import { GuestClient, type ConnectionState, type GuestOptions, type Message } from "../client/index.js";
import { Announcer } from "./announcer.js";
import { Chat } from "./chat.js";
import type { ChatClient } from "./chat-client.js";
import { Conversation, type ConversationHost } from "./conversation.js";
import { keepTabInside } from "./focus.js";
import { en, type Strings } from "./locales/en.js";
import type { Scene, Ui } from "./scene.js";
import { sheet } from "./sheet.js";
import { applyBrand, resolveTheme } from "./theme.js";

export interface GuestwireChatEvents {
  "guestwire-open": CustomEvent<undefined>;
  "guestwire-close": CustomEvent<undefined>;
  "guestwire-message": CustomEvent<Message>;
  "guestwire-state": CustomEvent<ConnectionState>;
}

/** Phones, upright and on their side. */
const FULL_SCREEN = "(max-width: 480px), (max-height: 480px) and (max-width: 960px)";

/** The attributes that make another client. */
const OPTION_ATTRIBUTES: readonly string[] = ["deployment-id", "region", "endpoint", "protocol", "token-url", "storage"];

// A module that is imported where there is no DOM must not throw.
const Base = typeof HTMLElement === "undefined" ? (class {} as unknown as typeof HTMLElement) : HTMLElement;

export class GuestwireChat extends Base {
  static readonly observedAttributes = [...OPTION_ATTRIBUTES, "theme", "position", "locale", "open"];

  readonly #shadow: ShadowRoot;
  readonly #root: HTMLElement;
  readonly #probe: HTMLElement;
  readonly #announcer = new Announcer((urgency) => {
    const { open, fullScreen } = this.#ui;
    return this.#root.querySelector(`dialog ${open && fullScreen ? ">" : "~"} .live > [data-live=${urgency}]`);
  });
  #ui: Ui = { open: false, fullScreen: false, menu: false, confirm: undefined, enterAddsLine: false };
  #strings: Strings = en;
  #conversation: Conversation | undefined;
  #own: GuestClient | undefined;
  #given: ChatClient | undefined;
  #scheduled = false;
  #drawing = false;
  /** How the dialog was shown last. Not asked of `:modal`, which browsers of 2022 do not know. */
  #modal = false;
  #connection: AbortController | undefined;
  #preparing = false;

  constructor() {
    super();
    // The drop-in script may have painted a launcher before this code was there.
    const painted = this.shadowRoot;
    this.#shadow = painted ?? this.attachShadow({ mode: "open" });
    this.#root = this.ownerDocument.createElement("div");
    this.#root.className = "root";
    this.#root.setAttribute("part", "root");
    this.#probe = this.ownerDocument.createElement("span");
    this.#probe.className = "probe";
  }

  /** The client to use instead of one made from the attributes. The page that hands it in also disposes of it. */
  get client(): GuestClient | undefined {
    return (this.#given ?? this.#own) as GuestClient | undefined;
  }
  set client(client: ChatClient | undefined) {
    this.#given = client;
    if (this.isConnected) this.#restart();
  }

  /** Single texts to say instead of the locale's. */
  get strings(): Partial<Strings> {
    return this.#strings;
  }
  set strings(strings: Partial<Strings>) {
    this.#strings = { ...en, ...strings };
    this.#changed();
  }

  /** Opens the panel. The focus stays where it is, as the visitor did not ask; a full screen takes it along. */
  get open(): () => void {
    return () => (this.open = true);
  }
  /** Frameworks set a property where there is one of an attribute's name. */
  set open(open: unknown) {
    this.toggleAttribute("open", !!open);
  }

  /** Closes the panel; a draft is kept. */
  close(): void {
    this.open = false;
  }

  connectedCallback(): void {
    for (const name of ["client", "strings", "open"] as const) this.#upgrade(name);
    this.#connection ??= this.#listen();
    this.#adopt();
    this.#paint();
    this.#prepare();
    // Moved on the page, an open dialog is modal no more.
    this.#modal = false;
    this.#changed();
  }

  disconnectedCallback(): void {
    // Who moves an element, or carries it over to the next page, has it back within the task: only one that stays away is over.
    setTimeout(() => {
      if (this.isConnected) return;
      this.#connection?.abort();
      this.#connection = undefined;
      this.#end();
    });
  }

  attributeChangedCallback(name: string, old: string | null, value: string | null): void {
    if (old === value) return;
    if (name === "open") this.#setOpen(value !== null, false);
    else if (!this.isConnected) return;
    else if (OPTION_ATTRIBUTES.includes(name)) this.#restart();
    else {
      this.#paint();
      this.#changed();
    }
  }

  #restart(): void {
    this.#end();
    this.#prepare();
  }

  /** A moment later, so that attributes and properties set right after the connection count. */
  #prepare(): void {
    if (this.#preparing || this.#conversation) return;
    this.#preparing = true;
    queueMicrotask(() => {
      this.#preparing = false;
      if (!this.isConnected || this.#conversation) return;
      const client = this.#given ?? this.#makeClient();
      if (!client) return;
      this.#conversation = new Conversation(client, this.#host);
      if (this.#ui.open || (this.#own && this.#isKnown())) this.#conversation.start();
      this.#update();
    });
  }

  #makeClient(): GuestClient | undefined {
    const option = (name: string): string | undefined => this.getAttribute(name) ?? undefined;
    const deploymentId = option("deployment-id");
    if (deploymentId === undefined) return undefined;
    const [region, endpoint, protocol, url, storage] = OPTION_ATTRIBUTES.slice(1).map(option);
    try {
      // The client validates what it is given and names the field.
      this.#own = new GuestClient({ deploymentId, region, endpoint, protocol, token: url && { url }, storage } as GuestOptions);
    } catch (error) {
      console.error(error);
    }
    return this.#own;
  }

  #end(): void {
    this.#conversation?.dispose();
    this.#conversation = undefined;
    this.#own?.dispose();
    this.#own = undefined;
    this.#announcer.dispose();
    this.#dialog?.close();
    render(null, this.#root);
  }

  readonly #host: ConversationHost = (() => {
    const element = this;
    return {
      get strings() {
        return element.#strings;
      },
      get watching() {
        return element.#ui.open && document.visibilityState === "visible";
      },
      changed: () => this.#changed(),
      say: (text) => this.#announcer.say(text),
      unsay: (text) => this.#announcer.unsay(text),
      alert: (text) => this.#announcer.alert(text),
      tell: (name, detail) => this.#tell(`guestwire-${name}`, detail),
    };
  })();

  readonly #act: Scene["act"] = {
    toggle: () => this.#setOpen(!this.#ui.open, true),
    close: () => this.#setOpen(false, true),
    set: (change) => this.#set(change),
    focusNext: () => this.#focusNext(),
  };

  #setOpen(open: boolean, byVisitor: boolean): void {
    if (this.#ui.open === open) return;
    const focused = this.#shadow.activeElement !== null;
    this.#ui = { ...this.#ui, open, menu: false, confirm: undefined };
    this.toggleAttribute("open", open);
    const conversation = this.#conversation;
    if (conversation) {
      if (open) {
        conversation.start();
        conversation.markNew();
        this.#paint();
      } else {
        conversation.markerId = undefined;
        conversation.below = 0;
      }
      this.#update();
      if (open) conversation.seen();
      if (open && byVisitor) this.#focusOpened();
      else if (open && this.#ui.fullScreen) this.#focus("#title");
      else if (!open && (byVisitor || focused)) this.#focus(".launcher");
    }
    this.#tell(open ? "guestwire-open" : "guestwire-close", undefined);
  }

  #set(change: Partial<Ui>): void {
    const before = this.#ui;
    const active = this.#shadow.activeElement;
    const inMenu = active?.closest("#menu") != null;
    this.#ui = { ...before, ...change };
    this.#update();
    const ui = this.#ui;
    if (ui.confirm && !before.confirm) this.#focus("[data-safe]");
    else if (ui.menu && !before.menu) this.#focus("#menu [role^=menuitem]");
    else if (before.confirm === "clear" && !ui.confirm) this.#focus("#menu-button");
    else if (before.confirm === "restart" && !ui.confirm) this.#focusNext();
    else if (before.menu && !ui.menu && inMenu) this.#focus("#menu-button");
  }

  /** By touch the title: a keyboard that jumps up over the conversation was not asked for. */
  #focusOpened(): void {
    if (this.#ui.fullScreen && matchMedia("(pointer: coarse)").matches) this.#focus("#title");
    else this.#focusNext();
  }

  #focusNext(): void {
    ["#message", "[data-next]", "#title", ".header .plain:last-child"].some((selector) => this.#focus(selector));
  }

  /** Gives the focus to the first that there is of these; whether there is one. */
  #focus(selector: string): boolean {
    const found = this.#root.querySelector<HTMLElement>(selector);
    found?.focus();
    return found !== null;
  }

  #onKeyDown(event: KeyboardEvent): void {
    const { open, fullScreen, menu, confirm } = this.#ui;
    const inside = event.composedPath().includes(this.#dialog as EventTarget);
    // 229: as in the composer.
    if (!open || event.isComposing || event.keyCode === 229 || !inside) return;
    // To the page it is a key pressed on an element that takes no text, and may be one of its shortcuts.
    event.stopPropagation();
    if (event.key === "Tab") {
      const scope = confirm ? this.#root.querySelector<HTMLElement>(".confirm") : fullScreen ? this.#dialog : null;
      if (scope) keepTabInside(scope, event, this.#shadow.activeElement);
    }
    if (event.key !== "Escape") return;
    event.preventDefault();
    if (confirm) this.#set({ confirm: undefined });
    else if (menu) this.#set({ menu: false });
    else this.#setOpen(false, true);
  }

  #changed(): void {
    if (this.#scheduled || !this.#conversation) return;
    this.#scheduled = true;
    queueMicrotask(() => this.#update());
  }

  #update(): void {
    this.#scheduled = false;
    const conversation = this.#conversation;
    if (!conversation) return;
    // Taking away what has the focus makes the browser report it in the middle of drawing: drawn again afterwards.
    if (this.#drawing) return this.#changed();
    const active = this.#shadow.activeElement;
    const log = active?.closest<HTMLElement>(".log");
    const scene: Scene = {
      conversation,
      strings: this.#strings,
      locale: this.getAttribute("locale") ?? this.#strings.lang,
      now: Date.now(),
      ui: this.#ui,
      act: this.#act,
    };
    this.#root.lang = this.#strings.lang;
    this.#drawing = true;
    try {
      this.#showDialog();
      render(h(Chat, { scene }), this.#root);
      this.#showDialog();
    } finally {
      this.#drawing = false;
    }
    // What had the focus went away with what it belonged to: it never falls to the page, nor out of the log.
    if (active && this.#ui.open && !active.isConnected) {
      log?.focus();
      if (this.#shadow.activeElement === null) this.#focusNext();
    }
  }

  /** Brings the dialog to what the state says. Not `show()`: it would move the focus. */
  #showDialog(): void {
    const dialog = this.#dialog;
    const { open, fullScreen } = this.#ui;
    if (!dialog || (dialog.open === open && (!open || this.#modal === fullScreen))) return;
    const active = dialog.contains(this.#shadow.activeElement) ? (this.#shadow.activeElement as HTMLElement) : null;
    dialog.close();
    this.#modal = fullScreen;
    if (open && fullScreen) dialog.showModal();
    else if (open) dialog.setAttribute("open", "");
    if (open) active?.focus();
  }

  get #dialog(): HTMLDialogElement | null {
    return this.#root.querySelector("dialog");
  }

  #adopt(): void {
    if (this.#root.isConnected) return;
    const focused = this.#shadow.activeElement !== null;
    this.#shadow.adoptedStyleSheets = [sheet()];
    this.#shadow.replaceChildren(this.#root, this.#probe);
    if (focused) queueMicrotask(() => queueMicrotask(() => this.#focus(".launcher")));
  }

  #paint(): void {
    const theme = resolveTheme(this.getAttribute("theme"), this, matchMedia("(prefers-color-scheme: dark)").matches);
    this.#root.dataset.theme = theme;
    this.#root.dataset.position = this.getAttribute("position") === "left" ? "left" : "right";
    applyBrand(this.#root, this.#probe, theme);
  }

  /** Everything listened to outside, ended by one signal. */
  #listen(): AbortController {
    const connection = new AbortController();
    const { signal } = connection;
    const full = matchMedia(FULL_SCREEN);
    this.#ui.fullScreen = full.matches;
    full.addEventListener("change", () => this.#set({ fullScreen: full.matches }), { signal });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#paint(), { signal });
    document.addEventListener("visibilitychange", () => this.#conversation?.seen(), { signal });
    this.#root.addEventListener("keydown", (event) => this.#onKeyDown(event), { signal });
    // A phone's back gesture closes a modal dialog by itself.
    this.#root.addEventListener("cancel", (event) => (event.preventDefault(), this.#setOpen(false, true)), { signal, capture: true });
    this.#root.addEventListener("close", () => this.#ui.open && !this.#dialog?.open && this.#setOpen(false, true), { signal, capture: true });
    const viewport = window.visualViewport as VisualViewport;
    const fit = (): void => {
      // A phone's keyboard covers a full screen from below on iOS: the panel takes what is left.
      this.#root.style.setProperty("--_screen-height", `${viewport.height}px`);
      this.#root.style.setProperty("--_screen-top", `${viewport.offsetTop}px`);
    };
    fit();
    for (const event of ["resize", "scroll"]) viewport.addEventListener(event, fit, { signal });
    const looks = new MutationObserver(() => this.#paint());
    // A page switches its theme on one of these as a rule.
    for (const node of [this, document.documentElement, document.body]) looks.observe(node, { attributeFilter: ["style", "class", "data-theme"] });
    signal.addEventListener("abort", () => looks.disconnect());
    return connection;
  }

  #tell(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }

  /**
   * Whether the client has left something in this browser: then the conversation is taken up at once, as there may be something
   * unsent or unread. A newcomer connects by opening, and so does who was forgotten: the fence and a tab's name stay.
   */
  #isKnown(): boolean {
    try {
      const kind = this.getAttribute("storage") ?? "local";
      const storage = kind === "local" ? localStorage : kind === "session" ? sessionStorage : {};
      return Object.keys(storage).some((key) => key.startsWith(`gw1:${this.getAttribute("deployment-id") ?? ""}:`) && !/:(e|tab)$/.test(key));
    } catch {
      // Storage that is forbidden has nothing.
      return false;
    }
  }

  /** A property set before the element was defined hides the accessor: hand it over. */
  #upgrade(name: "client" | "strings" | "open"): void {
    if (!Object.hasOwn(this, name)) return;
    const value: unknown = this[name];
    Reflect.deleteProperty(this, name);
    Reflect.set(this, name, value);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "guestwire-chat": GuestwireChat;
  }
  interface HTMLElementEventMap extends GuestwireChatEvents {}
}
