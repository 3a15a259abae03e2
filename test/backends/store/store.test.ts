import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as wait } from "node:timers/promises";
import type { Worker } from "node:worker_threads";

import t from "tap";

import { openStore } from "../../../src/backends/store/store.ts";
import { DependencyDown } from "../../../src/core/ports.ts";
import { Secret } from "../../../src/lib/secret.ts";
import { attempt, event, MASTER_KEY, newToken, person, testStore } from "../../support/store.ts";
import { mailsContract } from "./contract-mails.ts";
import { peopleContract } from "./contract-people.ts";
import { periodsContract } from "./contract-periods.ts";
import { recoveryContract } from "./contract-recovery.ts";
import { storeContract } from "./contract.ts";

storeContract(testStore);
peopleContract(testStore);
mailsContract(testStore);
recoveryContract(testStore);
periodsContract(testStore);

const alice = person("alice");

t.test("the store and its folder are the owner's alone", async (t) => {
  const test = await testStore();
  t.equal(statSync(test.path).mode & 0o777, 0o600);
  t.equal(statSync(`${test.path}-wal`).mode & 0o777, 0o600);
  await test.end();
});

t.test("a second process is refused while the store is held", async (t) => {
  const test = await testStore();
  const options = {
    path: test.path,
    durability: "normal",
    masterKey: MASTER_KEY,
    retentionMs: 1,
  } as const;
  const second = openStore({
    ...options,
    rules: {
      attempts: 6,
      windowMs: 1,
      durationMs: 1,
      countPasswordFailures: true,
      countCodeFailures: true,
    },
    lockoutOf: () => undefined,
    clock: test.clock,
    alarm: () => undefined,
  });
  await t.rejects(second, /held by another process/);
  await test.end();
});

t.test("S13: another master key is refused by name, and nothing is changed", async (t) => {
  const test = await testStore();
  await test.store.enroll(alice, newToken, { replace: false }, event());
  await t.rejects(
    test.reopen({ masterKey: Secret.of(Buffer.alloc(32, 1)) }),
    /master key is not the one/,
  );
  await test.reopen().catch(() => undefined);
  await test.end().catch(() => undefined);
});

t.test("S11: an emptied, a cut and a damaged file are refused with what to do", async (t) => {
  for (const [how, pattern] of [
    ["emptied", /is empty: restore a backup/],
    ["cut", /malformed|damaged|disk image/],
    ["not a database", /not a database/],
  ] as const) {
    const test = await testStore();
    await test.store.enroll(alice, newToken, { replace: false }, event());
    await test.store.close();
    if (how === "emptied") truncateSync(test.path, 0);
    else if (how === "cut") truncateSync(test.path, 8_192);
    else writeFileSync(test.path, "x".repeat(10_000));
    await t.rejects(test.reopen(), pattern, how);
  }
});

t.test(
  "S14: a secret moved to another person, flipped or of an older generation doesn't open",
  async (t) => {
    const test = await testStore();
    const bob = person("bob");
    await test.store.enroll(alice, newToken, { replace: false }, event());
    await test.store.enroll(bob, newToken, { replace: false }, event());
    await test.store.close();
    const database = new DatabaseSync(test.path);
    const old =
      database.prepare("SELECT sealed FROM tokens WHERE id = 1").get()?.["sealed"] ?? null;
    database.prepare("UPDATE tokens SET sealed = ? WHERE id = 2").run(old);
    database.exec("UPDATE tokens SET generation = generation + 1 WHERE id = 1");
    database.close();
    const store = await test.reopen().catch(() => undefined);
    if (store === undefined) throw new Error("it must open: only the people concerned are refused");
    for (const who of [alice, bob]) {
      const begun = await store.begin(who, undefined);
      t.equal(begun.kind === "begun" && begun.account.token?.secret, undefined);
    }
    await test.end();
  },
);

t.test("LOG-04: an edited event, a missing event and a cut hash show", async (t) => {
  const edits: [string, string][] = [
    ["UPDATE events SET json = replace(json, 'false', 'true') WHERE seq = 2", "edited"],
    ["DELETE FROM events WHERE seq = 2", "gap"],
    ["UPDATE events SET hash = zeroblob(32) WHERE seq = 2", "edited"],
  ];
  for (const [sql, problem] of edits) {
    const test = await testStore();
    for (let i = 0; i < 4; i += 1) await test.store.record(event());
    await test.store.close();
    const database = new DatabaseSync(test.path);
    database.exec(sql);
    database.close();
    const store = await test.reopen().catch(() => undefined);
    t.same(await store?.verifyEvents(), { kind: "broken", seq: 2, problem });
    await test.end();
  }
});

t.test("S01 S02: a store that can't grow refuses, and works again when it can", async (t) => {
  const test = await testStore();
  await attempt(test.store, alice, { result: "neutral" });
  // What fails is real SQLite on a real write; only the reason is arranged: a table gone under it.
  const database = new DatabaseSync(test.path, { timeout: 2_000 });
  database.exec(
    "CREATE TRIGGER full BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'disk full'); END",
  );
  await t.rejects(attempt(test.store, alice, { result: "accept" }), DependencyDown);
  await t.rejects(test.store.record(event()), /disk full/);
  database.exec("DROP TRIGGER full");
  database.close();
  t.equal(await attempt(test.store, alice, { result: "accept" }), "recorded");
  await test.end();
});

t.test("a store that can't be written is down, said once, until it can be", async (t) => {
  const test = await testStore();
  t.equal(test.store.isUp(), true);
  const database = new DatabaseSync(test.path, { timeout: 2_000 });
  // Every write fails, whatever it is about.
  for (const [table, change] of [
    ["events", "INSERT"],
    ["meta", "INSERT"],
    ["meta", "UPDATE"],
  ] as const) {
    database.exec(
      `CREATE TRIGGER full_${table}_${change} BEFORE ${change} ON ${table}
       BEGIN SELECT RAISE(ABORT, 'disk full'); END`,
    );
  }
  await t.rejects(test.store.record(event()), /disk full/);
  await t.rejects(test.store.record(event()), /disk full/);
  t.equal(test.store.isUp(), false);
  t.equal(test.store.problem(), "disk full");
  t.same(
    test.alarms.filter((kind) => kind === "store-fails"),
    ["store-fails"],
  );
  await wait(2_500);
  t.equal(test.store.isUp(), false, "it was tried, and still can't be");
  database.exec(
    "DROP TRIGGER full_events_INSERT; DROP TRIGGER full_meta_INSERT; DROP TRIGGER full_meta_UPDATE",
  );
  database.close();
  // Nobody logs in meanwhile: it finds out by itself.
  for (let tries = 0; tries < 50 && !test.store.isUp(); tries += 1) await wait(100);
  t.equal(test.store.isUp(), true);
  await test.end();
});

t.test(
  "S13: a writer that dies is started again, also under a key of after the start",
  async (t) => {
    const workers: Worker[] = [];
    const onWorker = (worker: Worker): void => void workers.push(worker);
    process.on("worker", onWorker);
    t.teardown(() => process.off("worker", onWorker));
    const test = await testStore();
    await test.store.enroll(alice, newToken, { replace: false }, event());
    for (const rotate of [false, true]) {
      if (rotate) await test.store.rotateKey(Secret.of(Buffer.alloc(32, 2)), event());
      await workers.at(-1)?.terminate();
      t.equal(test.store.isUp(), false);
      await t.rejects(test.store.record(event()), DependencyDown);
      for (let tries = 0; tries < 50 && !test.store.isUp(); tries += 1) await wait(100);
      await test.store.record(event());
      const begun = await test.store.begin(alice, undefined);
      t.match(begun, { account: { token: { secret: Secret } } });
    }
    t.equal(workers.length, 3);
    await test.end();
  },
);

t.test("one bad write among good ones is no outage", async (t) => {
  const test = await testStore();
  const bad = { ...event(), timestamp: "no moment" };
  const [first, second] = await Promise.allSettled([
    test.store.record(bad),
    test.store.record(event()),
  ]);
  t.equal(first.status, "rejected");
  t.equal(second.status, "fulfilled");
  t.equal(test.store.isUp(), true);
  await test.end();
});

t.test(
  "S04: a database locked by somebody else delays, then refuses; nothing is half written",
  async (t) => {
    const test = await testStore();
    const other = new DatabaseSync(test.path);
    other.exec("BEGIN IMMEDIATE");
    await t.rejects(test.store.record(event()), DependencyDown);
    other.exec("ROLLBACK");
    other.close();
    await test.store.record(event());
    t.equal((await test.store.events({ limit: 10 })).length, 1);
    await test.end();
  },
);

t.test("S15: a store of a newer program is refused untouched", async (t) => {
  const test = await testStore();
  await test.store.close();
  const database = new DatabaseSync(test.path);
  database.exec("PRAGMA user_version = 99");
  database.close();
  await t.rejects(test.reopen(), /schema 99.*run the newer Gatehouse/);
});

t.test("a backup is a store of its own, private, and never replaces a file", async (t) => {
  const test = await testStore();
  await test.store.enroll(alice, newToken, { replace: false }, event());
  const copy = `${test.path}.backup`;
  t.ok((await test.store.backup(copy, event())).bytes > 0);
  t.equal(statSync(copy).mode & 0o777, 0o600);
  await t.rejects(test.store.backup(copy, event()), /exists/);
  await test.end();
  t.equal(existsSync(copy), false);
});

t.test("OTP-15: no secret stands in the file in plain", async (t) => {
  const test = await testStore();
  await test.store.enroll(alice, newToken, { replace: false }, event());
  await test.store.close();
  t.equal(readFileSync(test.path).includes("12345678901234567890"), false);
  await test.end();
});
