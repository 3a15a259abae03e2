// Administrators among themselves: made, changed, reset, deleted by another one.

import t, { type Test } from "tap";

import { decodeBase32 } from "../../../../src/lib/base32.ts";
import { Secret } from "../../../../src/lib/secret.ts";
import { adminCode } from "../../../support/administrators.ts";
import { openApi, type ApiDoor, type Ask } from "../../../support/api.ts";

const PASSWORD = "Another-Horse-9";

async function open(t: Test): Promise<{ door: ApiDoor; ask: Ask }> {
  const door = await openApi(t);
  const { ask } = await door.loginAs("administrator", "root@example.org");
  return { door, ask };
}

const newOne = (more: object = {}): { body: object } => ({
  body: { username: "new@example.org", password: PASSWORD, role: "help_desk", ...more },
});

function logIn({ ask, clock }: ApiDoor, secret: string, password = PASSWORD): ReturnType<Ask> {
  const key = Secret.of(decodeBase32(secret) ?? Buffer.alloc(0));
  const body = { username: "new@example.org", password, code: adminCode(clock, 0, key) };
  return ask("POST", "/api/sessions", { body });
}

t.test(
  "one who is made logs in with what the answer gave, which nothing gives again",
  async (t) => {
    const { door, ask } = await open(t);
    const made = await ask("POST", "/api/administrators", newOne());
    t.match(made, { status: 201, body: { id: "2", secret: /^[A-Z2-7]{32}$/, uri: /^otpauth:/ } });
    t.match(await logIn(door, made.body.secret), {
      status: 201,
      body: { administrator: { role: "help_desk" } },
    });
    const shown = await ask("GET", "/api/administrators");
    t.match(shown.body, { totalCount: 2, results: [{ username: "new@example.org" }, { id: "1" }] });
    t.match(shown.body.results[0], { totp_enrolled: true, state: "active", last_login: String });
    t.notMatch(shown.text, made.body.secret);
    t.match(
      (await door.events()).findLast(({ event_type: type }) => type === "admin_create"),
      {
        initiated_by: { type: "admin", id: "1", email: "root@example.org" },
        resource: { type: "admin", id: "new@example.org" },
        auth_method: "session",
        client_ip: "127.0.0.1",
      },
    );
    const trail = JSON.stringify(await door.events());
    for (const secret of [PASSWORD, made.body.secret]) t.notMatch(trail, secret);
  },
);

t.test("B03, B04: what is wrong with a name or a password is told", async (t) => {
  const { ask } = await open(t);
  const rows: readonly (readonly [object, number, RegExp])[] = [
    [{ password: "Elevenchar1" }, 400, /at least 12/],
    [{ password: "no-upper-case-1" }, 400, /upper case/],
    [{ username: "root@example.org" }, 409, /already/],
    [{ username: "nobody" }, 400, /e-mail/],
    [{ role: "owner" }, 400, /body\.role/],
    [{ role: ["administrator"] }, 400, /body\.role/],
    [{ state: "active" }, 400, /state/],
  ];
  for (const [more, status, message] of rows) {
    const answer = await ask("POST", "/api/administrators", newOne(more));
    t.match(answer, { status, body: { message } }, JSON.stringify(more));
    t.notMatch(answer.text, "Elevenchar1");
  }
});

t.test("A14: nobody changes, resets or deletes themself", async (t) => {
  const { door, ask } = await open(t);
  await door.loginAs("administrator", "second@example.org");
  const attempts = [
    ask("PATCH", "/api/administrators/1", { body: { version: 1, role: "read_only" } }),
    ask("PATCH", "/api/administrators/1", { body: { version: 1, state: "suspended" } }),
    ask("POST", "/api/administrators/1/reset", { body: { password: PASSWORD } }),
    ask("DELETE", "/api/administrators/1", { body: { version: 1 } }),
  ];
  for (const { status } of await Promise.all(attempts)) t.equal(status, 409);
});

t.test(
  "H06, A13: a change names the version it saw; role and state are events with both sides",
  async (t) => {
    const { door, ask } = await open(t);
    await ask("POST", "/api/administrators", newOne());
    const patch = (body: object): ReturnType<Ask> =>
      ask("PATCH", "/api/administrators/2", { body });
    t.match(await patch({ version: 1, role: "manager" }), {
      status: 200,
      body: { role: "manager", version: 2 },
    });
    t.match(await patch({ version: 1, role: "read_only" }), {
      status: 409,
      body: { message: /meanwhile/ },
    });
    t.match(await patch({ version: 2, state: "suspended" }), { status: 200 });
    t.match(await patch({ version: 3, state: "active" }), { status: 200 });
    t.equal((await patch({ version: 4 })).status, 400, "nothing to change");
    t.equal((await patch({ version: 4, role: "manager", state: "active" })).status, 400);
    const events = (await door.events()).slice(-3);
    t.match(events, [
      {
        event_type: "admin_update",
        changes: [{ field: "role", from: "help_desk", to: "manager" }],
      },
      {
        event_type: "admin_suspended",
        changes: [{ field: "state", from: "active", to: "suspended" }],
      },
      { event_type: "admin_unsuspend" },
    ]);
    t.equal((await ask("DELETE", "/api/administrators/2", { body: { version: 3 } })).status, 409);
    t.equal((await ask("DELETE", "/api/administrators/2", { body: { version: 4 } })).status, 200);
    t.equal((await ask("GET", "/api/administrators/2")).status, 404);
  },
);

t.test("WEB-10: a reset leaves no moment in which the password alone is enough", async (t) => {
  const { door, ask } = await open(t);
  const made = await ask("POST", "/api/administrators", newOne());
  const next = "Third-Horse-11";
  const reset = await ask("POST", "/api/administrators/2/reset", { body: { password: next } });
  t.equal(reset.status, 200);
  t.not(reset.body.secret, made.body.secret);
  t.equal((await logIn(door, made.body.secret)).status, 401, "the old ones");
  t.equal((await logIn(door, made.body.secret, next)).status, 401, "the old token");
  t.equal((await logIn(door, reset.body.secret, next)).status, 201);
  const event = (await door.events()).find(
    ({ event_type: type }) => type === "admin_password_change",
  );
  t.same(event?.changes, [
    { field: "password", from: "***", to: "***" },
    { field: "totp", from: "***", to: "***" },
  ]);
});

t.test("T23: another administrator ends a lock", async (t) => {
  const { door, ask } = await open(t);
  const made = await ask("POST", "/api/administrators", newOne());
  for (let count = 0; count < 5; count += 1) await logIn(door, made.body.secret, "wrong");
  t.equal((await logIn(door, made.body.secret)).status, 401);
  t.match((await ask("GET", "/api/administrators/2")).body, { locked: true });
  const unlock = (): ReturnType<Ask> => ask("POST", "/api/administrators/2/unlock", { body: {} });
  t.match(await unlock(), { status: 200, body: { outcome: "unlocked" } });
  t.match(await unlock(), { body: { outcome: "not-locked" } });
  t.equal((await logIn(door, made.body.secret)).status, 201);
});
