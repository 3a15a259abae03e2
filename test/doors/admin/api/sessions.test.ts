// Administrators' sessions: how they begin, what they are worth, and everything that ends them.

import t from "tap";

import {
  ADMIN_PASSWORD,
  addAdministrator,
  adminCode,
  adminEvent,
} from "../../../support/administrators.ts";
import { openApi, ORIGIN, type ApiDoor } from "../../../support/api.ts";

const CURRENT = "/api/sessions/current";

async function credentials(door: ApiDoor, step = 0): Promise<Record<string, string>> {
  const username = "root@example.org";
  if ((await door.administrators.findAdministratorByName(username)) === undefined) {
    await addAdministrator(door, door.clock, username);
  }
  return { username, password: ADMIN_PASSWORD, code: adminCode(door.clock, step) };
}

t.test(
  "WEB-01: a login gives a cookie no script, no other host and no other site has",
  async (t) => {
    const door = await openApi(t);
    const body = await credentials(door);
    const answer = await door.ask("POST", "/api/sessions", { body });
    t.equal(answer.status, 201);
    t.match(
      answer.headers["set-cookie"],
      /^__Host-gatehouse-admin=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict$/,
    );
    t.match(answer.body, {
      administrator: { id: "1", username: "root@example.org", role: "administrator" },
      csrf_token: /^[\w-]{43}$/,
      expires_at: "2027-01-15T16:00:00.000Z",
    });
    t.match(answer.headers, { "cache-control": "no-store", "x-content-type-options": "nosniff" });
  },
);

t.test("one answer for an unknown name, a wrong password, a wrong code, a lock", async (t) => {
  const door = await openApi(t);
  const good = await credentials(door);
  const answers = new Set<string>();
  const attempt = async (more: Record<string, string>): Promise<void> => {
    const { status, body } = await door.ask("POST", "/api/sessions", {
      body: { ...good, ...more },
    });
    answers.add(`${status} ${body.message}`);
  };
  await attempt({ username: "nobody@example.org" });
  await attempt({ password: "wrong" });
  await attempt({ code: "000000" });
  for (let count = 0; count < 3; count += 1) await attempt({ password: "wrong" });
  await attempt({});
  t.equal(answers.size, 1, [...answers].join());
});

t.test(
  "WEB-05, A02: what is no password and no code is refused, and counts as an attempt",
  async (t) => {
    const door = await openApi(t);
    const good = await credentials(door);
    const bad = [
      { ...good, password: ["a"] },
      { ...good, code: 123_456 },
      { ...good, code: null },
      { ...good, password: { $ne: "" } },
      { ...good, extra: true },
    ];
    for (const body of bad)
      t.equal((await door.ask("POST", "/api/sessions", { body })).status, 400);
    const refused = await door.ask("POST", "/api/sessions", { body: good });
    t.equal(refused.status, 401, "five of them lock");
    const others = [
      { username: ["root@example.org"] },
      [],
      "x",
      1,
      null,
      { username: "x".repeat(300) },
    ];
    for (const body of others) {
      const { status } = await door.ask("POST", "/api/sessions", { body: JSON.stringify(body) });
      t.equal(status, 400, JSON.stringify(body).slice(0, 40));
    }
    const large = { ...good, password: "x".repeat(1_000_000) };
    t.equal((await door.ask("POST", "/api/sessions", { body: large })).status, 413);
    const twice = '{"username":"a","username":"b","password":"x","code":"000000"}';
    t.match(await door.ask("POST", "/api/sessions", { body: twice }), {
      status: 400,
      body: { message: /twice/ },
    });
    const form = {
      body: "username=a",
      headers: { "content-type": "application/x-www-form-urlencoded" },
    };
    t.equal((await door.ask("POST", "/api/sessions", form)).status, 415);
    const text = { body: JSON.stringify(good), headers: { "content-type": "text/plain" } };
    t.equal(
      (await door.ask("POST", "/api/sessions", text)).status,
      415,
      "A04: JSON in another dress",
    );
  },
);

t.test(
  "A05: an id from before the login is worth nothing after it, and each login has its own",
  async (t) => {
    const door = await openApi(t);
    const planted = `__Host-gatehouse-admin=${"A".repeat(43)}`;
    const body = await credentials(door);
    await door.ask("POST", "/api/sessions", { body, headers: { cookie: planted } });
    t.equal((await door.ask("GET", CURRENT, { headers: { cookie: planted } })).status, 401);
    const client = await door.loginAs("administrator", "root@example.org");
    t.equal((await client.ask("GET", CURRENT)).status, 200);
    const two = { headers: { cookie: `${client.cookie}; ${planted}` } };
    t.equal((await door.ask("GET", CURRENT, two)).status, 401, "two cookies of that name are none");
  },
);

t.test(
  "A05, H12, WEB-09: logout, suspension, another role and a reset end a session at once",
  async (t) => {
    const door = await openApi(t);
    await addAdministrator(door, door.clock, "stays@example.org");
    const { administrators } = door;
    const ends: Record<string, (id: number) => Promise<unknown>> = {
      suspended: (id) =>
        administrators.changeAdministrator(id, 1, { state: "suspended" }, adminEvent()),
      demoted: (id) =>
        administrators.changeAdministrator(id, 1, { role: "read_only" }, adminEvent()),
      reset: (id) =>
        administrators.resetAdministrator(
          id,
          { passwordHash: "", secret: door.bypassKey },
          adminEvent(),
        ),
      deleted: (id) => administrators.deleteAdministrator(id, 1, adminEvent()),
    };
    for (const [name, end] of Object.entries(ends)) {
      const client = await door.loginAs("administrator", `${name}@example.org`);
      const { body } = await client.ask("GET", CURRENT);
      await end(Number(body.administrator.id));
      t.equal((await client.ask("GET", CURRENT)).status, 401, name);
    }
    const client = await door.loginAs("manager");
    const gone = await client.ask("DELETE", CURRENT);
    t.equal(gone.status, 200);
    t.match(gone.headers["set-cookie"], /^__Host-gatehouse-admin=; .*Max-Age=0$/);
    t.equal((await client.ask("GET", CURRENT)).status, 401);
    const [event] = (await door.events()).slice(-1);
    t.match(event, {
      event_type: "admin_logout",
      initiated_by: { email: "manager@example.org" },
      auth_method: "session",
      client_ip: "127.0.0.1",
    });
  },
);

t.test(
  "a session ends after fifteen idle minutes, and after eight hours whatever is done",
  async (t) => {
    const door = await openApi(t);
    const client = await door.loginAs("administrator");
    const status = async (): Promise<number> => (await client.ask("GET", CURRENT)).status;
    const minute = 60_000;
    door.clock.advance(14 * minute);
    t.equal(await status(), 200);
    door.clock.advance(15 * minute);
    t.equal(await status(), 401);
    const second = await door.loginAs("administrator");
    for (let count = 0; count < 34; count += 1) {
      door.clock.advance(14 * minute);
      if ((await second.ask("GET", CURRENT)).status !== 200) t.fail(`ended after ${count}`);
    }
    door.clock.advance(5 * minute);
    t.equal((await second.ask("GET", CURRENT)).status, 401);
  },
);

t.test("A04: a change needs the session's token and our own origin", async (t) => {
  const door = await openApi(t);
  const { cookie, csrfToken } = await door.loginAs("administrator");
  const status = async (headers: Record<string, string>): Promise<number> =>
    (await door.ask("DELETE", CURRENT, { headers: { cookie, ...headers } })).status;
  const token = { "x-csrf-token": csrfToken };
  const origin = { origin: ORIGIN };
  t.equal(await status({}), 403);
  t.equal(await status(token), 403, "no word of where it comes from");
  t.equal(await status(origin), 403, "no token");
  t.equal(await status({ ...origin, "x-csrf-token": `${csrfToken.slice(0, -1)}!` }), 403);
  t.equal(await status({ ...token, origin: "https://evil.example" }), 403);
  t.equal(await status({ ...token, origin: `${ORIGIN}.evil.example` }), 403);
  t.equal(await status({ ...token, origin: "null" }), 403);
  t.equal(await status({ ...token, ...origin, "sec-fetch-site": "cross-site" }), 403);
  t.equal(await status({ ...token, ...origin, "sec-fetch-site": "same-site" }), 403);
  t.equal(await status({ ...token, "sec-fetch-site": "none" }), 403);
  const other = await door.loginAs("administrator");
  t.equal(await status({ ...origin, "x-csrf-token": other.csrfToken }), 403, "another session's");
  t.equal(await status({ ...token, "sec-fetch-site": "same-origin" }), 200);
  const body = await credentials(door);
  const foreign = { body, headers: { origin: "https://evil.example" } };
  t.equal((await door.ask("POST", "/api/sessions", foreign)).status, 403, "a login from elsewhere");
});

t.test("A03, WEB-06: headers that tell of an address are ignored", async (t) => {
  const door = await openApi(t);
  const body = { ...(await credentials(door)), password: "wrong" };
  const headers = {
    "x-forwarded-for": "203.0.113.9",
    "x-real-ip": "203.0.113.9",
    forwarded: "for=203.0.113.9",
  };
  await door.ask("POST", "/api/sessions", { body, headers });
  t.match((await door.events()).at(-1), { client_ip: "127.0.0.1" });
});

const from = async ({ ask }: ApiDoor, remoteAddress: string): Promise<number> => {
  const body = { username: "nobody@example.org", password: "x", code: "000000" };
  return (await ask("POST", "/api/sessions", { body, remoteAddress })).status;
};

t.test("who guesses from one address is slowed down before anything is compared", async (t) => {
  const door = await openApi(t);
  const body = { username: "nobody@example.org", password: "x", code: "000000" };
  const statuses: number[] = [];
  for (let count = 0; count < 32; count += 1) {
    statuses.push((await door.ask("POST", "/api/sessions", { body })).status);
  }
  t.same(statuses, [...Array(30).fill(401), 429, 429]);
  const others = ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"];
  for (let count = 0; count < 30; count += 1) await from(door, others[count % 2] ?? "");
  t.same(
    [await from(door, others[0] ?? ""), await from(door, others[2] ?? "")],
    [429, 401],
    "a /64",
  );
  t.equal((await door.events()).length, 61);
});

t.test(
  "A20: while the store can't answer nobody is let in, and nothing inside is told",
  async (t) => {
    const door = await openApi(t);
    const body = await credentials(door);
    const client = await door.loginAs("read_only");
    await door.administration.close();
    const answer = await door.ask("POST", "/api/sessions", { body });
    t.match(answer, {
      status: 503,
      body: { message: /store can't answer now/, request_id: /^[0-9a-f-]{36}$/ },
    });
    t.equal((await client.ask("GET", CURRENT)).status, 503);
  },
);
