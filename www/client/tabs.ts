/**
 * Several tabs of one visitor: one of them leads, and the others show what it shows and have it do what they are asked for
 * (faults.md row 29). Fetched when there is another tab, and not before.
 *
 * Which tab leads is for the core and the lock (`src/guest/session/lead.rs`, `src/browser/lead.rs`). Here is what the tabs say to
 * each other, and when the lead is taken from one that no longer answers: whoever is looked at asks the leader all the time, two
 * seconds without an answer are one failure, and the second failure is waited for inside a lock of its own, so that nobody takes
 * the lead from one who has just taken it. It is taken as well from one that is not looked at and gets nowhere: behind other tabs
 * timers fire once a minute, and there is an attempt a minute at most.
 *
 * What comes over the channel and does not fit is dropped (`said.ts`).
 */

import type { ConnectionState, Message, Session } from "./api.js";
import { Code } from "./code.js";
import type { CoreEvent, CoreRow } from "./core-event.js";
import type { Early } from "./early.js";
import type { Emitter } from "./emitter.js";
import type { GuestwireError } from "./errors.js";
import { Call } from "./generated/enums.js";
import type { MessageList } from "./list.js";
import type { Row } from "./message.js";
import type { Receipts } from "./receipts.js";
import { fits } from "./said.js";
import type { Done, Tickets } from "./tickets.js";

/** A leader that was heard is asked again after so long, … */
const ASK_AFTER_MS = 250;
/** … and has so long to answer, twice. */
const ANSWER_MS = 2_000;
/** Where the leader's list was asked for, it is not asked for again before it came or so long has passed: it has every row. */
const LIST_MS = 1_000;
/** What waits for so long, or will wait for longer than an answer takes, is better off with a tab that is looked at. */
const STUCK_MS = 10_000;
/** An answer that was waited for so much longer than it had time says nothing of the leader: this page stood still. */
const STALL_MS = 1_000;

/** What a tab says, to all or to one. `term` and `seq` name what a leader told last. */
export type Said =
  | { do: "ask" }
  | { do: "here"; term?: string; seq?: number; hidden?: boolean }
  | { do: "lead"; term?: string; seq?: number }
  | { do: "hello"; from: string }
  | { do: "list"; to: string; term: string; seq: number; state: ConnectionState; session: Session | undefined; unread: number; rows: CoreRow[] }
  | { do: "event"; term: string; seq: number; event: CoreEvent }
  | { do: "call"; from: string; call: Call; text: string; ticket: number }
  | { do: "done"; to: string; done: Done }
  | { do: "added"; key: string; value?: string }
  | { do: "forget" };

/** What is needed of the client whose tab this is, code that both use included: so none has to be fetched in pieces. */
export interface Seat {
  readonly Row: typeof Row;
  readonly ofLeader: readonly Call[];
  uuid(): string;
  readonly list: MessageList;
  readonly early: Early;
  readonly receipts: Receipts;
  readonly tickets: Tickets;
  /** What storage has refused. */
  readonly memory: Record<string, string>;
  /** The names of the lock and the channel. */
  readonly name: string;
  readonly locks: LockManager;
  /** The member of a history page that holds the bodies. */
  readonly bodies: "entities" | "items";
  say(said: Said): void;
  /** Does with an event of a core, this tab's or the leader's, what is to be done with it. */
  take(event: CoreEvent): void;
  /** Calls this tab's own core. */
  call(call: Call, text?: string): unknown;
  ask(call: Call): Promise<Done>;
  facts(): { state: ConnectionState; session: Session | undefined; unread: number };
  /** How many rows of the list are a core's; those that wait for one follow. */
  rows(count?: number): number;
  /** Who is told what happens; with an argument, who was before. */
  emitter(next?: Pick<Emitter<never>, "emit">): Pick<Emitter<never>, "emit">;
}

/** Takes down what would have been told. */
class Diary {
  readonly entries: [string, unknown][] = [];
  emit(event: string, payload: unknown): void { this.entries.push([event, payload]); }
}

const OF_LIST = ["message", "updated", "moved", "removed"];

export class Tabs {
  readonly #seat: Seat;
  readonly #me: string;
  #following = false;
  #leading: boolean;
  /** Somebody follows. */
  #followed = false;
  /** Names the leader's time of leading, in which it counts what it tells. */
  #term = "";
  #seq = 0;
  /** When the leader's list was asked for, if it has not come since. */
  #greeted = 0;
  /** When the leader's list changed last: a leader that brings messages away is not stuck. */
  #moved = 0;
  /** Calls that the leader was asked for. */
  #asked = new Set<number>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #heard: (() => void) | undefined;
  #settled: (() => void) | undefined;
  /** This tab has just taken the lead: its list is made anew, and what differs from what was shown is told then. */
  #anew: { before: readonly Message[]; count: number; diary: Diary; emitter: Pick<Emitter<never>, "emit"> } | undefined;
  readonly #onVisible = (): void => this.#watch();
  /** What another tab has stored may be seen here later than what it says: this is told when it can be read. */
  readonly #onStorage = ({ key, newValue }: StorageEvent): void => {
    if (this.#leading && newValue !== null && this.#isRecord(key ?? "")) this.#seat.call(Call.Added);
  };

  constructor(seat: Seat, leads: boolean) {
    this.#seat = seat;
    this.#me = seat.uuid();
    this.#leading = leads;
    if (leads) this.#term = seat.uuid();
    document.addEventListener("visibilitychange", this.#onVisible);
    globalThis.addEventListener?.("storage", this.#onStorage);
  }

  /** This tab is out of the line: it was stopped, or is to forget everything. */
  leave(): void {
    this.#following = this.#leading = this.#followed = false;
    this.#refuse();
    this.#rest();
  }

  dispose(): void {
    this.leave();
    document.removeEventListener("visibilitychange", this.#onVisible);
    globalThis.removeEventListener?.("storage", this.#onStorage);
  }

  // ---- of this tab's core

  take(event: CoreEvent): void {
    if (event.type === "tab") return event.leader ? this.#lead(event) : this.#seat.take(event);
    // What its own core does while it follows is the leader's to tell; but it does what it is asked for, and says what is wrong.
    if (this.#following && event.type !== "done" && event.type !== "warning" && event.type !== "error") return;
    this.#seat.take(event);
    // A leader that stops leaves the lead to another.
    const isItsOwn = event.type === "done" || (event.type === "state" && ["idle", "stopped"].includes(event.state.name));
    if (this.#followed && !isItsOwn) this.#seat.say({ do: "event", term: this.#term, seq: (this.#seq += 1), event });
  }

  /** All that the core has told was taken. */
  taken(): void {
    if (this.#anew === undefined) return;
    const { before, count, diary, emitter } = this.#anew;
    this.#anew = undefined;
    const { list, rows, Row } = this.#seat;
    // Of a message that the service does not say whose it is this core knows the service's id alone.
    const known = new Map(before.map((row) => [row.serverId, row as Row]));
    const target = list.messages.slice(0, rows()).map((row) => new Row(Row.told(row), row.serverId === undefined ? undefined : known.get(row.serverId)));
    list.reset(before);
    this.#seat.emitter(emitter);
    rows(count);
    this.#show(target);
    for (const [event, payload] of diary.entries) if (!OF_LIST.includes(event)) emitter.emit(event as never, payload as never);
  }

  /** Another tab leads. */
  follow(): void {
    if (this.#following) return;
    this.leave();
    this.#following = true;
    this.#term = "";
    this.#greeted = 0;
    this.#moved = Date.now();
    this.#hello();
    this.#watch();
  }

  #lead(event: CoreEvent): void {
    const { Row, list, take, rows, call, say, emitter, bodies } = this.#seat;
    const followed = this.#following;
    this.leave();
    this.#leading = true;
    // Whoever follows says hello to the new leader.
    [this.#term, this.#seq] = [this.#seat.uuid(), 0];
    take(event);
    say({ do: "lead", term: this.#term });
    if (!followed) return;
    const before = list.messages;
    const shown = before.slice(0, rows()).map(Row.told);
    const diary = new Diary();
    this.#anew = { before, count: shown.length, diary, emitter: emitter(diary as never) };
    // Those that wait for a core find it now: what is stored it reads.
    list.reset(before.slice(rows()));
    rows(0);
    call(Call.Adopt, `{"${bodies}":[${shown.flatMap(({ status, body }) => (status === "sent" && body ? [body] : [])).join()}]}`);
  }

  // ---- what this tab has the leader do

  /** Asks for a call; a ticket is settled when the leader has come to its end. */
  forward(call: Call, text: string, ticket: number): void {
    if (ticket > 0) this.#asked.add(ticket);
    this.#seat.say({ do: "call", from: this.#me, call, text, ticket });
  }

  /** Whoever was asked will not answer any more. */
  #refuse(): void {
    for (const ticket of this.#asked) this.#done({ type: "done", ticket, code: Code.NotConnected });
  }

  #done(done: Done): void {
    if (this.#asked.delete(done.ticket)) this.#seat.tickets.take(done);
  }

  // ---- what the others say

  hear(said: unknown): void {
    if (!fits(said, this.#seat.rows())) return;
    try {
      if (this.#following) this.#hearLeader(said);
      else if (this.#leading) this.#hearFollower(said);
    } catch {
      // A call that is refused: whoever asked for it has looked before, or is of another version.
    }
  }

  #hearFollower(said: Said): void {
    const { Row, early, call, say, ask, list, rows, facts, ofLeader } = this.#seat;
    switch (said.do) {
      case "ask":
        return say({ do: "here", term: this.#term, seq: this.#seq, hidden: document.hidden });
      case "hello": {
        this.#followed = true;
        // What it accepted before it knew that it follows.
        call(Call.Added);
        const told = list.messages.slice(0, rows()).map(Row.told);
        return say({ do: "list", to: said.from, term: this.#term, seq: this.#seq, rows: told, ...facts() });
      }
      case "added":
        if (!this.#isRecord(said.key)) return;
        if (said.value !== undefined) early.write(said.key, said.value);
        return void call(Call.Added);
      case "call":
        if (!ofLeader.includes(said.call)) return;
        if (said.ticket === 0) return void call(said.call, said.text);
        return void ask(said.call).then(
          (done) => say({ do: "done", to: said.from, done: { ...done, ticket: said.ticket } }),
          ({ code }: GuestwireError) => say({ do: "done", to: said.from, done: { type: "done", ticket: said.ticket, code } }),
        );
    }
  }

  #hearLeader(said: Said): void {
    switch (said.do) {
      case "lead":
        this.#refuse();
        this.#greeted = 0;
        return this.#hello();
      case "here":
        this.#answered();
        if (said.term !== this.#term || said.seq !== this.#seq) return this.#hello();
        // Who asks now finds that it has come about long ago.
        this.#begun(this.#seat.facts().state);
        if (said.hidden === true && this.#isStuck()) this.#inTurn(() => this.#take());
        return;
      case "list":
        if (said.to === this.#me) this.#sync(said);
        return;
      case "event":
        this.#answered();
        if (said.term !== this.#term || said.seq !== this.#seq + 1) return this.#hello();
        this.#seq = said.seq;
        return this.#mirror(said.event);
      case "done":
        if (said.to === this.#me) this.#done(said.done);
    }
  }

  /** Its lock's name has the deployment, and no other part of it has a colon. */
  #isRecord(key: string): boolean {
    return key.startsWith(`gw1:${this.#seat.name.split(":")[1]}:m:`);
  }

  /** Asks for the leader's list. */
  #hello(): void {
    const now = Date.now();
    if (Math.abs(now - this.#greeted) < LIST_MS) return;
    this.#greeted = now;
    this.#seat.say({ do: "hello", from: this.#me });
  }

  #sync({ term, seq, rows, state, session, unread }: Extract<Said, { do: "list" }>): void {
    const target = rows.map((row) => new this.#seat.Row(row));
    [this.#term, this.#seq, this.#greeted] = [term, seq, 0];
    this.#answered();
    this.#show(target);
    if (session !== undefined) this.#mirror({ type: "session", ...session });
    this.#mirror({ type: "unread", count: unread });
    this.#mirror({ type: "state", state });
  }

  /** The leader's event is this tab's. */
  #mirror(event: CoreEvent): void {
    const { receipts, take } = this.#seat;
    if (OF_LIST.includes(event.type)) this.#moved = Date.now();
    take(event);
    if (event.type === "removed") receipts.refuse(event.id, Code.Cancelled);
    if (event.type === "removed" || (event.type === "receipt" && event.status === "sent")) this.#drop(event.id);
    if (event.type === "state") this.#begun(event.state);
  }

  /** What storage has refused of a message is of no use once the leader has brought it away. */
  #drop(id: string): void {
    const { memory } = this.#seat;
    for (const key of Object.keys(memory)) if (key.endsWith(`:${id}`)) delete memory[key];
  }

  /** What the page waits for has come about in the other tab, or will not. */
  #begun(state: ConnectionState): void {
    const { tickets } = this.#seat;
    const ends: Partial<Record<ConnectionState["name"], number>> = { ready: 0, ended: Code.SessionEnded, authRequired: Code.AuthRequired };
    const code = ends[state.name];
    if (code !== undefined) for (const ticket of tickets.open(Call.Start)) tickets.take(code === 0 ? { type: "done", ticket } : { type: "done", ticket, code });
  }

  /** Makes the list what it is to be, step by step: each step is told, and right when it is told. */
  #show(target: readonly Message[]): void {
    const { Row, list, early, receipts, rows, emitter } = this.#seat;
    const emit = (event: string, payload: unknown): void => emitter().emit(event as never, payload as never);
    const wanted = new Set(target.map(({ id }) => id));
    for (let index = rows() - 1; index >= 0; index -= 1) {
      const { id } = list.at(index)!;
      if (wanted.has(id)) continue;
      list.remove(index);
      emit("removed", { id });
    }
    target.forEach((message, index) => {
      const from = list.at(index)?.id === message.id ? index : list.indexOf(message.id);
      early.release(message.id);
      if (message.status === "sent") this.#drop(message.id);
      receipts.see(message);
      if (from < 0) {
        list.insert(index, message);
        return emit("message", { message, index });
      }
      if (from !== index) emit("moved", { message: list.move(from, index), from, to: index });
      if (JSON.stringify(Row.told(list.at(index)!)) === JSON.stringify(Row.told(message))) return;
      list.replace(index, message);
      emit("updated", { message, index });
    });
    rows(target.length);
  }

  // ---- whether the leader is there

  #rest(): void {
    clearTimeout(this.#timer);
    this.#heard = undefined;
    this.#settled?.();
    this.#settled = undefined;
  }

  #answered(): void {
    this.#heard?.();
  }

  /** Asks, as long as this tab is looked at; from the beginning, whatever was waited for. */
  #watch(): void {
    this.#rest();
    if (this.#following && !document.hidden) this.#ask(() => this.#doubt());
  }

  /** Asks once: whoever answers is asked again a little later. */
  #ask(silent: () => void): void {
    const asked = Date.now();
    clearTimeout(this.#timer);
    this.#heard = () => {
      this.#rest();
      this.#timer = setTimeout(() => this.#watch(), ASK_AFTER_MS);
    };
    this.#timer = setTimeout(() => (Date.now() - asked > ANSWER_MS + STALL_MS ? this.#watch() : silent()), ANSWER_MS);
    this.#seat.say({ do: "ask" });
  }

  /** The line is down, or the visitor's messages stay where they are. */
  #isStuck(): boolean {
    const { facts, list } = this.#seat;
    const { state } = facts();
    const now = Date.now();
    const waits = ({ status }: Message): boolean => status === "queued" || status === "sending";
    return (state.name === "waiting" && state.retryAt > now + ANSWER_MS) || (Math.abs(now - this.#moved) > STUCK_MS && list.outbox.some(waits));
  }

  /** No answer. Who is the first to doubt asks again, and then takes the lead; the others go on asking. */
  #doubt(): void {
    this.#inTurn(() => this.#ask(() => this.#take()));
  }

  /** Does something that may end in taking the lead, one tab at a time: until there was an answer, the lead was taken, or it was not and a
   *  moment has passed. */
  #inTurn(run: () => void): void {
    this.#rest();
    const { name, locks } = this.#seat;
    const turn = locks.request(`${name}:steal`, { ifAvailable: true }, (lock) => {
      if (lock === null) return this.#watch();
      run();
      return new Promise<void>((resolve) => (this.#settled = resolve));
    });
    turn.catch(() => this.#watch());
  }

  #take(): void {
    this.#timer = setTimeout(() => this.#watch(), STALL_MS);
    this.#seat.call(Call.TakeOver);
  }
}
