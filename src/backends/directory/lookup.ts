// From a typed name to one entry: a search with the filter, or a read of one DN.
// Invariant: exactly one entry is "found"; two are never chosen between; what the directory can't
// answer is an outage, never "not found".

import type { Identity, LookupResult } from "../../core/ports.ts";
import { ExpiringMap } from "../../lib/expiring-map.ts";
import { normaliseUsername } from "../../lib/username.ts";
import { WireError } from "../../wire/error.ts";
import { canonicalDn, escapeDnValue, isWithin } from "../../wire/ldap/dn.ts";
import { PLACEHOLDER, withAttribute, type Filter } from "../../wire/ldap/filter.ts";
import { RESULT_CODE, type SearchRequest } from "../../wire/ldap/message.ts";
import { identify, identifyEntry, identityAttributes } from "./identity.ts";
import { NotServing } from "./not-serving.ts";
import { onlyPerson } from "./only.ts";
import type { Settings } from "./options.ts";
import type { Pool } from "./pool.ts";
import type { KnownAttributes } from "./schema.ts";
import { ANY_ENTRY, search, type Found } from "./search.ts";
import { readName, type TypedName } from "./username.ts";

export interface Lookup {
  /** The username as typed: a name, `name@domain`, `DOMAIN\\name` or a DN. */
  find(username: string): Promise<LookupResult>;
  /** The entry of that DN, whether or not user_filter has it and wherever it stands. */
  findEntry(dn: string): Promise<LookupResult>;
}

/** product.md: an account's state is at most a minute old. */
export const CACHE_MS = 60_000;
/** About 500 bytes each. */
const CACHED_MAX = 10_000;
/** Active Directory's other name of a person; directories that don't know it find nobody by it. */
const PRINCIPAL = "userPrincipalName";
/**
 * A DN that we can read and the directory can't names nobody either; and whoever it says is another
 * server's (RFC 4511 §4.1.10) is nobody here.
 */
const NO_SUCH_NAME: ReadonlySet<number> = new Set([
  RESULT_CODE.noSuchObject,
  RESULT_CODE.referral,
  RESULT_CODE.invalidDnSyntax,
]);
/** One more than may be found. */
const SIZE_LIMIT = 2;
const NOBODY = Buffer.alloc(0);

/** `pool` is bound as the service account. */
export function createLookup(
  settings: Settings,
  pool: Pool,
  known: () => KnownAttributes | undefined,
): Lookup {
  const cache = new ExpiringMap<string, LookupResult>({
    lifetimeMs: CACHE_MS,
    entriesMax: CACHED_MAX,
  });
  const underWay = new Map<string, Promise<LookupResult>>();
  const { userFilter, userDn } = settings;
  const nameType = settings.usernameAttribute.toLowerCase();
  const principalFilter = withAttribute(userFilter, PRINCIPAL);

  // One question at a time for one key, whoever asks, and its answer for a minute.
  async function once(
    key: string,
    ask: (deadlineAt: number) => Promise<LookupResult>,
  ): Promise<LookupResult> {
    const startedAt = settings.clock.monotonic();
    const cached = cache.find(key, startedAt);
    if (cached !== undefined) return cached;
    const started = underWay.get(key);
    if (started !== undefined) return started;
    const asked = ask(startedAt + settings.timeoutMs).finally(() => underWay.delete(key));
    underWay.set(key, asked);
    const result = await asked;
    // A person who was just created must not stay unknown, so only people are remembered.
    if (result.kind === "found") cache.set(key, result, startedAt);
    return result;
  }

  async function askName(
    { local, principal }: Extract<TypedName, { kind: "name" }>,
    deadlineAt: number,
  ): Promise<LookupResult> {
    if (userDn !== undefined) return read(dnOf(userDn, local), ANY_ENTRY, "", deadlineAt);
    const below = { base: settings.base, scope: "whole-subtree" } as const;
    const byName = query({ ...below, filter: userFilter }, local, deadlineAt);
    if (principal === undefined) return byName;
    // Somebody's userPrincipalName may look like somebody else's name and domain: both are asked for.
    const byPrincipal = query({ ...below, filter: principalFilter }, principal, deadlineAt);
    return onlyPerson(await Promise.all([byName, byPrincipal]));
  }

  // The entry is read for its name, and then has to be one that its name would have led to.
  async function askDn(
    { rdns }: Extract<TypedName, { kind: "dn" }>,
    deadlineAt: number,
  ): Promise<LookupResult> {
    const dn = rdns.join(",");
    if (!isWithin(rdns, settings.baseRdns)) return { kind: "not-found" };
    const guess = userDn === undefined ? guessName(rdns) : undefined;
    if (guess !== undefined) {
      const guessed = await read(dn, userFilter, guess, deadlineAt);
      if (guessed.kind === "found" && isNamed(guessed.identity, guess)) return guessed;
    }
    const entry = await read(dn, ANY_ENTRY, "", deadlineAt);
    if (entry.kind !== "found") return entry;
    const { username } = entry.identity;
    if (userDn === undefined) return read(dn, userFilter, username, deadlineAt);
    return canonicalDn(dnOf(userDn, username)) === dn ? entry : { kind: "not-found" };
  }

  // Mostly the name stands in the DN itself: then one read does for two.
  function guessName([first = ""]: readonly string[]): string | undefined {
    const [type, value, more] = first.split("=");
    if (type !== nameType || value === undefined || more !== undefined) return undefined;
    return escapeDnValue(value) === value && !value.includes("\\") ? value : undefined;
  }

  /** One entry, if the filter has it for this name. */
  function read(
    dn: string,
    filter: Filter,
    username: string,
    deadlineAt: number,
  ): Promise<LookupResult> {
    return query({ base: dn, scope: "base-object", filter }, username, deadlineAt);
  }

  async function query(
    where: Pick<SearchRequest, "base" | "scope" | "filter">,
    username: string,
    deadlineAt: number,
  ): Promise<LookupResult> {
    const { timeLimitSeconds, dependency } = settings;
    const attributes = identityAttributes(settings, known());
    const limits = { sizeLimit: SIZE_LIMIT, timeLimitSeconds, attributes };
    const request = { ...where, username: Buffer.from(username, "utf8"), ...limits };
    const found = await search(pool, dependency, request, deadlineAt);
    return judge(found, where.scope === "base-object" ? where.base : undefined, identify);
  }

  async function readEntry(dn: string, deadlineAt: number): Promise<LookupResult> {
    const { timeLimitSeconds, dependency } = settings;
    const attributes = identityAttributes(settings, known());
    const limits = { sizeLimit: SIZE_LIMIT, timeLimitSeconds, attributes };
    const where = { base: dn, scope: "base-object", filter: ANY_ENTRY } as const;
    const request = { ...where, username: NOBODY, ...limits };
    return judge(await search(pool, dependency, request, deadlineAt), dn, identifyEntry);
  }

  function judge(
    { resultCode, entries, isCut }: Found,
    dn: string | undefined,
    identifyBy: typeof identify,
  ): LookupResult {
    const [entry, another] = entries;
    if (another !== undefined || isCut || resultCode === RESULT_CODE.sizeLimitExceeded) {
      return { kind: "ambiguous" };
    }
    if (dn !== undefined && NO_SUCH_NAME.has(resultCode)) return { kind: "not-found" };
    if (resultCode !== RESULT_CODE.success) {
      const reason = `it answers a search for a person with result code ${resultCode}`;
      throw new NotServing(settings.dependency, reason);
    }
    if (entry === undefined) return { kind: "not-found" };
    const expectedDn = dn === undefined ? undefined : canonicalDn(dn);
    const identified = identifyBy(entry, settings, expectedDn);
    if (identified.kind === "identity") return { kind: "found", identity: identified.identity };
    settings.onUnusable(identified.problem);
    return { kind: "malformed" };
  }

  return {
    find: (username) =>
      once(username, async (deadlineAt) => {
        const name = readName(username, settings.domains);
        if (name === undefined) return { kind: "malformed" };
        return name.kind === "dn" ? askDn(name, deadlineAt) : askName(name, deadlineAt);
      }),
    // A NUL stands in no name.
    async findEntry(typed) {
      const dn = canonicalOf(typed);
      if (dn === undefined) return { kind: "malformed" };
      return once(`\0${dn}`, (deadlineAt) => readEntry(dn, deadlineAt));
    },
  };
}

function isNamed({ username }: Pick<Identity, "username">, name: string): boolean {
  return normaliseUsername(username) === normaliseUsername(name);
}

/** Undefined: it is no DN. */
function canonicalOf(typed: string): string | undefined {
  try {
    const dn = canonicalDn(typed);
    return dn === "" ? undefined : dn;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

/** The entry of that name, by the template `user_dn`. */
export function dnOf(userDn: string, username: string): string {
  return userDn.replaceAll(PLACEHOLDER, () => escapeDnValue(username));
}
