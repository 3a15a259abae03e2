// Who is signed in at the portal. Invariants: the store of sessions knows ids by their hash alone; an
// id is random, new at each sign-in and dead after 15 idle minutes, 8 hours, a sign-out or whatever
// an administrator takes from the person; no revocation falls between an accept and its session.

import { hash } from "node:crypto";

import type { PersonName } from "../../../core/administration.ts";
import type { Identity } from "../../../core/ports.ts";
import type { Clock } from "../../../lib/clock.ts";
import { randomBytes } from "../../../lib/random.ts";
import type { Secret } from "../../../lib/secret.ts";
import { normaliseUsername } from "../../../lib/username.ts";

/** Why a session ended: `details.reason` of its user_logout. */
export const SESSION_ENDS = [
  "signed-out",
  "signed-out-everywhere",
  "signed-in-again",
  "idle",
  "too-old",
  "too-many",
  "factor-changed",
  "revoked",
] as const;
export type SessionEnd = (typeof SESSION_ENDS)[number];

/** A token on its way: nobody else has its secret yet, and only the person's browser has seen it. */
export interface Enrolling {
  readonly secret: Secret;
  /** An old token was proven for it. */
  readonly isReplacing: boolean;
  /** The key before this one had its five wrong codes. */
  readonly isNewKey: boolean;
  wrongCodes: number;
}

/** Times are monotonic ms. */
export interface Session {
  readonly identity: Identity;
  readonly startedAt: number;
  lastSeenAt: number;
  enrolling: Enrolling | undefined;
  /** Begun without a factor: it ends once the person has one that this session didn't set up. */
  isPasswordOnly: boolean;
  /** Until then the person has proven a token afresh. */
  provenUntil: number;
}

export interface Sessions {
  /** To be taken before the person is asked about: see `begin`. */
  mark(): number;
  /** The new id; undefined when something was taken from the person since `mark`. */
  begin(identity: Identity, mark: number, isPasswordOnly: boolean): string | undefined;
  find(id: string): Session | undefined;
  /** The same session under a new id. */
  renew(id: string): string | undefined;
  end(id: string, why: SessionEnd): void;
  /** All sessions of somebody but one; how many there were. */
  endAll(person: PersonName, why: SessionEnd, except?: Session): number;
  /** An administrator took something from somebody. */
  revoke(person: PersonName): void;
  /** Ends those whose time is over, without waiting for somebody to ask. */
  sweep(): void;
}

const IDLE_MS = 15 * 60_000;
const LIFETIME_MS = 8 * 3_600_000;
const ID_BYTES = 32;
/** A phone, a laptop, and whatever was forgotten elsewhere. */
const PER_PERSON_MAX = 8;
// Some 500 bytes each. Beyond it the oldest end.
const SESSIONS_MAX = 10_000;
// Far more than administrators type while one sign-in is decided.
const REVOCATIONS_KEPT = 64;

export function createSessions(
  clock: Clock,
  onEnded: (session: Session, why: SessionEnd) => void,
): Sessions {
  // Walked as a whole at a sign-in: ten thousand steps are less than the sign-in itself.
  const sessions = new Map<string, Session>();
  const revocations: PersonName[] = [];
  let revoked = 0;

  function drop(key: string, session: Session, why: SessionEnd): void {
    sessions.delete(key);
    session.enrolling = undefined;
    onEnded(session, why);
  }

  function overdue({ startedAt, lastSeenAt }: Session): SessionEnd | undefined {
    const now = clock.monotonic();
    if (now - startedAt >= LIFETIME_MS) return "too-old";
    return now - lastSeenAt >= IDLE_MS ? "idle" : undefined;
  }

  function makeRoom(identity: Identity): void {
    const own = [...sessions].filter(([, session]) => isMeant(identity, session.identity));
    for (const [key, session] of own.slice(0, Math.max(0, own.length - PER_PERSON_MAX + 1))) {
      drop(key, session, "too-many");
    }
    for (const [key, session] of sessions) {
      if (sessions.size < SESSIONS_MAX) break;
      drop(key, session, "too-many");
    }
  }

  function endAll(person: PersonName, why: SessionEnd, except?: Session): number {
    const meant = [...sessions].filter(
      ([, session]) => session !== except && isMeant(person, session.identity),
    );
    for (const [key, session] of meant) drop(key, session, why);
    return meant.length;
  }

  return {
    mark: () => revoked,
    begin(identity, mark, isPasswordOnly) {
      const since = revoked - mark;
      if (since > revocations.length) return undefined;
      const latest = since === 0 ? [] : revocations.slice(-since);
      if (latest.some((person) => isMeant(person, identity))) return undefined;
      makeRoom(identity);
      const now = clock.monotonic();
      const id = newId();
      sessions.set(keyOf(id), {
        identity,
        startedAt: now,
        lastSeenAt: now,
        enrolling: undefined,
        isPasswordOnly,
        provenUntil: 0,
      });
      return id;
    },
    find(id) {
      const key = keyOf(id);
      const session = sessions.get(key);
      if (session === undefined) return undefined;
      const why = overdue(session);
      if (why !== undefined) {
        drop(key, session, why);
        return undefined;
      }
      session.lastSeenAt = clock.monotonic();
      return session;
    },
    renew(id) {
      const session = sessions.get(keyOf(id));
      if (session === undefined) return undefined;
      sessions.delete(keyOf(id));
      const next = newId();
      sessions.set(keyOf(next), session);
      return next;
    },
    end(id, why) {
      const session = sessions.get(keyOf(id));
      if (session !== undefined) drop(keyOf(id), session, why);
    },
    endAll,
    revoke(person) {
      revoked += 1;
      revocations.push(person);
      if (revocations.length > REVOCATIONS_KEPT) revocations.shift();
      endAll(person, "revoked");
    },
    sweep() {
      for (const [key, session] of sessions) {
        const why = overdue(session);
        if (why !== undefined) drop(key, session, why);
      }
    },
  };
}

/** 256 random bits, for browsers. */
export function newId(): string {
  return randomBytes(ID_BYTES).toString("base64url");
}

// Whoever reads this process's memory or a dump of it can't become anybody with what is found.
function keyOf(id: string): string {
  return hash("sha256", id, "base64url");
}

/** By id, or by a name that may have been another when they signed in. */
function isMeant({ directory, id, username }: PersonName, identity: Identity): boolean {
  if (identity.directory !== directory) return false;
  return identity.id === id || normaliseUsername(identity.username) === normaliseUsername(username);
}
