// Which of the configured groups a person is in, directly or through other groups.
// Invariant: an answer is complete or an outage: a failed or cut lookup is never "in no group".

import { DependencyDown, type Identity } from "../../core/ports.ts";
import { ExpiringMap } from "../../lib/expiring-map.ts";
import { decodeUtf8 } from "../../wire/ldap/ber.ts";
import { canonicalDn } from "../../wire/ldap/dn.ts";
import type { Filter } from "../../wire/ldap/filter.ts";
import { RESULT_CODE, type SearchRequest } from "../../wire/ldap/message.ts";
import { CACHE_MS } from "./lookup.ts";
import type { Settings } from "./options.ts";
import type { Pool } from "./pool.ts";
import { ANY_ENTRY, NO_NAME, search, type Found } from "./search.ts";

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
    const direct = await Promise.all([
      this.#searchGroups(personFilter(identity)),
      this.#readMemberOf(identity.dn),
    ]);
    let level = this.#meet(direct.flat());
    for (let depth = 1; this.#settings.nestedGroups && level.length > 0; depth += 1) {
      if (wanted.every(({ canonical }) => this.#met.has(canonical))) break;
      if (depth > LEVELS_MAX) throw this.#down("groups are nested too deep");
      level = this.#meet(await this.#searchParents(level));
    }
    const found = wanted.filter(({ canonical }) => this.#met.has(canonical));
    return new Set(found.map(({ dn }) => dn));
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
    const batches: Promise<string[]>[] = [];
    for (let from = 0; from < groups.length; from += BATCH) {
      const filters = groups.slice(from, from + BATCH).flatMap(memberFilters);
      batches.push(this.#searchGroups({ kind: "or", filters }));
    }
    return (await Promise.all(batches)).flat();
  }

  async #searchGroups(filter: Filter): Promise<string[]> {
    const { entries } = await this.#search({
      base: this.#settings.base,
      scope: "whole-subtree",
      sizeLimit: GROUPS_MAX,
      filter,
      attributes: NO_ATTRIBUTES,
    });
    return entries.map(({ dn }) => dn);
  }

  async #readMemberOf(dn: string): Promise<string[]> {
    const { entries } = await this.#search({
      base: dn,
      scope: "base-object",
      sizeLimit: 1,
      filter: ANY_ENTRY,
      attributes: ["memberOf"],
    });
    const [entry] = entries;
    if (entry === undefined) throw this.#down("the person's own entry can't be read");
    return entry.attributes
      .filter(({ name }) => name.toLowerCase() === "memberof")
      .flatMap(({ values }) => values.map((value) => decodeUtf8(value, 0)));
  }

  async #search(request: Omit<SearchRequest, "username" | "timeLimitSeconds">): Promise<Found> {
    const { dependency, timeLimitSeconds } = this.#settings;
    const whole = { ...request, username: NO_NAME, timeLimitSeconds };
    const found = await search(this.#pool, dependency, whole, this.#deadlineAt);
    if (found.resultCode !== RESULT_CODE.success) {
      throw this.#down(`it answers a search for groups with result code ${found.resultCode}`);
    }
    if (found.isCut) throw this.#down("it answers a search for groups without end");
    return found;
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
