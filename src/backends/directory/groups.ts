// Which of the configured groups a person is in, directly or through other groups.
// Invariant: an answer is complete or an outage: a failed or cut lookup is never "in no group".

import { DependencyDown, type Identity } from "../../core/ports.ts";
import { ExpiringMap } from "../../lib/expiring-map.ts";
import { decodeUtf8 } from "../../wire/ldap/ber.ts";
import { canonicalDn } from "../../wire/ldap/dn.ts";
import type { Filter } from "../../wire/ldap/filter.ts";
import { RESULT_CODE, type Entry, type SearchRequest } from "../../wire/ldap/message.ts";
import { CACHE_MS } from "./lookup.ts";
import { NotServing } from "./not-serving.ts";
import type { Settings } from "./options.ts";
import type { Pool } from "./pool.ts";
import { ANY_ENTRY, NO_NAME, search, type Found } from "./search.ts";
import {
  readSecurityGroups,
  readSid,
  securityAttributes,
  type SecurityGroups,
  valuesOf,
} from "./security-groups.ts";

export type Membership = (
  identity: Identity,
  groupDns: readonly string[],
) => Promise<ReadonlySet<string>>;

const CACHED_MAX = 10_000;
const GROUPS_MAX = 10_000;
const LEVELS_MAX = 20;
/** Groups asked for in one search. */
const BATCH = 50;
/** RFC 4511 §4.5.1.8: no attributes, only the DN. */
const NO_ATTRIBUTES = ["1.1"];

/** `pool` is bound as the service account. Configured DNs that can't be read are an outage. */
export function createMembership(settings: Settings, pool: Pool): Membership {
  const cache = new ExpiringMap<string, ReadonlySet<string>>({
    lifetimeMs: CACHE_MS,
    entriesMax: CACHED_MAX,
  });
  return async (identity, groupDns) => {
    if (groupDns.length === 0) return new Set();
    const startedAt = settings.clock.monotonic();
    const key = [identity.id, identity.dn, ...groupDns].join("\0");
    const cached = cache.find(key, startedAt);
    if (cached !== undefined) return cached;
    try {
      const walk = new Walk(settings, pool, startedAt + settings.timeoutMs);
      const found = await walk.findGroups(identity, groupDns);
      cache.set(key, found, startedAt);
      return found;
    } catch (error) {
      if (error instanceof DependencyDown) throw error;
      const reason = "a group's name can't be read";
      throw new DependencyDown(settings.dependency, reason, { cause: error });
    }
  };
}

interface Wanted {
  /** As configured. */
  readonly dn: string;
  readonly canonical: string;
}

/** From one person upwards, level by level. */
class Walk {
  readonly #settings: Settings;
  readonly #pool: Pool;
  /** Monotonic ms, for all searches together. */
  readonly #deadlineAt: number;
  /** Canonical DNs of the groups met so far. */
  readonly #met = new Set<string>();

  constructor(settings: Settings, pool: Pool, deadlineAt: number) {
    this.#settings = settings;
    this.#pool = pool;
    this.#deadlineAt = deadlineAt;
  }

  async findGroups(identity: Identity, groupDns: readonly string[]): Promise<Set<string>> {
    const wanted = groupDns.map((dn) => ({ dn, canonical: canonicalDn(dn) }));
    const [listed, person] = await Promise.all([
      this.#searchGroups(personFilter(identity)),
      this.#readPerson(identity.dn),
    ]);
    let level = this.#meet([...(listed ?? []), ...person.memberOf]);
    const isMissing = ({ canonical }: Wanted): boolean => !this.#met.has(canonical);
    await this.#meetBySid(wanted.filter(isMissing), person.security);
    if (listed === undefined) await this.#meetByMember(wanted.filter(isMissing), identity);
    // What tokenGroups says is complete by itself.
    const isToBeWalked = this.#settings.nestedGroups && !person.security.isNested;
    if (isToBeWalked && wanted.some(isMissing)) {
      if (listed === undefined) throw this.#tooMany();
      level = [...level, ...(await this.#findPrimaryGroup(person.security))];
    }
    for (let depth = 1; isToBeWalked && level.length > 0; depth += 1) {
      if (!wanted.some(isMissing)) break;
      if (depth > LEVELS_MAX) throw this.#down("groups are nested too deep");
      level = this.#meet(await this.#searchParents(level));
    }
    return new Set(wanted.filter((group) => !isMissing(group)).map(({ dn }) => dn));
  }

  // Few groups are asked about, and somebody may be in thousands: those few are looked up.
  async #meetBySid(wanted: readonly Wanted[], { sids }: SecurityGroups): Promise<void> {
    if (sids.size === 0) return;
    await this.#meetWhere(wanted, async (dn) => {
      const entry = await this.#readEntry(dn, ["objectSid"]);
      const sid = entry === undefined ? undefined : readSid(entry);
      return sid !== undefined && sids.has(sid);
    });
  }

  // In more groups than the directory lists: then each of those few is asked about the person.
  async #meetByMember(wanted: readonly Wanted[], identity: Identity): Promise<void> {
    const filter = personFilter(identity);
    await this.#meetWhere(wanted, async (dn) => {
      return (await this.#readEntry(dn, NO_ATTRIBUTES, filter)) !== undefined;
    });
  }

  async #meetWhere(
    wanted: readonly Wanted[],
    isMet: (dn: string) => Promise<boolean>,
  ): Promise<void> {
    const met = await Promise.all(wanted.map(async ({ dn }) => ((await isMet(dn)) ? [dn] : [])));
    this.#meet(met.flat());
  }

  // It lists nobody, and where tokenGroups can't be read nobody else says what it is in.
  async #findPrimaryGroup({ sids }: SecurityGroups): Promise<string[]> {
    const [sid] = sids;
    if (sid === undefined) return [];
    const value = [Buffer.from(sid, "hex")];
    const filter: Filter = { kind: "equality", attribute: "objectSid", value };
    return this.#meet((await this.#searchGroups(filter)) ?? []);
  }

  /** Notes the groups and returns those that weren't met before, so that a loop ends. */
  #meet(dns: readonly string[]): string[] {
    const fresh: string[] = [];
    for (const dn of dns) {
      const canonical = canonicalDn(dn);
      if (this.#met.has(canonical)) continue;
      if (this.#met.size === GROUPS_MAX) throw this.#down("somebody is in too many groups");
      this.#met.add(canonical);
      fresh.push(dn);
    }
    return fresh;
  }

  async #searchParents(groups: readonly string[]): Promise<string[]> {
    const batches: Promise<string[] | undefined>[] = [];
    for (let from = 0; from < groups.length; from += BATCH) {
      const filters = groups.slice(from, from + BATCH).flatMap(memberFilters);
      batches.push(this.#searchGroups({ kind: "or", filters }));
    }
    const lists = await Promise.all(batches);
    return lists.flatMap((list) => {
      if (list === undefined) throw this.#tooMany();
      return list;
    });
  }

  /** Undefined: more than the directory lists. */
  async #searchGroups(filter: Filter): Promise<string[] | undefined> {
    const { base } = this.#settings;
    const where = { base, scope: "whole-subtree", sizeLimit: GROUPS_MAX } as const;
    const request = { ...where, filter, attributes: NO_ATTRIBUTES };
    const { resultCode, entries } = await this.#search(request, RESULT_CODE.sizeLimitExceeded);
    if (resultCode === RESULT_CODE.sizeLimitExceeded) return undefined;
    return entries.map(({ dn }) => dn);
  }

  async #readPerson(dn: string): Promise<{ memberOf: string[]; security: SecurityGroups }> {
    const attributes = ["memberOf", ...securityAttributes(this.#settings.nestedGroups)];
    const entry = await this.#readEntry(dn, attributes);
    if (entry === undefined) throw this.#down("the person's own entry can't be read");
    return {
      memberOf: valuesOf(entry, "memberOf").map((value) => decodeUtf8(value, 0)),
      security: readSecurityGroups(entry),
    };
  }

  /** Undefined: there is no such entry. */
  async #readEntry(
    dn: string,
    attributes: readonly string[],
    filter = ANY_ENTRY,
  ): Promise<Entry | undefined> {
    const request = { base: dn, scope: "base-object", filter, attributes } as const;
    const { entries } = await this.#search({ ...request, sizeLimit: 1 }, RESULT_CODE.noSuchObject);
    return entries[0];
  }

  /** `also`: another result code that is an answer. */
  async #search(
    request: Omit<SearchRequest, "username" | "timeLimitSeconds">,
    also: number = RESULT_CODE.success,
  ): Promise<Found> {
    const { dependency, timeLimitSeconds } = this.#settings;
    const whole = { ...request, username: NO_NAME, timeLimitSeconds };
    const found = await search(this.#pool, dependency, whole, this.#deadlineAt);
    if (found.resultCode !== RESULT_CODE.success && found.resultCode !== also) {
      const reason = `it answers a search for groups with result code ${found.resultCode}`;
      throw new NotServing(dependency, reason);
    }
    if (found.isCut) throw this.#down("it answers a search for groups without end");
    return found;
  }

  #tooMany(): DependencyDown {
    const remedy = "raise its size limit for bind_dn";
    return this.#down(`somebody is in more groups than the directory lists: ${remedy}`);
  }

  #down(reason: string): DependencyDown {
    return new DependencyDown(this.#settings.dependency, reason);
  }
}

// RFC 4519 §2.17, §2.40 and RFC 2307: the three ways in which groups list people.
function personFilter({ dn, username }: Identity): Filter {
  const value = [Buffer.from(username, "utf8")];
  const byName: Filter = { kind: "equality", attribute: "memberUid", value };
  return { kind: "or", filters: [...memberFilters(dn), byName] };
}

function memberFilters(dn: string): Filter[] {
  const value = [Buffer.from(dn, "utf8")];
  return [
    { kind: "equality", attribute: "member", value },
    { kind: "equality", attribute: "uniqueMember", value },
  ];
}
