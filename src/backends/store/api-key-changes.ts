// The writer's part of API keys. Invariants: only a key's hash is here, a key that ended never works
// again, and an administrator has a bounded number of them.

import type { DatabaseSync } from "node:sqlite";

import { API_KEYS_MAX } from "../../core/administrators.ts";
import type { AdministratorAnswers, AdministratorWrite } from "./administrator-writes.ts";
import type { Ledger } from "./ledger.ts";

type KeyKind = "key-create" | "key-rotate" | "key-revoke" | "key-used";
export type KeyChanges = {
  readonly [K in KeyKind]: (
    write: Extract<AdministratorWrite, { kind: K }>,
  ) => AdministratorAnswers[K];
};

// As long as somebody may still try one, and wonder.
const REMEMBERED_MS = 365 * 86_400_000;

const IS_WORKING = "expires_at > ?1 AND (revoked_at IS NULL OR revoked_at > ?1)";

export function createKeyChanges(database: DatabaseSync, ledger: Ledger): KeyChanges {
  const count = database.prepare(
    `SELECT count(*) AS n FROM api_keys WHERE ${IS_WORKING} AND owner = ?2`,
  );
  const forget = database.prepare(
    "DELETE FROM api_keys WHERE owner = ? AND coalesce(revoked_at, expires_at) < ?",
  );
  const insert = database.prepare(
    `INSERT INTO api_keys (owner, label, scopes, hash, created_at, expires_at)
     VALUES (?, ?, ?, ?, ?, ?)`,
  );
  // Each has one successor: whoever stole the old one would get another in its last hours.
  const find = database.prepare(
    `SELECT owner, label, scopes FROM api_keys
     WHERE expires_at > ?1 AND revoked_at IS NULL AND id = ?2`,
  );
  const end = database.prepare(
    `UPDATE api_keys SET revoked_at = ?3 WHERE ${IS_WORKING} AND id = ?2
       AND (revoked_at IS NULL OR revoked_at > ?3)`,
  );
  const use = database.prepare(
    "UPDATE api_keys SET last_used_at = ?, last_used_from = ? WHERE id = ?",
  );
  const hasRoom = (owner: number, now: number): boolean =>
    Number(count.get(now, owner)?.["n"]) < API_KEYS_MAX;

  return {
    "key-create"({ owner, label, scopes, hash, expiresAt, now, event }) {
      forget.run(owner, now - REMEMBERED_MS);
      if (!hasRoom(owner, now)) return "too-many";
      const done = insert.run(owner, label, scopes, hash, now, expiresAt);
      ledger.append(event);
      return { id: Number(done.lastInsertRowid) };
    },
    "key-rotate"({ id, endsAt, hash, expiresAt, now, event }) {
      const row = find.get(now, id);
      if (row === undefined) return "unknown";
      const owner = Number(row["owner"]);
      // One that goes at once makes room for the one that follows.
      if (endsAt > now && !hasRoom(owner, now)) return "too-many";
      end.run(now, id, endsAt);
      const label = String(row["label"]);
      const done = insert.run(owner, label, String(row["scopes"]), hash, now, expiresAt);
      ledger.append(event);
      return { id: Number(done.lastInsertRowid) };
    },
    "key-revoke"({ id, now, event }) {
      if (end.run(now, id, now).changes === 0) return "unknown";
      ledger.append(event);
      return "revoked";
    },
    "key-used"({ id, from, now }) {
      use.run(now, from, id);
      return true;
    },
  };
}
