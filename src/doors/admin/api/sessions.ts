// Administrators' sessions, in memory: a restart ends them all. Invariants: only the hash of an id is
// kept, nothing a client says becomes one, and there is never more than a bounded number.

import { hash } from "node:crypto";

import type { Administrator } from "../../../core/administrators.ts";
import type { Clock } from "../../../lib/clock.ts";
import { ExpiringMap } from "../../../lib/expiring-map.ts";
import { randomBytes } from "../../../lib/random.ts";
import { Secret } from "../../../lib/secret.ts";
import { sessionCookie } from "../cookie.ts";

const IDLE_MS = 15 * 60_000;
const LIFETIME_MS = 8 * 3_600_000;
/** What needs a fresh second factor needs a login this young. */
const FRESH_MS = 10 * 60_000;
// A few hundred bytes each; an administrator has one for each browser.
const SESSIONS_MAX = 1_000;
const ID_BYTES = 32;

export const COOKIE = sessionCookie("gatehouse-admin");

export interface Session {
  readonly administrator: number;
  /** The administrator's then: with another one the session is over. */
  readonly generation: number;
  readonly csrfToken: string;
  /** ms UTC, for whoever is shown it. */
  readonly endsAt: number;
  readonly hash: string;
  /** Monotonic. */
  readonly begunAt: number;
  usedAt: number;
}

export interface Sessions {
  /** `id` goes into the cookie and nowhere else. */
  begin(administrator: Administrator): { readonly id: string; readonly session: Session };
  /** Counts as use. */
  find(id: string): Session | undefined;
  end(session: Session): void;
  isFresh(session: Session): boolean;
}

export function createSessions(clock: Clock): Sessions {
  const open = new ExpiringMap<string, Session>({
    lifetimeMs: LIFETIME_MS,
    entriesMax: SESSIONS_MAX,
  });
  return {
    begin({ id: administrator, generation }) {
      const id = randomBytes(ID_BYTES).toString("base64url");
      const now = clock.monotonic();
      const session: Session = {
        administrator,
        generation,
        csrfToken: randomBytes(ID_BYTES).toString("base64url"),
        endsAt: clock.now() + LIFETIME_MS,
        hash: fingerprint(id),
        begunAt: now,
        usedAt: now,
      };
      open.set(session.hash, session, now);
      return { id, session };
    },
    find(id) {
      const now = clock.monotonic();
      const session = open.find(fingerprint(id), now);
      if (session === undefined) return undefined;
      if (now - session.usedAt >= IDLE_MS) {
        open.delete(session.hash);
        return undefined;
      }
      session.usedAt = now;
      return session;
    },
    end(session) {
      open.delete(session.hash);
    },
    isFresh: (session) => clock.monotonic() - session.begunAt < FRESH_MS,
  };
}

/** True for the token that the session's own reply gave. */
export function verifyCsrfToken({ csrfToken }: Session, given: string): boolean {
  return Secret.of(csrfToken).equals(Secret.of(given));
}

/** What is kept of 256 random bits: they need no salt. */
export function fingerprint(secret: string): string {
  return hash("sha256", secret, "hex");
}
