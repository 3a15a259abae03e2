// A running gateway: store, directories, core and doors introduced to each other. Invariants: "ready"
// only when every listener is up; what was begun is finished or refused before the store closes.

import type { DirectoryStatus } from "../backends/directory/directory.ts";
import type { Store } from "../backends/store/store.ts";
import type { Config } from "../config/config.ts";
import type { Loaded } from "../config/load.ts";
import { describeProblem } from "../config/problem.ts";
import { createAuthenticator } from "../core/authenticate.ts";
import type { DirectoryLockout } from "../core/ports.ts";
import { listenControl } from "../doors/control/server.ts";
import type { HealthReport } from "../doors/control/views.ts";
import { createRadiusDoor, type RadiusDoor } from "../doors/radius/handle.ts";
import { startRadiusServer, type RadiusServer } from "../doors/radius/server.ts";
import type { Clock } from "../lib/clock.ts";
import { deriveKey } from "../lib/derive.ts";
import { watchClock } from "./clock-watch.ts";
import { getConfiguration, needsRestart, watchFiles } from "./configuration.ts";
import { byName, closeDirectories, startDirectories, type Directories } from "./directories.ts";
import type { Logger } from "./logger.ts";
import { createSystemEvents, systemEvent, type SystemEvent } from "./system-events.ts";

// `run` ends the process after 9.5 s; a refusal's delay of a second or two fits well before.
const DRAIN_MS = 8_000;
// Logins under way finish with the directories they began with.
const OLD_DIRECTORIES_MS = 15_000;

export interface GatewayOptions {
  readonly configPath: string;
  readonly loaded: Loaded;
  readonly store: Store;
  readonly socketPath: string;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface RunningGateway {
  readonly addresses: readonly string[];
  /** One line for each thing that took effect or waits; throws Failure for a bad file. */
  reload(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

interface Running {
  config: Config;
  directories: Directories;
  stopWatching: () => void;
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
    }),
    learnt: store,
    canServe: () => store.isUp() && states(running).some((status) => status.state === "up"),
    clock,
    log,
    audit: (event) => store.record(event),
  });
  const { listen } = running.config.radius;
  const radius = await startRadiusServer({ listen, door, clock, log });
  const reload = (): Promise<readonly string[]> => reloadOnce(options, running, door, record);
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
        health: async () => health(options, running, radius, clock.monotonic() - startedAt),
        reload,
        tryLogin: (client, login) => door.tryLogin(client, login),
      },
    },
    log,
  ).catch(async (error: unknown) => {
    await radius.close({ drainMs: 0 });
    throw error;
  });
  const stopClock = watchClock(clock, store.newestEventAt(), log, record);
  watch(running, reload, options.loaded.watch);
  await store.record(systemEvent(clock, "service_start", { details: { version } }));
  log.info({ addresses: radius.addresses, control: control.path, version }, "ready");
  return {
    addresses: radius.addresses,
    reload,
    async stop() {
      stopClock();
      running.stopWatching();
      await radius.close({ drainMs: DRAIN_MS });
      await control.close();
      closeDirectories(running.directories);
      await store.record(systemEvent(clock, "service_stop", { details: { version } }));
    },
  };
}

function watch(
  running: Running,
  reload: () => Promise<readonly string[]>,
  files: readonly string[],
): void {
  running.stopWatching();
  // A bad file was logged and recorded; there is nobody here to tell besides.
  running.stopWatching = watchFiles(files, () => void reload().catch(() => undefined));
}

/** All or nothing: whatever is wrong with the new file, the old configuration goes on. */
async function reloadOnce(
  options: GatewayOptions,
  running: Running,
  door: RadiusDoor,
  record: SystemEvent,
): Promise<readonly string[]> {
  const { clock, log, store } = options;
  let loaded: Loaded;
  try {
    loaded = getConfiguration(options.configPath);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.error({ problems: reason.split("\n") }, "the configuration is wrong: the old one stays");
    record("config_reload", { success: false });
    throw error;
  }
  const { config } = loaded;
  const waiting = needsRestart(running.config, config);
  const old = running.directories;
  const directories = await startDirectories(config, { clock, log, record });
  door.reload({ clients: config.radius.clients, directories: byName(directories) });
  log.setLevel(config.log.level);
  Object.assign(running, { config, directories });
  store.setRules(config.lockout, lockoutOf(running));
  setTimeout(() => closeDirectories(old), OLD_DIRECTORIES_MS).unref();
  watch(running, () => reloadOnce(options, running, door, record), loaded.watch);
  for (const warning of loaded.warnings) log.warn({}, describeProblem(warning));
  log.info({ hash: loaded.hash, waiting }, "configuration reloaded");
  record("config_reload", { details: { hash: loaded.hash } });
  return ["configuration reloaded", ...waiting];
}

const lockoutOf =
  (running: Running) =>
  (directory: string): DirectoryLockout | undefined =>
    running.directories.get(directory)?.lockout();

function states(running: Running): DirectoryStatus[] {
  return [...running.directories.values()].map((directory) => directory.status());
}

function health(
  { store, version }: GatewayOptions,
  running: Running,
  radius: RadiusServer,
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
    store: { name: running.config.store.sqlite, state: isStoreUp ? "up" : "down", detail: "" },
    directories,
    listeners: radius.addresses.map((name) => ({ name, state: "up" as const, detail: "" })),
  };
}
