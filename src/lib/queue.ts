// How many logins run at once, and who goes first when more want to (RFC 5080 §2.2.3).
// Invariants: both numbers are bounded; whoever waited too long is dropped, not answered late.

import type { Clock } from "./clock.ts";

export interface QueueLimits {
  readonly runningMax: number;
  readonly waitingMax: number;
  /** Below the shortest patience of a NAS, about 3 s. */
  readonly waitMsMax: number;
}

export interface Queue {
  /** `isAnswer`: to a challenge; goes before new logins. "overload" when the job never ran. */
  run<T>(isAnswer: boolean, job: () => Promise<T>): Promise<T | "overload">;
  readonly running: number;
  readonly waiting: number;
}

interface Waiting {
  readonly since: number;
  readonly admit: (isAdmitted: boolean) => void;
}

// Sets keep their order and give up their first in constant time.
type Line = Set<Waiting>;

export function createQueue(clock: Clock, limits: QueueLimits): Queue {
  const answers: Line = new Set();
  const logins: Line = new Set();
  let running = 0;

  function wait(isAnswer: boolean): Promise<boolean> {
    turnAwayLate();
    return new Promise((admit) => {
      if (answers.size + logins.size >= limits.waitingMax) {
        const oldest = takeFirst(logins);
        // Nobody but people with a challenge in hand: a new login is the one to go.
        if (oldest === undefined) {
          admit(false);
          return;
        }
        oldest.admit(false);
      }
      (isAnswer ? answers : logins).add({ since: clock.monotonic(), admit });
    });
  }

  function turnAwayLate(): void {
    const tooOld = clock.monotonic() - limits.waitMsMax;
    for (const line of [answers, logins]) {
      for (const waiting of line) {
        if (waiting.since >= tooOld) break;
        line.delete(waiting);
        waiting.admit(false);
      }
    }
  }

  // The place is handed over, so that nobody slips in between.
  function leave(): void {
    turnAwayLate();
    const next = takeFirst(answers) ?? takeFirst(logins);
    if (next === undefined) running -= 1;
    else next.admit(true);
  }

  return {
    async run(isAnswer, job) {
      if (running < limits.runningMax) running += 1;
      else if (!(await wait(isAnswer))) return "overload";
      try {
        return await job();
      } finally {
        leave();
      }
    },
    get running() {
      return running;
    },
    get waiting() {
      return answers.size + logins.size;
    },
  };
}

function takeFirst(line: Line): Waiting | undefined {
  for (const first of line) {
    line.delete(first);
    return first;
  }
  return undefined;
}
