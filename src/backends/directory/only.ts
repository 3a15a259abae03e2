// Several answers to "who is this?" become one. Invariant: two people are never chosen between.

import type { LookupResult } from "../../core/ports.ts";

/** The one person all of `results` that found anybody agree on. */
export function onlyPerson(results: readonly LookupResult[]): LookupResult {
  let only: LookupResult = { kind: "not-found" };
  for (const result of results) {
    if (result.kind === "not-found") continue;
    if (result.kind !== "found") return result;
    if (only.kind === "found" && !isSamePerson(only, result)) return { kind: "ambiguous" };
    only = result;
  }
  return only;
}

type Found = Extract<LookupResult, { kind: "found" }>;

function isSamePerson({ identity: one }: Found, { identity: other }: Found): boolean {
  return one.directory === other.directory && one.id === other.id;
}
