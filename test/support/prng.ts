// Pseudo-random numbers for fuzzing (Mulberry32, public domain).
// Invariant: one seed gives one sequence, so that every failure can be repeated.

/** A function that gives a whole number, 0 <= n < limit. */
export function seededNumbers(seed: number): (limit: number) => number {
  let state = seed | 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}
