// API keys: shown once, bounded by their maker, ended in time, and told of when tried later.

import t, { type Test } from "tap";

import { addAdministrator, adminEvent } from "../../../support/administrators.ts";
import { openApi, type ApiAnswer, type ApiDoor, type Ask } from "../../../support/api.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

async function open(
  t: Test,
): Promise<{ door: ApiDoor; ask: Ask; make(more?: object): Promise<ApiAnswer> }> {
  const door = await openApi(t);
  const { ask } = await door.loginAs("administrator");
  const make = (more: object = {}): Promise<ApiAnswer> =>
    ask("POST", "/api/keys", { body: { label: "siem", scopes: ["people:read"], ...more } });
  return { door, ask, make };
}

async function works(door: ApiDoor, key: string): Promise<boolean> {
  return (await door.withKey(key)("GET", "/api/systemusers")).status === 200;
}

t.test(
  "B13: a key is shown once, kept as a hash, and says when and from where it was used",
  async (t) => {
    const { door, ask, make } = await open(t);
    const made = await make();
    t.match(made, {
      status: 201,
      body: { key: /^gh_[\w-]{43}$/, expires: "2027-04-15T08:00:00.000Z" },
    });
    const { key } = made.body;
    t.equal(await works(door, key), true);
    const list = await ask("GET", "/api/keys");
    t.match(list.body, {
      totalCount: 1,
      results: [
        {
          label: "siem",
          owner: "1",
          scopes: ["people:read"],
          last_used_from: "127.0.0.1",
          last_used: String,
        },
      ],
    });
    t.notMatch(list.text, key);
    t.notMatch(JSON.stringify(await door.events()), key.slice(3));
    const flipped = `${key.slice(0, -1)}${key.endsWith("A") ? "B" : "A"}`;
    for (const bad of [flipped, key.slice(0, -1), `${key}A`, key.toLowerCase()]) {
      t.equal(await works(door, bad), false, bad);
    }
  },
);

t.test("A17: what its maker may not do no key may, today or later", async (t) => {
  const { door, make } = await open(t);
  await addAdministrator(door, door.clock, "second@example.org");
  const { key } = (await make({ scopes: ["people:read", "keys:write", "keys:read"] })).body;
  const withKey = door.withKey(key);
  t.equal((await withKey("GET", "/api/keys")).status, 200);
  const wider = { body: { label: "x", scopes: ["admins:write"] } };
  t.equal((await withKey("POST", "/api/keys", wider)).status, 403, "no key makes keys");
  const demoted = { role: "help_desk" } as const;
  await door.administrators.changeAdministrator(1, 1, demoted, adminEvent("admin_update"));
  t.equal((await withKey("GET", "/api/systemusers")).status, 200);
  t.equal((await withKey("GET", "/api/keys")).status, 403, "its owner may not any more");
});

t.test("H12, WEB-09: a suspended administrator's key is dead at once", async (t) => {
  const { door, make } = await open(t);
  await addAdministrator(door, door.clock, "second@example.org");
  const { key } = (await make()).body;
  const { administrators } = door;
  const event = adminEvent("admin_suspended");
  await administrators.changeAdministrator(1, 1, { state: "suspended" }, event);
  t.equal(await works(door, key), false);
  await administrators.changeAdministrator(1, 2, { state: "active" }, event);
  t.equal(await works(door, key), true);
});

t.test(
  "B13: a rotated key works for its overlap, an expired one never, and both are told of",
  async (t) => {
    const { door, ask, make } = await open(t);
    const { id, key } = (await make({ days: 1 })).body;
    const rotated = await ask("POST", `/api/keys/${id}/rotate`, {
      body: { overlap_hours: 2, days: 2 },
    });
    t.equal(rotated.status, 201);
    const next = rotated.body.key;
    t.same([await works(door, key), await works(door, next)], [true, true]);
    door.clock.advance(2 * HOUR_MS);
    t.same([await works(door, key), await works(door, next)], [false, true]);
    for (let count = 0; count < 5; count += 1) await works(door, key);
    const old = async (): Promise<number> => (await events()).length;
    const events = () =>
      door.administration.events({ limit: 100, eventType: "admin_old_api_key_attempt" });
    t.equal(await old(), 1, "once a minute");
    t.match(await events(), [
      {
        success: false,
        resource: { type: "api_key", id },
        client_ip: "127.0.0.1",
        auth_method: "api key",
      },
    ]);
    door.clock.advance(2 * DAY_MS);
    t.equal(await works(door, next), false, "expired");
    t.equal(await works(door, key), false);
    t.equal(await old(), 3);
  },
);

t.test("a revoked key ends at once; only its owner rotates a key", async (t) => {
  const { door, ask, make } = await open(t);
  const { id, key } = (await make()).body;
  const second = await door.loginAs("administrator", "second@example.org");
  t.equal((await second.ask("POST", `/api/keys/${id}/rotate`, { body: {} })).status, 403);
  t.equal(await works(door, key), true);
  t.equal(
    (await second.ask("DELETE", `/api/keys/${id}`, { body: {} })).status,
    200,
    "but all revoke",
  );
  t.equal(await works(door, key), false);
  t.equal((await ask("DELETE", `/api/keys/${id}`, { body: {} })).status, 409);
  t.equal((await ask("POST", `/api/keys/${id}/rotate`, { body: {} })).status, 409);
  t.equal((await ask("DELETE", "/api/keys/77", { body: {} })).status, 404);
});

t.test(
  "WEB-10: a rotation is worth a new key: by a recent login, or by the key itself",
  async (t) => {
    const { door, ask, make } = await open(t);
    const scopes = ["keys:write", "people:read"];
    const first = (await make({ scopes })).body;
    const other = (await make()).body;
    const rotate = (by: Ask, id: string): Promise<ApiAnswer> =>
      by("POST", `/api/keys/${id}/rotate`, { body: { overlap_hours: 1 } });
    const byKey = door.withKey(first.key);
    t.equal((await rotate(byKey, other.id)).status, 403, "another key of the same owner");
    t.equal((await rotate(byKey, first.id)).status, 201);
    t.match(
      await rotate(byKey, first.id),
      { status: 409, body: { message: /was rotated before/ } },
      "in its last hour it has a successor, and gets no second one",
    );
    t.equal((await rotate(ask, other.id)).status, 201);
    door.clock.advance(10 * 60_000);
    t.match(await rotate(ask, other.id), { status: 403, body: { message: /log in again/ } });
  },
);

t.test("a key can be made for a year at most, and for something at least", async (t) => {
  const { make } = await open(t);
  const bad = [
    { days: 366 },
    { days: 0 },
    { days: "90" },
    { scopes: [] },
    { scopes: ["people:*"] },
    { scopes: "people:read" },
    { label: "" },
    { label: "a\nb" },
    { owner: 2 },
  ];
  for (const more of bad) t.equal((await make(more)).status, 400, JSON.stringify(more));
  t.match((await make({ days: 365 })).body, { expires: "2028-01-15T08:00:00.000Z" });
});

t.test("A17: guesses of keys count against their address, like everything else", async (t) => {
  const { door, make } = await open(t);
  const { key } = (await make()).body;
  const guess = door.withKey(`gh_${"A".repeat(43)}`);
  const statuses = new Map<number, number>();
  for (let count = 0; count < 6_100; count += 1) {
    const { status } = await guess("GET", "/api/systemusers");
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  t.equal(statuses.get(401), 5_999, "with the one that made the key: 6,000 a minute");
  t.equal(statuses.get(429), 101);
  t.equal(await works(door, key), false, "whoever comes from there");
});

t.test(
  "a key needs no token against forgery, and a cookie beside it counts for nothing",
  async (t) => {
    const { door, make } = await open(t);
    const { key } = (await make({ scopes: ["events:read"] })).body;
    const { cookie } = await door.loginAs("administrator", "second@example.org");
    const headers = { cookie, "x-api-key": key };
    const url = "/insights/directory/v1/events";
    const body = { service: ["all"], start_time: "2027-01-15T00:00:00Z" };
    t.equal((await door.ask("POST", url, { headers, body })).status, 200);
    t.equal((await door.ask("GET", "/api/administrators", { headers })).status, 403);
  },
);
