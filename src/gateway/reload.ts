// A new configuration while the gateway runs. Invariant: all or nothing; whatever is wrong with the
// new file, the old one goes on.

import type { Config } from "../config/config.ts";
import type { Loaded } from "../config/load.ts";
import { describeProblem } from "../config/problem.ts";
import { inTurn } from "../lib/in-turn.ts";
import { getConfiguration, needsRestart, watchFiles, type ClosedPlace } from "./configuration.ts";
import {
  closeDirectories,
  retireDirectories,
  startDirectories,
  type Directories,
} from "./directories.ts";
import { lockoutOf, type GatewayOptions, type Running } from "./running.ts";
import type { SystemEvent } from "./system-events.ts";

// Logins under way finish with the directories they began with.
const OLD_DIRECTORIES_MS = 15_000;

/** Gives the doors what is new; returns the LDAP listeners that stay closed. Must not throw. */
export type ReloadDoors = (config: Config, directories: Directories) => readonly ClosedPlace[];

/** One line for each thing that took effect or waits; throws Failure for a bad file. */
export type Reload = () => Promise<readonly string[]>;

export function createReload(
  options: GatewayOptions,
  running: Running,
  reloadDoors: ReloadDoors,
  record: SystemEvent,
): Reload {
  const { clock, log, store } = options;

  function load(): Loaded {
    try {
      return getConfiguration(options.configPath);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log.error({ problems: reason.split("\n") }, "the configuration is wrong: the old one stays");
      record("config_reload", { success: false });
      running.isReloadGood = false;
      throw error;
    }
  }

  async function reloadOnce(): Promise<readonly string[]> {
    const loaded = load();
    const { config } = loaded;
    const old = running.directories;
    const directories = await startDirectories(config, { clock, log, record });
    const closed = reloadDoors(config, directories);
    // Not since the last reload: what that one left waiting is waiting still.
    const waiting = needsRestart(options.loaded.config, config, closed);
    log.setLevel(config.log.level);
    Object.assign(running, { config, directories, isReloadGood: true, loadedAt: clock.now() });
    store.setRules(config.lockout, lockoutOf(running));
    retireDirectories(old);
    setTimeout(() => closeDirectories(old), OLD_DIRECTORIES_MS).unref();
    watch(running, reload, loaded.watch);
    for (const warning of loaded.warnings) log.warn({}, describeProblem(warning));
    log.info({ hash: loaded.hash, waiting }, "configuration reloaded");
    record("config_reload", { details: { hash: loaded.hash } });
    return ["configuration reloaded", ...waiting];
  }

  // Two at a time would end in the configuration that took longer to start, not in the newer one.
  const reload = inTurn(reloadOnce);
  return reload;
}

/** Reloads when one of `files` changes, until `running.stopWatching` is called. */
export function watch(running: Running, reload: Reload, files: readonly string[]): void {
  running.stopWatching();
  // A bad file was logged and recorded; there is nobody here to tell besides.
  running.stopWatching = watchFiles(files, () => void reload().catch(() => undefined));
}
