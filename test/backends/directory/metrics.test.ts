// What directories tell about themselves, as series.

import t from "tap";

import type { DirectoryLoad, DirectoryStatus } from "../../../src/backends/directory/directory.ts";
import { directoryMetrics } from "../../../src/backends/directory/metrics.ts";

const POOLS = {
  lookup: { connections: 2, waiting: 0 },
  bind: { connections: 32, waiting: 7 },
  relay: { connections: 4, waiting: 1 },
} as const;

function directory(name: string, state: DirectoryStatus["state"], urls: Record<string, boolean>) {
  const servers = Object.entries(urls).map(([url, isUp]) => ({ url, isUp }));
  const load: DirectoryLoad = { servers: [...servers, ...servers], pools: POOLS };
  return { name, status: () => ({ name, state, detail: "" }), load: () => load };
}

t.test(
  "each directory, server and pool has one series, also one that is listed twice",
  async (t) => {
    const metrics = directoryMetrics(() => [
      directory("corp", "up", { "ldaps://a": true, "ldaps://b": false }),
      directory("partners", "down", { "ldaps://c": false }),
    ]);
    const series = metrics.flatMap((metric) => {
      if (metric.kind === "histogram") throw new Error("no histogram here");
      return [...metric.read()].map(({ labels, value }) =>
        [metric.name.slice("gatehouse_directory_".length), ...Object.values(labels), value].join(
          " ",
        ),
      );
    });
    t.same(series, [
      "up corp 1",
      "up partners 0",
      "server_up corp ldaps://a 1",
      "server_up corp ldaps://b 0",
      "server_up partners ldaps://c 0",
      "connections corp lookup 2",
      "connections corp bind 32",
      "connections corp relay 4",
      "connections partners lookup 2",
      "connections partners bind 32",
      "connections partners relay 4",
      "queue_waiting corp lookup 0",
      "queue_waiting corp bind 7",
      "queue_waiting corp relay 1",
      "queue_waiting partners lookup 0",
      "queue_waiting partners bind 7",
      "queue_waiting partners relay 1",
    ]);
  },
);
