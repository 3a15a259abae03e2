// The only reader of the time. Two clocks, never mixed: `now` is the wall clock (UTC, for codes,
// locks and events), `monotonic` never jumps (for deadlines and durations).

/** Milliseconds throughout. Tests pass a clock of their own. */
export interface Clock {
  /** Milliseconds since the Unix epoch, UTC; may jump when the host's time is set. */
  now(): number;
  /** Milliseconds since some fixed moment; never goes backwards. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
