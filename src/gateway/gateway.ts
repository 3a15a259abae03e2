// A running gateway: store, directories, core and doors introduced to each other. Invariants: "ready"
// only when every listener is up; what was begun is finished or refused before the store closes.

import { describeProblem } from "../config/problem.ts";
import type { EventType } from "../core/audit.ts";
import { createAuthenticator } from "../core/authenticate.ts";
import type { LoginObserver } from "../core/observer.ts";
import { createLoginCounts } from "../doors/admin/login-counts.ts";
import { listenControl } from "../doors/control/server.ts";
import { createRadiusDoor, type RadiusDoor } from "../doors/radius/handle.ts";
import { startRadiusServer, type RadiusServer } from "../doors/radius/server.ts";
import { deriveKey } from "../lib/derive.ts";
import { startAdmin } from "./admin.ts";
import { watchClock } from "./clock-watch.ts";
import { byName, closeDirectories, startDirectories } from "./directories.ts";
import { healthReport } from "./health.ts";
import { createReload, watch, type Reload } from "./reload.ts";
import { lockoutOf, states, type GatewayOptions, type Running } from "./running.ts";
import { createSystemEvents, systemEvent, type SystemEvent } from "./system-events.ts";

// `run` ends the process after 9.5 s; a refusal's delay of a second or two fits well before.
const DRAIN_MS = 8_000;

export interface RunningGateway {
  readonly addresses: readonly string[];
  readonly reload: Reload;
  stop(): Promise<void>;
}

/** Throws with the address and the remedy when something can't be listened on; nothing stays open. */
export async function startGatewayParts(options: GatewayOptions): Promise<RunningGateway> {
  const { store, clock, log, loaded } = options;
  const record = createSystemEvents((event) => store.record(event), clock, log);
  for (const warning of loaded.warnings) log.warn({}, describeProblem(warning));
  const running: Running = {
    config: loaded.config,
    directories: await startDirectories(loaded.config, { clock, log, record }),
    stopWatching: () => undefined,
    loadedAt: clock.now(),
    isReloadGood: true,
    isStopping: false,
  };
  store.setRules(running.config.lockout, lockoutOf(running));
  try {
    return await openDoors(options, running, record);
  } catch (error) {
    closeDirectories(running.directories);
    throw error;
  }
}

async function openDoors(
  options: GatewayOptions,
  running: Running,
  record: SystemEvent,
): Promise<RunningGateway> {
  const { store, clock, log, version } = options;
  const startedAt = clock.monotonic();
  const logins = createLoginCounts();
  const { door, radius } = await openRadius(options, running, logins);
  const closeRadius = async (error: unknown): Promise<never> => {
    await radius.close({ drainMs: 0 });
    throw error;
  };
  const parts = { logins, door, radius };
  const admin = await startAdmin(options, running, parts).catch(closeRadius);
  const listeners = (): string[] => [...radius.addresses, ...(admin ? [admin.url] : [])];
  const reload = createReload(
    options,
    running,
    ({ radius: { clients }, admin: settings }, directories) => {
      door.reload({ clients, directories: byName(directories) });
      if (settings !== undefined) admin?.reload(settings);
    },
    record,
  );
  const control = await listenControl(
    options.socketPath,
    {
      administration: store,
      get directories() {
        return [...running.directories.values()];
      },
      get issuer() {
        return running.config.totp.issuer;
      },
      bypassKey: deriveKey(running.config.masterKey, "bypass"),
      clock,
      gateway: {
        health: async () =>
          healthReport(options, running, listeners(), clock.monotonic() - startedAt),
        reload,
        tryLogin: (client, login) => door.tryLogin(client, login),
      },
    },
    log,
  ).catch(async (error: unknown) => {
    await admin?.close();
    return closeRadius(error);
  });
  const stopClock = watchClock(clock, store.newestEventAt(), log, record);
  watch(running, reload, options.loaded.watch);
  // A store that can't be written now accepts nobody, and may be back before anybody looks.
  const tell = (type: EventType): Promise<void> =>
    store
      .record(systemEvent(clock, type, { details: { version } }))
      .catch((error: unknown) => log.error({ err: error, event_type: type }, "an event was lost"));
  await tell("service_start");
  log.info({ addresses: listeners(), control: control.path, version }, "ready");
  return {
    addresses: radius.addresses,
    reload,
    async stop() {
      stopClock();
      running.stopWatching();
      running.isStopping = true;
      await radius.close({ drainMs: DRAIN_MS });
      await admin?.close();
      await control.close();
      closeDirectories(running.directories);
      await tell("service_stop");
    },
  };
}

async function openRadius(
  { store, clock, log }: GatewayOptions,
  running: Running,
  observer: LoginObserver,
): Promise<{ readonly door: RadiusDoor; readonly radius: RadiusServer }> {
  const door = await createRadiusDoor({
    clients: running.config.radius.clients,
    directories: byName(running.directories),
    authenticator: createAuthenticator({
      attempts: store,
      clock,
      log,
      masterKey: running.config.masterKey,
      window: () => running.config.totp,
      failedFieldMs: running.config.lockout.windowMs,
      observer,
    }),
    learnt: store,
    canServe: () => store.isUp() && states(running).some((status) => status.state === "up"),
    clock,
    log,
    audit: (event) => store.record(event),
  });
  const { listen } = running.config.radius;
  return { door, radius: await startRadiusServer({ listen, door, clock, log }) };
}
