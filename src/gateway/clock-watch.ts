// Codes live by the wall clock: when somebody sets it, that is worth an alarm. What was used stays
// used whatever the clock says (claims only go forwards).

import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { SystemEvent } from "./system-events.ts";

const EVERY_MS = 5_000;
// NTP slews below this; a step beyond it was a decision of somebody's.
const JUMP_MS = 2_000;
// Older events than now are normal; events from the future mean that the clock went back.
const BEHIND_MS = 60_000;

/** Watches until the function returned is called. `newestEventAt`: ms UTC of the last event. */
export function watchClock(
  clock: Clock,
  newestEventAt: number | undefined,
  log: Log,
  record: SystemEvent,
): () => void {
  const alarm = (offsetMs: number): void => {
    const details = { offset_ms: Math.round(offsetMs) };
    log.warn(details, "the clock jumped: one-time codes depend on it; check time synchronisation");
    record("clock_skew_detected", { details });
  };
  if (newestEventAt !== undefined && clock.now() < newestEventAt - BEHIND_MS) {
    alarm(clock.now() - newestEventAt);
  }
  let offset = clock.now() - clock.monotonic();
  const timer = setInterval(() => {
    const next = clock.now() - clock.monotonic();
    if (Math.abs(next - offset) > JUMP_MS) alarm(next - offset);
    offset = next;
  }, EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
