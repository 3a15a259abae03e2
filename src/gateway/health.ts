// How a gateway is, for `gatehouse health` and whoever watches it.

import type { HealthReport } from "../doors/control/views.ts";
import { states, type GatewayOptions, type Running } from "./running.ts";

/** `addresses`: those that are listened on. */
export function healthReport(
  { store, version }: Pick<GatewayOptions, "store" | "version">,
  running: Running,
  addresses: readonly string[],
  uptimeMs: number,
): HealthReport {
  const directories = states(running);
  const isStoreUp = store.isUp();
  const up = directories.filter((status) => status.state === "up").length;
  const isFailing = !isStoreUp || up === 0;
  return {
    status: isFailing ? "failing" : up < directories.length ? "degraded" : "healthy",
    version,
    uptimeMs,
    store: {
      name: running.config.store.sqlite,
      state: isStoreUp ? "up" : "down",
      detail: store.problem() ?? "",
    },
    directories,
    listeners: addresses.map((name) => ({ name, state: "up" as const, detail: "" })),
  };
}
