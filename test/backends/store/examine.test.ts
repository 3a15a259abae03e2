import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import t from "tap";

import { examineStore } from "../../../src/backends/store/examine.ts";
import { Secret } from "../../../src/lib/secret.ts";
import { event, MASTER_KEY, testStore } from "../../support/store.ts";

t.test("a place for a store, and a store in use, are right", async (t) => {
  const folder = t.testdir();
  const none = examineStore(join(folder, "deep/down/gatehouse.db"), MASTER_KEY);
  t.match(none, { state: /right|doubtful/, said: /^can be made, .* free$/ });
  const test = await testStore();
  await test.store.record(event());
  const { size } = statSync(test.path);
  t.match(examineStore(test.path, MASTER_KEY), { said: /^readable and writable, .* free$/ });
  t.equal(statSync(test.path).size, size, "nothing is changed");
  await test.store.record(event());
  await test.end();
});

t.test(
  "S13: a store under another key is told before the start that would be refused",
  async (t) => {
    const test = await testStore();
    const newKey = Secret.of(Buffer.alloc(32, 2));
    t.match(examineStore(test.path, newKey), { state: "wrong", said: /another key/ });
    await test.store.rotateKey(newKey, event());
    t.match(examineStore(test.path, MASTER_KEY), { state: "wrong", remedy: /key rotate/ });
    t.match(examineStore(test.path, newKey), { said: /writable/ });
    await test.end();
  },
);

t.test("what is no store, or no place for one, is wrong, with what to do", (t) => {
  const folder = t.testdir({ file: "" });
  const path = join(folder, "gatehouse.db");
  writeFileSync(path, "x".repeat(9_000));
  t.match(examineStore(path, MASTER_KEY), { state: "wrong", said: /not a database/ });
  const below = join(folder, "file", "gatehouse.db");
  t.match(examineStore(below, MASTER_KEY), { state: "wrong", remedy: /its folder/ });
  mkdirSync(join(folder, "folder"));
  t.match(examineStore(join(folder, "folder"), MASTER_KEY), { state: "wrong" });
  t.end();
});
