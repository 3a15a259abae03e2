// The writer's part of administrators: attempts counted before they are compared, roles and states,
// passwords and tokens. Invariants: what is checked here and what it allows are one transaction, and
// the last active administrator is never suspended, demoted or deleted.

import type { DatabaseSync } from "node:sqlite";

import { ADMIN_ATTEMPTS_MAX, ADMIN_LOCK_MS, ADMIN_TOKEN } from "../../core/administrators.ts";
import { Secret } from "../../lib/secret.ts";
import type { AdministratorAnswers, AdministratorWrite } from "./administrator-writes.ts";
import { createKeyChanges, type KeyChanges } from "./api-key-changes.ts";
import type { Ledger } from "./ledger.ts";
import { administratorPurpose, open, seal, type SealKey } from "./seal.ts";

type WriteOf<K extends AdministratorWrite["kind"]> = Extract<AdministratorWrite, { kind: K }>;
type AdministratorChanges = {
  readonly [K in AdministratorWrite["kind"]]: (write: WriteOf<K>) => AdministratorAnswers[K];
};
type Logins = Pick<AdministratorChanges, "admin-begin" | "admin-accept" | "admin-refuse">;

export function createAdministratorChanges(
  database: DatabaseSync,
  ledger: Ledger,
  keys: () => readonly SealKey[],
): AdministratorChanges {
  const keyChanges: KeyChanges = createKeyChanges(database, ledger);
  return {
    ...createLogins(database, ledger),
    ...createPosts(database, ledger),
    ...createCredentials(database, ledger, keys),
    ...keyChanges,
  };
}

function createLogins(database: DatabaseSync, ledger: Ledger): Logins {
  const find = database.prepare(
    "SELECT id, state, failures, locked_until FROM administrators WHERE name_key = ?",
  );
  const count = database.prepare(
    "UPDATE administrators SET failures = ?, locked_until = ? WHERE id = ?",
  );
  const accept = database.prepare(
    `UPDATE administrators
     SET last_step = ?1, failures = 0, locked_until = 0, last_login_at = ?2
     WHERE id = ?3 AND state = 'active' AND last_step < ?1
       AND ?1 > coalesce((SELECT value FROM meta WHERE key = 'steps_dead_before'), -1) / ?4`,
  );
  const isLocked = database.prepare(
    "SELECT 1 FROM administrators WHERE id = ? AND failures >= ? AND locked_until > ?",
  );
  const periodMs = ADMIN_TOKEN.periodSeconds * 1_000;
  return {
    "admin-begin"({ nameKey, now }) {
      const row = find.get(nameKey);
      if (row === undefined) return "unknown";
      const lockedUntil = Number(row["locked_until"]);
      if (lockedUntil > now) return "locked";
      const before = lockedUntil > 0 ? 0 : Number(row["failures"]);
      const failures = before + 1;
      // The last one is locked already while it runs: a right code opens it again.
      const id = Number(row["id"]);
      const isLast = failures >= ADMIN_ATTEMPTS_MAX;
      count.run(failures, isLast ? now + ADMIN_LOCK_MS : 0, id);
      return row["state"] === "active" ? { id, isLast } : "suspended";
    },
    "admin-accept"({ id, step, now, event }) {
      if (accept.run(step, now, id, periodMs).changes === 0) return "replayed";
      ledger.append(event);
      return "accepted";
    },
    "admin-refuse"({ id, now, event, lockout }) {
      ledger.append(event);
      if (lockout === undefined) return true;
      if (isLocked.get(id, ADMIN_ATTEMPTS_MAX, now) !== undefined) ledger.append(lockout);
      return true;
    },
  };
}

type Posts = Pick<AdministratorChanges, "admin-change" | "admin-unlock" | "admin-delete">;

function createPosts(database: DatabaseSync, ledger: Ledger): Posts {
  const find = database.prepare(
    "SELECT role, state, generation, locked_until FROM administrators WHERE id = ?",
  );
  const others = database.prepare(
    `SELECT count(*) AS n FROM administrators
     WHERE role = 'administrator' AND state = 'active' AND id <> ?`,
  );
  const change = database.prepare(
    "UPDATE administrators SET role = ?, state = ?, generation = generation + 1 WHERE id = ?",
  );
  const unlock = database.prepare(
    "UPDATE administrators SET failures = 0, locked_until = 0 WHERE id = ? AND failures > 0",
  );
  const remove = database.prepare("DELETE FROM administrators WHERE id = ?");
  const isLast = (id: number): boolean => Number(others.get(id)?.["n"]) === 0;

  return {
    "admin-change"({ id, generation, role, state, event }) {
      const row = find.get(id);
      if (row === undefined) return "unknown";
      if (row["generation"] !== generation) return "changed-meanwhile";
      const nextRole = role ?? String(row["role"]);
      const nextState = state ?? String(row["state"]);
      const stays = nextRole === "administrator" && nextState === "active";
      if (!stays && isLast(id)) return "last-administrator";
      change.run(nextRole, nextState, id);
      ledger.append(event);
      return "changed";
    },
    "admin-unlock"({ id, event }) {
      if (find.get(id) === undefined) return "unknown";
      if (unlock.run(id).changes === 0) return "not-locked";
      ledger.append(event);
      return "unlocked";
    },
    "admin-delete"({ id, generation, event }) {
      const row = find.get(id);
      if (row === undefined) return "unknown";
      if (row["generation"] !== generation) return "changed-meanwhile";
      if (isLast(id)) return "last-administrator";
      remove.run(id);
      ledger.append(event);
      return "deleted";
    },
  };
}

type Credentials = Pick<AdministratorChanges, "admin-create" | "admin-reset">;

function createCredentials(
  database: DatabaseSync,
  ledger: Ledger,
  keys: () => readonly SealKey[],
): Credentials {
  const any = database.prepare("SELECT 1 FROM administrators LIMIT 1");
  const named = database.prepare("SELECT 1 FROM administrators WHERE name_key = ?");
  const insert = database.prepare(
    `INSERT INTO administrators
       (username, name_key, role, password_hash, password_set_at, sealed, last_step, created_at)
     VALUES (?, ?, ?, ?, ?, zeroblob(0), ?, ?)`,
  );
  const setSecret = database.prepare("UPDATE administrators SET sealed = ? WHERE id = ?");
  // A code of the old token can't be one of the new: the steps start again.
  const reset = database.prepare(
    `UPDATE administrators SET password_hash = ?, password_set_at = ?, last_step = -1,
       failures = 0, locked_until = 0, generation = generation + 1 WHERE id = ?`,
  );
  function sealSecret(id: number, secret: Uint8Array): void {
    const [key] = keys();
    if (key === undefined) throw new Error("there is no key to seal with");
    setSecret.run(seal(key, Secret.of(secret), administratorPurpose(id)), id);
  }
  return {
    "admin-create"(write) {
      const { username, nameKey, role, passwordHash, secret, onlyFirst, lastStep, now } = write;
      if (onlyFirst && any.get() !== undefined) return "not-first";
      if (named.get(nameKey) !== undefined) return "name-taken";
      const done = insert.run(username, nameKey, role, passwordHash, now, lastStep, now);
      const id = Number(done.lastInsertRowid);
      sealSecret(id, secret);
      ledger.append(write.event);
      return { id };
    },
    "admin-reset"({ id, passwordHash, secret, now, event }) {
      if (reset.run(passwordHash, now, id).changes === 0) return "unknown";
      sealSecret(id, secret);
      ledger.append(event);
      return "reset";
    },
  };
}

/** All their tokens under another key, in the transaction of a rotation. */
export function resealAdministrators(
  database: DatabaseSync,
  keys: readonly SealKey[],
  next: SealKey,
): number {
  const update = database.prepare("UPDATE administrators SET sealed = ? WHERE id = ?");
  let done = 0;
  for (const row of database.prepare("SELECT id, sealed FROM administrators").all()) {
    const id = Number(row["id"]);
    const sealed = row["sealed"];
    const secret = sealed instanceof Uint8Array && open(keys, sealed, administratorPurpose(id));
    // What doesn't open now would not open later: it stays as it is, and stays refused.
    if (!secret) continue;
    update.run(seal(next, secret, administratorPurpose(id)), id);
    done += 1;
  }
  return done;
}
