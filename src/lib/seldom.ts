// Says at most once a window what may happen thousands of times a second.

import type { Clock } from "./clock.ts";

/** `withheld`: how often it happened since it was last said, and wasn't said. */
type Say = (withheld: number) => void;

export function createSeldom(clock: Clock, windowMs = 60_000): (say: Say) => void {
  let saidAt = -Infinity;
  let withheld = 0;
  return (say) => {
    const now = clock.monotonic();
    if (now - saidAt < windowMs) {
      withheld += 1;
      return;
    }
    saidAt = now;
    say(withheld);
    withheld = 0;
  };
}
