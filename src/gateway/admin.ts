// The administrators' listener and the portal on it, where the configuration asks for them: what they
// are made of is loaded only then.

import type { PersonName } from "../core/administration.ts";
import type { Portal } from "../doors/admin/portal/portal.ts";
import type { AdminServer } from "../doors/admin/server.ts";
import { byName } from "./directories.ts";
import type { Doors } from "./doors.ts";
import { allMetrics, type MeasuredParts } from "./metrics.ts";
import { revoking } from "./revoking.ts";
import { missing, type GatewayOptions, type Running } from "./running.ts";

export interface Admin extends AdminServer {
  /** An administrator took something from somebody: their sessions end. */
  revoke(person: PersonName): void;
}

/** Fails with the address and the remedy when it can't be listened on. */
export async function startAdmin(
  options: GatewayOptions,
  running: Running,
  parts: Pick<MeasuredParts, "logins"> & Doors,
): Promise<Admin | undefined> {
  const { store, version, clock, log } = options;
  const settings = running.config.admin;
  if (settings === undefined) return undefined;
  const { startAdminServer } = await import("../doors/admin/server.ts");
  const portal = await makePortal(options, running, parts);
  const server = await startAdminServer({
    settings,
    metrics: allMetrics({ ...parts, version, running, store }),
    sites: portal === undefined ? [] : [portal.site],
    missing: () => missing(running, store),
    clock,
    log,
  }).catch((error: unknown) => {
    portal?.close();
    throw error;
  });
  return {
    ...server,
    revoke: (person) => portal?.revoke(person),
    async close() {
      portal?.close();
      await server.close();
    },
  };
}

async function makePortal(
  { store, clock, log }: GatewayOptions,
  running: Running,
  { authenticator, revoke }: Doors,
): Promise<Portal | undefined> {
  const { admin, masterKey } = running.config;
  if (admin?.publicUrl === undefined) return undefined;
  const { createPortal } = await import("../doors/admin/portal/portal.ts");
  return createPortal({
    publicUrl: admin.publicUrl,
    isProxied: admin.tls === undefined,
    masterKey,
    authenticator,
    administration: revoking(store, revoke),
    attempts: store,
    directory: (name) => byName(running.directories).get(name),
    issuer: () => running.config.totp.issuer,
    window: () => running.config.totp,
    allowFrom: () => running.config.enrolment.allowFrom,
    clock,
    log,
  });
}
