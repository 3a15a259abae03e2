// Which of the configured groups a person is in, directly or through other groups.
// Invariant: an answer is complete or an outage: a failed or cut lookup is never "in no group".

import { DependencyDown, type Identity } from "../../core/ports.ts";
import { ExpiringMap } from "../../lib/expiring-map.ts";
import { decodeUtf8 } from "../../wire/ldap/ber.ts";
import { canonicalDn } from "../../wire/ldap/dn.ts";
import { parseFilter, type Filter } from "../../wire/ldap/filter.ts";
import { RESULT_CODE } from "../../wire/ldap/message.ts";
import { CACHE_MS } from "./lookup.ts";
import type { Settings } from "./options.ts";
import type { Pool } from "./pool.ts";
import { search } from "./search.ts";

export type Membership = (
  identity: Identity,
  groupDns: readonly string[],
) => Promise<ReadonlySet<string>>;

const CACHED_MAX = 50_000;
const GROUPS_MAX = 10_000;
const LEVELS_MAX = 20;
/** Groups asked for in one search. */
const BATCH = 50;
/** RFC 4511 §4.5.1.8: no attributes, only the DN. */
const NO_ATTRIBUTES = ["1.1"];
const ANY_ENTRY = parseFilter("(objectClass=*)");
const NO_NAME = Buffer.alloc(0);

/** One question under way. */
interface Walk {
  readonly deadlineAt: number;
  /** Canonical DNs of the configured groups not met yet. */
  readonly wanted: Set<string>;
  /** Canonical DNs of all groups met. */
  readonly seen: Set<string>;
}

/** `pool` is bound as the service account. */
export function createMembership(settings: Settings, pool: Pool): Membership {
  const { clock, dependency } = settings;
  const cache = new ExpiringMap<string, ReadonlySet<string>>({
    lifetimeMs: CACHE_MS,
    entriesMax: CACHED_MAX,
  });

  async function ask(identity: Identity, groupDns: readonly string[], startedAt: number) {
    const walk: Walk = {
      deadlineAt: startedAt + settings.timeoutMs,
      wanted: new Set(groupDns.map(canonicalDn)),
      seen: new Set(),
    };
    const direct = personFilter(identity);
    const found = await Promise.all([
      searchGroups(direct, walk.deadlineAt),
      readMemberOf(identity.dn, walk.deadlineAt),
    ]);
    let level = meet(walk, found.flat());
    for (let depth = 1; settings.nestedGroups && level.length > 0; depth += 1) {
      if (walk.wanted.size === 0) break;
      if (depth > LEVELS_MAX) throw new DependencyDown(dependency, "groups are nested too deep");
      level = meet(walk, await searchParents(level, walk.deadlineAt));
    }
    return new Set(groupDns.filter((dn) => walk.seen.has(canonicalDn(dn))));
  }

  /** Notes the groups and returns those that weren't met before (so a loop ends). */
  function meet(walk: Walk, dns: readonly string[]): string[] {
    const fresh: string[] = [];
    for (const dn of dns) {
      const canonical = canonicalDn(dn);
      if (canonical === "" || walk.seen.has(canonical)) continue;
      if (walk.seen.size === GROUPS_MAX) throw new DependencyDown(dependency, "too many groups");
      walk.seen.add(canonical);
      fresh.push(dn);
      walk.wanted.delete(canonical);
    }
    return fresh;
  }

  async function searchParents(groups: readonly string[], deadlineAt: number): Promise<string[]> {
    const batches: Promise<string[]>[] = [];
    for (let from = 0; from < groups.length; from += BATCH) {
      const filters = groups.slice(from, from + BATCH).flatMap(memberFilters);
      batches.push(searchGroups({ kind: "or", filters }, deadlineAt));
    }
    return (await Promise.all(batches)).flat();
  }

  async function searchGroups(filter: Filter, deadlineAt: number): Promise<string[]> {
    const { resultCode, entries, isCut } = await search(
      pool,
      dependency,
      {
        base: settings.base,
        scope: "whole-subtree",
        sizeLimit: GROUPS_MAX,
        timeLimitSeconds: settings.timeLimitSeconds,
        filter,
        username: NO_NAME,
        attributes: NO_ATTRIBUTES,
      },
      deadlineAt,
    );
    if (resultCode !== RESULT_CODE.success || isCut) throw failed(resultCode);
    return entries.map(({ dn }) => dn);
  }

  async function readMemberOf(dn: string, deadlineAt: number): Promise<string[]> {
    const { resultCode, entries } = await search(
      pool,
      dependency,
      {
        base: dn,
        scope: "base-object",
        sizeLimit: 1,
        timeLimitSeconds: settings.timeLimitSeconds,
        filter: ANY_ENTRY,
        username: NO_NAME,
        attributes: ["memberOf"],
      },
      deadlineAt,
    );
    if (resultCode !== RESULT_CODE.success || entries.length !== 1) throw failed(resultCode);
    const attributes = entries[0]?.attributes ?? [];
    return attributes
      .filter(({ name }) => name.toLowerCase() === "memberof")
      .flatMap(({ values }) => values.map((value) => decodeUtf8(value, 0)));
  }

  function failed(resultCode: number): DependencyDown {
    const reason = `it answers a search for groups with result code ${resultCode}`;
    return new DependencyDown(dependency, reason);
  }

  return async (identity, groupDns) => {
    if (groupDns.length === 0) return new Set();
    const startedAt = clock.monotonic();
    const key = [identity.id, identity.dn, ...groupDns].join("\0");
    const cached = cache.find(key, startedAt);
    if (cached !== undefined) return cached;
    try {
      const member = await ask(identity, groupDns, startedAt);
      cache.set(key, member, startedAt);
      return member;
    } catch (error) {
      if (error instanceof DependencyDown) throw error;
      throw new DependencyDown(dependency, "its groups can't be read", { cause: error });
    }
  };
}

// RFC 4519 §2.17, §2.40 and RFC 2307: the three ways in which groups list people.
function personFilter({ dn, username }: Identity): Filter {
  const member = {
    kind: "equality",
    attribute: "memberUid",
    value: [Buffer.from(username)],
  } as const;
  return { kind: "or", filters: [...memberFilters(dn), member] };
}

function memberFilters(dn: string): Filter[] {
  const value = [Buffer.from(dn, "utf8")];
  return [
    { kind: "equality", attribute: "member", value },
    { kind: "equality", attribute: "uniqueMember", value },
  ];
}
