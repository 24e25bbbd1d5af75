import assert from "node:assert/strict";
import { test } from "node:test";
import { turn } from "./turn.js";

test("it is another task: what was asked for in this one comes before", async () => {
  const order: string[] = [];
  const turned = turn().then(() => void order.push("turn"));
  await Promise.resolve().then(() => void order.push("microtask"));
  process.nextTick(() => void order.push("tick"));
  await turned;
  assert.deepEqual(order, ["microtask", "tick", "turn"]);
});

test("where there is no setImmediate a message serves, one for all who wait", async () => {
  const { setImmediate, MessageChannel } = globalThis;
  const channels: MessageChannel[] = [];
  let posted = 0;
  class Watched extends MessageChannel {
    constructor() {
      super();
      channels.push(this);
      const post = this.port2.postMessage.bind(this.port2) as (message: unknown) => void;
      this.port2.postMessage = (message: unknown) => {
        posted += 1;
        post(message);
      };
    }
  }
  Object.assign(globalThis, { setImmediate: undefined, MessageChannel: Watched });
  try {
    const order: number[] = [];
    await Promise.all([turn().then(() => order.push(1)), turn().then(() => order.push(2))]);
    await turn().then(() => order.push(3));
    assert.deepEqual(order, [1, 2, 3]);
    assert.deepEqual([channels.length, posted], [1, 2]);
  } finally {
    Object.assign(globalThis, { setImmediate, MessageChannel });
    for (const { port1 } of channels) port1.close();
  }
});

test("where there is neither a timer serves", async () => {
  const { setImmediate, MessageChannel } = globalThis;
  Object.assign(globalThis, { setImmediate: undefined, MessageChannel: undefined });
  try {
    let settled = false;
    const turned = turn().then(() => (settled = true));
    await Promise.resolve();
    assert.equal(settled, false);
    await turned;
  } finally {
    Object.assign(globalThis, { setImmediate, MessageChannel });
  }
});
