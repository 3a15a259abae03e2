// One read transaction a turn must never mean that somebody reads what is no longer so.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setImmediate as nextTurn } from "node:timers/promises";

import t, { type Test } from "tap";

import { createSnapshot, type Snapshot } from "../../../src/backends/store/snapshot.ts";
import { DependencyDown } from "../../../src/core/ports.ts";

interface Kit {
  readonly snapshot: Snapshot;
  readonly reader: DatabaseSync;
  write(): void;
  count(): number;
}

function openKit(t: Test): Kit {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-snapshot-"));
  const path = join(folder, "a.db");
  const writer = new DatabaseSync(path);
  writer.exec("PRAGMA journal_mode = WAL; CREATE TABLE a (x)");
  const reader = new DatabaseSync(path, { readOnly: true });
  const counted = reader.prepare("SELECT count(*) AS n FROM a");
  const snapshot = createSnapshot(reader);
  t.teardown(() => {
    writer.close();
    if (reader.isOpen) reader.close();
    rmSync(folder, { recursive: true });
  });
  return {
    snapshot,
    reader,
    write: () => writer.exec("INSERT INTO a VALUES (1)"),
    count: () => snapshot.read(() => Number(counted.get()?.["n"])),
  };
}

await t.test("reads of one turn agree, and take one transaction", async (t) => {
  const kit = openKit(t);
  t.equal(kit.count(), 0);
  kit.write();
  t.equal(kit.count(), 0);
  t.equal(kit.reader.isTransaction, true);
});

await t.test("what is announced as committed is seen at once", async (t) => {
  const kit = openKit(t);
  t.equal(kit.count(), 0);
  kit.write();
  kit.snapshot.end();
  t.equal(kit.count(), 1);
});

await t.test("the next turn sees everything, and nothing is held in between", async (t) => {
  const kit = openKit(t);
  t.equal(kit.count(), 0);
  kit.write();
  await nextTurn();
  await nextTurn();
  t.equal(kit.reader.isTransaction, false);
  t.equal(kit.count(), 1);
});

await t.test(
  "a database that is gone is an outage of the store, and ends no process",
  async (t) => {
    const kit = openKit(t);
    t.equal(kit.count(), 0);
    kit.reader.close();
    t.throws(() => kit.count(), DependencyDown);
    await nextTurn();
    t.throws(() => kit.count(), DependencyDown);
  },
);
