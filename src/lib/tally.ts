// Counts what may happen thousands of times a second, so that it is reported once per window.
// Invariant: bounded; what finds no room isn't tallied, and the caller is told.

import type { Clock } from "./clock.ts";

export interface Tallied<T> {
  readonly about: T;
  readonly count: number;
  /** ms UTC. */
  readonly firstSeen: number;
  readonly lastSeen: number;
}

export interface Tally<T> {
  add(key: string, about: T): "first" | "again" | "no-room";
  /** Takes out those whose window is over; with `all`, the others too. */
  take(all?: boolean): Tallied<T>[];
}

interface Entry<T> {
  readonly about: T;
  readonly endsAt: number;
  readonly firstSeen: number;
  lastSeen: number;
  count: number;
}

export function createTally<T>(
  clock: Clock,
  options: { readonly windowMs: number; readonly entriesMax: number },
): Tally<T> {
  const entries = new Map<string, Entry<T>>();
  return {
    add(key, about) {
      const now = clock.now();
      const entry = entries.get(key);
      if (entry !== undefined) {
        entry.count += 1;
        entry.lastSeen = now;
        return "again";
      }
      if (entries.size >= options.entriesMax) return "no-room";
      const endsAt = clock.monotonic() + options.windowMs;
      entries.set(key, { about, endsAt, firstSeen: now, lastSeen: now, count: 1 });
      return "first";
    },
    take(all = false) {
      const taken: Tallied<T>[] = [];
      // One window for all, so those that end first stand in front.
      for (const [key, { about, count, firstSeen, lastSeen, endsAt }] of entries) {
        if (!all && endsAt > clock.monotonic()) break;
        entries.delete(key);
        taken.push({ about, count, firstSeen, lastSeen });
      }
      return taken;
    },
  };
}
