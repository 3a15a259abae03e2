// The login path of the store. Invariants: an attempt is reserved before anything is compared, a
// promise resolves only once it is durable, and every reservation ends whatever happens.

import { createHmac } from "node:crypto";

import type { Clock } from "../../lib/clock.ts";
import type { Secret } from "../../lib/secret.ts";
import { normaliseUsername } from "../../lib/username.ts";
import {
  DependencyDown,
  type Account,
  type Attempts,
  type Begun,
  type Identity,
  type LockoutRules,
  type Reservation,
} from "../../core/ports.ts";
import type { Accounts, Standing } from "./accounts.ts";
import { OBSERVATION_MS } from "./ending.ts";
import { createReservations } from "./reservations.ts";
import type { WriterThread } from "./writer-thread.ts";
import type { PersonRow } from "./writes.ts";

export interface AttemptsOptions {
  readonly accounts: Accounts;
  readonly writer: WriterThread;
  readonly clock: Clock;
  readonly sourceKey: Secret;
  readonly rules: () => LockoutRules;
  /** Of the directory of that name; 0: it never locks. */
  readonly lockoutThreshold: (directory: string) => number;
}

// Two below the directory's own limit: one for a bind we lost sight of, one for the person elsewhere.
const SHIELD_MARGIN = 2;

const NOBODY: Account = {
  id: undefined,
  token: undefined,
  requirement: undefined,
  bypass: undefined,
  passwordFailures: 0,
  codeFailures: 0,
  suspicion: 0,
};

export function createAttempts(options: AttemptsOptions): Attempts {
  const { accounts, writer, clock } = options;
  const reservations = createReservations();
  const sources = new WeakMap<Reservation, { hash: string; isKnown: boolean }>();

  function begin(
    identity: Identity,
    standing: Standing | undefined,
    source: string | undefined,
    hash: string,
  ): Begun {
    const now = clock.now();
    const isKnown = standing?.isKnownSource === true;
    const scope = isKnown ? hash : "";
    if (standing !== undefined && isLocked(standing, now)) {
      return { kind: "refused", reason: "account-locked" };
    }
    const failures = recentFailures(standing, options.rules().windowMs, now);
    if (failures + reservations.count(identity, scope) >= options.rules().attempts) {
      return { kind: "refused", reason: "too-many-attempts" };
    }
    const account = standing?.account ?? NOBODY;
    const reservation: Reservation = {
      identity,
      account: account.id,
      source,
      mayAskDirectory: mayAsk(identity, standing, now),
    };
    sources.set(reservation, { hash, isKnown });
    reservations.begin(reservation, scope);
    return { kind: "begun", reservation, account };
  }

  function mayAsk(identity: Identity, standing: Standing | undefined, now: number): boolean {
    const threshold = options.lockoutThreshold(identity.directory);
    if (threshold === 0) return true;
    const isOld = now - (standing?.failedBindAt ?? 0) > OBSERVATION_MS;
    const failed = isOld ? 0 : (standing?.failedBinds ?? 0);
    const limit = Math.max(1, threshold - SHIELD_MARGIN);
    return failed + reservations.bindsUnderWay(identity) < limit;
  }

  // A row of the same name without an id is an import that waits for just this person.
  function findStanding(
    identity: Identity,
    hash: string,
  ): Standing | "identity-changed" | undefined {
    const now = clock.now();
    const own = accounts.findByIdentity(identity, hash, now);
    if (own !== undefined) return own;
    const named = accounts.findByName(identity.directory, normaliseUsername(identity.username));
    if (named.length === 0) return undefined;
    const pending = named.find((row) => row.id === undefined);
    return pending === undefined
      ? "identity-changed"
      : accounts.findById(pending.account, hash, now);
  }

  const hashOf = (source: string | undefined): string =>
    source === undefined
      ? ""
      : createHmac("sha256", options.sourceKey.reveal())
          .update(source)
          .digest()
          .toString("base64url", 0, 15);

  return {
    begin: async (identity, source) =>
      reading(() => {
        const hash = hashOf(source);
        const standing = findStanding(identity, hash);
        if (standing === "identity-changed") return { kind: "refused", reason: standing };
        return begin(identity, standing, source, hash);
      }),
    resume: async (account, source) =>
      reading(() => {
        const hash = hashOf(source);
        const standing = accounts.findById(account, hash, clock.now());
        if (standing?.identity === undefined)
          return { kind: "refused", reason: "identity-changed" };
        return begin(standing.identity, standing, source, hash);
      }),
    async finish(reservation, ending) {
      const source = sources.get(reservation);
      try {
        return await writer.write<"finish">({
          kind: "finish",
          now: clock.now(),
          rules: options.rules(),
          person: personRow(reservation.identity),
          source: source?.hash ?? "",
          isKnownSource: source?.isKnown ?? false,
          ending,
        });
      } finally {
        reservations.end(reservation);
      }
    },
    async abandon(reservation, event) {
      reservations.end(reservation);
      await writer.write<"record">({ kind: "record", event });
    },
    claimNonce: (nonce, expiresAt) =>
      writer.write<"claim-nonce">({ kind: "claim-nonce", nonce, expiresAt }),
    async record(event) {
      await writer.write<"record">({ kind: "record", event });
    },
  };
}

/** The identity as the writer keeps it. */
export function personRow(identity: Identity): PersonRow {
  const { directory, id, username, dn } = identity;
  return { directory, id, username, nameKey: normaliseUsername(username), dn };
}

/** Runs a read; whatever SQLite has against it is an outage of the store. */
export function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new DependencyDown("store", `the store can't be read: ${message}`, { cause: error });
  }
}

function isLocked(standing: Standing, now: number): boolean {
  return standing.isLockedByAdministrator || standing.lockedUntil > now;
}

function recentFailures(standing: Standing | undefined, windowMs: number, now: number): number {
  if (standing === undefined || now - standing.lastFailureAt > windowMs) return 0;
  return standing.failures;
}
