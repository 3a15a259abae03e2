// When a refusal leaves. Invariant: its time tells nothing of what was looked up.

import { randomInt } from "../lib/random.ts";

// Coarser than any difference between two kinds of refusal.
const STEP_MS = 250;
const JITTER_MS = 50;

/** Receipt + the delay, or later in whole quarter seconds; with jitter. Monotonic ms. */
export function rejectAt(receivedAt: number, nowMs: number, rejectDelayMs: number): number {
  const wanted = Math.max(rejectDelayMs, nowMs - receivedAt);
  return receivedAt + Math.ceil(wanted / STEP_MS) * STEP_MS + randomInt(JITTER_MS + 1);
}
