// Which configuration a command reads. Alone in a file, so that the table of commands loads nothing
// else: the command line has to start fast.

import { existsSync } from "node:fs";

const CONFIG_PATHS = ["config/gatehouse.yaml", "/etc/gatehouse/gatehouse.yaml"] as const;

/** The file a command reads when none is named. */
export function defaultConfigPath(): string {
  return CONFIG_PATHS.find((path) => existsSync(path)) ?? CONFIG_PATHS[1];
}
