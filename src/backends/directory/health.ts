// Whether a directory answers, and since when it must be left alone.
// Invariant: each outage is reported once and each end of one once, however many logins notice it.

import type { Settings } from "./options.ts";

/**
 * How long nothing is asked after the directory refused our own account: it may lock that account,
 * and every login would be one more wrong password.
 */
const BLOCK_MS = 5_000;

export interface Health {
  /** Undefined while it answers. */
  readonly problem: string | undefined;
  up(): void;
  down(reason: string): void;
  /** Down, and nothing is to be asked for a while. */
  block(reason: string): void;
  isBlocked(): boolean;
}

export function createHealth(settings: Pick<Settings, "clock" | "onDown" | "onRecovered">): Health {
  let problem: string | undefined;
  let blockedUntil = 0;

  function down(reason: string): void {
    const isNew = problem === undefined;
    problem = reason;
    if (isNew) settings.onDown(reason);
  }

  return {
    get problem() {
      return problem;
    },
    up() {
      if (problem === undefined) return;
      problem = undefined;
      settings.onRecovered();
    },
    down,
    block(reason) {
      blockedUntil = settings.clock.monotonic() + BLOCK_MS;
      down(reason);
    },
    isBlocked: () => blockedUntil > settings.clock.monotonic(),
  };
}
