import assert from "node:assert/strict";
import { test } from "node:test";
import type { GuestOptions } from "./api.js";
import type { Bag } from "./bag.js";
import { Early } from "./early.js";

const number = (key: string): number => Number(key.split(":")[3]);

test("a message takes its number behind all that wait", () => {
  const memory: Record<string, string> = { "gw1:d:m:7:another": "{}", "gw1:other:m:90:another": "{}" };
  const early = new Early({ deploymentId: "d" } as GuestOptions, { memory } as unknown as Bag, () => false);
  assert.deepEqual(["a", "b"].map((text) => number(early.add({ text }).key)), [8, 9]);
});

test("numbers go on where storage was cleared while a message waits: the next one stays behind it", () => {
  const memory: Record<string, string> = {};
  const early = new Early({ deploymentId: "d" } as GuestOptions, { memory } as unknown as Bag, () => false);
  const first = early.add({ text: "a" });
  delete memory[first.key];
  assert.ok(number(early.add({ text: "b" }).key) > number(first.key));
});
