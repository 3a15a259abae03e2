// Administrators in the store: attempts that are counted first, the last one who stays, keys that end.

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import t, { type Test } from "tap";

import { API_KEYS_MAX } from "../../../src/core/administrators.ts";
import { Secret } from "../../../src/lib/secret.ts";
import {
  ADMIN_SECRET,
  addAdministrator,
  adminEvent,
  attemptsLeft,
} from "../../support/administrators.ts";
import { testStore, type TestStore } from "../../support/store.ts";

const DAY_MS = 86_400_000;

async function open(t: Test): Promise<TestStore & { root: number }> {
  const test = await testStore();
  t.teardown(() => test.end());
  const root = await addAdministrator(test.store, test.clock, "Root@Example.org");
  return Object.assign(test, { root });
}

t.test("OTP-06, A19: of 200 attempts at a time five begin", async (t) => {
  const { store, clock, root } = await open(t);
  const { administrators } = store;
  const begun = await Promise.all(
    Array.from({ length: 200 }, () => administrators.beginLogin("root@example.org")),
  );
  t.equal(begun.filter(({ kind }) => kind === "begun").length, 5);
  t.match(await administrators.findAdministrator(root), { lockedUntil: clock.now() + 600_000 });
  clock.advance(600_001);
  t.equal(await attemptsLeft(administrators, "root@example.org"), 5, "and five when it is over");
});

t.test("a right login clears the counter, and a step is claimed once", async (t) => {
  const { store, root } = await open(t);
  const { administrators } = store;
  const accept = (step: number): Promise<string> =>
    administrators.acceptLogin(root, step, adminEvent("admin_login_attempt"));
  for (let count = 0; count < 4; count += 1) await administrators.beginLogin("root@example.org");
  t.equal(await accept(100), "accepted");
  t.equal(await accept(100), "replayed");
  t.equal(await accept(99), "replayed");
  t.equal(await attemptsLeft(administrators, "root@example.org"), 5);
  const two = await Promise.all([accept(200), accept(200)]);
  t.same(two.toSorted(), ["accepted", "replayed"]);
});

t.test("the event of a lockout is kept with the fifth failure, not with the fourth", async (t) => {
  const { store, root } = await open(t);
  for (let count = 0; count < 5; count += 1) {
    await store.administrators.beginLogin("root@example.org");
    const refused = adminEvent("admin_login_attempt");
    await store.administrators.refuseLogin(root, refused, adminEvent("admin_lockout"));
  }
  const types = (await store.events({ limit: 20 })).map(({ event_type: type }) => type);
  t.same(types.slice(1), [...Array(5).fill("admin_login_attempt"), "admin_lockout"]);
});

t.test("H06, A14: the last active administrator stays what he is", async (t) => {
  const { store, clock, root } = await open(t);
  const { administrators } = store;
  const change = (
    id: number,
    more: Parameters<typeof administrators.changeAdministrator>[2],
    generation = 1,
  ): Promise<string> => administrators.changeAdministrator(id, generation, more, adminEvent());
  t.equal(await change(root, { state: "suspended" }), "last-administrator");
  t.equal(await change(root, { role: "manager" }), "last-administrator");
  t.equal(await administrators.deleteAdministrator(root, 1, adminEvent()), "last-administrator");
  const second = await addAdministrator(store, clock, "second@example.org");
  const both = await Promise.all([
    change(root, { state: "suspended" }),
    change(second, { role: "help_desk" }),
  ]);
  t.same(both.toSorted(), ["changed", "last-administrator"], "nor both at once");
});

t.test("A13: of two changes of the same state the second is told", async (t) => {
  const { store, clock } = await open(t);
  const { administrators } = store;
  const id = await addAdministrator(store, clock, "second@example.org", "manager");
  const change = { role: "read_only" } as const;
  const event = adminEvent("admin_update");
  t.equal(await administrators.changeAdministrator(id, 1, change, event), "changed");
  t.equal(await administrators.changeAdministrator(id, 1, change, event), "changed-meanwhile");
  t.equal(await administrators.deleteAdministrator(id, 1, event), "changed-meanwhile");
  t.equal(await administrators.deleteAdministrator(id, 2, event), "deleted");
  t.equal(await administrators.findAdministrator(id), undefined);
});

t.test(
  "a name is taken once, however it is spelled, and the first run has one winner",
  async (t) => {
    const test = await testStore();
    t.teardown(() => test.end());
    const create = (username: string, onlyFirst: boolean): Promise<unknown> =>
      test.store.administrators.createAdministrator(
        { username, role: "administrator", passwordHash: "", secret: ADMIN_SECRET, onlyFirst },
        adminEvent(),
      );
    const first = await Promise.all([create("a@example.org", true), create("b@example.org", true)]);
    t.same(first, [{ id: 1 }, "not-first"]);
    t.equal(await create(" A@Example.ORG", false), "name-taken");
    t.equal(await test.store.administrators.countAdministrators(), 1);
  },
);

t.test("a token is sealed, opens after a rotation of the key, and in no other row", async (t) => {
  const test = await open(t);
  const { store, clock, path } = test;
  await addAdministrator(store, clock, "second@example.org");
  const secretOf = async (name: string): Promise<string | undefined> => {
    const begun = await test.store.administrators.beginLogin(name);
    return begun.kind === "begun" ? begun.secret?.reveal().toString() : begun.why;
  };
  t.equal(await secretOf("root@example.org"), "an admin's own token");
  const newKey = Secret.of(Buffer.alloc(32, 1));
  t.match(await store.rotateKey(newKey, adminEvent("encryption_key_rotated")), { resealed: 2 });
  t.equal(await secretOf("root@example.org"), "an admin's own token");
  await test.reopen({ masterKey: newKey });
  t.equal(await secretOf("root@example.org"), "an admin's own token");
  await test.store.close();
  const database = new DatabaseSync(path);
  database.exec(
    "UPDATE administrators SET sealed = (SELECT sealed FROM administrators WHERE id=1)",
  );
  database.close();
  await test.reopen({ masterKey: newKey });
  t.equal(await secretOf("second@example.org"), undefined);
});

t.test("after a restore every step up to then is dead", async (t) => {
  const { store, clock, root } = await open(t);
  await store.markRestored();
  const step = Math.floor(clock.now() / 30_000);
  const { administrators } = store;
  t.equal(await administrators.acceptLogin(root, step, adminEvent()), "replayed");
  t.equal(await administrators.acceptLogin(root, step + 1, adminEvent()), "accepted");
});

t.test("a reset changes password and token, and ends a lock", async (t) => {
  const { store, root } = await open(t);
  const { administrators } = store;
  for (let count = 0; count < 6; count += 1) await administrators.beginLogin("root@example.org");
  const credentials = { passwordHash: "new", secret: Secret.of("another token of its") };
  t.equal(await administrators.resetAdministrator(root, credentials, adminEvent()), "reset");
  const begun = await administrators.beginLogin("root@example.org");
  t.match(begun, { kind: "begun", passwordHash: "new", administrator: { generation: 2 } });
  t.equal(await administrators.unlockAdministrator(root, adminEvent()), "unlocked");
  t.equal(await administrators.unlockAdministrator(root, adminEvent()), "not-locked");
  t.equal(await administrators.unlockAdministrator(99, adminEvent()), "unknown");
});

t.test("B13: a rotated key works until its overlap ends, a revoked one ends at once", async (t) => {
  const { store, clock, root } = await open(t);
  const { administrators } = store;
  const expiresAt = clock.now() + 90 * DAY_MS;
  const scopes = ["people:read"] as const;
  const key = { owner: root, label: "siem", scopes, hash: "one", expiresAt };
  const first = await administrators.createKey(key, adminEvent("api_key_create"));
  if (typeof first === "string") throw new Error(first);
  t.match(await administrators.findKeyByHash("one"), { key: { scopes }, owner: { keys: 1 } });
  const next = { hash: "two", expiresAt };
  const endsAt = clock.now() + 1_000;
  const rotate = (id: number): Promise<unknown> =>
    administrators.rotateKey(id, endsAt, next, adminEvent("api_key_rotate"));
  t.same(await rotate(first.id), { id: 2 });
  t.match(await administrators.findKey(first.id), { revokedAt: endsAt });
  t.match(await administrators.findKeyByHash("two"), { key: { label: "siem", owner: root } });
  t.equal(await administrators.revokeKey(2, adminEvent("api_key_revoke")), "revoked");
  t.equal(await administrators.revokeKey(2, adminEvent("api_key_revoke")), "unknown");
  t.equal(await rotate(2), "unknown", "and is not brought back by a rotation");
  t.match(await administrators.findAdministrator(root), { keys: 1 });
  await administrators.useKey(first.id, "192.0.2.1");
  t.match(await administrators.findKey(first.id), { lastUsedFrom: "192.0.2.1" });
});

t.test("an administrator has a bounded number of keys", async (t) => {
  const { store, clock, root } = await open(t);
  const create = (hash: string): Promise<unknown> =>
    store.administrators.createKey(
      { owner: root, label: "x", scopes: [], hash, expiresAt: clock.now() + DAY_MS },
      adminEvent("api_key_create"),
    );
  for (let count = 0; count < API_KEYS_MAX; count += 1) await create(`hash ${count}`);
  t.equal(await create("one more"), "too-many");
  const { administrators } = store;
  const next = { hash: "next", expiresAt: clock.now() + DAY_MS };
  const late = clock.now() + 60_000;
  t.equal(await administrators.rotateKey(1, late, next, adminEvent()), "too-many");
  t.same(await administrators.rotateKey(1, clock.now(), next, adminEvent()), { id: 21 });
  clock.advance(DAY_MS + 1);
  t.same(await create("after they ended"), { id: 22 });
});

t.test("S15: a store of the schema before opens with all that is in it", async (t) => {
  const { initial } = await import("../../../src/backends/store/migrations/001-initial.ts");
  const { migrate } = await import("../../../src/backends/store/migrate.ts");
  const database = new DatabaseSync(join(t.testdir(), "old.db"));
  database.exec(`${initial}; PRAGMA user_version = 1;
    INSERT INTO accounts (directory, username, name_key, dn) VALUES ('corp', 'A', 'a', '')`);
  migrate(database);
  const count = (table: string): unknown => database.prepare(`SELECT * FROM ${table}`).all().length;
  t.equal(count("accounts"), 1);
  t.equal(count("administrators"), 0);
  t.match(database.prepare("SELECT value FROM meta WHERE key = 'organization'").get(), {
    value: /^[0-9a-f]{24}$/,
  });
  database.close();
});
