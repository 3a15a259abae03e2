// The login path of the store. Invariants: an attempt is reserved before anything is compared, a
// promise resolves only once it is durable, and every reservation ends whatever happens.

import type { Clock } from "../../lib/clock.ts";
import { keyedHash } from "../../lib/keyed-hash.ts";
import type { Secret } from "../../lib/secret.ts";
import { normaliseUsername } from "../../lib/username.ts";
import type {
  Account,
  Attempts,
  Begun,
  DirectoryLockout,
  Identity,
  LockoutRules,
} from "../../core/ports.ts";
import type { Accounts, Standing } from "./accounts.ts";
import { eventText } from "./ledger.ts";
import { createReservations, Held } from "./reservations.ts";
import type { Snapshot } from "./snapshot.ts";
import type { WriterThread } from "./writer-thread.ts";
import type { PersonRow } from "./writes.ts";

export interface AttemptsOptions {
  readonly accounts: Accounts;
  readonly snapshot: Snapshot;
  readonly writer: WriterThread;
  readonly clock: Clock;
  readonly sourceKey: Secret;
  readonly recoveryKey: Secret;
  readonly rules: () => LockoutRules;
  /** Of the directory of that name. */
  readonly lockoutOf: (directory: string) => DirectoryLockout;
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
  const { accounts, snapshot, writer, clock } = options;
  const reservations = createReservations();

  function begin(identity: Identity, standing: Standing | undefined, hash: string): Begun {
    const now = clock.now();
    const isKnown = standing?.isKnownSource === true;
    const underWay = reservations.of(identity);
    if (standing !== undefined && isLocked(standing, now)) {
      return { kind: "refused", reason: "account-locked" };
    }
    const failures = recentFailures(standing, options.rules().windowMs, now);
    let rivals = 0;
    let binds = 0;
    for (const held of underWay) {
      // A source with counters of its own is counted alone, all others together.
      const isOwn = held.isKnownSource && held.source === hash;
      if (isKnown ? isOwn : !held.isKnownSource) rivals += 1;
      if (held.mayAskDirectory) binds += 1;
    }
    if (failures + rivals >= options.rules().attempts) {
      return { kind: "refused", reason: "too-many-attempts" };
    }
    const mayAskDirectory = mayAsk(identity.directory, standing, binds, now);
    const reservation = new Held(identity, mayAskDirectory, { hash, isKnown });
    reservations.begin(reservation);
    return { kind: "begun", reservation, account: standing?.account ?? NOBODY };
  }

  function mayAsk(
    directory: string,
    standing: Standing | undefined,
    bindsUnderWay: number,
    now: number,
  ): boolean {
    const { threshold, observationMs } = options.lockoutOf(directory);
    if (threshold === 0) return true;
    const isOld = now - (standing?.failedBindAt ?? 0) > observationMs;
    const failed = isOld ? 0 : (standing?.failedBinds ?? 0);
    const limit = Math.max(1, threshold - SHIELD_MARGIN);
    return failed + bindsUnderWay < limit;
  }

  // A row of the same name with another id is somebody else's: a person who left, or a new one.
  function findStanding(
    identity: Identity,
    hash: string,
  ): Standing | "identity-changed" | undefined {
    const now = clock.now();
    const nameKey = normaliseUsername(identity.username);
    const own = accounts.findByIdentity(identity, nameKey, hash, now);
    if (own !== undefined) return own;
    const isNameTaken = accounts.findByName(identity.directory, nameKey).length > 0;
    return isNameTaken ? "identity-changed" : undefined;
  }

  const hashOf = (source: string | undefined): string =>
    source === undefined ? "" : keyedHash(options.sourceKey, source, "base64url").slice(0, 20);

  return {
    begin: async (identity, source) =>
      snapshot.read(() => {
        const hash = hashOf(source);
        const standing = findStanding(identity, hash);
        if (standing === "identity-changed") return { kind: "refused", reason: standing };
        return begin(identity, standing, hash);
      }),
    resume: async (account, source) =>
      snapshot.read(() => {
        const hash = hashOf(source);
        const standing = accounts.findById(account, hash, clock.now());
        if (standing?.identity === undefined) {
          return { kind: "refused", reason: "identity-changed" };
        }
        return begin(standing.identity, standing, hash);
      }),
    isLocked: async (identity) =>
      snapshot.read(() => {
        const standing = findStanding(identity, "");
        return standing === "identity-changed" || standing?.isLockedByAdministrator === true;
      }),
    recoveryKey: options.recoveryKey,
    findRecovery: async (account, codeHash) =>
      snapshot.read(() => accounts.findRecovery(account, codeHash)),
    async finish(reservation, { result, claim, codeVerified, bind, bypass, recovery, event }) {
      if (!(reservation instanceof Held)) throw new Error("a reservation of another store");
      try {
        return await writer.write<"finish">({
          kind: "finish",
          now: clock.now(),
          rules: options.rules(),
          observationMs: options.lockoutOf(reservation.identity.directory).observationMs,
          person: personRow(reservation.identity),
          source: reservation.source,
          isKnownSource: reservation.isKnownSource,
          ending: { result, claim, codeVerified, bind, bypass, recovery },
          event: eventText(event),
        });
      } finally {
        reservations.end(reservation);
      }
    },
    async abandon(reservation, event) {
      reservations.end(reservation);
      await writer.write<"record">({ kind: "record", event: eventText(event) });
    },
    claimNonce: (nonce, expiresAt) =>
      writer.write<"claim-nonce">({ kind: "claim-nonce", nonce, expiresAt }),
    async record(event) {
      await writer.write<"record">({ kind: "record", event: eventText(event) });
    },
  };
}

/** The identity as the writer keeps it. */
export function personRow(identity: Identity): PersonRow {
  const { directory, id, username, dn } = identity;
  return { directory, id, username, nameKey: normaliseUsername(username), dn };
}

function isLocked(standing: Standing, now: number): boolean {
  return standing.isLockedByAdministrator || standing.lockedUntil > now;
}

function recentFailures(standing: Standing | undefined, windowMs: number, now: number): number {
  if (standing === undefined || now - standing.lastFailureAt > windowMs) return 0;
  return standing.failures;
}
