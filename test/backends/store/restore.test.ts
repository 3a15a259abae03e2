import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  readdirSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";

import t from "tap";

import { openStore } from "../../../src/backends/store/store.ts";
import { restoreStore } from "../../../src/backends/store/restore.ts";
import { stepAt } from "../../../src/core/totp.ts";
import { Secret } from "../../../src/lib/secret.ts";
import { event, newToken, person, testStore, type TestStore } from "../../support/store.ts";

const CHILD = fileURLToPath(new URL("../../support/restore-child.ts", import.meta.url));

const alice = person("alice");
const bob = person("bob");

/** A store in which alice got a token before the backup, and bob after it. */
async function withBackup(): Promise<TestStore & { readonly backup: string }> {
  const test = await testStore();
  const backup = `${test.path}.backup`;
  await test.store.enroll(alice, newToken, { replace: false }, event());
  await test.store.backup(backup, event());
  await test.store.enroll(bob, newToken, { replace: false }, event());
  return Object.assign(test, { backup });
}

const restored = event({ service: "system", event_type: "backup_restored" });

/** What stands beside a file under its name: "-wal" and the like. */
function besides(path: string): string[] {
  const name = basename(path);
  return readdirSync(dirname(path))
    .filter((file) => file.startsWith(name) && file !== name && !file.endsWith(".backup"))
    .map((file) => file.slice(name.length));
}

t.test("a backup comes back as it was, its owner's alone, and its codes are dead", async (t) => {
  const test = await withBackup();
  const { options, path, backup } = test;
  await test.store.close();
  renameSync(path, `${path}.damaged`);
  const report = await restoreStore(options, backup, restored);
  t.same(report, { kind: "intact", events: 2 });
  t.equal(statSync(path).mode & 0o777, 0o600);
  t.same(besides(path).toSorted(), [".damaged", ".lock"], "and nothing lies about");

  const store = await openStore(options);
  t.equal(await store.findPerson({ directory: "corp", username: "bob" }), "unknown");
  const begun = await store.begin(alice, undefined);
  const lastStep = begun.kind === "begun" ? begun.account.token?.lastStep : undefined;
  t.equal(lastStep, stepAt(test.clock.now(), 30));
  await store.close();
  await test.end().catch(() => undefined);
});

t.test("S11: a write-ahead log left behind is never replayed into a backup", async (t) => {
  const test = await withBackup();
  const { options, path, backup } = test;
  // As a killed gateway leaves it.
  copyFileSync(`${path}-wal`, `${path}-wal.kept`);
  await test.store.close();
  renameSync(path, `${path}.damaged`);
  renameSync(`${path}-wal.kept`, `${path}-wal`);
  await t.rejects(restoreStore(options, backup, restored), /-wal exists: move the store away/);
  t.equal(existsSync(path), false);
  await t.rejects(openStore(options), /is gone but .*-wal is there/, "nor into a new store");
  t.equal(existsSync(path), false);
  await test.end().catch(() => undefined);
});

t.test("a restore that fails leaves nothing in the store's place", async (t) => {
  const test = await withBackup();
  const { options, path, backup } = test;
  await test.store.close();
  await t.rejects(restoreStore(options, backup, restored), /gatehouse\.db exists/);
  t.ok(existsSync(path), "what is there stays");
  renameSync(path, `${path}.damaged`);
  const otherKey = { ...options, masterKey: Secret.of(Buffer.alloc(32, 1)) };
  await t.rejects(restoreStore(otherKey, backup, restored), /master key is not the one/);
  writeFileSync(`${path}.text`, "x".repeat(9_000));
  await t.rejects(restoreStore(options, `${path}.text`, restored), /not a database/);
  await t.rejects(restoreStore(options, `${path}.none`, restored), /there is no backup/);
  t.equal(existsSync(path), false);
  t.same(besides(path).toSorted(), [".damaged", ".lock", ".text"]);
  await test.end().catch(() => undefined);
});

t.test("a backup whose trail was edited comes back, and says so", async (t) => {
  const test = await withBackup();
  const { options, path, backup } = test;
  await test.store.close();
  renameSync(path, `${path}.damaged`);
  const database = new DatabaseSync(backup);
  database.exec("UPDATE events SET json = replace(json, 'false', 'true') WHERE seq = 1");
  database.close();
  const report = await restoreStore(options, backup, restored);
  t.same(report, { kind: "broken", seq: 1, problem: "edited" });
  t.ok(existsSync(path));
  await test.end().catch(() => undefined);
});

t.test(
  "S12: killed at any of its syncs, a restore has been done whole or not at all",
  async (t) => {
    const test = await withBackup();
    const { path, backup } = test;
    await test.store.close();
    renameSync(path, `${path}.damaged`);
    let killed = 0;
    for (let sync = 1; sync <= 40 && !existsSync(path); sync += 1) {
      const inject = `inject=fdatasync,fsync:signal=SIGKILL:when=${sync}`;
      const strace = ["-f", "-o", "/dev/null", "-e", "trace=fdatasync,fsync", "-e", inject];
      const child = [process.execPath, CHILD, path, backup];
      const { status, stderr } = spawnSync("/usr/bin/strace", [...strace, ...child], {
        encoding: "utf8",
      });
      if (status === 0) break;
      killed += 1;
      t.equal(stderr, "");
      t.equal(existsSync(path), false, `sync ${sync}`);
    }
    t.ok(killed > 2, `killed ${killed} times`);
    const store = await openStore(test.options);
    const begun = await store.begin(alice, undefined);
    t.ok(begun.kind === "begun" && (begun.account.token?.lastStep ?? -1) > 0, "codes are dead");
    await store.close();
    await test.end().catch(() => undefined);
  },
);
