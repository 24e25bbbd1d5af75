/**
 * Shows the element with a scripted client in one state: `?state=…&theme=light|dark&dir=rtl&size=200&color=…`. Without a state
 * it lists them. Tests reach the client as `window.client` and the element as `window.chat`.
 */

import type { GuestwireError } from "../../www/client/index.js";
import type { Row } from "../../www/widget/chat-client.js";
import { GuestwireChat } from "../../www/widget/define.js";
import { FakeClient } from "../../www/widget/fake-client.js";

declare global {
  interface Window {
    client: FakeClient;
    chat: GuestwireChat;
  }
}

const MINUTE = 60_000;
const query = new URLSearchParams(location.search);
const client = new FakeClient();
const chat = new GuestwireChat();
const now = Date.now();
/** Noon-ish today at the latest, so that "a few minutes ago" does not cross midnight. */
const base = Math.max(now - 40 * MINUTE, new Date(now).setHours(0, 5, 0, 0));

const ana = { name: "Ana Duarte", entity: "human" } as const;
const bot = { name: "Fern", entity: "bot" } as const;
const agent = (text: string, at: number, more: Partial<Row> = {}): Partial<Row> => ({ text, time: base + at * MINUTE, from: ana, ...more });
const guest = (text: string, at: number, more: Partial<Row> = {}): Partial<Row> => ({ text, time: base + at * MINUTE, direction: "inbound", ...more });
const fault = (name: string, code: number): GuestwireError => Object.assign(new Error(name), { name, code, fault: "service" as const, remediation: "" });

function put(...rows: Partial<Row>[]): void {
  client.messages = [...client.messages, ...rows.map((row) => client.row(row))];
}

function talk(): void {
  put(
    agent("Hello! I'm Fern, the shop's assistant. What can I do for you?", -1440, { from: bot }),
    guest("Hi, my parcel was to arrive on Monday", -1438),
    guest("Order 10-4471", -1438),
    agent("Thank you. One moment, I'll bring in a colleague.", -1437, { from: bot }),
    agent("Good morning, Ana here.", 0),
    agent("Your parcel is at the depot in Leeds. You can follow it at https://example.com/track/10-4471.", 0.5),
    guest("Oh good. Can it go to the pick-up point at the station instead?", 3),
    agent("Of course 👍 I have changed it. It will be there tomorrow from 10 o'clock.", 4),
    guest("Perfect, thank you!", 5),
  );
}

function ready(newSession = true): void {
  client.state = { name: "ready" };
  client.session = { newSession, readOnly: false };
}

const unsent = (): void => put(guest("Are you still there?", 6, { status: "queued" }), guest("I can also pick it up on Thursday", 6, { status: "queued" }));

const STATES: Record<string, () => void | (() => void | Promise<void>)> = {
  closed: () => ready(),
  "closed-unread": () => {
    ready();
    talk();
    client.unread = 2;
  },
  empty: () => ready(),
  connecting: () => {
    client.state = { name: "connecting", attempt: 1 };
  },
  talk: () => {
    ready();
    talk();
  },
  statuses: () => {
    ready();
    talk();
    put(
      guest("This one the service refused", 6, { status: "failed", error: fault("Refused", 4000) }),
      guest("And of this one nobody knows", 7, { status: "failed", error: fault("DeliveryUnknown", 7010) }),
      guest("Written an hour ago, on the train", 8, { status: "expired" }),
      guest("On its way", 9, { status: "sending" }),
      guest("Next in line", 10, { status: "queued" }),
    );
  },
  kinds: () => {
    ready(false);
    put(
      agent("Pick a size:", 0, { kind: "structured", fallback: "Pick a size: Small, Medium, Large", from: bot } as Partial<Row>),
      agent("", 1, { kind: "structured", text: undefined, from: bot } as Partial<Row>),
      agent("Here is the form.", 2, { attachments: [{ id: "a1", fileName: "returns-form.pdf", url: "https://example.com/f.pdf", state: "sent" }] }),
      { kind: "event", fallback: "Ana Duarte has left the conversation", time: base + 3 * MINUTE } as Partial<Row>,
      guest("javascript:alert(1) and <b>bold</b> and www.example.com (see https://example.com/a_(b)).", 4),
      agent("مرحبا، كيف يمكنني مساعدتك؟", 5),
      agent("Averyveryveryverylongwordwithoutanyplacetobreakit-Averyveryveryverylongwordwithoutanyplacetobreakit", 6, { from: { name: "Ana <script>", entity: "human" } }),
    );
    return () => client.emit("gap", { from: client.messages[1]?.id as string, filled: false });
  },
  typing: () => {
    ready();
    talk();
    return () => client.emit("typing", { active: true, from: ana });
  },
  suspect: () => {
    ready();
    talk();
    put(guest("Is it open on Sundays too?", 6, { status: "sending" }));
    client.state = { name: "suspect" };
  },
  offline: () => {
    ready();
    talk();
    unsent();
    client.state = { name: "offline" };
  },
  waiting: () => {
    ready();
    talk();
    unsent();
    client.state = { name: "waiting", attempt: 2, retryAt: now + 8_500, reason: { kind: "network" } };
  },
  paused: () => {
    ready();
    talk();
    unsent();
    client.state = { name: "paused", reason: "rateLimited", until: now + 44_500 };
  },
  evicted: () => {
    ready();
    talk();
    client.state = { name: "paused", reason: "evicted" };
  },
  refused: () => {
    client.state = { name: "paused", reason: "refused", until: now + 100_500 };
  },
  auth: () => {
    client.protocol = "session";
    talk();
    unsent();
    client.state = { name: "authRequired" };
  },
  "menu-session": () => {
    client.protocol = "session";
    ready();
    talk();
    return () => press("#menu-button");
  },
  readonly: () => {
    ready();
    talk();
    client.session = { newSession: false, readOnly: true };
  },
  ended: () => {
    ready();
    talk();
    unsent();
    client.state = { name: "ended", reason: "sessionExpired" };
  },
  unavailable: () => {
    client.state = { name: "ended", reason: "inactive" };
  },
  "confirm-clear": () => {
    ready();
    talk();
    return () => {
      press("#menu-button");
      press("#menu [role=menuitem]");
    };
  },
  "confirm-restart": () => {
    STATES.ended?.();
    return () => press("[data-next]");
  },
  menu: () => {
    ready();
    talk();
    return () => press("#menu-button");
  },
  "too-long": () => {
    ready();
    talk();
    return () => write(`${"All work and no play makes a dull sentence. ".repeat(93)}And a few more words.`);
  },
  "near-limit": () => {
    ready();
    return () => write("One two three four five six seven eight. ".repeat(92));
  },
  history: () => {
    ready(false);
    for (let day = 4; day >= 0; day--) put(...Array.from({ length: 6 }, (_, n) => (n % 3 === 0 ? guest : agent)(`Day ${day}, message ${n + 1}`, -1440 * day + n)));
    client.pages = [Array.from({ length: 25 }, (_, n) => client.row(agent(`Older message ${n + 1}`, -1440 * 9 + n)))];
  },
  scrolled: () => {
    STATES.history?.();
    return async () => {
      const log = chat.shadowRoot?.querySelector(".log");
      // Its first layout brings it to its end; it is scrolled away from there, and hears of it, before the message comes.
      await frames(2);
      const scrolled = new Promise((resolve) => log?.addEventListener("scroll", resolve, { once: true }));
      if (log) log.scrollTop = 200;
      await scrolled;
      client.add(agent("Are you still reading?", 10));
    };
  },
};

async function frames(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await new Promise((resolve) => requestAnimationFrame(resolve));
}

function press(selector: string): void {
  chat.shadowRoot?.querySelector<HTMLElement>(selector)?.click();
}

function write(text: string): void {
  const input = chat.shadowRoot?.querySelector("textarea");
  if (!input) return;
  input.value = text;
  input.dispatchEvent(new InputEvent("input", { bubbles: true }));
}

const name = query.get("state");
const root = document.documentElement;
const theme = query.get("theme");
if (theme) {
  root.dataset.theme = theme;
  chat.setAttribute("theme", theme);
}
if (query.get("dir") === "rtl") root.dir = "rtl";
if (query.has("size")) root.style.fontSize = `${query.get("size")}%`;
if (query.has("color")) chat.style.setProperty("--guestwire-color", query.get("color"));
if (query.has("position")) chat.setAttribute("position", query.get("position") as string);

if (name === null) {
  document.querySelector("#states")?.append(
    ...Object.keys(STATES).map((state) => {
      const link = document.createElement("a");
      link.href = `?state=${state}`;
      link.textContent = state;
      return link;
    }),
  );
} else {
  const after = STATES[name]?.();
  if (!name.startsWith("closed") && !query.has("shut")) chat.setAttribute("open", "");
  chat.client = client;
  document.body.append(chat);
  setTimeout(async () => {
    await after?.();
    requestAnimationFrame(() => root.setAttribute("data-shown", ""));
  });
}
window.client = client;
window.chat = chat;
