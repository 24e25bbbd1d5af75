import assert from "node:assert/strict";
import { test } from "node:test";
import type { StreamState } from "../../streams/api.js";
import { Watch, type Watched } from "./watch.js";

/** A stream that stands and says as it is told. */
class FakeStream {
  state: StreamState = { name: "connecting", attempt: 1 };
  metrics: Record<string, number> = {};
  readonly calls: string[] = [];
  readonly #listeners = new Map<string, (payload: never) => void>();

  on(event: string, listener: (payload: never) => void): void {
    this.#listeners.set(event, listener);
  }

  tell(event: string, payload: unknown): void {
    this.#listeners.get(event)?.(payload as never);
  }

  async start(): Promise<void> {
    this.calls.push("start");
    throw new Error("no such host");
  }

  async stop(): Promise<void> {}

  reconnect(): void {
    this.calls.push("reconnect");
  }
}

function watched(): { stream: FakeStream; watch: Watch } {
  const stream = new FakeStream();
  return { stream, watch: new Watch("presence", stream as unknown as Watched, 0) };
}

test("it begins as the stream stands, and follows it", () => {
  const { stream, watch } = watched();
  assert.deepEqual(watch.spans.map(({ tone }) => tone), ["quiet", "busy"]);
  stream.tell("state", { name: "ready" });
  stream.tell("state", { name: "suspect" });
  stream.tell("state", { name: "waiting", attempt: 1, retryAt: 0, reason: { kind: "network" } });
  assert.equal(watch.state.name, "waiting");
  assert.deepEqual(watch.spans.slice(-2).map(({ tone }) => tone), ["good", "busy"], "a change that is none of the tone is none of the picture");
});

test("what went wrong is told until the line is good again", () => {
  const { stream, watch } = watched();
  stream.tell("warning", { message: "Held back.", detail: "c1" });
  assert.equal(watch.trouble, "Held back. (c1)");
  stream.tell("error", { message: "Refused." });
  assert.equal(watch.trouble, "Refused.");
  stream.tell("state", { name: "ready" });
  assert.equal(watch.trouble, undefined);
});

test("what is known is as old as the loss of the line, until it is up again", () => {
  const { stream, watch } = watched();
  assert.equal(watch.lostAt, undefined, "nothing was ever known");
  stream.tell("state", { name: "ready" });
  stream.tell("state", { name: "suspect" });
  assert.equal(watch.lostAt, undefined);
  const before = Date.now();
  stream.tell("state", { name: "waiting", attempt: 1, retryAt: 0, reason: { kind: "network" } });
  const lostAt = watch.lostAt;
  assert.ok(lostAt !== undefined && lostAt >= before && lostAt <= Date.now());
  stream.tell("state", { name: "connecting", attempt: 1 });
  assert.equal(watch.lostAt, lostAt);
  stream.tell("state", { name: "ready" });
  assert.equal(watch.lostAt, undefined);
});

test("a lag is told as long as it is told of", () => {
  const { stream, watch } = watched();
  stream.tell("lag", { ms: 1200 });
  assert.deepEqual([watch.lag(Date.now()), watch.lag(Date.now() + 3000)], [1200, 0]);
});

test("connections are counted when they are asked for, and there are none where the line is down", () => {
  const { stream, watch } = watched();
  stream.metrics = { connections: 2 };
  assert.equal(watch.connections, 0);
  stream.tell("state", { name: "ready", since: 0 });
  assert.equal(watch.connections, 2);
  // A stream of one line does not count them.
  stream.metrics = {};
  assert.equal(watch.connections, 1);
});

test("figures are those of the last look, and zero where there are none", () => {
  const { stream, watch } = watched();
  stream.metrics = { dropped: 3 };
  assert.equal(watch.figure("dropped"), 0);
  watch.look();
  assert.deepEqual([watch.figure("dropped"), watch.figure("queued")], [3, 0]);
});

test("a start that fails is told by the state alone", async () => {
  const { stream, watch } = watched();
  watch.start();
  watch.reconnect();
  // A rejection that nobody takes would end this process within a turn.
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(stream.calls, ["start", "reconnect"]);
});
