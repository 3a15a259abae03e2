// What a running gateway works with now; a reload replaces all of it at once.

import type { DirectoryStatus } from "../backends/directory/directory.ts";
import type { Store } from "../backends/store/store.ts";
import type { Config } from "../config/config.ts";
import type { Loaded } from "../config/load.ts";
import type { DirectoryLockout } from "../core/ports.ts";
import type { Missing } from "../doors/admin/health.ts";
import type { Clock } from "../lib/clock.ts";
import type { Directories } from "./directories.ts";
import type { Logger } from "./logger.ts";

export interface GatewayOptions {
  readonly configPath: string;
  readonly loaded: Loaded;
  readonly store: Store;
  readonly socketPath: string;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Running {
  config: Config;
  directories: Directories;
  stopWatching: () => void;
  /** When `config` was loaded, ms UTC, and whether the last attempt to replace it succeeded. */
  loadedAt: number;
  isReloadGood: boolean;
  isStopping: boolean;
}

export const lockoutOf =
  (running: Running) =>
  (directory: string): DirectoryLockout | undefined =>
    running.directories.get(directory)?.lockout();

export function states(running: Running): DirectoryStatus[] {
  return [...running.directories.values()].map((directory) => directory.status());
}

/** What is missing before anybody can log in. */
export function missing(running: Running, store: Pick<Store, "isUp">): Missing[] {
  const isDirectoryUp = states(running).some(({ state }) => state === "up");
  return [
    ...(running.isStopping ? (["stopping"] as const) : []),
    ...(store.isUp() ? [] : (["store"] as const)),
    ...(isDirectoryUp ? [] : (["directory"] as const)),
  ];
}
