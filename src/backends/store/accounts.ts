// Reading people: the login path's view of an account and the administrator's. Reads only, through a
// connection of its own; what a login may do with the answer, the writer checks again.

import type { DatabaseSync } from "node:sqlite";

import type { Enrolment, Person } from "../../core/administration.ts";
import { WRONG_CODES_MAX } from "../../core/ask.ts";
import type { Account, Identity, Token, TotpAlgorithm } from "../../core/ports.ts";
import { FOREVER } from "./ending.ts";
import { readRequirement } from "./requirements.ts";
import {
  numberAt,
  optionalNumberAt,
  positions,
  prepareMany,
  prepareOne,
  selected,
  textAt,
  type Row,
} from "./rows.ts";
import { open, tokenPurpose, type SealKey } from "./seal.ts";

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
  /** The account of a person whose id is known: the row of that id, or an import that waits. */
  findOwn(directory: string, id: string, nameKey: string): number | undefined;
  /** Rows of this name: `id` undefined for an import that waits. */
  findByName(directory: string, nameKey: string): { account: number; id: string | undefined }[];
  findPerson(account: number, now: number): Person | undefined;
  findRecovery(account: number, codeHash: string): "unused" | "used" | "unknown";
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

const ACCOUNT = {
  id: "a.id",
  directory: "a.directory",
  immutableId: "a.immutable_id",
  username: "a.username",
  dn: "a.dn",
  requirementUntil: "a.requirement_until",
  bypassHash: "a.bypass_hash",
  bypassUntil: "a.bypass_until",
  suspicion: "a.suspicion",
  adminLocked: "a.admin_locked",
  token: "t.id",
  generation: "t.generation",
  algorithm: "t.algorithm",
  digits: "t.digits",
  period: "t.period",
} as const;
const PERSON = {
  ...ACCOUNT,
  enrolledAt: "t.enrolled_at",
  lastUsedAt: "t.last_used_at",
  requirementOf: "a.requirement_of",
  recoveryLeft:
    "(SELECT count(*) FROM recovery_codes r WHERE r.account = a.id AND r.used_at IS NULL)",
} as const;
// All a login needs, in one read: its own source's counters and everybody else's.
const STANDING = {
  ...ACCOUNT,
  failedBinds: "a.failed_binds",
  failedBindAt: "a.failed_bind_at",
  sealed: "t.sealed",
  lastStep: "t.last_step",
  drift: "t.drift",
  knownAt: "own.last_success_at",
  ownPassword: "own.password_failures",
  ownCode: "own.code_failures",
  ownFailureAt: "own.last_failure_at",
  ownLockedUntil: "own.locked_until",
  sharedPassword: "shared.password_failures",
  sharedCode: "shared.code_failures",
  sharedFailureAt: "shared.last_failure_at",
  sharedLockedUntil: "shared.locked_until",
  deadBefore: "(SELECT value FROM meta WHERE key = 'steps_dead_before')",
} as const;
const WORST = {
  lockedUntil: "max(locked_until)",
  passwordFailures: "max(password_failures)",
  codeFailures: "max(code_failures)",
} as const;
const IN_ACCOUNT = positions(ACCOUNT);
const IN_PERSON = positions(PERSON);
const IN_STANDING = positions(STANDING);
const IN_WORST = positions(WORST);
const OWN_COUNTERS = [
  IN_STANDING.ownPassword,
  IN_STANDING.ownCode,
  IN_STANDING.ownFailureAt,
  IN_STANDING.ownLockedUntil,
] as const;
const SHARED_COUNTERS = [
  IN_STANDING.sharedPassword,
  IN_STANDING.sharedCode,
  IN_STANDING.sharedFailureAt,
  IN_STANDING.sharedLockedUntil,
] as const;

const FROM = "FROM accounts a LEFT JOIN tokens t ON t.account = a.id";
const SELECT_PERSON = `SELECT ${selected(PERSON)} ${FROM}`;
const SELECT_STANDING = `SELECT ${selected(STANDING)} ${FROM}
  LEFT JOIN counters own ON own.account = a.id AND own.source = nullif(?, '')
  LEFT JOIN counters shared ON shared.account = a.id AND shared.source = ''`;

export function createAccounts(reader: DatabaseSync, keys: () => readonly SealKey[]): Accounts {
  // INDEXED BY: left to itself, SQLite walks all imports of the directory to find the least id.
  const byIdentity = prepareOne(
    reader,
    `${SELECT_STANDING} WHERE a.id = coalesce(
       (SELECT id FROM accounts WHERE directory = ? AND immutable_id = ?),
       (SELECT min(id) FROM accounts INDEXED BY accounts_name
        WHERE name_key = ? AND directory = ? AND immutable_id IS NULL))`,
  );
  const own = prepareOne(
    reader,
    `SELECT id FROM accounts WHERE directory = ? AND immutable_id = ?
     UNION ALL SELECT id FROM accounts INDEXED BY accounts_name
     WHERE name_key = ? AND directory = ? AND immutable_id IS NULL LIMIT 1`,
  );
  const byAccount = prepareOne(reader, `${SELECT_STANDING} WHERE a.id = ?`);
  const byId = prepareOne(reader, `${SELECT_PERSON} WHERE a.id = ?`);
  const byName = prepareMany(
    reader,
    "SELECT id, immutable_id FROM accounts WHERE name_key = ? AND directory = ? ORDER BY id",
  );
  const recovery = prepareOne(
    reader,
    "SELECT used_at FROM recovery_codes WHERE account = ? AND hash = ?",
  );
  const worst = prepareOne(reader, `SELECT ${selected(WORST)} FROM counters WHERE account = ?`);
  const page = prepareMany(
    reader,
    `${SELECT_PERSON}
     WHERE a.name_key > ? AND (? IS NULL OR a.directory = ?)
       AND (? = 0 OR t.id IS NOT NULL) AND (? = 0 OR t.id IS NULL)
     ORDER BY a.name_key LIMIT ?`,
  );

  function standing(row: Row | undefined, now: number): Standing | undefined {
    if (row === undefined) return undefined;
    const isKnownSource = numberAt(row, IN_STANDING.knownAt) > now - KNOWN_SOURCE_MS;
    const [password, code, failureAt, lockedUntil] = isKnownSource ? OWN_COUNTERS : SHARED_COUNTERS;
    const passwordFailures = numberAt(row, password);
    const codeFailures = numberAt(row, code);
    const requirementUntil = optionalNumberAt(row, IN_ACCOUNT.requirementUntil);
    return {
      account: {
        id: numberAt(row, IN_ACCOUNT.id),
        token: tokenOf(row, keys()),
        requirement: requirementUntil === undefined ? undefined : { until: requirementUntil },
        bypass: bypassOf(row),
        passwordFailures,
        codeFailures,
        suspicion: numberAt(row, IN_ACCOUNT.suspicion),
      },
      identity: identityOf(row),
      isLockedByAdministrator: numberAt(row, IN_ACCOUNT.adminLocked) !== 0,
      lockedUntil: numberAt(row, lockedUntil),
      failures: Math.max(passwordFailures, codeFailures),
      lastFailureAt: numberAt(row, failureAt),
      isKnownSource,
      failedBinds: numberAt(row, IN_STANDING.failedBinds),
      failedBindAt: numberAt(row, IN_STANDING.failedBindAt),
    };
  }

  function person(row: Row, now: number): Person {
    const counted = worst(numberAt(row, IN_ACCOUNT.id));
    const lockedUntil = numberAt(counted, IN_WORST.lockedUntil);
    const isAdminLock = numberAt(row, IN_ACCOUNT.adminLocked) !== 0 || lockedUntil === FOREVER;
    const bypassUntil = numberAt(row, IN_ACCOUNT.bypassUntil);
    const requirement = readRequirement(
      row[IN_ACCOUNT.requirementUntil],
      row[IN_PERSON.requirementOf],
    );
    return {
      directory: textAt(row, IN_ACCOUNT.directory),
      id: isNamed(row) ? textAt(row, IN_ACCOUNT.immutableId) : undefined,
      username: textAt(row, IN_ACCOUNT.username),
      enrolment: enrolmentOf(row, now),
      token: shownToken(row),
      requirementUntil: requirement?.until,
      requirementOf: requirement?.of,
      lockedUntil: isAdminLock ? "administrator" : lockedUntil > now ? lockedUntil : undefined,
      passwordFailures: numberAt(counted, IN_WORST.passwordFailures),
      codeFailures: numberAt(counted, IN_WORST.codeFailures),
      bypassUntil: bypassUntil > now ? bypassUntil : undefined,
      recoveryCodesLeft: numberAt(row, IN_PERSON.recoveryLeft),
    };
  }

  return {
    findByIdentity: ({ directory, id }, nameKey, source, now) =>
      standing(byIdentity(source, directory, id, nameKey, directory), now),
    findById: (account, source, now) => standing(byAccount(source, account), now),
    findOwn(directory, id, nameKey) {
      const row = own(directory, id, nameKey, directory);
      return row === undefined ? undefined : numberAt(row, 0);
    },
    findByName: (directory, nameKey) =>
      byName(nameKey, directory).map((row) => ({
        account: numberAt(row, 0),
        id: row[1] === null ? undefined : textAt(row, 1),
      })),
    findPerson(account, now) {
      const row = byId(account);
      return row === undefined ? undefined : person(row, now);
    },
    findRecovery(account, codeHash) {
      const row = recovery(account, codeHash);
      if (row === undefined) return "unknown";
      return row[0] === null ? "unused" : "used";
    },
    list({ directory = null, afterUsername = "", withToken, limit }, now) {
      const isWith = withToken === true ? 1 : 0;
      const isWithout = withToken === false ? 1 : 0;
      const rows = page(afterUsername, directory, directory, isWith, isWithout, limit);
      return rows.map((row) => person(row, now));
    },
  };
}

/** An import that waits for its first login has no id yet. */
function isNamed(row: Row): boolean {
  return row[IN_ACCOUNT.immutableId] !== null;
}

function hasToken(row: Row): boolean {
  return row[IN_ACCOUNT.token] !== null;
}

function tokenOf(row: Row, keys: readonly SealKey[]): Token | undefined {
  if (!hasToken(row)) return undefined;
  const generation = numberAt(row, IN_ACCOUNT.generation);
  const sealed = row[IN_STANDING.sealed];
  const purpose = tokenPurpose(numberAt(row, IN_ACCOUNT.id), generation);
  const periodSeconds = numberAt(row, IN_ACCOUNT.period) === 60 ? 60 : 30;
  // After a restore every step up to that moment is dead: it may have been used since the backup.
  const deadBeforeMs = numberAt(row, IN_STANDING.deadBefore);
  const deadStep = deadBeforeMs === 0 ? -1 : Math.floor(deadBeforeMs / 1000 / periodSeconds);
  return {
    id: numberAt(row, IN_ACCOUNT.token),
    generation,
    algorithm: algorithmOf(row),
    digits: digitsOf(row),
    periodSeconds,
    lastStep: Math.max(numberAt(row, IN_STANDING.lastStep), deadStep),
    driftSteps: numberAt(row, IN_STANDING.drift),
    secret: sealed instanceof Uint8Array ? open(keys, sealed, purpose) : undefined,
  };
}

function shownToken(row: Row): Person["token"] {
  if (!hasToken(row)) return undefined;
  return {
    algorithm: algorithmOf(row),
    digits: digitsOf(row),
    periodSeconds: numberAt(row, IN_ACCOUNT.period),
    enrolledAt: numberAt(row, IN_PERSON.enrolledAt),
    lastUsedAt: optionalNumberAt(row, IN_PERSON.lastUsedAt),
    suspended: numberAt(row, IN_ACCOUNT.suspicion) >= WRONG_CODES_MAX,
  };
}

function enrolmentOf(row: Row, now: number): Enrolment {
  if (hasToken(row)) return isNamed(row) ? "enrolled" : "pending";
  const requirementUntil = optionalNumberAt(row, IN_ACCOUNT.requirementUntil);
  if (requirementUntil === undefined) return "not-required";
  return requirementUntil > now ? "in-period" : "period-expired";
}

function identityOf(row: Row): Identity | undefined {
  if (!isNamed(row)) return undefined;
  return {
    directory: textAt(row, IN_ACCOUNT.directory),
    id: textAt(row, IN_ACCOUNT.immutableId),
    username: textAt(row, IN_ACCOUNT.username),
    dn: textAt(row, IN_ACCOUNT.dn),
  };
}

function bypassOf(row: Row): Account["bypass"] {
  const codeHash = row[IN_ACCOUNT.bypassHash];
  if (typeof codeHash !== "string") return undefined;
  return { codeHash, until: numberAt(row, IN_ACCOUNT.bypassUntil) };
}

function algorithmOf(row: Row): TotpAlgorithm {
  const algorithm = row[IN_ACCOUNT.algorithm];
  if (algorithm === "sha1" || algorithm === "sha256" || algorithm === "sha512") return algorithm;
  throw new Error("a token has an unknown algorithm");
}

function digitsOf(row: Row): 6 | 7 | 8 {
  const digits = row[IN_ACCOUNT.digits];
  if (digits === 6 || digits === 7 || digits === 8) return digits;
  throw new Error("a token has an unknown number of digits");
}
