// What the directories can tell about themselves: who answers, how many connections there are, how
// much waits for one.

import type { Metric, Sample } from "../../lib/metric.ts";
import type { DirectoryBackend, DirectoryLoad } from "./directory.ts";

type Measured = Pick<DirectoryBackend, "name" | "status" | "load">;
type PoolName = keyof DirectoryLoad["pools"];

const POOLS: readonly PoolName[] = ["lookup", "bind", "relay"];

/** `directories`: those that serve now. */
export function directoryMetrics(directories: () => Iterable<Measured>): Metric[] {
  const eachPool = function* (key: "connections" | "waiting"): Iterable<Sample> {
    for (const directory of directories()) {
      const { pools } = directory.load();
      for (const pool of POOLS) {
        yield { labels: { directory: directory.name, pool }, value: pools[pool][key] };
      }
    }
  };
  return [
    {
      kind: "gauge",
      name: "gatehouse_directory_up",
      help: "Whether the directory answers and takes the gateway's own account.",
      labels: ["directory"],
      *read() {
        for (const directory of directories()) {
          const value = Number(directory.status().state === "up");
          yield { labels: { directory: directory.name }, value };
        }
      },
    },
    {
      kind: "gauge",
      name: "gatehouse_directory_server_up",
      help: "Whether this server of the directory is used or left alone.",
      labels: ["directory", "server"],
      *read() {
        for (const directory of directories()) {
          // A server may be listed twice.
          const servers = new Map(directory.load().servers.map(({ url, isUp }) => [url, isUp]));
          for (const [url, isUp] of servers) {
            yield { labels: { directory: directory.name, server: url }, value: Number(isUp) };
          }
        }
      },
    },
    {
      kind: "gauge",
      name: "gatehouse_directory_connections",
      help: "Connections to the directory: for lookups, for checking passwords, of LDAP clients.",
      labels: ["directory", "pool"],
      read: () => eachPool("connections"),
    },
    {
      kind: "gauge",
      name: "gatehouse_directory_queue_waiting",
      help: "Requests that wait for a connection to the directory.",
      labels: ["directory", "pool"],
      read: () => eachPool("waiting"),
    },
  ];
}
