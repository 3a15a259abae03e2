// The audit trail under the reference system's query: ranges, pages, terms, and what is refused.

import t, { type Test } from "tap";

import type { EventDraft } from "../../../../src/core/audit.ts";
import { openApi, type ApiAnswer, type ApiDoor } from "../../../support/api.ts";
import { event } from "../../../support/store.ts";

const FROM = "2027-01-15T00:00:00Z";
const URL = "/insights/directory/v1/events";

interface Asker {
  readonly door: ApiDoor;
  query(more?: object): Promise<ApiAnswer>;
}

async function open(t: Test, drafts: readonly Partial<EventDraft>[] = []): Promise<Asker> {
  const door = await openApi(t);
  const { ask } = await door.loginAs("read_only");
  for (const draft of drafts) await door.administration.record(event(draft));
  return {
    door,
    query: (more = {}) =>
      ask("POST", URL, { body: { service: ["radius"], start_time: FROM, ...more } }),
  };
}

const named = (names: readonly string[]): Partial<EventDraft>[] =>
  names.map((username) => ({ username, initiated_by: { type: "user", username } }));
const namesOf = ({ body }: ApiAnswer): unknown[] => body.map((one: EventDraft) => one.username);

t.test("pages in either order, each event once", async (t) => {
  const names = Array.from({ length: 25 }, (_, index) => `u${index}`);
  const { query } = await open(t, named(names));
  for (const sort of ["ASC", "DESC"]) {
    const seen: unknown[] = [];
    let after: object = {};
    for (;;) {
      const page = await query({ sort, limit: 10, ...after });
      seen.push(...namesOf(page));
      t.equal(Number(page.headers["x-result-count"]), page.body.length);
      t.match(page.headers, { "x-limit": "10", "x-sort": sort, "x-request-id": /^[0-9a-f-]{36}$/ });
      if (page.headers["x-result-count"] !== page.headers["x-limit"]) break;
      after = { search_after: JSON.parse(String(page.headers["x-search_after"])) };
    }
    t.same(seen, sort === "ASC" ? names : names.toReversed(), sort);
  }
});

t.test("more than a slice of the trail is read to its end", async (t) => {
  const { query, door } = await open(t);
  const all = Array.from({ length: 2_300 }, (_, index) =>
    event({ username: index % 1_000 === 0 ? "rare" : "often" }),
  );
  await Promise.all(all.map((one) => door.administration.record(one)));
  const term = { search_term: { username: "rare" } };
  t.equal((await query(term)).body.length, 3);
  t.equal((await query({ ...term, sort: "DESC", limit: 2 })).body.length, 2);
  t.equal((await query({ limit: 2_000 })).headers["x-result-count"], "2000");
});

t.test("of many queries at a time two are read, and a full line is told so", async (t) => {
  const { query, door } = await open(t);
  const all = Array.from({ length: 6_000 }, () => event());
  await Promise.all(all.map((one) => door.administration.record(one)));
  const term = { search_term: { username: "nobody" } };
  const answers = await Promise.all(Array.from({ length: 40 }, () => query(term)));
  const busy = answers.filter(({ status }) => status === 503);
  t.equal(answers.filter(({ status }) => status === 200).length, 18, "two, and sixteen in line");
  t.equal(busy.length, 22);
  t.match(busy[0], { headers: { "retry-after": "5" }, body: { message: /^too many queries/ } });
  t.equal((await query(term)).status, 200, "and then again");
});

t.test("services, times and terms choose; all three ways to write a list are one", async (t) => {
  const { query } = await open(t, [
    ...named(["alice", "bob"]),
    { service: "ldap", event_type: "ldap_bind", success: true, username: "carol" },
    { timestamp: "2027-02-01T00:00:00.000Z", username: "later" },
    { reason: "account-locked", username: "dave", nas: { name: "vpn", ip: "192.0.2.1" } },
  ]);
  const found = async (more: object): Promise<unknown[]> => namesOf(await query(more));
  t.same(await found({ service: ["ldap"] }), ["carol"]);
  t.same(await found({ end_time: "2027-01-20T00:00:00Z" }), ["alice", "bob", "dave"]);
  t.same(await found({ start_time: "2027-01-20T00:00:00+01:00" }), ["later"]);
  const terms: readonly (readonly [object, string[]])[] = [
    [{ username: "ALICE" }, ["alice"]],
    [{ username: ["alice", "bob"] }, ["alice", "bob"]],
    [{ username: { $in: ["alice", "bob"] } }, ["alice", "bob"]],
    [{ field: "username", operator: "in", value: ["alice", "bob"] }, ["alice", "bob"]],
    [{ or: [{ username: "bob" }, { "nas.name": "vpn" }] }, ["bob", "dave"]],
    [{ and: [{ success: false }, { "initiated_by.username": "bob" }] }, ["bob"]],
    [{ field: "username", operator: "startsWith", value: "da" }, ["dave"]],
    [{ field: "username", operator: "not_in", value: ["alice", "bob", "dave"] }, ["later"]],
    [{ event_type: "ldap_bind" }, []],
    [{ "constructor.name": "Object" }, []],
  ];
  for (const [search_term, names] of terms) {
    t.same(await found({ search_term }), names, JSON.stringify(search_term));
  }
});

t.test("A16: what isn't understood is refused with what would be", async (t) => {
  const { query } = await open(t);
  const deep = Array.from({ length: 60 }).reduce<object>((inner) => ({ and: [inner] }), { a: "b" });
  const bad: readonly (readonly [object, RegExp])[] = [
    [{ service: ["mfa"] }, /one of all, radius, ldap, directory, system/],
    [{ service: [] }, /service/],
    [{ service: "all" }, /service/],
    [{ start_time: "yesterday" }, /start_time/],
    [{ start_time: undefined }, /start_time/],
    [{ end_time: "2026-01-01T00:00:00Z" }, /before start_time/],
    [{ limit: 0 }, /limit/],
    [{ limit: 10_001 }, /limit/],
    [{ limit: "10" }, /limit/],
    [{ sort: "asc" }, /sort/],
    [{ search_after: ["1 OR 1"] }, /search_after/],
    [{ search_term: "x" }, /search_term: has to be an object/],
    [{ search_term: { username: { $where: "1" } } }, /operators/],
    [{ search_term: { username: { toString: "1" } } }, /operators/],
    [{ search_term: { changes: "x" } }, /can't be searched/],
    [{ search_term: { "a b": "x" } }, /can't be searched/],
    [{ search_term: { username: [{}] } }, /compares with text/],
    [{ search_term: { or: "x" } }, /has to be a list/],
    [{ search_term: { and: Array(60).fill({ a: "b" }) } }, /more than 50 terms/],
    [{ search_term: { a: Array(101).fill("b") } }, /more than 100 values/],
    [{ search_term: deep }, /nested deeper/],
    [{ unknown: 1 }, /unknown/],
  ];
  for (const [more, message] of bad) {
    t.match(
      await query(more),
      { status: 400, body: { message } },
      JSON.stringify(more).slice(0, 70),
    );
  }
  t.match(await query({ search_after: [999_999_999] }), { status: 200, body: [] });
});

t.test("H14: a failed login of an administrator has every field the rule names", async (t) => {
  const { door, query } = await open(t);
  const body = { username: "nobody@example.org", password: "x", code: "000000" };
  await door.ask("POST", "/api/sessions", { body });
  const term = { and: [{ event_type: "admin_login_attempt" }, { success: false }] };
  const [found] = (await query({ service: ["directory"], search_term: term })).body;
  t.match(found, {
    "@version": "1",
    timestamp: String,
    event_type: "admin_login_attempt",
    success: false,
    initiated_by: { email: "nobody@example.org" },
    client_ip: "127.0.0.1",
    mfa_meta: { type: "totp" },
  });
});
