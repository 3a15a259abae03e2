// Where somebody gets mail, asked only when there is one to send: no login waits for it.

import type { Identity } from "../../core/ports.ts";
import { decodeUtf8 } from "../../wire/ldap/ber.ts";
import { WireError } from "../../wire/error.ts";
import { RESULT_CODE } from "../../wire/ldap/message.ts";
import { NotServing } from "./not-serving.ts";
import type { Settings } from "./options.ts";
import type { Pool } from "./pool.ts";
import { ANY_ENTRY, NO_NAME, search } from "./search.ts";
import { valuesOf } from "./security-groups.ts";

/** The first value of the attribute, as it stands there; undefined: there is none, or no text. */
export type FindMail = (identity: Identity) => Promise<string | undefined>;

/** `pool` is bound as the service account. */
export function createFindMail(settings: Settings, pool: Pool): FindMail {
  const { dependency, mailAttribute, timeLimitSeconds } = settings;
  return async ({ dn }) => {
    const deadlineAt = settings.clock.monotonic() + settings.timeoutMs;
    const where = { base: dn, scope: "base-object", filter: ANY_ENTRY } as const;
    const limits = { sizeLimit: 1, timeLimitSeconds, attributes: [mailAttribute] };
    const request = { ...where, username: NO_NAME, ...limits };
    const { resultCode, entries } = await search(pool, dependency, request, deadlineAt);
    if (resultCode !== RESULT_CODE.success && resultCode !== RESULT_CODE.noSuchObject) {
      const reason = `it answers a search for somebody's mail with result code ${resultCode}`;
      throw new NotServing(dependency, reason);
    }
    const [value] = entries[0] === undefined ? [] : valuesOf(entries[0], mailAttribute);
    return value && textOf(value);
  };
}

function textOf(value: Buffer): string | undefined {
  try {
    return decodeUtf8(value, 0);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
