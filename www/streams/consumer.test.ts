import assert from "node:assert/strict";
import { test } from "node:test";
import { Audience, Consumer } from "./consumer.js";

/** A queue of numbers that a consumer takes from, and what came of it. */
class Stage {
  readonly queue: number[] = [];
  /** How many were asked for, and given, each time. */
  readonly takes: [most: number, given: number][] = [];
  readonly audience = new Audience<number>();
  readonly consumer: Consumer<number>;
  /** It knows that there is something, as the module's does until all was taken. */
  #knows = false;
  #untold = 0;
  #emptied: () => void = () => {};

  constructor() {
    this.consumer = new Consumer(
      (most) => {
        const items = this.queue.splice(0, most);
        this.#knows = this.queue.length > 0;
        this.takes.push([most, items.length]);
        return items.length === 0 ? undefined : items;
      },
      (item) => {
        const wait = this.audience.tell(item);
        if ((this.#untold -= 1) > 0) return wait;
        void Promise.resolve(wait).then(() => this.#emptied());
        return wait;
      },
    );
  }

  /** Settles when all that was pushed has been told, and waited for. */
  push(count: number, from = 0): Promise<void> {
    this.queue.push(...Array.from({ length: count }, (_, index) => from + index));
    this.#untold += count;
    const empty = new Promise<void>((resolve) => (this.#emptied = resolve));
    if (!this.#knows) {
      this.#knows = true;
      this.consumer.wake();
    }
    return empty;
  }
}

/** Keeps the thread for so long. */
function spin(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until;);
}

function silently<T>(run: () => T): T {
  const { error } = console;
  console.error = () => {};
  try {
    return run();
  } finally {
    console.error = error;
  }
}

test("all items come in their order, in batches of no more than 256", async () => {
  const stage = new Stage();
  const seen: number[] = [];
  stage.audience.on((item) => void seen.push(item));
  await stage.push(5_000);
  assert.deepEqual(seen, Array.from({ length: 5_000 }, (_, index) => index));
  const asked = stage.takes.map(([most]) => most);
  assert.ok(asked.every((most) => most >= 1 && most <= 256), String(asked));
  assert.equal(Math.max(...asked), 256, "batches grow when listeners are fast");
});

test("the first ones are told at once, in the turn that brought them", () => {
  const stage = new Stage();
  const seen: number[] = [];
  stage.audience.on((item) => void seen.push(item));
  void stage.push(3);
  assert.deepEqual(seen, [0, 1, 2]);
});

test("a listener that gives a promise gets the next item when it has settled, also when it rejects", async () => {
  const stage = new Stage();
  const order: string[] = [];
  let running = 0;
  stage.audience.on(async (item) => {
    running += 1;
    assert.equal(running, 1, "one at a time");
    order.push(`begin ${item}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
    order.push(`end ${item}`);
    running -= 1;
    if (item === 1) throw new Error("hostile");
  });
  const { error } = console;
  console.error = () => {};
  try {
    await stage.push(3);
  } finally {
    console.error = error;
  }
  assert.deepEqual(order, ["begin 0", "end 0", "begin 1", "end 1", "begin 2", "end 2"]);
});

test("an empty queue is not asked: what is taken at once costs one call", async () => {
  const stage = new Stage();
  stage.audience.on(() => {});
  for (let n = 0; n < 5; n += 1) await stage.push(1, n);
  assert.deepEqual(stage.takes.map(([, given]) => given), [1, 1, 1, 1, 1]);
});

test("what comes while the last of a batch is told is taken as well", async () => {
  const stage = new Stage();
  const seen: number[] = [];
  let more: Promise<void> | undefined;
  stage.audience.on(async (item) => {
    seen.push(item);
    if (item === 0) more = stage.push(2, 1);
    await new Promise((resolve) => setTimeout(resolve, 1));
  });
  void stage.push(1);
  await more;
  assert.deepEqual(seen, [0, 1, 2]);
});

test("a batch that cannot be read stands for no end", async () => {
  const batches: number[][] = [[], [1, 2], []];
  const seen: number[] = [];
  const consumer = new Consumer<number>(() => batches.shift(), (item) => void seen.push(item));
  consumer.wake();
  await new Promise((resolve) => setTimeout(resolve, 1));
  assert.deepEqual(seen, [1, 2]);
});

test("while a listener takes its time the rest stays in the queue", async () => {
  const stage = new Stage();
  stage.audience.on(() => new Promise((resolve) => setTimeout(resolve, 9)));
  await stage.push(30);
  const [, ...later] = stage.takes;
  assert.deepEqual([...new Set(later.map(([most]) => most))], [1], "one fits into a slice");
});

test("what is not a promise of this realm is waited for as well", async () => {
  const stage = new Stage();
  const order: string[] = [];
  stage.audience.on((item) => {
    order.push(`begin ${item}`);
    return { then: (done: (value: unknown) => void) => void setTimeout(() => (order.push(`end ${item}`), done(undefined)), 1) };
  });
  await stage.push(2);
  assert.deepEqual(order, ["begin 0", "end 0", "begin 1", "end 1"]);
});

test("a listener that throws stops neither the others nor the items behind", async () => {
  const stage = new Stage();
  const seen: number[] = [];
  stage.audience.on(() => {
    throw new Error("hostile");
  });
  stage.audience.on((item) => void seen.push(item));
  const all = silently(() => stage.push(2));
  await all;
  assert.deepEqual(seen, [0, 1]);
});

test("a burst leaves the thread to others between slices", async () => {
  const stage = new Stage();
  stage.audience.on(() => spin(1));
  let turns = 0;
  let over = false;
  const others = (async () => {
    while (!over) {
      await new Promise((resolve) => setImmediate(resolve));
      turns += 1;
    }
  })();
  await stage.push(100);
  over = true;
  await others;
  assert.ok(turns >= 8, `${turns} turns of others within 100 ms of work`);
});

test("promises that have settled already leave it too", async () => {
  const stage = new Stage();
  stage.audience.on(async () => spin(1));
  let turned = false;
  const all = stage.push(40);
  setImmediate(() => (turned = true));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(turned, true);
  assert.ok(stage.queue.length > 0, "another turn came before the queue was empty");
  await all;
});

test("woken while it is busy it neither runs twice nor forgets", async () => {
  const stage = new Stage();
  const seen: number[] = [];
  let running = 0;
  stage.audience.on(async (item) => {
    running += 1;
    assert.equal(running, 1);
    seen.push(item);
    await new Promise((resolve) => setTimeout(resolve, 1));
    running -= 1;
  });
  void stage.push(1);
  await stage.push(1, 1);
  await stage.push(1, 2);
  assert.deepEqual(seen, [0, 1, 2]);
});

test("ended, it tells nothing any more, also of what it has taken", async () => {
  const stage = new Stage();
  const seen: number[] = [];
  stage.audience.on((item) => {
    seen.push(item);
    if (item === 1) stage.consumer.end();
  });
  void stage.push(10);
  stage.consumer.wake();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(seen, [0, 1]);
  assert.equal(stage.takes.length, 1);
});

test("who listened once, or was taken off, is not waited for", async () => {
  const stage = new Stage();
  const seen: string[] = [];
  stage.audience.on((item) => void seen.push(`once ${item}`), { once: true });
  const off = stage.audience.on((item) => void seen.push(`until ${item}`));
  stage.audience.on((item) => item === 1 && off());
  await stage.push(3);
  assert.deepEqual(seen, ["once 0", "until 0", "until 1"]);
});
