import assert from "node:assert/strict";
import { test } from "node:test";
import { Pulse } from "./pulse.js";

/** A screen of 60 frames a second, where a frame with something to draw takes `tookMs`. `pass(ms)` lets time go by. */
function screen({ isCalm = false, tookMs = 1 } = {}): { pulse: Pulse; pass: (ms: number) => void; waits: () => boolean } {
  let now = performance.now();
  let next: ((now: number) => void) | undefined;
  let seen: ((tookMs: number) => void) | undefined;
  const pulse = new Pulse({ frame: (run) => { next = run; }, seen: (run) => { seen = run; } }, () => isCalm);
  const pass = (ms: number): void => {
    for (const end = now + ms; now < end; ) {
      now += 1000 / 60;
      const run = next;
      next = undefined;
      run?.(now);
      if (seen === undefined) continue;
      // The next frame is the first that begins after this one's end.
      now += 1000 / 60 * Math.floor(tookMs / (1000 / 60));
      seen(tookMs);
      seen = undefined;
    }
  };
  return { pulse, pass, waits: () => next !== undefined };
}

test("what asks for every tenth of a second is drawn ten times in one", () => {
  const { pulse, pass } = screen();
  let drawn = 0;
  pulse.beat(100, () => { drawn += 1; });
  pass(1000);
  assert.ok(drawn >= 9 && drawn <= 11, `${drawn}`);
});

test("every second frame is every second frame", () => {
  const { pulse, pass } = screen();
  let drawn = 0;
  pulse.beat(33, () => { drawn += 1; });
  pass(1000);
  assert.ok(drawn >= 29 && drawn <= 31, `${drawn}`);
});

test("where less motion is asked for, what moves is drawn as often as it says for that", () => {
  const { pulse, pass } = screen({ isCalm: true });
  const drawn = { moving: 0, still: 0 };
  pulse.beat(33, () => { drawn.moving += 1; }, 1000);
  pulse.beat(100, () => { drawn.still += 1; });
  pass(5000);
  assert.ok(drawn.moving >= 4 && drawn.moving <= 6, `${drawn.moving}`);
  assert.ok(drawn.still >= 48, `${drawn.still}`);
});

test("frames that were not shown are not made up for", () => {
  const frames: ((now: number) => void)[] = [];
  const pulse = new Pulse({ frame: (run) => void frames.push(run), seen: () => {} }, () => false);
  let drawn = 0;
  pulse.beat(100, () => { drawn += 1; });
  // The page was hidden for a minute; then three frames come one after the other.
  const back = performance.now() + 60_000;
  for (const ms of [0, 16, 32]) frames.shift()?.(back + ms);
  assert.equal(drawn, 1);
});

test("a machine that takes long to draw rests three times as long, whatever asks to be drawn", () => {
  const { pulse, pass } = screen({ tookMs: 25 });
  const frames = new Set<number>();
  pulse.beat(33, (now) => { frames.add(now); });
  pulse.beat(100, (now) => { frames.add(now); });
  pass(10_000);
  // 25 ms of work and 75 ms of rest: ten a second, where the first alone asks for thirty.
  assert.ok(frames.size >= 90 && frames.size <= 105, `${frames.size}`);
});

test("a frame that was seen a minute late is not rested for by minutes", () => {
  const { pulse, pass } = screen({ tookMs: 60_000 });
  let drawn = 0;
  pulse.beat(100, () => { drawn += 1; });
  pass(60_000);
  pass(600);
  assert.equal(drawn, 2);
});

test("when nobody is to be drawn any more no frame is asked for", () => {
  const { pulse, pass, waits } = screen();
  const end = pulse.beat(100, () => undefined);
  pass(100);
  assert.equal(waits(), true);
  end();
  pass(100);
  assert.equal(waits(), false);
});
