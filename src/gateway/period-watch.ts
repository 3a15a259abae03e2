// Enrolment periods end by the wall clock, whether or not anybody logs in: looked at often enough that
// the audit trail is never far behind, and at the start for those that ended meanwhile.

import type { Store } from "../backends/store/store.ts";
import type { Log } from "../lib/log.ts";

const EVERY_MS = 5_000;

/** Watches until the function returned is called. */
export function watchPeriods(store: Pick<Store, "closePeriods">, log: Log): () => void {
  let isStopped = false;
  let isLooking = false;

  async function look(): Promise<void> {
    if (isLooking) return;
    isLooking = true;
    let people = 0;
    try {
      // Slice by slice, each a commit of its own: a whole company's period may end in one moment.
      for (let closed = 1; closed > 0 && !isStopped;) {
        const slice = await store.closePeriods();
        closed = slice.closed;
        people += slice.expired;
      }
    } catch {
      // A store that can't be written says so itself, and the next look finds what this one left.
    }
    isLooking = false;
    if (people > 0) log.info({ people }, "enrolment periods ended without enrolment");
  }

  const timer = setInterval(() => void look(), EVERY_MS).unref();
  void look();
  return () => {
    isStopped = true;
    clearInterval(timer);
  };
}
