// The administrators' listener, where the configuration asks for one: its server is loaded only then.

import type { Config } from "../config/config.ts";
import type { Administration } from "../core/administration.ts";
import { createAdminLogin } from "../core/admin-login.ts";
import type { ShownClient } from "../doors/admin/api/context.ts";
import type { Site } from "../doors/admin/routes.ts";
import type { AdminServer } from "../doors/admin/server.ts";
import { deriveKey } from "../lib/derive.ts";
import type { PasswordHasher } from "../lib/password-hash.ts";
import { allMetrics, type MeasuredParts } from "./metrics.ts";
import { missing, type GatewayOptions, type Running } from "./running.ts";

interface AdminParts extends Pick<MeasuredParts, "logins" | "radius" | "ldap"> {
  /** Tells the doors what is taken from somebody. */
  readonly administration: Administration;
  readonly passwords: PasswordHasher;
}

/** Fails with the address and the remedy when it can't be listened on. */
export async function startAdmin(
  options: GatewayOptions,
  running: Running,
  parts: AdminParts,
): Promise<AdminServer | undefined> {
  const { store, version, clock, log } = options;
  const settings = running.config.admin;
  if (settings === undefined) return undefined;
  const { startAdminServer } = await import("../doors/admin/server.ts");
  const { logins, radius, ldap } = parts;
  const { publicUrl } = settings;
  return startAdminServer({
    settings,
    metrics: allMetrics({ logins, radius, ldap, version, running, store }),
    sites: publicUrl === undefined ? [] : [await openApi(options, running, parts, publicUrl)],
    missing: () => missing(running, store),
    clock,
    log,
  });
}

async function openApi(
  { store, clock, log }: GatewayOptions,
  running: Running,
  { administration, passwords }: AdminParts,
  origin: string,
): Promise<Site> {
  const { apiSite } = await import("../doors/admin/api/site.ts");
  const { createSessions } = await import("../doors/admin/api/sessions.ts");
  const { createSetUp } = await import("../doors/admin/api/set-up.ts");
  const { administrators, roster } = store;
  const window = (): Config["totp"] => running.config.totp;
  const setUp = createSetUp(administrators, window, clock);
  if ((await administrators.countAdministrators()) === 0) {
    const message =
      "there is no administrator yet: POST /api/setup with this token makes the first";
    log.warn({ setup_token: setUp.open(), url: `${origin}/api/setup` }, message);
  }
  return apiSite({
    administration,
    administrators,
    roster,
    directories: () => [...running.directories.values()],
    clients: () => running.config.radius.clients.map(shownClient),
    record: (event) => store.record(event),
    login: createAdminLogin({
      administrators,
      record: (event) => store.record(event),
      passwords,
      window,
      clock,
    }),
    passwords,
    sessions: createSessions(clock),
    setUp,
    issuer: () => running.config.totp.issuer,
    bypassKey: deriveKey(running.config.masterKey, "bypass"),
    origin,
    clock,
    onFault: (error) => log.error({ err: error }, "a request to the API failed"),
  });
}

type ClientConfig = Config["radius"]["clients"][number];

/** Field by field, so that a secret has no way out. */
function shownClient({ name, addresses, mfa, code, directory }: ClientConfig): ShownClient {
  return { name, addresses: addresses.map(({ text }) => text), mfa, code, directory };
}
