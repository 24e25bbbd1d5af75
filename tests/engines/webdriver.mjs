// A client of the W3C WebDriver protocol: one function for each command that the scenarios use, over plain fetch. The protocol is JSON
// over HTTP and the same for every engine, so that nothing stands between a scenario and what its engine does.

const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";
/** Keys that are not characters have a place of their own in the protocol (WebDriver, 17.4.2). */
export const KEY = { tab: "\uE004", enter: "\uE007", shift: "\uE008", escape: "\uE00C", up: "\uE013" };

/** What a command was refused with; `code` is the protocol's own word for it, such as "no such window". */
export class Refused extends Error {
  constructor(command, { error, message }) {
    super(`${command}: ${error}: ${message}`);
    this.code = error;
  }
}

/** One command to a driver, or to a session of it. */
export async function command(base, method, path, body) {
  const response = await fetch(`${base}${path}`, {
    method,
    ...(body !== undefined && { headers: { "content-type": "application/json; charset=utf-8" }, body: JSON.stringify(body) }),
  });
  const { value } = await response.json();
  if (!response.ok) throw new Refused(`${method} ${path}`, value ?? {});
  return value;
}

/** A browser that runs: one profile, and as many windows as are opened in it. */
export class Session {
  #base;
  /** The window that commands go to. */
  #current;

  static async begin(driver, capabilities) {
    const { sessionId, capabilities: granted } = await command(driver, "POST", "/session", { capabilities: { alwaysMatch: capabilities } });
    return new Session(`${driver}/session/${sessionId}`, granted);
  }

  constructor(base, granted) {
    this.#base = base;
    this.granted = granted;
  }

  post = (path, body = {}) => command(this.#base, "POST", path, body);
  get = (path) => command(this.#base, "GET", path);
  end = () => command(this.#base, "DELETE", "");

  window = () => this.get("/window");
  windows = () => this.get("/window/handles");
  openWindow = async (type) => (await this.post("/window/new", { type })).handle;

  async switchTo(handle) {
    if (this.#current === handle) return;
    await this.post("/window", { handle });
    this.#current = handle;
  }

  async closeWindow() {
    this.#current = undefined;
    await command(this.#base, "DELETE", "/window");
  }

  resize = (width, height) => this.post("/window/rect", { width, height });
  minimize = () => this.post("/window/minimize");

  // Navigation as by the browser's own bar.
  open = (url) => this.post("/url", { url });
  reload = () => this.post("/refresh");
  back = () => this.post("/back");

  /** Runs a function in the page and gives back what it returns, or what its promise settles with. It reaches nothing of ours but its arguments. */
  run = (script, ...args) => this.post("/execute/sync", { script: `return (${script}).apply(null, arguments)`, args });

  // An element is what `run` gave back for one.
  click = (element) => this.post(`/element/${element[ELEMENT]}/click`);
  /** Puts the focus there and types. */
  type = (element, text) => this.post(`/element/${element[ELEMENT]}/value`, { text });

  /** Presses keys one after the other wherever the focus is; an array is keys held together, all but the last of them. */
  async press(...keys) {
    const actions = keys.flatMap((key) => {
      const held = [key].flat();
      return [...held.map((value) => ({ type: "keyDown", value })), ...held.toReversed().map((value) => ({ type: "keyUp", value }))];
    });
    await this.post("/actions", { actions: [{ type: "key", id: "keyboard", actions }] });
  }
}
