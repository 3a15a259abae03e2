// Retention and the disk's alarm on the real writer: what goes, what stays, who is told.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import t, { type Test } from "tap";

import { eventText } from "../../../src/backends/store/ledger.ts";
import {
  createDiskWatch,
  trimEvents,
  type UpkeepOptions,
} from "../../../src/backends/store/upkeep.ts";
import { WriterThread } from "../../../src/backends/store/writer-thread.ts";
import { fakeClock } from "../../support/clock.ts";
import { event, MASTER_KEY, testStore } from "../../support/store.ts";

const DAY_MS = 86_400_000;

interface Kit {
  readonly options: UpkeepOptions;
  readonly writer: WriterThread;
  readonly alarms: string[];
  /** As many events of that age, one transaction or a few. */
  add(count: number, ageMs: number): Promise<void>;
}

async function openKit(t: Test): Promise<Kit> {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-upkeep-"));
  const path = join(folder, "gatehouse.db");
  const masterKey = Uint8Array.from(MASTER_KEY.reveal());
  const setup = { path, durability: "normal", masterKey, previousMasterKey: undefined } as const;
  const writer = new WriterThread(setup, (message) => t.fail(message));
  await writer.start();
  t.teardown(async () => {
    await writer.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const clock = fakeClock();
  const alarms: string[] = [];
  const alarm = (kind: string): void => void alarms.push(kind);
  return {
    options: { path, retentionMs: 90 * DAY_MS, clock, writer, alarm },
    writer,
    alarms,
    async add(count, ageMs) {
      const timestamp = new Date(clock.now() - ageMs).toISOString();
      const text = eventText(event({ timestamp }));
      const writes = Array.from({ length: count }, () =>
        writer.write<"record">({ kind: "record", event: text }),
      );
      await Promise.all(writes);
    },
  };
}

await t.test("retention removes what is older and leaves what is younger", async (t) => {
  const { options, add } = await openKit(t);
  await add(100, 91 * DAY_MS);
  await add(50, 89 * DAY_MS);
  t.equal(await trimEvents(options), 100);
  t.equal(await trimEvents(options), 0, "and nothing the second time");
});

await t.test("retention goes in slices: a login passes before the last of them", async (t) => {
  const { options, writer, add } = await openKit(t);
  await add(12_000, 91 * DAY_MS);
  const order: string[] = [];
  const trimmed = trimEvents(options).then((count) => order.push(`trimmed ${count}`));
  const login = writer
    .write<"record">({ kind: "record", event: eventText(event()) })
    .then(() => order.push("login"));
  await Promise.all([trimmed, login]);
  t.same(order, ["login", "trimmed 12000"]);
});

await t.test("the chain holds over what retention removed, and says that it did", async (t) => {
  const test = await testStore({ retentionMs: 90 * DAY_MS });
  t.teardown(() => test.end());
  for (let i = 0; i < 20; i += 1) await test.store.record(event());
  await test.store.close();
  const masterKey = Uint8Array.from(MASTER_KEY.reveal());
  const setup = { path: test.path, durability: "normal", masterKey } as const;
  const writer = new WriterThread({ ...setup, previousMasterKey: undefined }, () => undefined);
  await writer.start();
  const clock = fakeClock();
  clock.advance(365 * DAY_MS);
  const options = { path: test.path, retentionMs: DAY_MS, clock, writer, alarm: () => undefined };
  t.equal(await trimEvents(options), 20);
  await writer.close();
  const reopened = await test.reopen();
  t.equal((await reopened.verifyEvents()).kind, "intact");
  const [purge] = await reopened.events({ limit: 10 });
  t.match(purge, { event_type: "log_purged", count: 20 });
});

await t.test(
  "a disk that gets full raises one alarm and one event, again after relief",
  async (t) => {
    const { options, alarms } = await openKit(t);
    const GIB = 1024 ** 3;
    const rows: readonly (readonly [free: number, total: number, alarms: number])[] = [
      [50 * GIB, 100 * GIB, 0],
      [0.4 * GIB, 1 * GIB, 1],
      [0.3 * GIB, 1 * GIB, 1],
      [60 * GIB, 100 * GIB, 1],
      [9 * GIB, 100 * GIB, 2],
    ];
    let space = { freeBytes: 0, totalBytes: 0 };
    const look = createDiskWatch(options, async () => space);
    for (const [freeBytes, totalBytes, expected] of rows) {
      space = { freeBytes, totalBytes };
      await look();
      t.equal(alarms.length, expected, `${freeBytes} of ${totalBytes}`);
    }
    t.same(new Set(alarms), new Set(["disk-space-low"]));
  },
);
