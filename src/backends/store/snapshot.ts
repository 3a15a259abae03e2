// The reads of one turn of the event loop, in one read transaction: SQLite's locks are system calls,
// and taking them for each statement costs more than the reads do.
// Invariant: a read sees every write whose promise has resolved.

import type { DatabaseSync } from "node:sqlite";

import { DependencyDown } from "../../core/ports.ts";

export interface Snapshot {
  /** Whatever SQLite has against the read is an outage of the store. */
  read<T>(work: () => T): T;
  /** The next read sees all that is committed by now. */
  end(): void;
}

export function createSnapshot(reader: DatabaseSync): Snapshot {
  const begin = reader.prepare("BEGIN");
  const commit = reader.prepare("COMMIT");
  let isOpen = false;

  function end(): void {
    if (!isOpen) return;
    isOpen = false;
    try {
      commit.run();
    } catch {
      // Nothing was written, so nothing is lost. If it can't be ended, the next read is an outage.
    }
  }

  return {
    read(work) {
      try {
        if (!isOpen) {
          begin.run();
          isOpen = true;
          // Not kept longer: the write-ahead log can't start anew while somebody reads from it.
          setImmediate(end);
        }
        return work();
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        throw new DependencyDown("store", `the store can't be read: ${message}`, { cause: error });
      }
    },
    end,
  };
}
