// Recovery codes in the writer's hands. Invariants: a code is claimed once, in the transaction that
// records the accept; a set goes when the token does.

import type { DatabaseSync } from "node:sqlite";

export interface RecoveryCodes {
  /** In the place of those there were. */
  replace(account: number, hashes: readonly string[]): void;
  /** unknown: not, or no longer, one of this account's. */
  claim(account: number, hash: string, now: number): "claimed" | "used" | "unknown";
  unused(account: number): number;
  /** Everybody's: they may have been used in a time that was lost. */
  useUp(now: number): void;
}

export function createRecoveryCodes(database: DatabaseSync): RecoveryCodes {
  const remove = database.prepare("DELETE FROM recovery_codes WHERE account = ?");
  const insert = database.prepare("INSERT INTO recovery_codes (account, hash) VALUES (?, ?)");
  const use = database.prepare(
    "UPDATE recovery_codes SET used_at = ? WHERE account = ? AND hash = ? AND used_at IS NULL",
  );
  const find = database.prepare("SELECT 1 FROM recovery_codes WHERE account = ? AND hash = ?");
  const count = database.prepare(
    "SELECT count(*) AS unused FROM recovery_codes WHERE account = ? AND used_at IS NULL",
  );
  const useAll = database.prepare("UPDATE recovery_codes SET used_at = ? WHERE used_at IS NULL");
  return {
    replace(account, hashes) {
      remove.run(account);
      for (const hash of hashes) insert.run(account, hash);
    },
    claim(account, hash, now) {
      if (use.run(now, account, hash).changes === 1) return "claimed";
      return find.get(account, hash) === undefined ? "unknown" : "used";
    },
    unused: (account) => Number(count.get(account)?.["unused"]),
    useUp(now) {
      useAll.run(now);
    },
  };
}
