// The JavaScript side for the tests: the contract of src/browser/bag.rs, and the levers of a browser that a test pulls. The
// shim's own bag and host are tested where they are (www/client, tests/e2e).

class Bag {
  memory = Object.create(null);
  live = new Set();
  held = new Set();
  listening = [];
  guard(callback) {
    const guarded = (value) => (this.live.has(guarded) ? callback(value) : undefined);
    this.live.add(guarded);
    return guarded;
  }
  soon(guarded) {
    queueMicrotask(() => guarded(undefined));
  }
  listen(target, event, callback) {
    if (typeof target?.addEventListener !== "function") return;
    target.addEventListener(event, callback);
    this.listening.push(() => target.removeEventListener(event, callback));
  }
  hold(thing) {
    this.held.add(thing);
  }
  drop(thing) {
    this.live.delete(thing);
    this.held.delete(thing);
  }
  lease() {
    const lease = {};
    lease.promise = new Promise((resolve) => (lease.end = () => resolve()));
    this.hold(lease);
    return lease;
  }
  empty() {
    this.live.clear();
    for (const off of this.listening.splice(0)) off();
    for (const thing of this.held) (thing.abort ?? thing.end ?? thing.close).call(thing);
    this.held.clear();
  }
}

export const newBag = () => new Bag();
/** What the shim does with it at the end. */
export const emptyBag = (bag) => bag.empty();
export const bagSize = (bag) => bag.live.size + bag.held.size + bag.listening.length;

const token = { access_token: "t/+=", expires_in: 3600 };

/** What a page does when it is asked for an access token; anything else is the address of the site's own backend. */
const giving = {
  token: () => Promise.resolve(Response.json(token)),
  nothing: () => Promise.reject(new Error("there is none")),
  exception: () => {
    throw new Error("there is none");
  },
  silence: () => new Promise(() => {}),
};

export const newHost = (event, global, gives) => ({
  global: global ?? globalThis,
  locks: (global ?? globalThis).navigator?.locks,
  event,
  socket: (url) => new WebSocket(url),
  fetch: (url, init) => {
    const request = new Request(url, init);
    credentials = request.credentials;
    return fetch(request);
  },
  token: giving[gives] ?? (() => fetch(gives, { method: "POST" })),
});

let credentials;

/** Whether the last request took cookies along: `omit`, `same-origin` or `include`. */
export const lastCredentials = () => credentials;

/** From now on the monotonic clock is so much ahead. */
export const skip = (ms) => {
  const now = Performance.prototype.now.bind(performance);
  Object.defineProperty(performance, "now", { value: () => now() + ms, configurable: true });
};
export const unskip = () => delete performance.now;

const members = ["document", "navigator", "localStorage"];

/** A global object that lacks something. */
export const globalWithout = (name) => Object.fromEntries(members.filter((member) => member !== name).map((member) => [member, globalThis[member]]));

/** A global object whose storage throws at every touch, as with cookies blocked. */
export const globalWithForbiddenStorage = () => Object.defineProperty(globalWithout("localStorage"), "localStorage", {
  get() {
    throw new DOMException("denied", "SecurityError");
  },
});

/** Tells the simulator something. */
export const control = async (url, path, body) => {
  const response = await fetch(`${url}/_sim/${path}`, { method: "POST", headers: { "content-type": "application/json" }, body });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
};

export const sessions = async (url, deployment) => (await fetch(`${url}/_sim/sessions?deploymentId=${deployment}`)).text();

export const dispatch = (name, type, members) => {
  const target = name === "document" ? document : window;
  const event = new Event(type);
  for (const [member, value] of Object.entries(JSON.parse(members))) Object.defineProperty(event, member, { value });
  target.dispatchEvent(event);
};

export const pretendHidden = (hidden) => Object.defineProperty(document, "hidden", { value: hidden, configurable: true });

/** Fills localStorage to the last letter, then gives so many back. */
export const fill = (free) => {
  localStorage.removeItem("filler");
  let text = "";
  for (let step = 1 << 23; step >= 1; step >>= 1) {
    try {
      localStorage.setItem("filler", text + "x".repeat(step));
      text += "x".repeat(step);
    } catch {
      // Too much: half of it.
    }
  }
  if (text.length < free) throw new Error("there was no room to fill");
  localStorage.setItem("filler", text.slice(0, text.length - free));
};
export const unfill = () => localStorage.removeItem("filler");

export const lockIsHeld = async (name) => (await navigator.locks.query()).held.some((lock) => lock.name === name);

export const bigBlob = (bytes) => URL.createObjectURL(new Blob([new Uint8Array(bytes).fill(32)]));

/** A fault rule of this deployment was met. */
export const wasHit = async (url, deployment) => {
  const { records } = await (await fetch(`${url}/_sim/log?since=0&deploymentId=${deployment}`)).json();
  return records.some(({ kind }) => kind === "fault");
};
