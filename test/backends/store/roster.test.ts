// Pages of everyone the store knows: complete, in order, and cheap however many there are.

import { DatabaseSync } from "node:sqlite";

import t from "tap";

import type { RosterQuery } from "../../../src/core/roster.ts";
import { adminEvent } from "../../support/administrators.ts";
import { newToken, person, testStore } from "../../support/store.ts";

const ALL: RosterQuery = { limit: 100, skip: 0, order: "username" };

t.test("every filter counts what it lists, alone and with others", async (t) => {
  const test = await testStore();
  t.teardown(() => test.end());
  const { store, clock } = test;
  const event = adminEvent("totp_finish_enrollment");
  for (const name of ["alice", "bob", "bobby"]) {
    await store.enroll(person(name), newToken, { replace: false }, event);
  }
  for (const name of ["bob", "carol"]) {
    const until = clock.now() + 1;
    const change = { kind: "require", until, of: "person", replaces: "same" } as const;
    await store.changeRequirement(person(name), change, adminEvent("mfa_requirement_set"));
  }
  await store.enroll(
    { ...person("Alice"), directory: "other" },
    newToken,
    { replace: false },
    event,
  );
  const rows: readonly (readonly [Partial<RosterQuery>, string[]])[] = [
    [{}, ["alice", "Alice", "bob", "bobby", "carol"]],
    [{ order: "-username" }, ["carol", "bobby", "bob", "Alice", "alice"]],
    [{ hasToken: true }, ["alice", "Alice", "bob", "bobby"]],
    [{ hasToken: false }, ["carol"]],
    [{ isRequired: true }, ["bob", "carol"]],
    [{ isRequired: false, hasToken: false }, []],
    [{ isRequired: true, hasToken: true }, ["bob"]],
    [{ search: "BO" }, ["bob", "bobby"]],
    [{ search: "bo", isRequired: true, hasToken: false }, []],
    [{ username: "ALICE" }, ["alice", "Alice"]],
    [{ username: "a%" }, []],
  ];
  for (const [more, names] of rows) {
    const { total, people } = await store.roster.page({ ...ALL, ...more });
    t.same(
      people.map(({ person: { username } }) => username),
      names,
      JSON.stringify(more),
    );
    t.equal(total, names.length, "and their number");
  }
});

t.test("a person's number leads to that person, and one of nobody to nobody", async (t) => {
  const test = await testStore();
  t.teardown(() => test.end());
  await test.store.lock(person("alice"), adminEvent("user_lockout"));
  const [listed] = (await test.store.roster.page(ALL)).people;
  t.match(listed, { dn: "uid=alice,dc=example,dc=org", person: { username: "alice" } });
  t.same(await test.store.roster.find(listed?.account ?? 0), listed);
  t.equal(await test.store.roster.find(4_711), undefined);
  t.match(await test.store.roster.organizationId(), /^[0-9a-f]{24}$/);
});

t.test("a page is read from an index in its order: nothing is sorted", async (t) => {
  const test = await testStore();
  t.teardown(() => test.end());
  const database = new DatabaseSync(test.path, { readOnly: true });
  const plan = database.prepare(
    `EXPLAIN QUERY PLAN SELECT a.id FROM accounts a
     ORDER BY a.name_key, a.directory, a.id LIMIT 50 OFFSET 50000`,
  );
  t.same(
    plan.all().map((row) => row["detail"]),
    ["SCAN a USING COVERING INDEX accounts_name"],
  );
  database.close();
});
