// The embedded store: SQLite with one writer thread and one reader. Implements the core's ports; a
// PostgreSQL store would offer the same. Invariant: any fault is DependencyDown, never an answer.

import type { Administration } from "../../core/administration.ts";
import type { Administrators } from "../../core/administrators.ts";
import type { Outbox } from "../../core/mail.ts";
import type { Attempts, DirectoryLockout, Learnt, LockoutRules } from "../../core/ports.ts";
import type { Roster } from "../../core/roster.ts";
import type { Clock } from "../../lib/clock.ts";
import { deriveKey } from "../../lib/derive.ts";
import type { Metric } from "../../lib/metric.ts";
import { Secret } from "../../lib/secret.ts";
import { createAccounts } from "./accounts.ts";
import { createAdministration } from "./administration.ts";
import { createAdministrators } from "./administrators.ts";
import { createAttempts } from "./attempts.ts";
import { holdStore, openReader, preparePath, type Durability } from "./database.ts";
import { storeMetrics } from "./metrics.ts";
import { createOutbox } from "./outbox.ts";
import { open, sealKeyOf, TRAIL_PURPOSE } from "./seal.ts";
import { createRoster } from "./roster.ts";
import { createSnapshot } from "./snapshot.ts";
import { createTrail } from "./trail.ts";
import { startUpkeep } from "./upkeep.ts";
import { WriterThread } from "./writer-thread.ts";

export interface StoreOptions {
  readonly path: string;
  readonly durability: Durability;
  readonly masterKey: Secret;
  /** After a rotation that ended before its new key was put in place. */
  readonly previousMasterKey?: Secret;
  readonly retentionMs: number;
  readonly rules: LockoutRules;
  readonly lockoutOf: LockoutOf;
  readonly clock: Clock;
  readonly alarm: (kind: string, details: Record<string, unknown>) => void;
}

/** Of the directory of that name, as far as it is known. */
type LockoutOf = (directory: string) => DirectoryLockout | undefined;

export interface Store extends Attempts, Administration, Learnt, Outbox {
  readonly administrators: Administrators;
  readonly roster: Roster;
  /** New limits for the next attempt. */
  setRules(rules: LockoutRules, lockoutOf: LockoutOf): void;
  isUp(): boolean;
  /** Why nothing can be written now. */
  problem(): string | undefined;
  /** ms UTC. */
  newestEventAt(): number | undefined;
  readonly metrics: readonly Metric[];
  /** Looks at a slice of the enrolment periods that are over; `closed` 0: there are none left. */
  closePeriods(): Promise<{ readonly closed: number; readonly expired: number }>;
  /** After a restore: every code of up to this moment is dead, since it may have been used. */
  markRestored(): Promise<void>;
  close(): Promise<void>;
}

/** A directory of which nothing is known is taken to lock as most do that lock at all. */
const LOCKOUT_UNKNOWN: DirectoryLockout = { threshold: 10, observationMs: 1_800_000 };

/** Opens or makes the store. Throws with what to do: held, damaged, wrong key, newer schema. */
export async function openStore(options: StoreOptions): Promise<Store> {
  preparePath(options.path);
  const held = holdStore(options.path);
  const previous = options.previousMasterKey;
  const writer = new WriterThread(
    {
      path: options.path,
      durability: options.durability,
      masterKey: Uint8Array.from(options.masterKey.reveal()),
      previousMasterKey: previous === undefined ? undefined : Uint8Array.from(previous.reveal()),
    },
    (message) => options.alarm("store-fails", { error: message }),
  );
  try {
    await writer.start();
  } catch (error) {
    held.release();
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`${options.path}: ${message}`, { cause: error });
  }
  return assemble(options, writer, held);
}

function assemble(options: StoreOptions, writer: WriterThread, held: { release(): void }): Store {
  const { clock } = options;
  const reader = openReader(options.path);
  const masters = [
    options.masterKey,
    ...(options.previousMasterKey ? [options.previousMasterKey] : []),
  ];
  const keys = masters.map(sealKeyOf);
  let { rules, lockoutOf } = options;

  const sealedTrail = reader.prepare("SELECT value FROM meta WHERE key = 'trail_key'").get()?.[
    "value"
  ];
  const trailKey =
    sealedTrail instanceof Uint8Array ? open(keys, sealedTrail, TRAIL_PURPOSE) : undefined;
  if (trailKey === undefined) throw new Error("the audit trail's key can't be opened");
  // Not the master's: what people keep on paper outlives a rotation.
  const recoveryKey = deriveKey(trailKey, "recovery");
  const snapshot = createSnapshot(reader);
  const trail = createTrail(reader, snapshot, trailKey);
  const accounts = createAccounts(reader, () => keys);
  writer.onCommitted = () => snapshot.end();
  const attempts = createAttempts({
    accounts,
    snapshot,
    writer,
    clock,
    sourceKey: deriveKey(trailKey, "source"),
    recoveryKey,
    rules: () => rules,
    lockoutOf: (directory) => lockoutOf(directory) ?? LOCKOUT_UNKNOWN,
  });
  const administration = createAdministration({
    accounts,
    snapshot,
    trail,
    writer,
    reader,
    clock,
    recoveryKey,
    onNewKey(key) {
      keys.unshift(sealKeyOf(Secret.of(key)));
      writer.useKey(key);
    },
  });
  const outbox = createOutbox(reader, snapshot, writer, clock);
  const learnt = reader.prepare("SELECT key FROM learnt WHERE kind = ?");
  const stopUpkeep = startUpkeep({ ...options, writer });
  let isClosed = false;

  return {
    ...attempts,
    ...administration,
    administrators: createAdministrators({ reader, snapshot, writer, clock, keys: () => keys }),
    roster: createRoster({ reader, snapshot, accounts, clock }),
    ...outbox,
    load: async (kind) => snapshot.read(() => learnt.all(kind).map((row) => String(row["key"]))),
    async remember(kind, key) {
      await writer.write<"learn">({ kind: "learn", what: kind, key });
    },
    setRules(newRules, newLockoutOf) {
      rules = newRules;
      lockoutOf = newLockoutOf;
    },
    isUp: () => writer.problem === undefined,
    problem: () => writer.problem,
    newestEventAt: () => snapshot.read(() => trail.newestAt()),
    metrics: storeMetrics(
      writer,
      () => snapshot.read(() => trail.length()),
      () => outbox.mailsWaiting(),
    ),
    closePeriods: () => writer.write<"close-periods">({ kind: "close-periods", now: clock.now() }),
    async markRestored() {
      await writer.write<"dead-steps">({ kind: "dead-steps", before: clock.now() });
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      stopUpkeep();
      // The writer goes last: only then can SQLite fold the write-ahead log into the file.
      snapshot.end();
      reader.close();
      await writer.close();
      held.release();
    },
  };
}
