// A clock that stands still until a test moves it.

import type { Clock } from "../../src/lib/clock.ts";

export interface FakeClock extends Clock {
  /** Both clocks go forward by `ms`. */
  advance(ms: number): void;
  /** The wall clock alone is set, as an administrator or NTP would. */
  set(nowMs: number): void;
}

export function fakeClock(startMs = Date.UTC(2027, 0, 15, 8)): FakeClock {
  let now = startMs;
  let monotonic = 1_000;
  return {
    now: () => now,
    monotonic: () => monotonic,
    advance(ms) {
      now += ms;
      monotonic += ms;
    },
    set(nowMs) {
      now = nowMs;
    },
  };
}
