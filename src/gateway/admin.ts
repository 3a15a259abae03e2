// The administrators' listener with the API and the portal on it, where the configuration asks for them:
// what they are made of is loaded only then.

import type { Config } from "../config/config.ts";
import { createAdminLogin } from "../core/admin-login.ts";
import type { Administration, PersonName } from "../core/administration.ts";
import type { ShownClient } from "../doors/admin/api/context.ts";
import type { Portal } from "../doors/admin/portal/portal.ts";
import type { Site } from "../doors/admin/routes.ts";
import type { AdminServer } from "../doors/admin/server.ts";
import { deriveKey } from "../lib/derive.ts";
import type { PasswordHasher } from "../lib/password-hash.ts";
import { byName } from "./directories.ts";
import type { Doors } from "./doors.ts";
import { allMetrics, type MeasuredParts } from "./metrics.ts";
import { revoking } from "./revoking.ts";
import { missing, type GatewayOptions, type Running } from "./running.ts";

export interface Admin extends AdminServer {
  /** An administrator took something from somebody: their sessions end. */
  revoke(person: PersonName): void;
}

interface AdminParts extends Pick<MeasuredParts, "logins"> {
  readonly doors: Doors;
  /** Tells the doors, and the portal, what is taken from somebody. */
  readonly administration: Administration;
  readonly passwords: PasswordHasher;
}

/** Fails with the address and the remedy when it can't be listened on. */
export async function startAdmin(
  options: GatewayOptions,
  running: Running,
  parts: AdminParts,
): Promise<Admin | undefined> {
  const { store, version, clock, log } = options;
  const settings = running.config.admin;
  if (settings === undefined) return undefined;
  const { startAdminServer } = await import("../doors/admin/server.ts");
  const { publicUrl } = settings;
  const portal = publicUrl && (await makePortal(options, running, parts.doors, publicUrl));
  const sites = publicUrl ? [await openApi(options, running, parts, publicUrl)] : [];
  if (portal) sites.push(portal.site);
  const { logins, doors } = parts;
  const { radius, ldap } = doors;
  const server = await startAdminServer({
    settings,
    metrics: allMetrics({ logins, radius, ldap, version, running, store }),
    sites,
    missing: () => missing(running, store),
    clock,
    log,
  }).catch((error: unknown) => {
    if (portal) portal.close();
    throw error;
  });
  return {
    ...server,
    revoke(person) {
      if (portal) portal.revoke(person);
    },
    async close() {
      if (portal) portal.close();
      await server.close();
    },
  };
}

async function makePortal(
  { store, clock, log }: GatewayOptions,
  running: Running,
  { authenticator, revoke }: Doors,
  publicUrl: string,
): Promise<Portal> {
  const { createPortal } = await import("../doors/admin/portal/portal.ts");
  return createPortal({
    publicUrl,
    isProxied: running.config.admin?.tls === undefined,
    masterKey: running.config.masterKey,
    authenticator,
    // The portal itself isn't told: whoever enrols there stays signed in.
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

async function openApi(
  { store, clock, log }: GatewayOptions,
  running: Running,
  { administration, passwords }: AdminParts,
  origin: string,
): Promise<Site> {
  const { apiSite } = await import("../doors/admin/api/site.ts");
  const { createQueries } = await import("../doors/admin/api/events.ts");
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
    queries: createQueries(clock),
    issuer: () => running.config.totp.issuer,
    periodMs: () => running.config.enrolment.periodMs,
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
