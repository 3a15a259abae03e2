// The administrators' listener, where the configuration asks for one: its server is loaded only then.

import type { AdminServer } from "../doors/admin/server.ts";
import { allMetrics, type MeasuredParts } from "./metrics.ts";
import { missing, type GatewayOptions, type Running } from "./running.ts";

/** Fails with the address and the remedy when it can't be listened on. */
export async function startAdmin(
  { store, version, clock, log }: GatewayOptions,
  running: Running,
  parts: Pick<MeasuredParts, "logins" | "radius" | "ldap">,
): Promise<AdminServer | undefined> {
  const settings = running.config.admin;
  if (settings === undefined) return undefined;
  const { startAdminServer } = await import("../doors/admin/server.ts");
  return startAdminServer({
    settings,
    metrics: allMetrics({ ...parts, version, running, store }),
    sites: [],
    missing: () => missing(running, store),
    clock,
    log,
  });
}
