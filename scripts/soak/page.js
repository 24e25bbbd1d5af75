// A page with nothing on it but a client, which tells whoever drives the browser what happens to it: each thing as a line of JSON to the
// binding `told`, with the page's own time. It keeps none of that, so that its memory is the client's. `?idle` does not start.

import { memory } from "/bench/memory.js";
import { GuestClient } from "/dist/index.js";

const query = new URLSearchParams(location.search);
const tell = (what, more) => globalThis.told?.(JSON.stringify({ what, at: performance.now(), ...more }));

for (const name of ["pagehide", "pageshow"]) addEventListener(name, ({ persisted }) => tell("page", { name, persisted }));
for (const name of ["online", "offline", "focus", "keydown"]) addEventListener(name, () => tell("page", { name }));
for (const name of ["visibilitychange", "freeze", "resume"]) document.addEventListener(name, () => tell("page", { name, visibility: document.visibilityState }));

const client = new GuestClient({ deploymentId: query.get("deployment"), endpoint: query.get("endpoint") });

/** What the list shows, by row: to see a double in the moment it is there. */
const texts = new Map();
let unproved = 0;
let leads = false;

client.on("message", ({ message: { id, direction, text, status } }) => {
  if (text !== undefined && [...texts.values()].includes(text)) tell("double", { text });
  texts.set(id, text);
  tell("row", { direction, text, status });
});
client.on("updated", ({ message: { direction, text, status, error } }) => {
  if (direction !== "inbound") return;
  const { unprovedResends = 0 } = client.metrics;
  if (unprovedResends > unproved) tell("doubt", { text });
  unproved = unprovedResends;
  tell("status", { text, status, code: error?.code });
});
client.on("removed", ({ id }) => texts.delete(id));
client.on("state", (state) => tell("state", state));
client.on("metric", ({ kind, ms }) => tell("metric", { kind, ms }));
client.on("gap", ({ filled }) => tell("gap", { filled }));
client.on("tab", ({ role }) => {
  leads = role === "leader";
  tell("tab", { role });
});
for (const name of ["warning", "error"]) client.on(name, ({ code }) => tell(name, { code }));

globalThis.life = {
  client,
  memory,

  /** Sends as a visitor does. What comes back is said once the client has taken the message, or has refused to. */
  say(text) {
    try {
      const { durable, done } = client.send(text);
      done.catch(() => {});
      return { durable };
    } catch ({ code }) {
      return { refused: code };
    }
  },

  /** How things stand. */
  look: () => ({ state: client.state, outbox: client.outbox.filter(({ status }) => status === "queued" || status === "sending").length, rows: client.messages.length, leads, metrics: { ...client.metrics }, visibility: document.visibilityState }),

  /** What stands on the list. */
  list: () => client.messages.map(({ direction, text, status }) => ({ direction, text, status })),

  /** Loads older pages until there is none; whether that worked. */
  async readAll() {
    for (;;) {
      const { complete } = await client.history();
      if (complete) return client.messages.length;
    }
  },

  /** What the site has stored is gone. */
  wipe: () => localStorage.clear(),

  /** The page's only thread is busy for so long. */
  stall(ms) {
    const until = performance.now() + ms;
    while (performance.now() < until);
  },
};

tell("page", { name: "made" });
if (!query.has("idle")) client.start().catch(() => {});
