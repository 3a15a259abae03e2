// What a directory says about itself, asked with its connections but seldom: when it locks people out,
// and which attributes it has. Invariant: what can't be read leaves the configuration's word, and
// everything asked for.

import type { DirectoryLockout } from "../../core/ports.ts";
import { lockoutOf, readLockout } from "./lockout-policy.ts";
import type { DirectoryUrl, Settings } from "./options.ts";
import { readSchema, type KnownAttributes } from "./schema.ts";
import type { Asked } from "./search.ts";

export interface Learnt {
  /** A connection to that server is about to be used. Never rejects. */
  from(url: DirectoryUrl): Promise<void>;
  /** What the directory said last, or the configuration while it says nothing. */
  readonly lockout: DirectoryLockout;
  /** Undefined: not known. */
  readonly attributes: KnownAttributes | undefined;
}

const AGAIN_MS = 600_000;

/** `pool` is bound as the service account; what is asked is queued until it has a connection. */
export function createLearnt(settings: Settings, pool: Asked): Learnt {
  const { clock } = settings;
  let lockout = lockoutOf(settings, undefined);
  let attributes: KnownAttributes | undefined;
  let askedAt = -Infinity;
  let asked: DirectoryUrl | undefined;

  return {
    get lockout() {
      return lockout;
    },
    get attributes() {
      return attributes;
    },
    async from(url) {
      const now = clock.monotonic();
      if (url === asked && now - askedAt < AGAIN_MS) return;
      // Another server may be of another kind.
      if (url !== asked) attributes = undefined;
      askedAt = now;
      asked = url;
      try {
        lockout = lockoutOf(settings, await readLockout(settings, pool));
      } catch {
        // What was known holds; the next connection asks again.
        askedAt = -Infinity;
        return;
      }
      // One that can't be read isn't tried with each connection: it may be what ended the last one.
      attributes = await readSchema(settings, pool).catch(() => undefined);
    },
  };
}
