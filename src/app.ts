// The composition root: what the commands can ask of the program behind them. The only file, with its
// parts in gateway/, that knows every other.

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

import { restoreStore } from "./backends/store/restore.ts";
import { openStore, type Store, type StoreOptions } from "./backends/store/store.ts";
import { Failure } from "./commands/failure.ts";
import type { App } from "./commands/context.ts";
import type { Config } from "./config/config.ts";
import { findStorePath } from "./config/load.ts";
import { connectControl } from "./doors/control/client.ts";
import { systemClock } from "./lib/clock.ts";
import { deriveKey } from "./lib/derive.ts";
import type { Log } from "./lib/log.ts";
import { createPasswordHasher } from "./lib/password-hash.ts";
import { getConfiguration } from "./gateway/configuration.ts";
import { examine as examineAll } from "./gateway/doctor.ts";
import { closeDirectories, startDirectories } from "./gateway/directories.ts";
import { exemptIn } from "./gateway/exempt.ts";
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

export const controlSocket: App["controlSocket"] = async (configPath) => {
  try {
    return { path: socketPath(getConfiguration(configPath).config), mistakes: undefined };
  } catch (error) {
    const mistakes = error instanceof Error ? error : new Error(String(error));
    return { path: socketBeside(findStorePath(configPath)), mistakes };
  }
};

export const assemble: App["assemble"] = async (configPath) => {
  const { config } = getConfiguration(configPath);
  const store = await openConfigured(config, silent);
  const record = createSystemEvents((event) => store.record(event), systemClock, silent);
  const options = { clock: systemClock, log: silent, record };
  const directories = await startDirectories(config, options);
  return {
    context: {
      administration: store,
      administrators: store.administrators,
      passwords: createPasswordHasher(systemClock),
      directories: [...directories.values()],
      issuer: config.totp.issuer,
      isExempt: exemptIn(config),
      periodMs: config.enrolment.periodMs,
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
  // It ends then, with 1, and whoever watches starts it again: what was told to a NAS is on disk.
  process.on("uncaughtExceptionMonitor", (error, origin) =>
    log.error({ err: error, origin }, "a fault of Gatehouse's own ends it"),
  );
  const { sqlite } = loaded.config.store;
  // Or a disk that isn't there yet: then nobody's token is there either.
  if (!existsSync(sqlite)) log.warn({ store: sqlite }, "there is no store: an empty one is made");
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
  const event = systemEvent(systemClock, "backup_restored");
  const report = await failing(restoreStore(storeOptions(config, silent), backupPath, event));
  if (report.kind === "intact") return { events: report.events };
  throw new Failure(
    1,
    `restored, but the audit trail of the backup is broken at event ${report.seq}`,
    "keep the backup as it is; logins work, and the events before cannot be relied on",
  );
};

function openConfigured(config: Config, log: Log): Promise<Store> {
  return failing(openStore(storeOptions(config, log)));
}

function storeOptions(config: Config, log: Log): StoreOptions {
  return {
    path: config.store.sqlite,
    durability: config.store.durability,
    masterKey: config.masterKey,
    retentionMs: config.store.retentionMs,
    rules: config.lockout,
    // Until the directories are there; nobody logs in before.
    lockoutOf: () => undefined,
    clock: systemClock,
    alarm: (kind, details) => log.error(details, kind),
  };
}

/** What the store says is wrong is what the operator is told. */
async function failing<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new Failure(1, error instanceof Error ? error.message : String(error));
  }
}

function socketPath(config: Config): string {
  return socketBeside(config.store.sqlite);
}

function socketBeside(storePath: string): string {
  return join(dirname(storePath), "gatehouse.sock");
}
