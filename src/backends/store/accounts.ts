// Reading people: the login path's view of an account and the administrator's. Reads only, through a
// connection of its own; what a login may do with the answer, the writer checks again.

import type { DatabaseSync } from "node:sqlite";

import type { Enrolment, Person } from "../../core/administration.ts";
import { WRONG_CODES_MAX } from "../../core/ask.ts";
import type { Account, Identity, Token, TotpAlgorithm } from "../../core/ports.ts";
import { FOREVER } from "./ending.ts";
import { open, tokenPurpose, type SealKey } from "./seal.ts";

type Row = Record<string, unknown>;

/** What `begin` needs besides the account itself. Times are ms UTC. */
export interface Standing {
  readonly account: Account;
  readonly identity: Identity | undefined;
  readonly isLockedByAdministrator: boolean;
  readonly lockedUntil: number;
  readonly failures: number;
  readonly lastFailureAt: number;
  readonly isKnownSource: boolean;
  readonly failedBinds: number;
  readonly failedBindAt: number;
}

export interface Accounts {
  /** This person's row, or that of an import of the same name that waits for just this person. */
  findByIdentity(
    identity: Identity,
    nameKey: string,
    source: string,
    now: number,
  ): Standing | undefined;
  findById(account: number, source: string, now: number): Standing | undefined;
  /** Rows of this name: `id` undefined for an import that waits. */
  findByName(directory: string, nameKey: string): { account: number; id: string | undefined }[];
  findPerson(account: number, now: number): Person | undefined;
  list(options: ListOptions, now: number): Person[];
}

interface ListOptions {
  readonly directory?: string;
  readonly afterUsername?: string;
  readonly withToken?: boolean;
  readonly limit: number;
}

// A person's device that brought a right code in the last 30 days keeps counters of its own.
const KNOWN_SOURCE_MS = 30 * 86_400_000;

const ACCOUNT_COLUMNS = `
  a.id, a.directory, a.immutable_id, a.username, a.dn, a.requirement_until, a.bypass_hash,
  a.bypass_until, a.suspicion, a.admin_locked, a.failed_binds, a.failed_bind_at,
  t.id AS token, t.generation, t.sealed, t.algorithm, t.digits, t.period, t.last_step, t.drift,
  t.enrolled_at, t.last_used_at`;
const FROM = "FROM accounts a LEFT JOIN tokens t ON t.account = a.id";
// All a login needs, in one read: its own source's counters and everybody else's.
const STANDING = `SELECT ${ACCOUNT_COLUMNS}, own.last_success_at AS known_at,
    own.password_failures AS own_password, own.code_failures AS own_code,
    own.last_failure_at AS own_failure_at, own.locked_until AS own_locked_until,
    shared.password_failures AS shared_password, shared.code_failures AS shared_code,
    shared.last_failure_at AS shared_failure_at, shared.locked_until AS shared_locked_until,
    (SELECT value FROM meta WHERE key = 'steps_dead_before') AS dead_before
  ${FROM}
  LEFT JOIN counters own ON own.account = a.id AND own.source = nullif(?, '')
  LEFT JOIN counters shared ON shared.account = a.id AND shared.source = ''`;

export function createAccounts(reader: DatabaseSync, keys: () => readonly SealKey[]): Accounts {
  // INDEXED BY: left to itself, SQLite walks all imports of the directory to find the least id.
  const byIdentity = reader.prepare(
    `${STANDING} WHERE a.id = coalesce(
       (SELECT id FROM accounts WHERE directory = ? AND immutable_id = ?),
       (SELECT min(id) FROM accounts INDEXED BY accounts_name
        WHERE name_key = ? AND directory = ? AND immutable_id IS NULL))`,
  );
  const byAccount = reader.prepare(`${STANDING} WHERE a.id = ?`);
  const byId = reader.prepare(`SELECT ${ACCOUNT_COLUMNS} ${FROM} WHERE a.id = ?`);
  const byName = reader.prepare(
    "SELECT id, immutable_id FROM accounts WHERE name_key = ? AND directory = ? ORDER BY id",
  );
  const worst = reader.prepare(
    `SELECT max(locked_until) AS locked_until, max(password_failures) AS password_failures,
       max(code_failures) AS code_failures FROM counters WHERE account = ?`,
  );

  function standing(row: Row | undefined, now: number): Standing | undefined {
    if (row === undefined) return undefined;
    const isKnownSource = numberOf(row, "known_at") > now - KNOWN_SOURCE_MS;
    const scope = isKnownSource ? "own" : "shared";
    const passwordFailures = numberOf(row, `${scope}_password`);
    const codeFailures = numberOf(row, `${scope}_code`);
    return {
      account: {
        id: numberOf(row, "id"),
        token: tokenOf(row, keys(), numberOf(row, "dead_before")),
        requirement: optional(row, "requirement_until", (until) => ({ until })),
        bypass: bypassOf(row),
        passwordFailures,
        codeFailures,
        suspicion: numberOf(row, "suspicion"),
      },
      identity: identityOf(row),
      isLockedByAdministrator: numberOf(row, "admin_locked") !== 0,
      lockedUntil: numberOf(row, `${scope}_locked_until`),
      failures: Math.max(passwordFailures, codeFailures),
      lastFailureAt: numberOf(row, `${scope}_failure_at`),
      isKnownSource,
      failedBinds: numberOf(row, "failed_binds"),
      failedBindAt: numberOf(row, "failed_bind_at"),
    };
  }

  function person(row: Row, now: number): Person {
    const counted = worst.get(numberOf(row, "id"));
    const lockedUntil = numberOf(counted, "locked_until");
    const isAdminLock = numberOf(row, "admin_locked") !== 0 || lockedUntil === FOREVER;
    const bypassUntil = numberOf(row, "bypass_until");
    return {
      directory: textOf(row, "directory"),
      id: row["immutable_id"] === null ? undefined : textOf(row, "immutable_id"),
      username: textOf(row, "username"),
      enrolment: enrolmentOf(row, now),
      token: shownToken(row),
      requirementUntil: optional(row, "requirement_until", (until) => until),
      lockedUntil: isAdminLock ? "administrator" : lockedUntil > now ? lockedUntil : undefined,
      passwordFailures: numberOf(counted, "password_failures"),
      codeFailures: numberOf(counted, "code_failures"),
      bypassUntil: bypassUntil > now ? bypassUntil : undefined,
    };
  }

  return {
    findByIdentity: ({ directory, id }, nameKey, source, now) =>
      standing(byIdentity.get(source, directory, id, nameKey, directory), now),
    findById: (account, source, now) => standing(byAccount.get(source, account), now),
    findByName: (directory, nameKey) =>
      byName.all(nameKey, directory).map((row) => ({
        account: numberOf(row, "id"),
        id: row["immutable_id"] === null ? undefined : textOf(row, "immutable_id"),
      })),
    findPerson(account, now) {
      const row = byId.get(account);
      return row === undefined ? undefined : person(row, now);
    },
    list(options, now) {
      const rows = reader
        .prepare(
          `SELECT ${ACCOUNT_COLUMNS} ${FROM}
           WHERE a.name_key > ? AND (? IS NULL OR a.directory = ?)
             AND (? = 0 OR t.id IS NOT NULL) AND (? = 0 OR t.id IS NULL)
           ORDER BY a.name_key LIMIT ?`,
        )
        .all(
          options.afterUsername ?? "",
          options.directory ?? null,
          options.directory ?? null,
          options.withToken === true ? 1 : 0,
          options.withToken === false ? 1 : 0,
          options.limit,
        );
      return rows.map((row) => person(row, now));
    },
  };
}

function tokenOf(row: Row, keys: readonly SealKey[], deadBeforeMs: number): Token | undefined {
  if (row["token"] === null || row["token"] === undefined) return undefined;
  const generation = numberOf(row, "generation");
  const sealed = row["sealed"];
  const purpose = tokenPurpose(numberOf(row, "id"), generation);
  const periodSeconds = numberOf(row, "period") === 60 ? 60 : 30;
  // After a restore every step up to that moment is dead: it may have been used since the backup.
  const deadStep = deadBeforeMs === 0 ? -1 : Math.floor(deadBeforeMs / 1000 / periodSeconds);
  return {
    id: numberOf(row, "token"),
    generation,
    algorithm: algorithmOf(row),
    digits: digitsOf(row),
    periodSeconds,
    lastStep: Math.max(numberOf(row, "last_step"), deadStep),
    driftSteps: numberOf(row, "drift"),
    secret: sealed instanceof Uint8Array ? open(keys, sealed, purpose) : undefined,
  };
}

function shownToken(row: Row): Person["token"] {
  if (row["token"] === null || row["token"] === undefined) return undefined;
  return {
    algorithm: algorithmOf(row),
    digits: digitsOf(row),
    periodSeconds: numberOf(row, "period"),
    enrolledAt: numberOf(row, "enrolled_at"),
    lastUsedAt: optional(row, "last_used_at", (at) => at),
    suspended: numberOf(row, "suspicion") >= WRONG_CODES_MAX,
  };
}

function enrolmentOf(row: Row, now: number): Enrolment {
  if (row["token"] !== null) return row["immutable_id"] === null ? "pending" : "enrolled";
  if (row["requirement_until"] === null) return "not-required";
  return numberOf(row, "requirement_until") > now ? "in-period" : "period-expired";
}

function identityOf(row: Row): Identity | undefined {
  if (row["immutable_id"] === null) return undefined;
  return {
    directory: textOf(row, "directory"),
    id: textOf(row, "immutable_id"),
    username: textOf(row, "username"),
    dn: textOf(row, "dn"),
  };
}

function bypassOf(row: Row): Account["bypass"] {
  if (row["bypass_hash"] === null) return undefined;
  return { codeHash: textOf(row, "bypass_hash"), until: numberOf(row, "bypass_until") };
}

function algorithmOf(row: Row): TotpAlgorithm {
  const algorithm = row["algorithm"];
  if (algorithm === "sha1" || algorithm === "sha256" || algorithm === "sha512") return algorithm;
  throw new Error("a token has an unknown algorithm");
}

function digitsOf(row: Row): 6 | 7 | 8 {
  const digits = row["digits"];
  if (digits === 6 || digits === 7 || digits === 8) return digits;
  throw new Error("a token has an unknown number of digits");
}

function optional<T>(row: Row, column: string, map: (value: number) => T): T | undefined {
  const value = row[column];
  return typeof value === "number" ? map(value) : undefined;
}

function numberOf(row: Row | undefined, column: string): number {
  const value = row?.[column];
  return typeof value === "number" ? value : 0;
}

function textOf(row: Row, column: string): string {
  const value = row[column];
  return typeof value === "string" ? value : "";
}
