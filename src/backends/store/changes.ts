// What administrators change: tokens, locks, requirements, stand-in codes, keys, old events. Invariant:
// a change and its event are one transaction; a token that goes takes its generation with it.

import type { DatabaseSync } from "node:sqlite";

import { Secret } from "../../lib/secret.ts";
import { resealAdministrators } from "./administrator-changes.ts";
import type { AdministratorWrite } from "./administrator-writes.ts";
import { eventText, hexOf, readEvent, type Ledger } from "./ledger.ts";
import { createOutboxWriter } from "./outbox.ts";
import type { People } from "./people.ts";
import { createRecoveryCodes, type RecoveryCodes } from "./recovery.ts";
import { createRequirements } from "./requirements.ts";
import { open, seal, sealKeyOf, tokenPurpose, TRAIL_PURPOSE, type SealKey } from "./seal.ts";
import type { Answers, ImportedRow, TokenRow, Write } from "./writes.ts";

type WriteOf<K extends Write["kind"]> = Extract<Write, { kind: K }>;

// A slice of retention: some milliseconds of the writer's time, so that logins pass in between.
const TRIM_ROWS = 5_000;

export interface Keyring {
  /** The first one seals; all of them open. */
  keys: SealKey[];
}

type OfOthers = AdministratorWrite["kind"] | "finish" | "record" | "claim-nonce" | "learn";

export type Changes = {
  readonly [K in Exclude<Write["kind"], OfOthers>]: (write: WriteOf<K>) => Answers[K];
};

export function createChanges(
  database: DatabaseSync,
  ledger: Ledger,
  people: People,
  keyring: Keyring,
): Changes {
  const recovery = createRecoveryCodes(database);
  const mails = createOutboxWriter(database, ledger);
  const requirements = createRequirements(database, ledger, mails.ofPeriods);
  const tokens = createTokens(database, keyring, recovery);
  const run = (sql: string): ((...values: (string | number | null)[]) => number) => {
    const statement = database.prepare(sql);
    return (...values) => Number(statement.run(...values).changes);
  };
  const setLock = run("UPDATE accounts SET admin_locked = 1 WHERE id = ?");
  const findLock = database.prepare("SELECT 1 FROM accounts WHERE id = ? AND admin_locked <> 0");
  const isLocked = (account: number): boolean => findLock.get(account) !== undefined;
  const clearLock = run("UPDATE accounts SET admin_locked = 0 WHERE id = ? AND admin_locked <> 0");
  const clearCounters = run(
    `UPDATE counters SET password_failures = 0, code_failures = 0, locked_until = 0, lock_level = 0
     WHERE account = ? AND (password_failures + code_failures + locked_until + lock_level) > 0`,
  );
  const clearBypass = run(
    `UPDATE accounts SET bypass_hash = NULL, bypass_until = NULL
     WHERE id = ? AND bypass_hash IS NOT NULL AND bypass_until > ?`,
  );
  const setBypass = run("UPDATE accounts SET bypass_hash = ?, bypass_until = ? WHERE id = ?");
  const setMeta = run(
    "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
  );

  const probe = run(
    "INSERT INTO meta (key, value) VALUES ('probes', 1) ON CONFLICT DO UPDATE SET value = value + 1",
  );

  return {
    import(write) {
      const answer = importRows(write, database, tokens);
      ledger.append(eventText({ ...readEvent(write.event), count: answer.imported }));
      return answer;
    },
    enroll(write) {
      const account = people.settle(write.person);
      if (account === undefined) return "identity-changed";
      const has = tokens.has(account);
      if (has && !write.replace) return "already-has-token";
      if (write.byPerson && isLocked(account)) return "locked";
      if (write.byPerson && write.replace && !has) return "no-token";
      tokens.put(account, write.token, write.now);
      recovery.replace(account, write.recovery);
      ledger.append(write.event);
      return "enrolled";
    },
    recovery(write) {
      const account = people.settle(write.person);
      if (account === undefined) return "identity-changed";
      if (!tokens.has(account)) return "no-token";
      recovery.replace(account, write.hashes);
      ledger.append(write.event);
      return "generated";
    },
    reset(write) {
      const { account, now, event } = write;
      if (tokens.remove(account)) {
        ledger.append(event);
        return "reset";
      }
      if (clearBypass(account, now) === 0) return "no-token";
      ledger.append(eventText({ ...readEvent(event), event_type: "mfa_bypass_revoked" }));
      return "bypass-revoked";
    },
    unlock(write) {
      const cleared = clearLock(write.account) + clearCounters(write.account);
      if (cleared === 0) return "not-locked";
      ledger.append(write.event);
      return "unlocked";
    },
    lock({ who, event }) {
      const account = typeof who === "number" ? who : people.settle(who);
      if (account === undefined) return "identity-changed";
      setLock(account);
      ledger.append(event);
      return "locked";
    },
    "revoke-bypass"(write) {
      if (clearBypass(write.account, write.now) === 0) return "no-bypass";
      ledger.append(write.event);
      return "revoked";
    },
    require(write) {
      const account = people.settle(write.person);
      if (account === undefined) return "identity-changed";
      return requirements.change(account, write.change, write.event, write.now);
    },
    "close-periods": ({ now }) => requirements.close(now),
    bypass(write) {
      const account = people.settle(write.person);
      if (account === undefined) return "identity-changed";
      setBypass(write.codeHash, write.until, account);
      ledger.append(write.event);
      return "granted";
    },
    relink(write) {
      if (!people.relink(write.person)) return "not-needed";
      ledger.append(write.event);
      return "relinked";
    },
    rotate(write) {
      const next = sealKeyOf(Secret.of(write.newKey));
      const resealed = tokens.reseal(next) + resealAdministrators(database, keyring.keys, next);
      resealTrail(database, keyring, next);
      setMeta("key_id", next.id);
      ledger.append(write.event);
      // The last step, so that a transaction that fails before it leaves the old key sealing. Should
      // the commit itself fail, what is sealed later still names its key and asks for it by name.
      keyring.keys.unshift(next);
      return { resealed };
    },
    ...mails.changes,
    trim: (write) => trim(write, database, (last) => setMeta("trimmed", ledger.anchor(last))),
    "dead-steps"(write) {
      setMeta("steps_dead_before", write.before);
      recovery.useUp(write.before);
      return true;
    },
    probe() {
      probe();
      return true;
    },
  };
}

function resealTrail(database: DatabaseSync, keyring: Keyring, next: SealKey): void {
  const sealed = database.prepare("SELECT value FROM meta WHERE key = 'trail_key'").get()?.[
    "value"
  ];
  const trail =
    sealed instanceof Uint8Array ? open(keyring.keys, sealed, TRAIL_PURPOSE) : undefined;
  if (trail === undefined) throw new Error("the audit trail's key can't be opened");
  database
    .prepare("UPDATE meta SET value = ? WHERE key = 'trail_key'")
    .run(seal(next, trail, TRAIL_PURPOSE));
}

interface Tokens {
  has(account: number): boolean;
  put(account: number, token: TokenRow, now: number): void;
  remove(account: number): boolean;
  /** All of them under another key, in this transaction: there is no half way. */
  reseal(next: SealKey): number;
}

function createTokens(database: DatabaseSync, keyring: Keyring, recovery: RecoveryCodes): Tokens {
  const find = database.prepare("SELECT id FROM tokens WHERE account = ?");
  const grow = database.prepare(
    `UPDATE accounts SET generation = generation + 1, suspicion = 0, bypass_hash = NULL,
       bypass_until = NULL, period_state = replace(period_state, 'met', 'open')
     WHERE id = ? RETURNING generation`,
  );
  // What is left of a period would let the password alone in once the token is reset.
  const endPeriod = database.prepare(
    "UPDATE accounts SET requirement_until = ? WHERE id = ? AND requirement_until > ?",
  );
  const remove = database.prepare("DELETE FROM tokens WHERE account = ?");
  const insert = database.prepare(
    `INSERT INTO tokens
       (account, generation, sealed, algorithm, digits, period, last_step, enrolled_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const slice = database.prepare(
    "SELECT id, account, generation, sealed FROM tokens WHERE id > ? ORDER BY id LIMIT 1000",
  );
  const update = database.prepare("UPDATE tokens SET sealed = ? WHERE id = ?");

  const sealingKey = (): SealKey => {
    const [key] = keyring.keys;
    if (key === undefined) throw new Error("there is no key to seal with");
    return key;
  };

  return {
    has: (account) => find.get(account) !== undefined,
    put(account, token, now) {
      remove.run(account);
      recovery.replace(account, []);
      const generation = Number(grow.get(account)?.["generation"]);
      const purpose = tokenPurpose(account, generation);
      const sealed = seal(sealingKey(), Secret.of(token.secret), purpose);
      const { algorithm, digits, periodSeconds, lastStep } = token;
      insert.run(account, generation, sealed, algorithm, digits, periodSeconds, lastStep, now);
      endPeriod.run(now, account, now);
    },
    remove(account) {
      if (remove.run(account).changes === 0) return false;
      recovery.replace(account, []);
      grow.get(account);
      return true;
    },
    reseal(next) {
      let done = 0;
      for (let after = 0; ;) {
        const rows = slice.all(after);
        if (rows.length === 0) return done;
        for (const row of rows) {
          after = Number(row["id"]);
          const purpose = tokenPurpose(Number(row["account"]), Number(row["generation"]));
          const sealed = row["sealed"];
          const secret = sealed instanceof Uint8Array && open(keyring.keys, sealed, purpose);
          // What doesn't open now would not open later: it stays as it is, and stays refused.
          if (!secret) continue;
          update.run(seal(next, secret, purpose), after);
          done += 1;
        }
      }
    },
  };
}

function importRows(
  write: WriteOf<"import">,
  database: DatabaseSync,
  tokens: Tokens,
): Answers["import"] {
  const byName = database.prepare(
    "SELECT id FROM accounts WHERE name_key = ? AND directory = ? ORDER BY id LIMIT 1",
  );
  const insert = database.prepare(
    "INSERT INTO accounts (directory, username, name_key, dn) VALUES (?, ?, ?, '')",
  );
  const problems: Answers["import"]["problems"] = [];
  let imported = 0;
  const accountOf = (row: ImportedRow): number => {
    const known = byName.get(row.nameKey, write.directory);
    if (known !== undefined) return Number(known["id"]);
    return Number(insert.run(write.directory, row.username, row.nameKey).lastInsertRowid);
  };
  for (const row of write.rows) {
    const account = accountOf(row);
    if (tokens.has(account) && !write.replace) {
      problems.push({ line: row.line, problem: "already-has-token" });
      continue;
    }
    tokens.put(account, row, write.now);
    imported += 1;
  }
  return { imported, problems };
}

function trim(
  write: WriteOf<"trim">,
  database: DatabaseSync,
  keepAnchor: (last: { readonly seq: number; readonly hash: string }) => void,
): Answers["trim"] {
  database.prepare("DELETE FROM nonces WHERE expires_at < ?").run(write.now);
  const last = database
    .prepare(
      `SELECT seq, hash FROM (SELECT seq, at, hash FROM events ORDER BY seq LIMIT ?)
       WHERE at < ? ORDER BY seq DESC LIMIT 1`,
    )
    .get(TRIM_ROWS, write.before);
  if (last === undefined) return { removed: 0 };
  const seq = Number(last["seq"]);
  const removed = Number(database.prepare("DELETE FROM events WHERE seq <= ?").run(seq).changes);
  keepAnchor({ seq, hash: hexOf(last["hash"]) });
  return { removed };
}
