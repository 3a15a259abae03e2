// The directories of a configuration, started, with their outages in the log and the audit trail.

import { createDirectory, type DirectoryBackend } from "../backends/directory/directory.ts";
import { createRouter } from "../backends/directory/router.ts";
import type { Config } from "../config/config.ts";
import type { Directory } from "../core/ports.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { SystemEvent } from "./system-events.ts";

export type Directories = ReadonlyMap<string, DirectoryBackend>;

export interface DirectoriesOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly record: SystemEvent;
}

/** Connects ahead of the first login; one that isn't there is no error, its people are told so. */
export async function startDirectories(
  config: Config,
  { clock, log, record }: DirectoriesOptions,
): Promise<Directories> {
  const directories = config.directories.map((settings) => {
    const resource = { type: "directory", id: settings.name };
    return createDirectory({
      ...settings,
      clock,
      onDown(reason) {
        log.error({ directory: settings.name, reason }, "directory unreachable");
        record("directory_unreachable", { success: false, resource, details: { reason } });
      },
      onRecovered() {
        log.info({ directory: settings.name }, "directory recovered");
        record("directory_recovered", { resource });
      },
      onServer({ url }, problem) {
        const about = { directory: settings.name, server: url };
        if (problem === undefined) log.info(about, "directory server answers again");
        else log.warn({ ...about, reason: problem }, "directory server fails");
      },
      onUnusable: (reason) =>
        log.warn({ directory: settings.name, reason }, "an entry can't be used for logins"),
    });
  });
  await Promise.all(directories.map((directory) => directory.start()));
  return new Map(directories.map((directory) => [directory.name, directory]));
}

/** As doors choose one: by name; under undefined all of them together. */
export function byName(directories: Directories): ReadonlyMap<string | undefined, Directory> {
  return new Map<string | undefined, Directory>([
    ...directories,
    [undefined, createRouter([...directories.values()])],
  ]);
}

export function retireDirectories(directories: Directories): void {
  for (const directory of directories.values()) directory.retire();
}

export function closeDirectories(directories: Directories): void {
  for (const directory of directories.values()) directory.close();
}
