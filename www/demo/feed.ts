/**
 * One look a second at the service's side: its sessions, its log and the fault rules, narrowed to one deployment when asked.
 * Everything on the page that shows the service's side reads from here.
 */
import type { Stored } from "./proof.js";
import { type ListedRule, type LogRecord, type SimulatorSession, readLog, readRules, readSessions } from "./simulator.js";

const INTERVAL_MS = 1000;

export interface Counters { readonly framesIn: number; readonly framesOut: number; readonly stored: number; readonly faults: number }

export interface Snapshot {
  readonly reachable: boolean;
  /** When this look began, in ms since the epoch: what the service stored before it is in here. */
  readonly seenAt: number;
  /** In the order in which they appeared. */
  readonly sessions: readonly SimulatorSession[];
  /** Every guest message the service stored, in its order, also those of sessions that are gone. */
  readonly stored: readonly Stored[];
  readonly rules: readonly ListedRule[];
  readonly counters: Counters;
  /** How often the simulator was seen to start anew, knowing nothing of what was before. */
  readonly restarts: number;
}

const NOTHING = { stored: [], counters: { framesIn: 0, framesOut: 0, stored: 0, faults: 0 } };

export class Feed {
  snapshot: Snapshot = { reachable: true, seenAt: 0, sessions: [], rules: [], restarts: 0, ...NOTHING };
  readonly #deploymentId: string | undefined;
  readonly #listeners = new Set<() => void>();
  #next = 0;
  #running: Promise<void> | undefined;
  #queued: Promise<void> | undefined;
  /** The place of each session in the list, by token, given out as they appear. */
  readonly #places = new Map<string, number>();

  constructor(deploymentId?: string) {
    this.#deploymentId = deploymentId;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Looks now and every second from here on. */
  start(): void {
    void this.refresh().then(() => setTimeout(() => this.start(), INTERVAL_MS));
  }

  /** A look that begins after this call; those who ask while one is under way share the next. */
  refresh(): Promise<void> {
    if (this.#running === undefined) {
      this.#running = this.#look().finally(() => { this.#running = undefined; });
      return this.#running;
    }
    this.#queued ??= this.#running.then(() => {
      this.#queued = undefined;
      return this.refresh();
    });
    return this.#queued;
  }

  async #look(): Promise<void> {
    const seenAt = Date.now();
    try {
      const [sessions, log, rules] = await Promise.all([readSessions(this.#deploymentId), readLog(this.#next, this.#deploymentId), readRules()]);
      // A log that starts over is a simulator that was started anew; the next look reads it from its beginning.
      const isRestarted = log.next < this.#next;
      this.#next = isRestarted ? 0 : log.next;
      this.snapshot = {
        ...(isRestarted ? NOTHING : added(this.snapshot, log.records)),
        reachable: true, seenAt, rules,
        restarts: this.snapshot.restarts + (isRestarted ? 1 : 0),
        sessions: this.#inOrder(sessions),
      };
    } catch {
      this.snapshot = { ...this.snapshot, reachable: false };
    }
    for (const listener of this.#listeners) listener();
  }

  /** The simulator lists sessions by token; people expect them where they were a second ago. */
  #inOrder(sessions: readonly SimulatorSession[]): SimulatorSession[] {
    const byActivity = [...sessions].sort((a, b) => a.lastActivity - b.lastActivity);
    for (const { token } of byActivity) if (!this.#places.has(token)) this.#places.set(token, this.#places.size);
    const place = (session: SimulatorSession): number => this.#places.get(session.token) ?? 0;
    return byActivity.sort((a, b) => place(a) - place(b));
  }
}

/** What `records` add to the counts and to the guest's stored messages. */
function added({ counters, stored }: Pick<Snapshot, "counters" | "stored">, records: readonly LogRecord[]): Pick<Snapshot, "counters" | "stored"> {
  const count = (kind: LogRecord["kind"]): number => records.filter((record) => record.kind === kind).length;
  // Join and other events are stored without a text.
  const messages = records.filter(({ kind, direction, text }) => kind === "stored" && direction === "Inbound" && text !== undefined);
  return {
    counters: {
      framesIn: counters.framesIn + count("frame-in"), framesOut: counters.framesOut + count("frame-out"),
      stored: counters.stored + messages.length, faults: counters.faults + count("fault"),
    },
    stored: messages.length === 0 ? stored : [...stored, ...messages],
  };
}
