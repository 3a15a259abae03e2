// Which attributes a directory has (RFC 4512 §4.2). Asking for one that it never heard of costs
// OpenLDAP a third of a search. Invariant: where that isn't certain, all of them are asked for.

import type { Settings } from "./options.ts";
import { ANY_ENTRY, NO_NAME, search, type Asked } from "./search.ts";
import { valuesOf } from "./security-groups.ts";

/** Lower case. */
export type KnownAttributes = ReadonlySet<string>;

/** Every schema has it (RFC 4512 §3.3): without it, what was read isn't the whole. */
const ALWAYS = "objectclass";

/** NAME 'uid' or NAME ( 'uid' 'userid' ), RFC 4512 §4.1.2. */
const NAMES = /\bNAME\s+(?:'([^']+)'|\(([^)]*)\))/;
const QUOTED = /'([^']+)'/g;

/** Undefined: the directory doesn't say. Rejects with DependencyDown. */
export async function readSchema(
  settings: Settings,
  pool: Asked,
): Promise<KnownAttributes | undefined> {
  const { dependency, timeLimitSeconds, timeoutMs, clock } = settings;
  const deadlineAt = clock.monotonic() + timeoutMs;

  async function read(base: string, attribute: string): Promise<readonly Buffer[]> {
    const where = { base, scope: "base-object", filter: ANY_ENTRY, username: NO_NAME } as const;
    const request = { ...where, attributes: [attribute], sizeLimit: 1, timeLimitSeconds };
    const { entries } = await search(pool, dependency, request, deadlineAt);
    return entries[0] === undefined ? [] : valuesOf(entries[0], attribute);
  }

  const [subschema] = await read("", "subschemaSubentry");
  if (subschema === undefined) return undefined;
  const types = await read(subschema.toString("utf8"), "attributeTypes");
  const names = namesOf(types);
  return names.has(ALWAYS) ? names : undefined;
}

function namesOf(types: readonly Buffer[]): Set<string> {
  const names = new Set<string>();
  for (const type of types) {
    const [, one, several = ""] = NAMES.exec(type.toString("utf8")) ?? [];
    const found = one === undefined ? [...several.matchAll(QUOTED)].map((each) => each[1]) : [one];
    for (const name of found) if (name !== undefined) names.add(name.toLowerCase());
  }
  return names;
}
