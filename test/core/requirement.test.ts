// Every demand against every other: who gives way to whom, and until when.

import t from "tap";

import {
  changeRequirement,
  REQUIRED_OF,
  type Requirement,
  type RequirementChange,
} from "../../src/core/requirement.ts";

const ENDS = [1_000, 2_000, 3_000] as const;
const DEMANDS: readonly (Requirement | undefined)[] = [
  undefined,
  ...REQUIRED_OF.flatMap((of) => ENDS.map((until) => ({ until, of }))),
];
const CHANGES: readonly RequirementChange[] = [
  ...ENDS.map((until) => ({ kind: "extend", until }) as const),
  ...REQUIRED_OF.flatMap((of) => [
    { kind: "remove", of } as const,
    ...ENDS.flatMap((until) =>
      (["same", "weaker"] as const).map(
        (replaces) => ({ kind: "require", until, of, replaces }) as const,
      ),
    ),
  ]),
];

t.test("E05: explicit beats group beats everyone, whatever the dates", async (t) => {
  for (const before of DEMANDS) {
    for (const change of CHANGES) {
      const after = changeRequirement(before, change);
      const about = JSON.stringify({ before, change, after });
      if (after === before) continue;
      if (change.kind === "extend") {
        t.ok(before !== undefined && change.until > before.until, about);
        t.same(after, { ...before, until: change.until }, about);
      } else {
        const lead =
          before === undefined
            ? 1
            : REQUIRED_OF.indexOf(change.of) - REQUIRED_OF.indexOf(before.of);
        t.ok(lead >= 0, about);
        if (change.kind === "remove") t.equal(after, undefined, about);
        else t.same(after, { until: change.until, of: change.of }, about);
      }
    }
  }
});

t.test("a demand made again keeps its date, unless it names the person", async (t) => {
  const first = { until: 1_000, of: "person" } as const;
  const again = { kind: "require", until: 2_000, of: "person" } as const;
  t.equal(changeRequirement(first, { ...again, replaces: "weaker" }), first);
  t.same(changeRequirement(first, { ...again, replaces: "same" }), { until: 2_000, of: "person" });
  const group = { until: 1_000, of: "group" } as const;
  t.equal(changeRequirement(group, { ...again, of: "group", replaces: "weaker" }), group);
  t.match(changeRequirement(group, { ...again, replaces: "weaker" }), { of: "person" });
});

t.test("a period is never cut short by extending it, nor made by it", async (t) => {
  const before = { until: 2_000, of: "person" } as const;
  t.equal(changeRequirement(before, { kind: "extend", until: 2_000 }), before);
  t.equal(changeRequirement(before, { kind: "extend", until: 1_000 }), before);
  t.equal(changeRequirement(undefined, { kind: "extend", until: 9_000 }), undefined);
  t.equal(changeRequirement(undefined, { kind: "remove", of: "person" }), undefined);
});
