// The same bind again: applications that bind twice in one login bring the same code twice. Within a
// window that starts with the accepted bind the second is let through without burning a code.
// Invariants: at most two repeats for each accepted code; the window is never extended; nothing kept
// here tells a password, and nothing outlives the process.

import { ExpiringMap } from "../lib/expiring-map.ts";
import { keyedHash } from "../lib/keyed-hash.ts";
import { randomBytes } from "../lib/random.ts";
import { Secret } from "../lib/secret.ts";
import type { Identity } from "./ports.ts";

/** The longest window that can be configured; refusals are explained for as long. */
const WINDOW_MS_MAX = 60_000;
const REPEATS_MAX = 2;
/** About 150 bytes each; beyond it the oldest bind's repeats are refused. */
const ENTRIES_MAX = 50_000;

/** Who binds, where, with what: all of it has to be the same. */
interface RebindScope {
  readonly identity: Identity;
  readonly generation: number;
  readonly listener: string;
  readonly address: string;
  readonly credentials: Secret;
}

export interface Rebinds {
  key(scope: RebindScope): string;
  /** A bind with a code of its own was accepted. */
  accepted(key: string, nowMs: number): void;
  /** Uses up one of the repeats; false: there is none. */
  take(key: string, windowMs: number, nowMs: number): boolean;
  /** Refused here, though the longest window would have allowed it. */
  isExplained(key: string, windowMs: number, nowMs: number): boolean;
}

interface Entry {
  readonly acceptedAt: number;
  left: number;
}

/** Times are monotonic ms. */
export function createRebinds(): Rebinds {
  const secret = Secret.of(randomBytes(32));
  const entries = new ExpiringMap<string, Entry>({
    lifetimeMs: WINDOW_MS_MAX,
    entriesMax: ENTRIES_MAX,
  });
  return {
    key({ identity, generation, listener, address, credentials }) {
      // No NUL is in any of the names; the field as sent comes last, whatever is in it.
      const { directory, id } = identity;
      const scope = `${directory}\0${id}\0${generation}\0${listener}\0${address}\0`;
      const message = Buffer.concat([Buffer.from(scope, "utf8"), credentials.reveal()]);
      const key = keyedHash(secret, message, "base64url");
      message.fill(0);
      return key;
    },
    accepted(key, nowMs) {
      entries.set(key, { acceptedAt: nowMs, left: REPEATS_MAX }, nowMs);
    },
    take(key, windowMs, nowMs) {
      const entry = entries.find(key, nowMs);
      if (entry === undefined || entry.left === 0) return false;
      if (nowMs - entry.acceptedAt >= windowMs) return false;
      entry.left -= 1;
      return true;
    },
    isExplained(key, windowMs, nowMs) {
      const entry = entries.find(key, nowMs);
      return entry !== undefined && entry.left > 0 && nowMs - entry.acceptedAt >= windowMs;
    },
  };
}
