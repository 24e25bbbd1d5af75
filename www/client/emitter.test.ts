import assert from "node:assert/strict";
import { test } from "node:test";
import { Emitter } from "./emitter.js";

interface Events {
  count: number;
}

/** Catches what is reported, in place of the console. */
async function reported(run: () => void): Promise<unknown[]> {
  const seen: unknown[] = [];
  const real = console.error;
  console.error = (error: unknown) => void seen.push(error);
  try {
    run();
    assert.deepEqual(seen, [], "nothing is reported on the emitter's own stack");
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    console.error = real;
  }
  return seen;
}

test("listeners are told in order, and an exception of one reaches neither the others nor the emitter", async () => {
  const emitter = new Emitter<Events>();
  const heard: string[] = [];
  const mistake = new Error("mine");
  emitter.on("count", (count) => void heard.push(`a${count}`));
  emitter.on("count", () => { throw mistake; });
  emitter.on("count", (count) => void heard.push(`b${count}`));
  const seen = await reported(() => emitter.emit("count", 1));
  assert.deepEqual(heard, ["a1", "b1"]);
  assert.deepEqual(seen, [mistake]);
});

test("a rejection of an async listener is reported as well", async () => {
  const emitter = new Emitter<Events>();
  const mistake = new Error("later");
  emitter.on("count", async () => { throw mistake; });
  const seen = await reported(() => emitter.emit("count", 1));
  assert.deepEqual(seen, [mistake]);
});

test("once hears one event, also when it emits from within", () => {
  const emitter = new Emitter<Events>();
  const heard: number[] = [];
  emitter.on("count", (count) => {
    heard.push(count);
    if (count < 3) emitter.emit("count", count + 1);
  }, { once: true });
  emitter.emit("count", 1);
  emitter.emit("count", 9);
  assert.deepEqual(heard, [1]);
});

test("a listener that was taken off meanwhile hears nothing any more", () => {
  const emitter = new Emitter<Events>();
  const heard: string[] = [];
  let off = (): void => {};
  emitter.on("count", () => off());
  off = emitter.on("count", () => void heard.push("off"));
  emitter.emit("count", 1);
  assert.deepEqual(heard, []);
});

test("a signal takes a listener off, before and after", () => {
  const emitter = new Emitter<Events>();
  const heard: number[] = [];
  const controller = new AbortController();
  emitter.on("count", (count) => void heard.push(count), { signal: controller.signal });
  emitter.emit("count", 1);
  controller.abort();
  emitter.emit("count", 2);
  emitter.on("count", (count) => void heard.push(count), { signal: controller.signal });
  emitter.emit("count", 3);
  assert.deepEqual(heard, [1]);
});
