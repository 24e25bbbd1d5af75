// One tab of a soak: what a visitor and a browser do to it, and what it told. A tab that was closed or killed is opened again as itself.

const CALL_MS = 120_000;
/** How long a page may take to load on a machine that is busy, and that is made to sleep meanwhile. */
const LOAD_MS = 60_000;

export class Tab {
  page;
  /** Counts the lives of its page. */
  life = 0;
  /** Nothing can be written into it right now. */
  shut = true;
  /** When it could not run as it should, `[from, to]`: what it measures then is the fault's doing, not the client's. */
  impaired = [];
  #busy = Promise.resolve();

  constructor(crew, index) {
    this.crew = crew;
    this.index = index;
  }

  /** What is done to one tab is done one after the other. */
  queue(work) {
    const done = this.#busy.then(work);
    this.#busy = done.catch(() => {});
    return done;
  }

  /** Opens it, again if need be, and awaits its page. */
  async open() {
    this.page = await this.crew.browser.open();
    await this.page.hear("told", (said) => this.crew.hear(this, said));
    await this.page.send("Network.enable");
    await this.#load(() => this.page.goto(this.crew.url));
  }

  async reload() {
    this.#end("reload");
    await this.#load(async () => {
      const loaded = this.page.event("Page.loadEventFired", undefined, LOAD_MS);
      await this.page.send("Page.reload");
      await loaded;
    });
  }

  async #load(how) {
    this.shut = true;
    this.life += 1;
    await how();
    await this.page.run(() => new Promise((made) => {
      const look = () => (globalThis.life === undefined ? setTimeout(look, 20) : made());
      look();
    }), [], LOAD_MS);
    this.shut = false;
    this.crew.note("made", { tab: this.index, life: this.life });
  }

  async kill() {
    this.#end("kill");
    await this.page.crash();
    await this.page.close();
  }

  async close() {
    this.#end("close");
    await this.page.close();
  }

  #end(how) {
    this.shut = true;
    this.crew.ended(this, how);
  }

  /** To another page and back. Where the browser did not keep this one, it is a new life of it. */
  async leave(meanwhile) {
    this.shut = true;
    this.crew.ended(this, "put away");
    await this.page.goto(this.crew.awayUrl);
    await meanwhile();
    const shown = this.page.event("Page.frameNavigated", ({ frame }) => frame.parentId === undefined, LOAD_MS);
    await this.page.back();
    const { type } = await shown;
    if (type === "BackForwardCacheRestore") return void (this.shut = false);
    this.#end("not kept");
    await this.#load(() => {});
    return false;
  }

  async freeze(meanwhile) {
    this.crew.ended(this, "frozen");
    await this.page.freeze();
    await meanwhile();
    await this.page.thaw();
    await this.show();
  }

  /** In front, visible, whatever was done to it before. */
  async show() {
    await this.crew.cover();
    await this.page.show();
  }

  network(online) {
    return this.page.send("Network.emulateNetworkConditions", { offline: !online, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  }

  call(name, args = [], timeoutMs = CALL_MS) {
    return this.page.run(`(name, args) => globalThis.life[name](...args)`, [name, args], timeoutMs);
  }

  /** Bytes after a collection: of the page's script, of strings and buffers beside it, and of the module; and how many listeners there are. */
  async heap() {
    await this.page.send("HeapProfiler.collectGarbage");
    const { usedSize, backingStorageSize = 0 } = await this.page.send("Runtime.getHeapUsage");
    const { jsEventListeners: listeners } = await this.page.send("Memory.getDOMCounters");
    const [module, { rows, leads }] = await Promise.all([this.call("memory"), this.call("look")]);
    return { script: usedSize, buffers: backingStorageSize, module, listeners, rows, leads, life: this.life };
  }
}
