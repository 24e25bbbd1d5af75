/** The module: loaded once, when the first client is made, and brought up anew after a panic, with every client of it. */

import { Code, GuestwireError } from "./errors.js";
import type { Core } from "./generated/core.js";

/** What `WebAssembly` can be made of. */
export type WasmSource = string | URL | Request | Response | BufferSource | WebAssembly.Module;

/** What binds a module to JavaScript. It fits one module and no other, and holds one instance of it. */
export interface Binding<Self extends Binding<Self>> {
  runtime?: Runtime<Self>;
  imports(): WebAssembly.Imports;
  start(module: WebAssembly.Module, instance?: WebAssembly.Instance): void;
}

/** What binds a module of the chat. */
export interface Glue extends Binding<Glue> {
  readonly Core: typeof Core;
}

/** Says what the module is, and where. */
export type Provide<G extends Binding<G> = Glue> = () => Promise<{ readonly glue: G; readonly source: WasmSource }>;

/** So many panics within a minute are a panic of the restarting itself. */
const MAX_PANICS = 3;

/** A client as the runtime sees it. */
export interface Inhabitant {
  /** Fires what was queued. Called when no frame of the module is on the stack. */
  flush(): void;
  /** The module is gone: nothing of it may be called any more. */
  abandon(): void;
  /** There is fresh memory, in place of one that ended by this. */
  revive(cause: unknown): void;
  /** There will be none. */
  giveUp(error: GuestwireError): void;
}

export class Runtime<G extends Binding<G> = Glue> {
  readonly glue: G;
  readonly #module: WebAssembly.Module;
  readonly #clients = new Set<Inhabitant>();
  /** Which memory this is, counted from 0. */
  memory = 0;
  #depth = 0;
  #panic: { readonly cause: unknown } | undefined;
  #panics: number[] = [];

  constructor(glue: G, { module, instance }: WebAssembly.WebAssemblyInstantiatedSource) {
    this.glue = glue;
    this.#module = module;
    glue.start(module, instance);
  }

  add(client: Inhabitant): void {
    this.#clients.add(client);
  }

  remove(client: Inhabitant): void {
    this.#clients.delete(client);
  }

  /**
   * Calls into the module. A refused call throws `[code, field?]`. Anything else that comes out is the end of this memory:
   * it was left in the middle of something. Once the last frame is off the stack, it is replaced and the clients start
   * again; what was called throws `Restarted`. Listeners run after that, so none of them has a frame of the module below it.
   */
  enter<T>(run: () => T): T {
    if (this.#panic !== undefined) throw new GuestwireError(Code.Restarted, this.#panic);
    this.#depth += 1;
    try {
      return run();
    } catch (thrown) {
      if (Array.isArray(thrown)) throw thrown;
      this.#panic = { cause: thrown };
      throw new GuestwireError(Code.Restarted, this.#panic);
    } finally {
      this.#depth -= 1;
      if (this.#depth === 0) this.#left();
    }
  }

  #left(): void {
    if (this.#panic !== undefined) this.#restart(this.#panic.cause);
    for (const client of [...this.#clients]) client.flush();
  }

  #restart(cause: unknown): void {
    this.memory += 1;
    for (const client of this.#clients) client.abandon();
    const now = Date.now();
    this.#panics = [...this.#panics.filter((at) => now - at < 60_000), now];
    try {
      if (this.#panics.length > MAX_PANICS) throw cause;
      this.glue.start(this.#module);
      this.#panic = undefined;
    } catch (error) {
      for (const client of [...this.#clients]) client.giveUp(new GuestwireError(Code.Restarted, { cause: error }));
      return;
    }
    for (const client of [...this.#clients]) client.revive(cause);
  }
}

/** By what was said to provide it. */
const loading = new Map<unknown, Promise<unknown>>();

/** Loads a module, once: where several say where it is, the first that is there serves all. A failure is not remembered. */
export function loadRuntime<G extends Binding<G>>(provide: Provide<G>): Promise<Runtime<G>> {
  const begun = (loading.get(provide) as Promise<Runtime<G>> | undefined) ?? load(provide);
  loading.set(provide, begun);
  return begun.catch((error: unknown) => {
    loading.delete(provide);
    throw explain(error);
  });
}

async function load<G extends Binding<G>>(provide: Provide<G>): Promise<Runtime<G>> {
  const { glue, source } = await provide();
  const made = await instantiate(source, glue);
  return (glue.runtime ??= new Runtime(glue, made));
}

/** What the page gave as a module, whatever it is, and a first instance of it. */
export async function instantiate(source: WasmSource, glue: Pick<Glue, "imports">): Promise<WebAssembly.WebAssemblyInstantiatedSource> {
  if (typeof source === "string" || source instanceof URL || source instanceof Request) return instantiate(await fetch(source), glue);
  if (source instanceof Response) {
    if (!source.ok) throw new Error(`${source.status} ${source.statusText} for ${source.url}`);
    // Compiled while it arrives, where the platform can and may.
    const typed = source.headers.get("content-type") === "application/wasm";
    if (typed && typeof WebAssembly.instantiateStreaming === "function") return WebAssembly.instantiateStreaming(source, glue.imports());
    if (!typed) console.warn("guestwire: not served as application/wasm:", source.url);
    return instantiate(await source.arrayBuffer(), glue);
  }
  const made: WebAssembly.WebAssemblyInstantiatedSource | WebAssembly.Instance = await WebAssembly.instantiate(source as BufferSource, glue.imports());
  return made instanceof WebAssembly.Instance ? { module: source as WebAssembly.Module, instance: made } : made;
}

/** What kept a module from being loaded, as an error of the client. */
export function explain(error: unknown): GuestwireError {
  if (error instanceof GuestwireError) return error;
  const blocked = typeof WebAssembly !== "object" || /unsafe-eval|content.security|\bcsp\b/i.test(String(error));
  return new GuestwireError(blocked ? Code.WasmBlocked : Code.NotLoaded, { cause: error });
}

/** The inlined module: base64 of gzip. */
export async function decode(base64: string): Promise<ArrayBuffer> {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}
