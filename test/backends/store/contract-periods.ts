// What every store must do with demands for a factor and the ends of their periods.

import type { RequirementChange } from "../../../src/core/requirement.ts";
import { event, newToken, person, type TestStore } from "../../support/store.ts";
import { ruleOn, type Opener } from "./contract.ts";

const alice = person("alice");
const DAY_MS = 86_400_000;

const demand = (
  { clock }: TestStore,
  days: number,
  of: "everyone" | "group" | "person" = "person",
): RequirementChange => ({
  kind: "require",
  until: clock.now() + days * DAY_MS,
  of,
  replaces: of === "person" ? "same" : "weaker",
});

async function expired({ store }: TestStore): Promise<(string | undefined)[]> {
  const told = await store.events({ limit: 1_000, eventType: "user_mfa_exclusion_expired" });
  return told.map(({ username }) => username);
}

async function closeAll({ store }: TestStore): Promise<number> {
  for (let slices = 0; ; slices += 1) if ((await store.closePeriods()).closed === 0) return slices;
}

export function periodsContract(open: Opener): void {
  const rule = ruleOn(open);

  rule("a change of a demand is an event with the end before and after it", async (t, test) => {
    const { store, clock } = test;
    const first = clock.now() + 7 * DAY_MS;
    const iso = (ms: number): string => new Date(ms).toISOString();
    const last = async () => (await store.events({ limit: 1 }))[0];
    t.equal(await store.changeRequirement(alice, demand(test, 7), event()), "changed");
    t.match(await last(), { changes: [{ field: "until", from: null, to: iso(first) }] });
    const extend = { kind: "extend", until: first + DAY_MS } as const;
    t.equal(await store.changeRequirement(alice, extend, event()), "changed");
    const extended = [{ field: "until", from: iso(first), to: iso(first + DAY_MS) }];
    t.match(await last(), { seq: 2, changes: extended });
    t.equal(await store.changeRequirement(alice, extend, event()), "unchanged");
    t.equal(await store.changeRequirement(alice, demand(test, 2, "group"), event()), "unchanged");
    t.match(await last(), { seq: 2 }, "without a change there is no event");
    t.match(await store.findPerson(alice), {
      requirementUntil: first + DAY_MS,
      requirementOf: "person",
    });
    const remove = { kind: "remove", of: "person" } as const;
    t.equal(await store.changeRequirement(alice, remove, event()), "changed");
    t.match(await last(), { changes: [{ to: null }] });
    t.match(await store.findPerson(alice), { enrolment: "not-required" });
    t.equal(await store.changeRequirement(alice, remove, event()), "unchanged");
    const another = person("alice", "another id");
    t.equal(await store.changeRequirement(another, remove, event()), "identity-changed");
  });

  rule("E03: the end of a period is told once, over restarts and jumps", async (t, test) => {
    await test.store.changeRequirement(alice, demand(test, 1), event());
    test.clock.advance(DAY_MS - 1);
    t.equal(await closeAll(test), 0, "a millisecond before nothing is over");
    t.match(await test.store.findPerson(alice), { enrolment: "in-period" });
    await test.reopen();
    test.clock.advance(1);
    t.match(await test.store.findPerson(alice), { enrolment: "period-expired" });
    await Promise.all([test.store.closePeriods(), test.store.closePeriods()]);
    t.same(await expired(test), ["alice"]);
    t.match((await test.store.events({ limit: 1 }))[0], {
      event_type: "user_mfa_exclusion_expired",
      service: "directory",
      initiated_by: { type: "system" },
      resource: { type: "user", id: "corp/id-alice" },
      details: { until: new Date(test.clock.now()).toISOString() },
    });
    await test.reopen();
    test.clock.advance(-2 * DAY_MS);
    await closeAll(test);
    test.clock.advance(400 * DAY_MS);
    await closeAll(test);
    t.same(await expired(test), ["alice"], "not again");
    const extend = { kind: "extend", until: test.clock.now() + DAY_MS } as const;
    await test.store.changeRequirement(alice, extend, event());
    t.match(await test.store.findPerson(alice), { enrolment: "in-period" });
    test.clock.advance(DAY_MS);
    await closeAll(test);
    t.same(await expired(test), ["alice", "alice"], "a period of its own");
  });

  rule("WEB-10: an enrolment uses the period up: a reset leaves nothing of it", async (t, test) => {
    await test.store.changeRequirement(alice, demand(test, 7), event());
    await test.store.enroll(alice, newToken, { replace: false }, event());
    await test.store.resetToken(alice, event());
    t.match(await test.store.findPerson(alice), { enrolment: "period-expired" });
    // A period that is given before the reset, for the time after it, stays.
    await test.store.enroll(alice, newToken, { replace: false }, event());
    await test.store.changeRequirement(alice, demand(test, 2), event());
    await test.store.resetToken(alice, event());
    t.match(await test.store.findPerson(alice), { enrolment: "in-period" });
  });

  rule("whose token is there at the end lets nothing run out", async (t, test) => {
    await test.store.changeRequirement(alice, demand(test, 1), event());
    await test.store.enroll(alice, newToken, { replace: false }, event());
    await test.store.changeRequirement(person("bob"), demand(test, 1), event());
    const remove = { kind: "remove", of: "person" } as const;
    await test.store.changeRequirement(person("bob"), remove, event());
    test.clock.advance(DAY_MS);
    t.equal(await closeAll(test), 1);
    t.same(await expired(test), []);
    await test.store.resetToken(alice, event());
    await closeAll(test);
    t.same(await expired(test), ["alice"], "until the token is gone");
    await test.store.enroll(alice, newToken, { replace: false }, event());
    await test.store.resetToken(alice, event());
    await closeAll(test);
    t.same(await expired(test), ["alice"], "once a period");
  });

  rule("E03: a company whose period ends in one moment is closed in slices", async (t, test) => {
    const people = Array.from({ length: 450 }, (_, index) => person(`u${index}`));
    const change = demand(test, 1, "everyone");
    await Promise.all(people.map((one) => test.store.changeRequirement(one, change, event())));
    test.clock.advance(DAY_MS);
    t.match(await test.store.closePeriods(), { closed: 200, expired: 200 });
    await test.reopen();
    t.equal(await closeAll(test), 2);
    t.equal(new Set(await expired(test)).size, 450);
  });
}
