// The first run: one token from the console, one administrator, and nothing half done.

import t, { type Test } from "tap";

import { decodeBase32 } from "../../../../src/lib/base32.ts";
import { Secret } from "../../../../src/lib/secret.ts";
import { ADMIN_PASSWORD, addAdministrator, adminCode } from "../../../support/administrators.ts";
import { openApi, type ApiAnswer, type ApiDoor } from "../../../support/api.ts";

interface First {
  readonly door: ApiDoor;
  readonly token: string;
  begin(more?: object): Promise<ApiAnswer>;
  confirm(code: string, more?: object): Promise<ApiAnswer>;
  /** Of the key that `begin` gave. */
  codeOf(begun: ApiAnswer): string;
}

async function open(t: Test): Promise<First> {
  const door = await openApi(t);
  const token = door.api.setUp.open();
  const good = { token, username: "root@example.org", password: ADMIN_PASSWORD };
  return {
    door,
    token,
    begin: (more = {}) => door.ask("POST", "/api/setup", { body: { ...good, ...more } }),
    confirm: (code, more = {}) =>
      door.ask("POST", "/api/setup/confirm", { body: { token, code, ...more } }),
    codeOf: ({ body }) =>
      adminCode(door.clock, 0, Secret.of(decodeBase32(body.secret) ?? Buffer.alloc(0))),
  };
}

t.test(
  "token, name, password, code: then there is one administrator and the token is void",
  async (t) => {
    const { door, token, begin, confirm, codeOf } = await open(t);
    t.match(token, /^[\w-]{43}$/);
    const begun = await begin();
    t.match(begun, { status: 200, body: { uri: /^otpauth:\/\/totp\/Example%20admin:/ } });
    t.equal(await door.administrators.countAdministrators(), 0, "nothing is stored yet");
    const code = codeOf(begun);
    t.equal((await confirm(code)).status, 201);
    const logIn = (typed: string): Promise<ApiAnswer> => {
      const body = { username: "root@example.org", password: ADMIN_PASSWORD, code: typed };
      return door.ask("POST", "/api/sessions", { body });
    };
    t.equal((await logIn(code)).status, 401, "its code is dead");
    door.clock.advance(30_000);
    t.equal((await logIn(codeOf(begun))).status, 201);
    t.equal((await begin()).status, 403);
    t.equal((await confirm(code)).status, 403);
    const [event] = await door.events();
    t.match(event, {
      event_type: "admin_totp_finish_enrollment",
      resource: { type: "admin", id: "root@example.org" },
      client_ip: "127.0.0.1",
    });
    t.notMatch(JSON.stringify(await door.events()), token);
  },
);

t.test(
  "there is never an open set-up: without the token, with another, with an old one",
  async (t) => {
    const { door, begin, token } = await open(t);
    for (const bad of ["x", token.slice(1), `${token}A`])
      t.equal((await begin({ token: bad })).status, 403);
    t.equal((await begin({ token: "" })).status, 400);
    const next = door.api.setUp.open();
    t.equal((await begin()).status, 403, "a start makes a new one");
    t.equal((await begin({ token: next })).status, 200);
    await addAdministrator(door, door.clock, "cli@example.org");
    t.equal((await begin({ token: next })).status, 403, "the command line was faster");
  },
);

t.test("B03, B04: a password that won't do is told why, and nothing is begun", async (t) => {
  const { begin, confirm } = await open(t);
  t.match(await begin({ password: "Short-7x" }), { status: 400, body: { message: /at least 12/ } });
  t.match(await begin({ username: "root" }), { status: 400, body: { message: /e-mail/ } });
  t.match(await begin({ username: "a\nb@example.org" }), { status: 400 });
  t.equal((await confirm("123456")).status, 409);
});

t.test("five wrong codes, or a quarter of an hour, and it has to be begun again", async (t) => {
  const { door, begin, confirm, codeOf } = await open(t);
  const begun = await begin();
  for (let count = 0; count < 5; count += 1) t.equal((await confirm("000000")).status, 403);
  t.equal((await confirm(codeOf(begun))).status, 409);
  const again = await begin();
  t.not(again.body.secret, begun.body.secret, "with another key");
  door.clock.advance(15 * 60_000);
  t.equal((await confirm(codeOf(again))).status, 409);
  t.equal(await door.administrators.countAdministrators(), 0);
});

t.test("two who confirm at once make one administrator", async (t) => {
  const { door, begin, confirm, codeOf } = await open(t);
  const code = codeOf(await begin());
  const answers = await Promise.all([confirm(code), confirm(code), confirm(code)]);
  t.equal(answers.filter(({ status }) => status === 201).length, 1);
  t.equal(await door.administrators.countAdministrators(), 1);
});
