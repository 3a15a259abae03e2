// Replies that wait for their moment: one timer for all of them, whatever their number.
// Invariant: bounded; nothing leaves before it is due.

import type { Clock } from "./clock.ts";

export interface Delayed {
  /** False when there is no room. `dueAt` is monotonic ms. */
  add(dueAt: number, send: () => void): boolean;
  readonly size: number;
  /** What still waits is never sent. */
  stop(): void;
}

// Fine enough beside a jitter of 50 ms.
const TICK_MS = 10;

/** `onEmpty` is called each time the last one has left. */
export function createDelayed(clock: Clock, entriesMax: number, onEmpty: () => void): Delayed {
  const buckets = new Map<number, (() => void)[]>();
  let size = 0;
  let lastTick = 0;
  let timer: NodeJS.Timeout | undefined;

  const tickNow = (): number => Math.floor(clock.monotonic() / TICK_MS);

  function sendDue(): void {
    for (const now = tickNow(); lastTick < now;) {
      lastTick += 1;
      const due = buckets.get(lastTick);
      if (due === undefined) continue;
      buckets.delete(lastTick);
      size -= due.length;
      for (const send of due) send();
    }
    if (size > 0) return;
    stop();
    onEmpty();
  }

  function stop(): void {
    clearInterval(timer);
    timer = undefined;
    buckets.clear();
    size = 0;
  }

  return {
    add(dueAt, send) {
      if (size >= entriesMax) return false;
      if (timer === undefined) {
        lastTick = tickNow();
        timer = setInterval(sendDue, TICK_MS);
      }
      const tick = Math.max(lastTick + 1, Math.ceil(dueAt / TICK_MS));
      const bucket = buckets.get(tick);
      if (bucket === undefined) buckets.set(tick, [send]);
      else bucket.push(send);
      size += 1;
      return true;
    },
    get size() {
      return size;
    },
    stop,
  };
}
