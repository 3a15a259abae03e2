// Many different people failing from one end-user address is somebody guessing: that address waits.
// A NAS's own address is never blocked (twenty people mistyping would take the VPN down): alarm only.

import type { Clock } from "../lib/clock.ts";
import { ExpiringMap } from "../lib/expiring-map.ts";

// Far above a family behind one address, far below what a guesser needs.
const PEOPLE_MAX = 20;
const WINDOW_MS = 10 * 60_000;
const BLOCK_MS = 10 * 60_000;
// About 100 bytes each; an attacker who spoofs addresses pushes out the oldest.
const SOURCES_MAX = 10_000;

export interface SourceThrottle {
  isBlocked(source: string): boolean;
  /** Counts one person's failure; true when this one trips the limit (say so once). */
  failed(source: string, person: string): boolean;
}

export function createSourceThrottle(clock: Clock, peopleMax = PEOPLE_MAX): SourceThrottle {
  const failures = new ExpiringMap<string, Set<string>>({
    lifetimeMs: WINDOW_MS,
    entriesMax: SOURCES_MAX,
  });
  const blocked = new ExpiringMap<string, true>({ lifetimeMs: BLOCK_MS, entriesMax: SOURCES_MAX });
  return {
    isBlocked: (source) => blocked.find(source, clock.monotonic()) === true,
    failed(source, person) {
      const now = clock.monotonic();
      // Said already: a flood through one NAS is one alarm in ten minutes, not one for each twenty.
      if (blocked.find(source, now) === true) return false;
      const people = failures.find(source, now) ?? new Set<string>();
      // `people` never exceeds the limit: at the limit it is thrown away.
      if (people.size === 0) failures.set(source, people, now);
      people.add(person);
      if (people.size < peopleMax) return false;
      failures.delete(source);
      blocked.set(source, true, now);
      return true;
    },
  };
}
