// The proof that nothing in the trail was changed, against somebody who may write the file.

import { DatabaseSync } from "node:sqlite";

import t from "tap";

import { openReader } from "../../../src/backends/store/database.ts";
import { anchorText, eventHash } from "../../../src/backends/store/ledger.ts";
import { createSnapshot, type Snapshot } from "../../../src/backends/store/snapshot.ts";
import { createTrail } from "../../../src/backends/store/trail.ts";
import { Secret } from "../../../src/lib/secret.ts";
import { event, testStore } from "../../support/store.ts";

const KEY = Secret.of(Buffer.alloc(32, 3));

/** A trail of `count` events under KEY, and a hand on its file. */
async function openTrail(count: number) {
  const test = await testStore();
  await test.store.close();
  const file = new DatabaseSync(test.path);
  const insert = file.prepare("INSERT INTO events (seq, at, json, hash) VALUES (?, 0, ?, ?)");
  let hash = "0".repeat(64);
  const hashes: string[] = [];
  file.exec("BEGIN");
  for (let seq = 1; seq <= count; seq += 1) {
    const text = JSON.stringify(event()).slice(0, -1);
    const json = `${text},"seq":${seq},"prev_hash":"${hash}"}`;
    hash = eventHash(KEY, json);
    hashes.push(hash);
    insert.run(seq, json, Buffer.from(hash, "hex"));
  }
  file.exec("COMMIT");
  const cut = (seq: number, note: string): void => {
    file.prepare("DELETE FROM events WHERE seq <= ?").run(seq);
    file.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES ('trimmed', ?)").run(note);
  };
  const hashOf = (seq: number): string => hashes[seq - 1] ?? "";
  const reader = openReader(test.path);
  const close = (): void => {
    reader.close();
    file.close();
  };
  return { reader, snapshot: createSnapshot(reader), cut, hashOf, close };
}

t.test("LOG-04: a beginning that retention didn't cut off shows", async (t) => {
  for (const [title, note] of [
    ["without a signature", (hash: string) => `3:${hash}`],
    ["with a made-up one", (hash: string) => `3:${hash}:${"0".repeat(64)}`],
    ["with that of another place", (hash: string) => anchorText(KEY, { seq: 2, hash })],
  ] as const) {
    const { reader, snapshot, cut, hashOf, close } = await openTrail(6);
    const trail = createTrail(reader, snapshot, KEY);
    t.same(await trail.verify(), { kind: "intact", events: 6 });
    snapshot.end();
    cut(3, note(hashOf(3)));
    t.match(await trail.verify(), { kind: "broken" }, title);
    close();
  }
});

t.test("LOG-04: what retention cut off is no gap, also while it is looked for", async (t) => {
  const { reader, snapshot, cut, hashOf, close } = await openTrail(1_500);
  const note = (seq: number): string => anchorText(KEY, { seq, hash: hashOf(seq) });
  let reads = 0;
  // Between the first slice and the second.
  const interrupted: Snapshot = {
    ...snapshot,
    read(work) {
      reads += 1;
      if (reads === 3) {
        snapshot.end();
        cut(800, note(800));
      }
      return snapshot.read(work);
    },
  };
  const report = await createTrail(reader, interrupted, KEY).verify();
  t.same(report, { kind: "intact", events: 500 + 700 });
  const gone = AbortSignal.abort();
  await t.rejects(createTrail(reader, snapshot, KEY).verify(gone), { name: "AbortError" });
  snapshot.end();
  cut(900, note(800));
  t.same(await createTrail(reader, snapshot, KEY).verify(), {
    kind: "broken",
    seq: 801,
    problem: "gap",
  });
  close();
});
