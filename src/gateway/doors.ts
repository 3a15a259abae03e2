// The doors that people's logins come through: opened together, reloaded and closed together.
// Invariant: all of them or none.

import type { Config } from "../config/config.ts";
import type { Authenticator } from "../core/attempt.ts";
import { createAuthenticator } from "../core/authenticate.ts";
import type { LoginObserver } from "../core/observer.ts";
import { startLdapDoor, type LdapDoor } from "../doors/ldap/server.ts";
import { createRadiusDoor, type RadiusDoor } from "../doors/radius/handle.ts";
import { startRadiusServer, type RadiusServer } from "../doors/radius/server.ts";
import type { ClosedPlace } from "./configuration.ts";
import { byName, type Directories } from "./directories.ts";
import { createHelpText } from "./help.ts";
import { states, type GatewayOptions, type Running } from "./running.ts";

export interface Doors {
  /** One for all doors: what is counted at one counts at the others. */
  readonly authenticator: Authenticator;
  /** The server is undefined where nothing is configured to be listened on. */
  readonly radius: { readonly door: RadiusDoor; readonly server: RadiusServer | undefined };
  readonly ldap: LdapDoor | undefined;
  /** "host:port" of everything that is listened on. */
  addresses(): string[];
  /** Returns the LDAP listeners that have to wait for a restart. */
  reload(config: Config, directories: Directories): readonly ClosedPlace[];
  readonly revoke: LdapDoor["revoke"];
  /** Nothing new is taken; what runs may finish for at most `drainMs`. */
  close(drainMs: number): Promise<void>;
}

/** Throws with the address and the remedy when something can't be listened on. */
export async function openDoors(
  options: GatewayOptions,
  running: Running,
  observer: LoginObserver,
): Promise<Doors> {
  const { store, clock, log } = options;
  const authenticator = createAuthenticator({
    attempts: store,
    clock,
    log,
    masterKey: running.config.masterKey,
    window: () => running.config.totp,
    failedFieldMs: running.config.lockout.windowMs,
    observer,
  });
  const radius = await openRadius(options, running, authenticator);
  const ldap = await openLdap(options, running, authenticator).catch(async (error: unknown) => {
    await radius.server?.close({ drainMs: 0 });
    throw error;
  });
  return {
    authenticator,
    radius,
    ldap,
    addresses: () => [...(radius.server?.addresses ?? []), ...(ldap?.addresses ?? [])],
    reload(config, directories) {
      const { clients } = config.radius;
      radius.door.reload({ clients, directories: byName(directories) });
      const { listeners } = config.ldap;
      return ldap === undefined ? listeners : ldap.reload({ listeners, directories });
    },
    revoke: (person) => ldap?.revoke(person),
    async close(drainMs) {
      await Promise.all([radius.server?.close({ drainMs }), ldap?.close({ drainMs })]);
    },
  };
}

async function openRadius(
  { store, clock, log }: GatewayOptions,
  running: Running,
  authenticator: Authenticator,
): Promise<Doors["radius"]> {
  const { clients, listen } = running.config.radius;
  const door = await createRadiusDoor({
    clients,
    directories: byName(running.directories),
    authenticator,
    learnt: store,
    helpText: createHelpText(running, clock),
    canServe: () => store.isUp() && states(running).some((status) => status.state === "up"),
    clock,
    log,
    audit: (event) => store.record(event),
  });
  if (listen.length === 0) return { door, server: undefined };
  return { door, server: await startRadiusServer({ listen, door, clock, log }) };
}

async function openLdap(
  { store, clock, log }: GatewayOptions,
  running: Running,
  authenticator: Authenticator,
): Promise<LdapDoor | undefined> {
  const { config, directories } = running;
  const { listeners } = config.ldap;
  if (listeners.length === 0) return undefined;
  return startLdapDoor({
    listeners,
    directories,
    authenticator,
    helpText: createHelpText(running, clock),
    clock,
    log,
    audit: (event) => store.record(event),
  });
}
