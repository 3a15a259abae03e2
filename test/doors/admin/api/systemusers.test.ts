// People over the API: pages without gaps, what a role may see, and changes with both sides in the event.

import t, { type Test } from "tap";

import type { RequirementChange } from "../../../../src/core/requirement.ts";
import type { Role } from "../../../../src/core/permissions.ts";
import { newToken, person } from "../../../support/store.ts";
import { adminEvent } from "../../../support/administrators.ts";
import {
  openApi,
  type ApiAnswer,
  type ApiDoor,
  type Ask,
  type Method,
  type Parsed,
} from "../../../support/api.ts";

const DAY_MS = 86_400_000;

interface People {
  readonly door: ApiDoor;
  readonly ask: Ask;
  /** About the one of that name. */
  of(name: string, method: Method, path: string, body?: object): Promise<ApiAnswer>;
  list(query?: string): Promise<ApiAnswer>;
}

async function open(t: Test, role: Role = "administrator"): Promise<People> {
  const door = await openApi(t);
  const { ask } = await door.loginAs(role);
  const list = (query = ""): Promise<ApiAnswer> => ask("GET", `/api/systemusers${query}`);
  return {
    door,
    ask,
    list,
    async of(name, method, path, body) {
      const { results } = (await list(`?filter=username:$eq:${name}`)).body;
      const url = `/api/systemusers/${results[0].id}${path}`;
      return ask(method, url, body === undefined ? {} : { body });
    },
  };
}

/** As the test directory has them. */
const alice = { ...person("alice"), dn: "uid=alice" };
const bob = { ...person("bob"), dn: "uid=bob" };

async function enroll({ administration }: ApiDoor, who = alice): Promise<void> {
  await administration.enroll(
    who,
    newToken,
    { replace: false },
    adminEvent("totp_finish_enrollment"),
  );
}

function demand(until: number): RequirementChange {
  return { kind: "require", until, of: "person", replaces: "same" };
}

t.test("H24: paging over 250 people gives nobody twice and leaves nobody out", async (t) => {
  const { door, list } = await open(t);
  const rows = Array.from({ length: 250 }, (_, index) => ({
    ...newToken,
    username: `user${index}`,
    line: index + 1,
  }));
  await door.administration.importTokens(
    "corp",
    rows,
    { replace: false },
    adminEvent("totp_import"),
  );
  const seen: string[] = [];
  for (let skip = 0; skip < 300; skip += 100) {
    const { body } = await list(`?limit=1000&skip=${skip}`);
    t.equal(body.totalCount, 250);
    t.equal(body.results.length, Math.min(100, 250 - skip), "a hundred at most");
    seen.push(...body.results.map(({ username }: { username: string }) => username));
  }
  t.equal(new Set(seen).size, 250);
  t.equal((await list()).body.results.length, 10);
  t.match(await list("?limit=0"), { status: 200, body: { totalCount: 250, results: [] } });
  const last = await list("?sort=-username&limit=1");
  t.equal(last.body.results[0].username, "user99");
  t.equal((await list("?search=USER24")).body.totalCount, 11);
});

t.test("A16: what a query doesn't know is refused, and a pattern is text", async (t) => {
  const { door, list } = await open(t);
  await enroll(door);
  const bad = [
    "?limit=-1",
    "?limit=1e3",
    "?limit=x",
    "?skip=1.5",
    "?sort=dn",
    "?order=1",
    "?limit=1&limit=2",
  ];
  for (const query of [...bad, "?filter=dn:$eq:x", "?filter=totp_enabled:$eq:maybe", "?search="]) {
    t.equal((await list(query)).status, 400, query);
  }
  for (const query of ["?search=%25", "?search=a_ice", "?search=' OR 1=1--", "?skip=999999"]) {
    t.match((await list(encodeURI(query))).body, { results: [] }, query);
  }
});

t.test("H24, T25: the shape scripts count with, and the five states of a factor", async (t) => {
  const { door, list } = await open(t);
  const { administration, clock } = door;
  await enroll(door);
  const now = clock.now();
  const until = { bob: now + 7 * DAY_MS, carol: now - 1 };
  for (const [name, at] of Object.entries(until)) {
    const change = demand(at);
    await administration.changeRequirement(person(name), change, adminEvent("mfa_requirement_set"));
  }
  await administration.lock(person("dave"), adminEvent("user_lockout"));
  const rows = [{ ...newToken, username: "erin", line: 1 }];
  await administration.importTokens("corp", rows, { replace: false }, adminEvent("totp_import"));
  const { results } = (await list("?limit=100&skip=0")).body;
  const columns = results.map((one: Parsed) => [
    one.username,
    one.enrolment,
    one.totp_enabled,
    one.enable_user_portal_multifactor,
    one.mfa.exclusion,
    one.account_locked,
  ]);
  t.same(columns, [
    ["alice", "enrolled", true, false, false, false],
    ["bob", "in-period", false, true, true, false],
    ["carol", "period-expired", false, true, false, false],
    ["dave", "not-required", false, false, false, true],
    ["erin", "pending", true, false, false, false],
  ]);
  t.equal((await list("?filter=totp_enabled:$eq:false")).body.totalCount, 3);
  t.equal((await list("?filter=enable_user_portal_multifactor:$eq:true")).body.totalCount, 2);
});

t.test("H08: the help desk sees name and state, and nothing the directory says", async (t) => {
  const { door, list } = await open(t, "help_desk");
  await enroll(door);
  const [seen] = (await list()).body.results;
  t.equal("external_dn" in seen || "external_id" in seen, false);
  const reader = await door.loginAs("read_only");
  t.match((await reader.ask("GET", "/api/systemusers")).body.results[0], {
    external_dn: "uid=alice",
    external_id: "id-alice",
  });
});

t.test(
  "H08: the help desk unlocks, resets and extends; it demands nothing and grants nothing",
  async (t) => {
    const { door, of } = await open(t, "help_desk");
    const { administration, clock } = door;
    await enroll(door);
    await administration.lock(alice, adminEvent("user_lockout"));
    t.match(await of("alice", "POST", "/unlock", {}), { body: { outcome: "unlocked" } });
    t.match((await door.events()).at(-1), {
      event_type: "user_unlocked",
      initiated_by: { type: "admin", email: "help_desk@example.org" },
      resource: { type: "user", id: "corp/id-alice" },
      changes: [{ field: "account_locked", from: true, to: false }],
    });
    t.match(await of("alice", "POST", "/resetmfa"), { body: { outcome: "reset" } });
    t.match(await of("alice", "POST", "/resetmfa", {}), { body: { outcome: "no-token" } });
    t.equal((await of("alice", "PUT", "", { enable_user_portal_multifactor: true })).status, 403);
    await administration.changeRequirement(
      alice,
      demand(clock.now() + DAY_MS),
      adminEvent("mfa_requirement_set"),
    );
    const later = new Date(clock.now() + 3 * DAY_MS).toISOString();
    const extended = await of("alice", "PUT", "", { mfa: { exclusionUntil: later } });
    t.match(extended, { status: 200, body: { mfa: { exclusion: true, exclusionUntil: later } } });
    t.equal((await of("alice", "PUT", "", { mfa: { exclusion: false } })).status, 403);
    t.equal((await of("alice", "PUT", "", { enable_user_portal_multifactor: false })).status, 403);
    const sooner = { exclusionUntil: new Date(clock.now() + 60_000).toISOString() };
    t.equal((await of("alice", "PUT", "", { mfa: sooner })).status, 403, "less time is a demand");
    t.equal((await of("alice", "POST", "/resetmfa", sooner)).status, 403);
  },
);

t.test("a demand is made, extended, ended and lifted, each with what was before", async (t) => {
  const { door, of } = await open(t);
  const { clock } = door;
  await enroll(door, bob);
  const at = (days: number): string => new Date(clock.now() + days * DAY_MS).toISOString();
  const put = (body: object): Promise<ApiAnswer> => of("bob", "PUT", "", body);
  const changes = async (): Promise<unknown> => (await door.events()).at(-1)?.changes;
  t.match(await put({ enable_user_portal_multifactor: true }), {
    status: 200,
    body: { enable_user_portal_multifactor: true, mfa: { exclusionUntil: at(7) } },
  });
  t.same(await changes(), [{ field: "until", from: null, to: at(7) }]);
  t.equal((await put({ mfa: { exclusionUntil: at(30) } })).status, 200);
  t.same(await changes(), [{ field: "until", from: at(7), to: at(30) }]);
  const count = (await door.events()).length;
  t.equal((await put({ enable_user_portal_multifactor: true })).status, 200);
  t.equal((await door.events()).length, count, "what is so already is no change");
  t.match(await put({ mfa: { exclusion: false } }), { body: { mfa: { exclusion: false } } });
  t.match(await put({ enable_user_portal_multifactor: false }), {
    body: { enable_user_portal_multifactor: false, mfa: { exclusionUntil: null } },
  });
  t.equal((await put({ mfa: { exclusionUntil: at(3) } })).status, 409, "nothing is demanded");
  const bad = [
    { enable_user_portal_multifactor: "true" },
    { enable_user_portal_multifactor: true, mfa: { exclusionUntil: at(-1) } },
    { enable_user_portal_multifactor: true, mfa: { exclusionUntil: at(366) } },
    { enable_user_portal_multifactor: true, mfa: { exclusionUntil: "tomorrow" } },
    { enable_user_portal_multifactor: false, mfa: { exclusion: true } },
    { totp_enabled: true },
  ];
  for (const body of bad) t.equal((await put(body)).status, 400, JSON.stringify(body));
});

t.test("WEB-08: time that comes with a reset needs what it needs alone", async (t) => {
  const { door, of, list } = await open(t, "help_desk");
  const { administration, clock } = door;
  await enroll(door);
  const at = (days: number): string => new Date(clock.now() + days * DAY_MS).toISOString();
  const time = { exclusionUntil: at(300) };
  const refused = await of("alice", "POST", "/resetmfa", time);
  t.match(refused, { status: 403, body: { message: /people:require/ } }, "nothing was demanded");
  t.match((await list()).body.results[0], { totp_enabled: true }, "all or nothing");
  const event = adminEvent("mfa_requirement_set");
  await administration.changeRequirement(alice, demand(clock.now() + DAY_MS), event);
  t.match(await of("alice", "POST", "/resetmfa", time), { body: { outcome: "reset" } });
  for (const body of [{ exclusion: true }, { exclusion: false, ...time }]) {
    t.equal((await of("alice", "POST", "/resetmfa", body)).status, 400, JSON.stringify(body));
  }
});

t.test("a reset can give time in the same breath", async (t) => {
  const { door, of, list } = await open(t);
  await enroll(door);
  const exclusionUntil = new Date(door.clock.now() + 2 * DAY_MS).toISOString();
  const body = { exclusion: true, exclusionUntil };
  t.match(await of("alice", "POST", "/resetmfa", body), { body: { outcome: "reset" } });
  t.match((await list()).body.results[0], { enrolment: "in-period", mfa: { exclusionUntil } });
  door.down = true;
  const later = { exclusionUntil: new Date(door.clock.now() + 5 * DAY_MS).toISOString() };
  await enroll(door);
  t.equal((await of("alice", "POST", "/resetmfa", later)).status, 503);
  t.match((await list()).body.results[0], { totp_enabled: true }, "all or nothing");
});

t.test("a lock, and a bypass code that is shown once and taken back", async (t) => {
  const { door, of, list } = await open(t, "manager");
  await enroll(door);
  t.match(await of("alice", "POST", "/lock", {}), { body: { outcome: "locked" } });
  t.match((await list()).body.results[0], { account_locked: true, suspended: true });
  const bypass = { minutes: 60, reason: "phone lost" };
  const granted = await of("alice", "POST", "/bypass", bypass);
  t.match(granted, { status: 201, body: { code: /^[a-z2-7]{4}(-[a-z2-7]{4}){3}$/ } });
  t.match((await list()).body.results[0], { bypass_until: granted.body.until });
  t.match((await door.events()).at(-1), { details: { reason: "phone lost" } });
  t.notMatch(JSON.stringify(await door.events()), granted.body.code);
  t.match(await of("alice", "DELETE", "/bypass", {}), { body: { outcome: "revoked" } });
  t.match(await of("alice", "DELETE", "/bypass", {}), { body: { outcome: "no-bypass" } });
  for (const minutes of [4, 10_081, "60", 5.5]) {
    t.equal(
      (await of("alice", "POST", "/bypass", { ...bypass, minutes })).status,
      400,
      String(minutes),
    );
  }
  t.equal((await of("alice", "POST", "/bypass", { minutes: 60, reason: " " })).status, 400);
});

t.test("nothing is given to whoever has the name of somebody else now", async (t) => {
  const { door, of } = await open(t);
  await enroll(door, { ...bob, id: "id-of-a-former-bob" });
  const answer = await of("bob", "POST", "/bypass", { minutes: 60, reason: "x" });
  t.match(answer, { status: 409, body: { message: /another immutable id/ } });
  await enroll(door, { ...person("zoe"), dn: "uid=zoe" });
  t.equal((await of("zoe", "PUT", "", { enable_user_portal_multifactor: true })).status, 409);
  door.down = true;
  t.match(await of("bob", "POST", "/bypass", { minutes: 60, reason: "x" }), {
    status: 503,
    body: { message: /directory:corp can't answer now/ },
  });
});

t.test("A07: a name with a script in it comes back as the text it is, as JSON", async (t) => {
  const { door, list } = await open(t);
  await enroll(door, person("<script>alert(1)</script>"));
  const answer = await list();
  t.match(answer.headers, {
    "content-type": "application/json; charset=utf-8",
    "x-content-type-options": "nosniff",
    "content-security-policy": /default-src 'none'/,
  });
  t.equal(answer.body.results[0].username, "<script>alert(1)</script>");
});
