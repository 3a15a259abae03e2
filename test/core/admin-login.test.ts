// An administrator's login against the real store: both factors always, one answer for every mistake.

import t, { type Test } from "tap";

import { createAdminLogin, type AdminVerdict } from "../../src/core/admin-login.ts";
import type { AuditEvent } from "../../src/core/audit.ts";
import { createPasswordHasher } from "../../src/lib/password-hash.ts";
import { Secret } from "../../src/lib/secret.ts";
import {
  ADMIN_PASSWORD,
  addAdministrator,
  adminCode,
  adminEvent,
} from "../support/administrators.ts";
import { newToken, person, testStore, type TestStore } from "../support/store.ts";

const ORIGIN = { clientIp: "192.0.2.9", requestId: "req-1" };

interface Door extends TestStore {
  login(
    password: string | undefined,
    code: string | undefined,
    name?: string,
  ): Promise<AdminVerdict>;
  last(): Promise<AuditEvent | undefined>;
}

async function open(t: Test): Promise<Door> {
  const test = await testStore();
  t.teardown(() => test.end());
  const { store, clock } = test;
  await addAdministrator(store, clock, "root@example.org");
  const login = createAdminLogin({
    administrators: store.administrators,
    record: (event) => store.record(event),
    passwords: createPasswordHasher(clock),
    window: () => ({ pastSteps: 1, futureSteps: 1 }),
    clock,
  });
  const secret = (text: string | undefined): Secret | undefined =>
    text === undefined ? undefined : Secret.of(text);
  return Object.assign(test, {
    login: (
      password: string | undefined,
      code: string | undefined,
      username = "root@example.org",
    ) => login({ username, password: secret(password), code: secret(code) }, ORIGIN),
    last: async () => (await store.events({ limit: 1 }))[0],
  });
}

t.test("WEB-01, B07: accepted with password and code, never with one of them", async (t) => {
  const { login, clock, last } = await open(t);
  const code = adminCode(clock);
  t.same(await login(ADMIN_PASSWORD, undefined), { kind: "refused" });
  t.same(await login(undefined, code), { kind: "refused" });
  t.same(await login(`${ADMIN_PASSWORD}x`, code), { kind: "refused" });
  t.same(await login(ADMIN_PASSWORD, "000000"), { kind: "refused" });
  t.match(await login(ADMIN_PASSWORD, code), { kind: "accepted", administrator: { id: 1 } });
  // H14: the fields a Sigma rule looks at.
  t.match(await last(), {
    event_type: "admin_login_attempt",
    service: "directory",
    success: true,
    initiated_by: { type: "admin", id: "1", email: "root@example.org" },
    client_ip: "192.0.2.9",
    mfa_meta: { type: "totp" },
    timestamp: /^20.*Z$/,
  });
});

t.test("what was wrong stands in the event alone", async (t) => {
  const { login, clock, last, store } = await open(t);
  const code = adminCode(clock);
  const rows: readonly (readonly [string, string, string, string])[] = [
    ["nobody@example.org", ADMIN_PASSWORD, code, "user not found"],
    ["root@example.org", "wrong", code, "password incorrect"],
    ["root@example.org", ADMIN_PASSWORD, "123456", "mfa code incorrect"],
  ];
  for (const [name, password, typed, message] of rows) {
    t.same(await login(password, typed, name), { kind: "refused" });
    t.match(await last(), { success: false, error_message: message, mfa_meta: { type: "totp" } });
  }
  await login(ADMIN_PASSWORD, code);
  t.same(await login(ADMIN_PASSWORD, code), { kind: "refused" });
  t.match(await last(), { error_message: "mfa code replayed" });
  await addAdministrator(store, clock, "second@example.org");
  const suspend = { state: "suspended" } as const;
  await store.administrators.changeAdministrator(1, 1, suspend, adminEvent("admin_suspended"));
  t.same(await login(ADMIN_PASSWORD, adminCode(clock, 1)), { kind: "refused" });
  t.match(await last(), { error_message: "account suspended" });
});

t.test("T23: after five wrong ones the right one is refused too, for ten minutes", async (t) => {
  const { login, clock, store, last } = await open(t);
  for (let count = 0; count < 5; count += 1) await login("wrong", "000000");
  t.match(await last(), { event_type: "admin_lockout", resource: { type: "admin", id: "1" } });
  t.same(await login(ADMIN_PASSWORD, adminCode(clock)), { kind: "refused" });
  t.match(await last(), { error_message: "account locked" });
  clock.advance(600_001);
  t.match(await login(ADMIN_PASSWORD, adminCode(clock)), { kind: "accepted" });
  t.equal((await store.events({ limit: 50, eventType: "admin_lockout" })).length, 1);
});

t.test(
  "A19: of many wrong ones at a time five are compared, and a full line counts nobody",
  async (t) => {
    const { login, clock, store } = await open(t);
    const all = await Promise.all(Array.from({ length: 40 }, () => login("wrong", "000000")));
    const busy = all.filter(({ kind }) => kind === "busy").length;
    t.ok(busy > 0, "the line is bounded");
    const events = await store.events({ limit: 100, eventType: "admin_login_attempt" });
    t.equal(events.length, 40 - busy);
    const compared = events.filter((event) => event.error_message === "password incorrect");
    t.equal(compared.length, 5);
    const locks = await store.events({ limit: 100, eventType: "admin_lockout" });
    t.equal(locks.length, 1, "one lock, one event, however many were under way");
    t.same(await login(ADMIN_PASSWORD, adminCode(clock)), { kind: "refused" });
  },
);

t.test("H03, T16: a person's own token opens nothing here", async (t) => {
  const { login, store, clock } = await open(t);
  const event = adminEvent("totp_finish_enrollment");
  await store.enroll(person("root@example.org"), newToken, { replace: false }, event);
  t.same(await login(ADMIN_PASSWORD, adminCode(clock, 0, newToken.secret)), { kind: "refused" });
});

t.test("A20: with a store that can't be written nobody is accepted", async (t) => {
  const { login, store, clock } = await open(t);
  await store.close();
  await t.rejects(login(ADMIN_PASSWORD, adminCode(clock)), { name: "DependencyDown" });
});
