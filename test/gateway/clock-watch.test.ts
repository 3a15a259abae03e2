import { setTimeout as wait } from "node:timers/promises";

import t from "tap";

import { watchClock } from "../../src/gateway/clock-watch.ts";
import { fakeClock } from "../support/clock.ts";
import { memoryLog } from "../support/radius-door.ts";

t.test("C11: a clock that stands before the newest event is told at the start", (t) => {
  const clock = fakeClock();
  const now = clock.now();
  for (const [newest, alarms] of [
    [undefined, 0],
    [now - 1, 0],
    [now + 60_000, 0],
    [now + 60_001, 1],
  ] as const) {
    const log = memoryLog();
    const events: unknown[] = [];
    const stop = watchClock(clock, newest, log, (type) => void events.push(type));
    t.same(events, Array(alarms).fill("clock_skew_detected"), String(newest));
    t.equal(log.lines.length, alarms);
    stop();
  }
  t.end();
});

t.test("O15 OTP-16: a jump of the wall clock is told once, slewing isn't", async (t) => {
  const clock = fakeClock();
  const details: unknown[] = [];
  const stop = watchClock(clock, undefined, memoryLog(), (_, more) => void details.push(more));
  clock.advance(5_000);
  clock.set(clock.now() + 1_900);
  await wait(5_200);
  t.same(details, [], "NTP at work");
  clock.advance(5_000);
  clock.set(clock.now() - 300_000);
  await wait(5_200);
  t.same(details, [{ details: { offset_ms: -300_000 } }]);
  await wait(5_200);
  t.equal(details.length, 1);
  stop();
});
