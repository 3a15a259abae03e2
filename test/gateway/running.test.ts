// Whether anybody can log in, as load balancers and Prometheus are told: a real store, directories that
// are up or down.

import t from "tap";

import type { DirectoryBackend, DirectoryStatus } from "../../src/backends/directory/directory.ts";
import { missing, type Running } from "../../src/gateway/running.ts";
import { makeFolder, yaml } from "../support/configuration.ts";
import { testStore } from "../support/store.ts";

const folder = makeFolder();
t.teardown(() => folder.remove());
const loaded = folder.load(yaml());
if (!("config" in loaded)) throw new Error("the configuration of the tests is wrong");
const { config } = loaded;

function running(...directories: DirectoryStatus["state"][]): Running {
  const backends = directories.map((state, index) => {
    const name = `directory-${index}`;
    // Nothing else of a directory is asked here.
    const backend = { name, status: () => ({ name, state, detail: "" }) };
    return [name, backend as unknown as DirectoryBackend] as const;
  });
  return {
    config,
    directories: new Map(backends),
    stopWatching: () => undefined,
    loadedAt: 0,
    isReloadGood: true,
    isStopping: false,
  };
}

await t.test("one directory of several is enough, none is not", async (t) => {
  const { store, end } = await testStore();
  t.teardown(end);
  t.same(missing(running("up"), store), []);
  t.same(missing(running("down", "up"), store), []);
  t.same(missing(running("down", "down"), store), ["directory"]);
  t.same(missing({ ...running("up"), isStopping: true }, store), ["stopping"]);
});

await t.test("without the store nobody can log in, and with it again somebody can", async (t) => {
  const test = await testStore();
  t.teardown(() => test.end());
  t.same(missing(running("up"), test.store), []);
  const before = test.store;
  await before.close();
  t.same(missing(running("up"), before), ["store"]);
  t.same(missing(running("down"), before), ["store", "directory"]);
  t.same(missing(running("up"), await test.reopen()), []);
});
