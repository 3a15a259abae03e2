// The one transaction that ends a login: late lock, claim, counters, lock, event. Invariant: an accept
// is recorded only if at this very moment nothing forbids it and the step was still unclaimed.

import type { DatabaseSync, StatementSync } from "node:sqlite";

import { REASONS } from "../../core/verdict.ts";
import type { EventDraft } from "../../core/audit.ts";
import type { LockoutRules, Recorded } from "../../core/ports.ts";
import { eventText, readEvent, type EventText, type Ledger } from "./ledger.ts";
import type { People } from "./people.ts";
import { createRecoveryCodes, type RecoveryCodes } from "./recovery.ts";
import { numberAt, positions, prepareOne, selected, textAt, type Row } from "./rows.ts";
import type { FinishWrite, PersonRow } from "./writes.ts";

/** "Until an administrator unlocks": later than any clock. */
export const FOREVER = Number.MAX_SAFE_INTEGER;
// A lock doubles with each repeat, but never beyond this (or the configured duration, if longer).
const LOCK_MS_MAX = 3_600_000;
/** NIST SP 800-63B §3.2.2; core/ask.ts refuses from here on. */
const WRONG_CODES_MAX = 100;
const SOURCES_PER_ACCOUNT_MAX = 16;
const KNOWN_AGAIN_MS = 86_400_000;

/** What an ending looks at before it changes anything. */
const STATE = {
  id: "a.id",
  username: "a.username",
  adminLocked: "a.admin_locked",
  bypassHash: "a.bypass_hash",
  suspicion: "a.suspicion",
  failedBinds: "a.failed_binds",
  failedBindAt: "a.failed_bind_at",
  passwordFailures: "c.password_failures",
  codeFailures: "c.code_failures",
  lastFailureAt: "c.last_failure_at",
  lockedUntil: "c.locked_until",
  lockLevel: "c.lock_level",
  lastSuccessAt: "c.last_success_at",
} as const;
const IN = positions(STATE);

interface Statements {
  readonly state: ReturnType<typeof prepareOne>;
  readonly claim: StatementSync;
  readonly generation: StatementSync;
  readonly saveCounters: StatementSync;
  readonly saveAccount: StatementSync;
  readonly knowSource: StatementSync;
  readonly trimSources: StatementSync;
}

interface Counters {
  passwordFailures: number;
  codeFailures: number;
  lastFailureAt: number;
  lockedUntil: number;
  lockLevel: number;
}

export function createEnding(
  database: DatabaseSync,
  ledger: Ledger,
  people: People,
): (write: FinishWrite) => Recorded {
  const sql = prepare(database);
  const recovery = createRecoveryCodes(database);

  return function finish(write) {
    const { ending } = write;
    const scope = write.isKnownSource ? write.source : "";
    const before = findState(write.person, scope);
    if (before === undefined) return lose(ledger, write, "token-changed");
    const account = numberAt(before, IN.id);
    if (ending.result === "accept") {
      const refusal = refusalOf(sql, recovery, write, account, before);
      if (refusal !== undefined) return lose(ledger, write, refusal);
    }
    const counters = readCounters(before);
    const isLocked = count(counters, write);
    saveCounters(sql, account, scope, counters, before);
    saveAccount(sql, ledger, account, write, before);
    if (ending.claim !== undefined && write.source !== "") rememberSource(sql, write, before);
    ledger.append(write.event);
    if (isLocked) ledger.append(lockoutEvent(write.event, counters));
    if (ending.recovery !== undefined) {
      ledger.append(recoveryEvent(write.event, recovery.unused(account)));
    }
    return { kind: "recorded" };
  };

  // One read for nearly everybody; people new here, or with a new name, are settled first.
  function findState(person: PersonRow, scope: string): Row | undefined {
    const { directory, id, username } = person;
    const known = sql.state(scope, directory, id);
    if (known !== undefined && textAt(known, IN.username) === username) return known;
    return people.settle(person) === undefined ? undefined : sql.state(scope, directory, id);
  }
}

// Once a day is enough for a memory of 30 days.
function rememberSource(sql: Statements, write: FinishWrite, before: Row): void {
  const { source, isKnownSource, now } = write;
  const account = numberAt(before, IN.id);
  if (isKnownSource && now - numberAt(before, IN.lastSuccessAt) < KNOWN_AGAIN_MS) return;
  sql.knowSource.run(account, source, now);
  if (!isKnownSource) sql.trimSources.run(account, account, SOURCES_PER_ACCOUNT_MAX);
}

type Lost = Extract<Recorded, { kind: "lost" }>["reason"];

function refusalOf(
  sql: Statements,
  codes: RecoveryCodes,
  write: FinishWrite,
  account: number,
  row: Row,
): Lost | undefined {
  const isLocked = numberAt(row, IN.adminLocked) !== 0 || numberAt(row, IN.lockedUntil) > write.now;
  if (isLocked) return "account-locked";
  const { claim, bypass, recovery } = write.ending;
  if (bypass !== undefined && row?.[IN.bypassHash] !== bypass) return "token-changed";
  if (recovery !== undefined) {
    const claimed = codes.claim(account, recovery, write.now);
    if (claimed !== "claimed") return claimed === "used" ? "mfa-code-replayed" : "token-changed";
  }
  if (claim === undefined) return undefined;
  const { token, generation, step, driftSteps } = claim;
  const won = sql.claim.run(step, driftSteps, write.now, token, account, generation, step);
  if (won.changes === 1) return undefined;
  const current = sql.generation.get(account)?.["generation"];
  return current === generation ? "mfa-code-replayed" : "token-changed";
}

// Nothing is counted: the loser of a race typed what was right a moment ago.
function lose(ledger: Ledger, { event, ending }: FinishWrite, reason: Lost): Recorded {
  const reply = ending.result === "accept" ? ({ mfa: false, reply: "reject" } as const) : {};
  const message = REASONS[reason];
  const lost = { ...readEvent(event), ...reply, success: false, reason, error_message: message };
  ledger.append(eventText(lost));
  return { kind: "lost", reason };
}

/** True when this failure locks. The window runs from the last failure. */
function count(counters: Counters, write: FinishWrite): boolean {
  const { ending, rules, now } = write;
  if (ending.result === "accept") {
    Object.assign(counters, { passwordFailures: 0, codeFailures: 0, lockLevel: 0 });
    return false;
  }
  if (now - counters.lastFailureAt > rules.windowMs) {
    Object.assign(counters, { passwordFailures: 0, codeFailures: 0 });
  }
  if (ending.codeVerified) counters.codeFailures = 0;
  if (ending.result === "failed-password" && rules.countPasswordFailures) {
    counters.passwordFailures += 1;
  } else if (ending.result === "failed-code" && rules.countCodeFailures) {
    counters.codeFailures += 1;
  } else {
    return false;
  }
  counters.lastFailureAt = now;
  const failures = Math.max(counters.passwordFailures, counters.codeFailures);
  if (failures < rules.attempts || counters.lockedUntil > now) return false;
  counters.lockedUntil = lockEnd(counters.lockLevel, rules, now);
  counters.lockLevel += 1;
  // The lock is the penalty; after it a person has their attempts again.
  Object.assign(counters, { passwordFailures: 0, codeFailures: 0 });
  return true;
}

function lockEnd(level: number, rules: LockoutRules, now: number): number {
  if (rules.durationMs === 0) return FOREVER;
  const longest = Math.max(LOCK_MS_MAX, rules.durationMs);
  return now + Math.min(longest, rules.durationMs * 2 ** Math.min(level, 20));
}

function saveCounters(
  sql: Statements,
  account: number,
  scope: string,
  counters: Counters,
  before: Row,
): void {
  const isSame =
    counters.passwordFailures === numberAt(before, IN.passwordFailures) &&
    counters.codeFailures === numberAt(before, IN.codeFailures) &&
    counters.lastFailureAt === numberAt(before, IN.lastFailureAt) &&
    counters.lockLevel === numberAt(before, IN.lockLevel);
  if (isSame) return;
  const { passwordFailures, codeFailures, lastFailureAt, lockedUntil, lockLevel } = counters;
  sql.saveCounters.run(
    account,
    scope,
    passwordFailures,
    codeFailures,
    lastFailureAt,
    lockedUntil,
    lockLevel,
  );
}

// Suspicion: wrong codes with a right password. Failed binds: what the directory has seen.
function saveAccount(
  sql: Statements,
  ledger: Ledger,
  account: number,
  write: FinishWrite,
  before: Row,
): void {
  const { ending, now } = write;
  const wasRight = ending.bind === "right" || ending.bind === "right-earlier";
  const isSuspicious = ending.result === "failed-code" && wasRight;
  const suspicion = ending.codeVerified
    ? 0
    : numberAt(before, IN.suspicion) + (isSuspicious ? 1 : 0);
  const failedBinds =
    ending.bind === "right" ? 0 : shieldCount(before, write) + (ending.bind === "wrong" ? 1 : 0);
  const bindAt = ending.bind === "wrong" ? now : numberAt(before, IN.failedBindAt);
  const isSame =
    suspicion === numberAt(before, IN.suspicion) &&
    failedBinds === numberAt(before, IN.failedBinds);
  if (!isSame) sql.saveAccount.run(suspicion, failedBinds, bindAt, account);
  if (isSuspicious && suspicion === WRONG_CODES_MAX) {
    ledger.append(eventText(followUp(write.event, "mfa_factor_suspended")));
  }
}

function shieldCount(row: Row, { now, observationMs }: FinishWrite): number {
  return now - numberAt(row, IN.failedBindAt) > observationMs ? 0 : numberAt(row, IN.failedBinds);
}

function lockoutEvent(cause: EventText, counters: Counters): EventText {
  const until = counters.lockedUntil;
  return eventText({
    ...followUp(cause, "user_lockout"),
    details: { until: until === FOREVER ? "unlocked" : new Date(until).toISOString() },
  });
}

function recoveryEvent(cause: EventText, remaining: number): EventText {
  const { initiated_by: person } = readEvent(cause);
  const event = followUp(cause, "recovery_code_used");
  return eventText({ ...event, initiated_by: person, details: { remaining } });
}

// What a login brings about beside its own event; a second id by the first one's.
function followUp(cause: EventText, eventType: EventDraft["event_type"]): EventDraft {
  const event = readEvent(cause);
  const { id, timestamp, initiated_by: person, client_ip: clientIp, request_id: requestId } = event;
  return {
    id: `${id}/${eventType}`,
    timestamp,
    service: "directory",
    event_type: eventType,
    success: true,
    initiated_by: { type: "system" },
    resource: { type: "user", id: person.id ?? "" },
    ...(person.username === undefined ? {} : { username: person.username }),
    ...(clientIp === undefined ? {} : { client_ip: clientIp }),
    ...(requestId === undefined ? {} : { request_id: requestId }),
  };
}

function readCounters(row: Row): Counters {
  return {
    passwordFailures: numberAt(row, IN.passwordFailures),
    codeFailures: numberAt(row, IN.codeFailures),
    lastFailureAt: numberAt(row, IN.lastFailureAt),
    lockedUntil: numberAt(row, IN.lockedUntil),
    lockLevel: numberAt(row, IN.lockLevel),
  };
}

function prepare(database: DatabaseSync): Statements {
  return {
    state: prepareOne(
      database,
      `SELECT ${selected(STATE)}
       FROM accounts a LEFT JOIN counters c ON c.account = a.id AND c.source = ?
       WHERE a.directory = ? AND a.immutable_id = ?`,
    ),
    claim: database.prepare(
      `UPDATE tokens SET last_step = ?, drift = ?, last_used_at = ?
       WHERE id = ? AND account = ? AND generation = ? AND last_step < ?`,
    ),
    generation: database.prepare("SELECT generation FROM tokens WHERE account = ?"),
    saveCounters: database.prepare(
      `INSERT INTO counters (account, source, password_failures, code_failures, last_failure_at,
         locked_until, lock_level) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET password_failures = excluded.password_failures,
         code_failures = excluded.code_failures, last_failure_at = excluded.last_failure_at,
         locked_until = excluded.locked_until, lock_level = excluded.lock_level`,
    ),
    saveAccount: database.prepare(
      "UPDATE accounts SET suspicion = ?, failed_binds = ?, failed_bind_at = ? WHERE id = ?",
    ),
    knowSource: database.prepare(
      `INSERT INTO counters (account, source, last_success_at) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET last_success_at = excluded.last_success_at`,
    ),
    trimSources: database.prepare(
      `DELETE FROM counters WHERE account = ? AND source <> '' AND source NOT IN (
         SELECT source FROM counters WHERE account = ? AND source <> ''
         ORDER BY last_success_at DESC LIMIT ?)`,
    ),
  };
}
