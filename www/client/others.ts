/**
 * The line to the visitor's other tabs: what has to be here before there is another one. The rest (`tabs.ts`) is fetched when one
 * was heard, or leads.
 */

import type { Bag } from "./bag.js";
import { uuid } from "./early.js";
import { Call } from "./generated/enums.js";
import type { Leases } from "./lease.js";
import type { Said, Seat, Tabs } from "./tabs.js";

/** What a tab that follows has the leader do. */
export const OF_LEADER: readonly Call[] = [Call.Retry, Call.Cancel, Call.Typing, Call.Read, Call.Reconnect, Call.History, Call.Clear, Call.RestartAndSend, Call.RestartAndDiscard];
/** What could not be fetched is fetched again after so long, milliseconds. */
const AGAIN_MS = 1_000;

export class Others {
  /** Whether this tab leads; not known before it was told, and of no meaning while it is out of the line. */
  leads: boolean | undefined;
  /** Once there is another tab. */
  tabs: Tabs | undefined;
  readonly #bag: Bag;
  readonly #seat: () => Seat;
  readonly #forget: () => void;
  /** What waits for that to be fetched. */
  readonly #waiting: ((tabs: Tabs) => void)[] = [];
  #channel: BroadcastChannel | undefined;
  #leases: Leases | undefined;
  #disposed = false;

  /** `forget`: another tab wants everything forgotten. */
  constructor(bag: Bag, seat: () => Seat, forget: () => void) {
    this.#bag = bag;
    this.#seat = seat;
    this.#forget = forget;
  }

  /** Locks of our own: browsers keep theirs from pages of plain-http hosts. */
  async locks(): Promise<LockManager> {
    const { Leases } = await import("./lease.js");
    this.#leases = new Leases(uuid);
    if (this.#disposed) this.#leases.dispose();
    return this.#leases as unknown as LockManager;
  }

  /** Listens, while this page is not put away. */
  meet(name: string): void {
    if (name === "" || typeof BroadcastChannel !== "function") return;
    const join = (): void => {
      try {
        this.#channel = new BroadcastChannel(name);
        this.#channel.onmessage = ({ data }) => this.#hear(data);
        this.#bag.hold(this.#channel);
      } catch {
        // Forbidden with the page's storage: nothing is shared.
      }
    };
    this.#bag.listen(globalThis, "pagehide", () => {
      if (this.#channel === undefined) return;
      this.#bag.drop(this.#channel);
      this.#channel.close();
    });
    this.#bag.listen(globalThis, "pageshow", (event) => (event as PageTransitionEvent).persisted && join());
    join();
  }

  /** `name`: of the channel, where it is said although this tab has not met the others. */
  say(said: Said, name?: string): void {
    try {
      const channel = this.#channel ?? (name ? new BroadcastChannel(name) : undefined);
      channel?.postMessage(said);
      if (channel !== this.#channel) channel!.close();
    } catch {
      // Put away, or there is no such thing: there is nobody to say it to.
    }
  }

  #hear(said: Said | undefined): void {
    // What must not wait for more to be fetched.
    if (said?.do === "forget") this.#forget();
    else if (said?.do === "ask" && this.tabs === undefined) this.leads && this.say({ do: "here" });
    else if (said?.do !== undefined) this.with((tabs) => tabs.hear(said));
  }

  /** Does something with what is fetched when there is another tab. */
  with(run: (tabs: Tabs) => void): void {
    // What its core tells next is this tab's or the leader's: that is known before.
    if (this.tabs !== undefined) return run(this.tabs);
    if (this.#waiting.push(run) === 1) this.#load();
  }

  #load(): void {
    import("./tabs.js").then(
      ({ Tabs }) => {
        if (this.#disposed) return;
        this.tabs = new Tabs(this.#seat(), this.leads === true);
        for (const run of this.#waiting.splice(0)) run(this.tabs);
      },
      () => setTimeout(() => this.#disposed || this.#load(), AGAIN_MS),
    );
  }

  /** This tab is out of the line. */
  leave(): void {
    this.leads = undefined;
    this.tabs?.leave();
  }

  dispose(): void {
    this.#disposed = true;
    this.tabs?.dispose();
    this.#channel = undefined;
    this.#leases?.dispose();
  }
}
