// From a typed name to one entry: a search with the filter, or a read of one DN.
// Invariant: exactly one entry is "found"; two are never chosen between; what the directory can't
// answer is an outage, never "not found".

import { DependencyDown, type LookupResult } from "../../core/ports.ts";
import { ExpiringMap } from "../../lib/expiring-map.ts";
import { canonicalDn, escapeDnValue } from "../../wire/ldap/dn.ts";
import { PLACEHOLDER } from "../../wire/ldap/filter.ts";
import { RESULT_CODE, type SearchRequest } from "../../wire/ldap/message.ts";
import { identify, identityAttributes } from "./identity.ts";
import type { Settings } from "./options.ts";
import type { Pool } from "./pool.ts";
import { ANY_ENTRY, NO_NAME, search, type Found } from "./search.ts";
import { localName } from "./username.ts";

export type Lookup = (username: string) => Promise<LookupResult>;

/** product.md: an account's state is at most a minute old. */
export const CACHE_MS = 60_000;
/** About 500 bytes each. */
const CACHED_MAX = 10_000;
/** One more than may be found. */
const SIZE_LIMIT = 2;

/** `pool` is bound as the service account. */
export function createLookup(settings: Settings, pool: Pool): Lookup {
  const cache = new ExpiringMap<string, LookupResult>({
    lifetimeMs: CACHE_MS,
    entriesMax: CACHED_MAX,
  });
  const underWay = new Map<string, Promise<LookupResult>>();
  const attributes = identityAttributes(settings);

  async function ask(local: string, typed: string): Promise<LookupResult> {
    const startedAt = settings.clock.monotonic();
    const { userDn } = settings;
    const dn = userDn?.replaceAll(PLACEHOLDER, () => escapeDnValue(local));
    const request: SearchRequest = {
      ...(dn === undefined
        ? { base: settings.base, scope: "whole-subtree", filter: settings.userFilter }
        : { base: dn, scope: "base-object", filter: ANY_ENTRY }),
      username: dn === undefined ? Buffer.from(local, "utf8") : NO_NAME,
      sizeLimit: SIZE_LIMIT,
      timeLimitSeconds: settings.timeLimitSeconds,
      attributes,
    };
    const found = await search(pool, settings.dependency, request, startedAt + settings.timeoutMs);
    const result = judge(found, dn);
    // A person who was just created must not stay unknown, so only people are remembered.
    if (result.kind === "found") cache.set(typed, result, startedAt);
    return result;
  }

  function judge({ resultCode, entries, isCut }: Found, dn: string | undefined): LookupResult {
    const [entry, another] = entries;
    if (another !== undefined || isCut || resultCode === RESULT_CODE.sizeLimitExceeded) {
      return { kind: "ambiguous" };
    }
    if (resultCode === RESULT_CODE.noSuchObject && dn !== undefined) return { kind: "not-found" };
    if (resultCode !== RESULT_CODE.success) {
      const reason = `it answers a search for a person with result code ${resultCode}`;
      throw new DependencyDown(settings.dependency, reason);
    }
    if (entry === undefined) return { kind: "not-found" };
    const expectedDn = dn === undefined ? undefined : canonicalDn(dn);
    const identified = identify(entry, settings, expectedDn);
    if (identified.kind === "identity") return { kind: "found", identity: identified.identity };
    settings.onUnusable(identified.problem);
    return { kind: "malformed" };
  }

  return async (username) => {
    const cached = cache.find(username, settings.clock.monotonic());
    if (cached !== undefined) return cached;
    const started = underWay.get(username);
    if (started !== undefined) return started;
    const local = localName(username, settings.domains);
    if (local === undefined) return { kind: "malformed" };
    const asked = ask(local, username).finally(() => underWay.delete(username));
    underWay.set(username, asked);
    return asked;
  };
}
