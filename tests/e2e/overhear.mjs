// Everything that comes out of a page, overheard: what any script logs, throws, measures, puts into an address, an attribute or the
// name of a key, what the client tells, and what the browser says and asks for by itself. Each is kept with the place it came
// from, and each place has its rule of what may be said there.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

/** Runs in the page before anything else. */
function overhear() {
  // A page begins as a blank one, which is no place for any of this.
  if (!location.protocol.startsWith("http")) return;
  const heard = [];
  const hear = (place, ...values) => void heard.push([place, values.map((value) => all(value)).join(" ")]);

  /** A value with all that it holds, hidden members and getters included, as one text. */
  function all(value, depth = 0, seen = new Set()) {
    if (typeof value !== "object" || value === null) return String(value);
    if (seen.has(value) || depth > 8) return "";
    seen.add(value);
    if (value instanceof Node) return value.outerHTML ?? value.textContent ?? "";
    const inner = (part) => all(part, depth + 1, seen);
    const parts = value instanceof Map || value instanceof Set ? [...value].map(inner) : [];
    // The getters of a class are on its prototypes; those of the language's own objects say nothing more.
    for (let of = value; of !== null && of !== Object.prototype && of !== Array.prototype; of = Object.getPrototypeOf(of)) {
      for (const name of Object.getOwnPropertyNames(of)) {
        try {
          if (typeof value[name] !== "function") parts.push(`${name}: ${inner(value[name])}`);
        } catch {
          // Not to be had.
        }
      }
    }
    return parts.join("\n");
  }

  const wrap = (of, name, place, pick = (...values) => values) => {
    const original = of[name];
    if (typeof original !== "function") return;
    of[name] = function (...values) {
      hear(place, ...pick(...values));
      return original.apply(this, values);
    };
  };
  for (const name of Object.keys(console)) wrap(console, name, `console.${name}`);
  for (const name of ["mark", "measure"]) wrap(performance, name, `performance.${name}`);
  for (const name of ["pushState", "replaceState"]) wrap(history, name, `history.${name}`);
  wrap(window, "reportError", "reportError");
  wrap(window, "postMessage", "window.postMessage");
  wrap(BroadcastChannel.prototype, "postMessage", "channel");
  wrap(Storage.prototype, "setItem", "key", (key) => [key]);
  wrap(Storage.prototype, "setItem", "stored", (_, value) => [value]);
  wrap(navigator, "sendBeacon", "beacon");
  addEventListener("error", (event) => hear("window error", event.message, event.filename, event.error), true);
  addEventListener("unhandledrejection", (event) => hear("unhandled rejection", event.reason), true);
  addEventListener("securitypolicyviolation", (event) => hear("policy violation", event.blockedURI, event.sample), true);

  const attributes = (node) => {
    for (const { name, value } of node.attributes ?? []) hear("attribute", `${node.localName} ${name}=${value}`);
  };
  /** The attributes below a root, now and from now on. */
  const watch = (root) => {
    const below = (node) => {
      attributes(node);
      for (const child of node.querySelectorAll?.("*") ?? []) attributes(child);
    };
    below(root);
    new MutationObserver((changes) => {
      for (const { type, target, attributeName, addedNodes } of changes) {
        if (type === "attributes") hear("attribute", `${target.localName} ${attributeName}=${target.getAttribute(attributeName)}`);
        for (const node of addedNodes) below(node);
      }
    }).observe(root, { attributes: true, childList: true, subtree: true });
  };
  watch(document);
  new MutationObserver(() => hear("title", document.title)).observe(document, { childList: true, subtree: true, characterData: true });

  window.overheard = {
    hear,
    watch,
    /** What may be looked at, at this moment. */
    async look(clients = []) {
      hear("title", document.title);
      hear("address", location.href, document.referrer, history.state, window.name, document.cookie);
      for (const area of [localStorage, sessionStorage]) {
        for (const [key, value] of Object.entries(area)) {
          hear("key", key);
          hear("stored", value);
        }
      }
      for (const entry of performance.getEntries()) hear("performance entry", entry.name, entry.detail);
      for (const { name } of (await indexedDB.databases?.()) ?? []) hear("database", name);
      for (const client of clients) {
        hear("diagnostics", JSON.stringify(client.diagnostics()), client.diagnostics());
        hear("metrics", client.metrics);
        hear("state", client.state, client.session);
      }
    },
    /** Listens to all that a client tells. */
    client(client) {
      const words = new Set(["message", "updated", "moved"]);
      for (const event of ["state", "session", "message", "updated", "moved", "removed", "gap", "typing", "receipt", "outbox", "attachment", "unread", "tab", "metric", "warning", "error"]) {
        client.on(event, (payload) => hear(words.has(event) ? "message event" : `${event} event`, JSON.stringify(payload) ?? "", payload));
      }
    },
    /** What a call is refused with. */
    async refusal(run) {
      try {
        const result = await run();
        await result?.done;
        hear("not refused", String(run));
      } catch (error) {
        hear("refusal", String(error), JSON.stringify(error), error);
      }
    },
    take: () => heard.splice(0),
  };
}

/** Where what was written may be read: it is what these are for, and they are the page's own. */
const OF_WORDS = new Set(["message event", "stored", "channel"]);

/** Where a conversation has to be named: in storage, and between the tabs by the bodies of its messages, which hold the session's id (SECURITY.md). */
const OF_SECRETS = { stored: ["guest token", "session"], channel: ["session"] };

/** What one browser profile lets out. */
export class Witness {
  #heard = [];
  /** What admits to a conversation, and what it is called. */
  secrets = new Map();
  #words = [];

  constructor(context) {
    this.context = context;
    const hear = (place, text) => this.#heard.push([place, text]);
    context.on("console", (message) => hear("browser's console", message.text()));
    context.on("weberror", (thrown) => hear("uncaught", `${thrown.error()} ${thrown.error()?.stack}`));
    context.on("dialog", (dialog) => hear("dialog", dialog.message()));
    context.on("request", (request) => {
      hear("request", request.url());
      hear("referrer", request.headers().referer ?? "");
    });
  }

  /** From now on every page of the profile is overheard. */
  static async of(context) {
    const witness = new Witness(context);
    await context.addInitScript(overhear);
    context.on("page", (page) => witness.#learn(page));
    return witness;
  }

  /** A word that nobody else says, to be put into what is written. */
  word(name) {
    const word = `${name}${randomUUID().replaceAll("-", "")}`;
    this.#words.push(word);
    return word;
  }

  #secret(name, value) {
    if (typeof value === "string" && value.length >= 8 && (this.secrets.get(value) ?? "bearer") === "bearer") this.secrets.set(value, name);
  }

  /** The secrets of both protocols, as they go over the line. */
  #learn(page) {
    page.on("websocket", (socket) => {
      this.#heard.push(["socket", socket.url()]);
      this.#secret("access token", new URL(socket.url()).searchParams.get("token"));
      this.#secret("session", /\/sessions\/([^/]+)\//.exec(socket.url())?.[1]);
      socket.on("framesent", ({ payload }) => this.#secret("guest token", json(payload)?.token));
      socket.on("framereceived", ({ payload }) => this.#secret("JWT", json(payload)?.body?.jwt));
    });
    page.on("request", (request) => this.#secret("bearer", /^bearer (.+)$/i.exec(request.headers().authorization ?? "")?.[1]));
    page.on("response", async (response) => {
      const { pathname } = new URL(response.url());
      const told = /\/(token|sessions)$/.test(pathname) ? json(await response.text().catch(() => "")) : undefined;
      this.#secret("access token", told?.access_token);
      this.#secret("session", pathname.endsWith("/sessions") ? told?.id : undefined);
    });
  }

  /** Everything heard so far from this page; a page that goes away is asked before. */
  async listen(page) {
    this.#heard.push(...(await page.evaluate(async () => {
      await window.overheard.look(window.clients);
      return window.overheard.take();
    })));
  }

  /** Something heard elsewhere. */
  hear(place, text) {
    this.#heard.push([place, text]);
  }

  /** How often something was heard, by place. */
  count(place) {
    return this.#heard.filter(([from]) => from === place).length;
  }

  /** What was heard from a place. */
  from(place) {
    return this.#heard.filter(([from]) => from === place).map(([, text]) => text);
  }

  /** What was said where it must not be. */
  leaks() {
    const found = new Set();
    for (const [place, text] of this.#heard) {
      for (const [name, traces] of this.#forbidden(place)) {
        const said = excused(place, text);
        if (traces.some((trace) => said.includes(trace))) found.add(`${name} in ${place}: ${text.slice(0, 300)}`);
      }
    }
    return [...found];
  }

  #forbidden(place) {
    const secrets = [...this.secrets].filter(([, name]) => !OF_SECRETS[place]?.includes(name));
    const words = OF_WORDS.has(place) ? [] : this.#words.map((word) => [word, "a text"]);
    return [...secrets, ...words].map(([value, name]) => [`${name} ${value.slice(0, 12)}…`, traces(value)]);
  }

  assertNothingLeaked() {
    assert.deepEqual(this.leaks(), []);
  }
}

/**
 * What a protocol itself demands: the session protocol opens its socket by an address that holds the access token and, like that of its
 * history, the session's id, for a page can set no header on an upgrade. Nobody may repeat it, but the browser does when the upgrade fails.
 */
function excused(place, text) {
  const address = /(wss?|https?)(:\/\/[^/\s']+\/api\/v2\/conversations\/webmessaging\/sessions\/)[^/]+(\/messages)(\?token=[^\s'&]*)?/;
  if (place === "socket" || place === "request" || place === "performance entry") return text.replace(new RegExp(`^${address.source}`), "$1$2$3");
  if (place === "browser's console") return text.replace(new RegExp(`^WebSocket connection to '${address.source}' failed`), "");
  return text;
}

/** What gives a secret away: it, its beginning, its end, or it in another dress. */
function traces(value) {
  const dresses = [value, encodeURIComponent(value), Buffer.from(value).toString("base64").replace(/=+$/, ""), [...value].reverse().join("")];
  return value.length < 24 ? dresses : [...dresses, value.slice(0, 16), value.slice(-16)];
}

function json(text) {
  try {
    return JSON.parse(String(text));
  } catch {
    return undefined;
  }
}
