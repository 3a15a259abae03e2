// The demand for a second factor: of whom it was made, until when it may be unmet, and how one demand
// gives way to another. Invariant: what was asked of a person by name is never changed by what is
// asked of a group or of everyone.

/** From the weakest. */
export const REQUIRED_OF = ["everyone", "group", "person"] as const;
export type RequiredOf = (typeof REQUIRED_OF)[number];

export interface Requirement {
  /** End of the enrolment period, ms UTC. */
  readonly until: number;
  readonly of: RequiredOf;
}

export type RequirementChange =
  /** replaces: whether a demand of the same kind gives way, or only weaker ones do. */
  | (Requirement & { readonly kind: "require"; readonly replaces: "same" | "weaker" })
  /** Of whomever it is; never to an earlier end. */
  | { readonly kind: "extend"; readonly until: number }
  | { readonly kind: "remove"; readonly of: RequiredOf };

/** What is demanded after `change`: `before` itself where nothing changes. */
export function changeRequirement(
  before: Requirement | undefined,
  change: RequirementChange,
): Requirement | undefined {
  if (change.kind === "extend") {
    if (before === undefined || before.until >= change.until) return before;
    return { ...before, until: change.until };
  }
  const lead = before === undefined ? 1 : rank(change.of) - rank(before.of);
  if (change.kind === "remove") return lead >= 0 ? undefined : before;
  const { until, of, replaces } = change;
  return lead > 0 || (lead === 0 && replaces === "same") ? { until, of } : before;
}

function rank(of: RequiredOf): number {
  return REQUIRED_OF.indexOf(of);
}
