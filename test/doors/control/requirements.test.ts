// Demands for a factor as operators make them: the preview and the real run come to the same.

import t, { type Test } from "tap";

import type { Operations } from "../../../src/doors/control/client.ts";
import {
  tokenEnroll,
  userRequire,
  userShow,
  type RequireArguments,
  type RequireProblem,
  type RequireResult,
} from "../../../src/doors/control/operations.ts";
import { DependencyDown } from "../../../src/core/ports.ts";
import { openDoor, testContext, type TestContext } from "../../support/control.ts";

const DAY_MS = 86_400_000;
const PERSON = { who: { kind: "person", username: "alice" }, dryRun: false } as const;
const EVERYONE = { who: { kind: "everyone" }, change: "require", dryRun: false } as const;

interface Kit extends TestContext {
  readonly run: Operations["run"];
  readonly problems: RequireProblem[];
  /** As a preview first, which has to say the same and change nothing. */
  require(args: RequireArguments): Promise<RequireResult>;
  untilOf(username: string): Promise<number | undefined>;
}

async function open(t: Test): Promise<Kit> {
  const context = await testContext(t);
  const { run } = (await openDoor(t, context)).operations;
  const problems: RequireProblem[] = [];
  return Object.assign(context, {
    run,
    problems,
    async require(args: RequireArguments) {
      const before = (await context.events()).length;
      const preview = await run(userRequire, { ...args, dryRun: true });
      t.equal((await context.events()).length, before, "a preview writes nothing");
      const onItem = (problem: RequireProblem): void => void problems.push(problem);
      const done = await run(userRequire, args, { onItem });
      t.same(preview, done, "E10: a preview says what happens");
      t.equal((await context.events()).length - before, done.changed, "an event for each change");
      return done;
    },
    untilOf: async (username: string) => (await run(userShow, { username })).requirementUntil,
  });
}

t.test("E04: 1 to 365 days, in UTC, or what the configuration says", async (t) => {
  const { require, run, clock, events } = await open(t);
  for (const days of [1, 365]) {
    const done = await require({ ...PERSON, change: "require", days });
    t.match(done, { username: "alice", changed: 1, until: clock.now() + days * DAY_MS });
    t.match((await events()).at(-1), {
      event_type: "mfa_requirement_set",
      details: { days, of: "person" },
      changes: [{ field: "until" }],
    });
  }
  t.match(await require({ ...PERSON, change: "require" }), { until: clock.now() + 7 * DAY_MS });
  for (const days of [-1, 0, 366, 1.5]) {
    const args = { ...PERSON, change: "require", days } as const;
    await t.rejects(run(userRequire, args), { code: "usage" }, `${days}`);
  }
});

t.test("E03: a period is extended, also when it is over, and the demand taken back", async (t) => {
  const { require, clock, events } = await open(t);
  t.match(await require({ ...PERSON, change: "extend", days: 5 }), {
    unchanged: 1,
    until: undefined,
  });
  await require({ ...PERSON, change: "require", days: 1 });
  clock.advance(2 * DAY_MS);
  const extended = await require({ ...PERSON, change: "extend", days: 5 });
  t.match(extended, { changed: 1, until: clock.now() + 5 * DAY_MS });
  t.match((await events()).at(-1), { event_type: "user_mfa_exclusion_extended" });
  const until = clock.now() + 5 * DAY_MS;
  t.match(await require({ ...PERSON, change: "extend", days: 2 }), { unchanged: 1, until });
  t.match(await require({ ...PERSON, change: "remove" }), { changed: 1, until: undefined });
  t.match((await events()).at(-1), { event_type: "mfa_requirement_removed" });
  t.match(await require({ ...PERSON, change: "remove" }), { unchanged: 1 });
});

t.test("E05: of everyone, of a group, of a person: the nearer one holds", async (t) => {
  const { require, untilOf, clock } = await open(t);
  const group = { who: { kind: "group", dn: "cn=alice and bob" }, change: "require" } as const;
  const in_ = (days: number): number => clock.now() + days * DAY_MS;
  await require({ ...PERSON, change: "require", days: 90 });
  const byGroup = await require({ ...group, days: 2, dryRun: false });
  t.match(byGroup, { people: 2, changed: 1, unchanged: 1, until: in_(2) });
  const all = await require({ ...EVERYONE, days: 30 });
  t.match(all, { people: 3, changed: 1, unchanged: 2 });
  t.same(await Promise.all(["alice", "bob", "carol"].map(untilOf)), [in_(90), in_(2), in_(30)]);
  clock.advance(DAY_MS);
  t.match(await require({ ...EVERYONE, days: 30 }), { changed: 0, unchanged: 3 }, "once more");
  t.match(await require({ ...group, change: "remove", dryRun: false }), { changed: 1 });
  t.equal(await untilOf("alice"), in_(89), "what was demanded by name stays");
});

t.test("whoever has a token, or is a service account, is left alone", async (t) => {
  const { require, run, exempt, untilOf } = await open(t);
  const token = { algorithm: "sha1", digits: 6, periodSeconds: 30, replace: false } as const;
  await run(tokenEnroll, { username: "bob", ...token });
  exempt.add("carol");
  t.match(await require(EVERYONE), { people: 3, changed: 1, enrolled: 1, exempt: 1 });
  t.equal(await untilOf("bob"), undefined);
  t.match(await require({ ...EVERYONE, change: "remove" }), { changed: 1, enrolled: 1 });
  const bob = { who: { kind: "person", username: "bob" }, change: "require" } as const;
  t.match(await require({ ...bob, dryRun: false }), { changed: 1 }, "unless named");
});

t.test("of a list, each is told who isn't exactly one person", async (t) => {
  const { require, problems } = await open(t);
  const usernames = ["alice", "ALICE", "nobody", "twins", "bob"];
  const args = { who: { kind: "names", usernames }, change: "require", dryRun: false } as const;
  t.match(await require(args), { people: 2, changed: 2 });
  t.same(problems, [
    { username: "nobody", problem: "not-found" },
    { username: "twins", problem: "ambiguous" },
  ]);
  t.match(await require(args), { changed: 0, unchanged: 2 }, "again: nobody's date moves");
  const tooMany = { kind: "names", usernames: Array<string>(1_001).fill("alice") } as const;
  await t.rejects(require({ ...args, who: tooMany }), { code: "usage" });
});

t.test(
  "a directory that fails in the middle: what was done is told, the rest is left",
  async (t) => {
    const kit = await open(t);
    const [directory] = kit.directories;
    if (directory === undefined) throw new Error("no directory");
    Object.assign(directory, {
      async *everybody() {
        yield [{ directory: "corp", id: "id-alice", username: "alice", dn: "uid=alice" }];
        throw new DependencyDown("directory:corp", "gone");
      },
    });
    await t.rejects(kit.run(userRequire, EVERYONE), {
      code: "unavailable",
      message: /gone; 1 of them done before/,
      hint: /run it again/,
    });
    t.equal(typeof (await kit.untilOf("alice")), "number");
  },
);
