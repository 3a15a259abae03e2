// The composition root: what the commands can ask of the program behind them. The only file, with its
// parts in gateway/, that knows every other.

import { constants, copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

import { openStore, type Store } from "./backends/store/store.ts";
import { Failure } from "./commands/failure.ts";
import type { App } from "./commands/context.ts";
import type { Config } from "./config/config.ts";
import { connectControl } from "./doors/control/client.ts";
import { systemClock } from "./lib/clock.ts";
import { deriveKey } from "./lib/derive.ts";
import type { Log } from "./lib/log.ts";
import { getConfiguration } from "./gateway/configuration.ts";
import { examine as examineAll } from "./gateway/doctor.ts";
import { closeDirectories, startDirectories } from "./gateway/directories.ts";
import { startGatewayParts } from "./gateway/gateway.ts";
import { createLogger } from "./gateway/logger.ts";
import { createSystemEvents, systemEvent } from "./gateway/system-events.ts";
import { packageVersion } from "./version.ts";

// Commands speak for themselves; what they find wrong they say on stderr.
const silent: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

export const controlSocket: App["controlSocket"] = async (configPath) =>
  socketPath(getConfiguration(configPath).config);

export const assemble: App["assemble"] = async (configPath) => {
  const { config } = getConfiguration(configPath);
  const store = await openConfigured(config, silent);
  const record = createSystemEvents((event) => store.record(event), systemClock, silent);
  const options = { clock: systemClock, log: silent, record };
  const directories = await startDirectories(config, options);
  return {
    context: {
      administration: store,
      directories: [...directories.values()],
      issuer: config.totp.issuer,
      bypassKey: deriveKey(config.masterKey, "bypass"),
      clock: systemClock,
      gateway: undefined,
    },
    async close() {
      closeDirectories(directories);
      await store.close();
    },
  };
};

export const startGateway: App["startGateway"] = async (configPath, signals) => {
  const loaded = getConfiguration(configPath);
  const log = createLogger(loaded.config.log.level);
  const store = await openConfigured(loaded.config, log);
  const gateway = await startGatewayParts({
    configPath,
    loaded,
    store,
    socketPath: socketPath(loaded.config),
    version: packageVersion(),
    clock: systemClock,
    log,
  }).catch(async (error: unknown) => {
    await store.close();
    throw new Failure(1, error instanceof Error ? error.message : String(error));
  });
  signals.onReload(() => {
    // What was wrong stands in the log already.
    gateway.reload().catch(() => undefined);
  });
  const stopped = new Promise<void>((resolve) => {
    if (signals.stop.aborted) resolve();
    else signals.stop.addEventListener("abort", () => resolve(), { once: true });
  }).then(async () => {
    await gateway.stop();
    await store.close();
    log.info({}, "stopped");
    return 0;
  });
  return { stopped };
};

export const examine: App["examine"] = async (configPath, tell) => {
  const { config } = getConfiguration(configPath);
  const running = await connectControl(socketPath(config), "check");
  await running?.close();
  await examineAll(config, running !== undefined, systemClock, tell);
};

export const restore: App["restore"] = async (configPath, backupPath) => {
  const { config } = getConfiguration(configPath);
  const path = config.store.sqlite;
  if (existsSync(path)) {
    throw new Failure(1, `${path} exists`, "move it away first: a restore replaces nothing");
  }
  if (!existsSync(backupPath)) throw new Failure(1, `there is no backup at ${backupPath}`);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  copyFileSync(backupPath, path, constants.COPYFILE_EXCL);
  let store: Store;
  try {
    store = await openConfigured(config, silent);
  } catch (error) {
    // What can't be opened must not stand in the store's place.
    rmSync(path, { force: true });
    throw error;
  }
  try {
    await store.markRestored();
    await store.record(systemEvent(systemClock, "backup_restored"));
    const report = await store.verifyEvents();
    if (report.kind === "intact") return { events: report.events };
    throw new Failure(1, `the audit trail of the backup is broken at event ${report.seq}`);
  } finally {
    await store.close();
  }
};

async function openConfigured(config: Config, log: Log): Promise<Store> {
  try {
    return await openStore({
      path: config.store.sqlite,
      durability: config.store.durability,
      masterKey: config.masterKey,
      retentionMs: config.store.retentionMs,
      rules: config.lockout,
      // Until the directories are there; nobody logs in before.
      lockoutOf: () => undefined,
      clock: systemClock,
      alarm: (kind, details) => log.error(details, kind),
    });
  } catch (error) {
    throw new Failure(1, error instanceof Error ? error.message : String(error));
  }
}

function socketPath(config: Config): string {
  return join(dirname(config.store.sqlite), "gatehouse.sock");
}
