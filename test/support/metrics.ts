// Everything that is measured, as the gateway lists it.

import type { Test } from "tap";

import { createLoginCounts } from "../../src/doors/admin/login-counts.ts";
import { createTroubles } from "../../src/doors/ldap/troubles.ts";
import { allMetrics } from "../../src/gateway/metrics.ts";
import type { Metric } from "../../src/lib/metric.ts";
import { makeFolder, yaml } from "./configuration.ts";
import { memoryLog, openDoor } from "./radius-door.ts";
import { testStore } from "./store.ts";

/** For as long as `t`. */
export async function everyMetric(t: Test): Promise<Metric[]> {
  const folder = makeFolder();
  const loaded = folder.load(yaml());
  folder.remove();
  if (!("config" in loaded)) throw new Error("the configuration of the tests is wrong");
  const test = await testStore();
  t.teardown(() => test.end());
  const { door } = await openDoor();
  return allMetrics({
    version: "0.1.0",
    running: {
      config: loaded.config,
      directories: new Map(),
      stopWatching: () => undefined,
      loadedAt: 0,
      isReloadGood: true,
      isStopping: false,
    },
    logins: createLoginCounts(),
    store: test.store,
    radius: { door, server: { delayed: 0 } },
    ldap: {
      connections: () => ({ bound: 0, unbound: 0 }),
      ...createTroubles({ clock: test.clock, log: memoryLog(), audit: async () => undefined }),
      queue: { running: 0, waiting: 0 },
      delayed: 0,
    },
  });
}
