// The table of commands. Each is loaded only when it is called, so that the line starts fast.

import type { Command } from "./command.ts";
import { defaultConfigPath } from "./config-path.ts";
import type { App, Io } from "./context.ts";

export interface Entry {
  readonly name: string;
  readonly summary: string;
  run(argv: readonly string[], io: Io, app: () => Promise<App>): Promise<number>;
  /** Long options, for completion. */
  options(): Promise<readonly string[]>;
}

type Load = () => Promise<{ readonly command: Command }>;

function entry(name: string, summary: string, load: Load): Entry {
  return {
    name,
    summary,
    run: async (argv, io, app) => (await load()).command.run(argv, io, app),
    options: async () => Object.keys((await load()).command.options),
  };
}

export const COMMANDS: readonly Entry[] = [
  entry("run", "start the gateway", () => import("./run.ts")),
  {
    name: "init",
    summary: "write a first configuration into a folder",
    run: async (argv, io) => (await import("./init.ts")).init(argv, io),
    options: async () => ["help"],
  },
  {
    name: "check",
    summary: "find every mistake in the configuration",
    run: async (argv, io, app) => {
      const { check } = await import("./check.ts");
      return check(withConfig(argv), io, async (configPath, tell) =>
        (await app()).examine(configPath, tell),
      );
    },
    options: async () => ["config", "connect", "json", "help"],
  },
  entry("demo", "try it: a sample directory, people and logins", () => import("./demo.ts")),
  entry("health", "ask the running gateway how it is", () => import("./health.ts")),
  entry("reload", "let the gateway read its configuration", () => import("./reload.ts")),
  entry("test login", "what a NAS would get for a login", () => import("./test-login.ts")),
  entry("events", "show, follow or verify the audit trail", () => import("./events.ts")),
  entry("user show", "a person's state", () => import("./user-show.ts")),
  entry("user unlock", "end a person's locks", () => import("./user-unlock.ts")),
  entry("user lock", "refuse a person's logins", () => import("./user-lock.ts")),
  entry("user require", "demand a second factor of a person", () => import("./user-require.ts")),
  entry("user bypass", "a code in place of a lost device", () => import("./user-bypass.ts")),
  entry("user relink", "after a re-import of the directory", () => import("./user-relink.ts")),
  entry("token enroll", "give a person a new token", () => import("./token-enroll.ts")),
  entry("token recovery", "give a person new recovery codes", () => import("./token-recovery.ts")),
  entry("token reset", "take a person's token away", () => import("./token-reset.ts")),
  entry("token list", "who has a token", () => import("./token-list.ts")),
  entry("token import", "read tokens from a CSV file", () => import("./token-import.ts")),
  entry("admin create", "make an administrator", () => import("./admin-create.ts")),
  entry("admin list", "who may administer", () => import("./admin-list.ts")),
  entry("admin reset", "new password and token", () => import("./admin-reset.ts")),
  entry("admin suspend", "sessions and keys end at once", () => import("./admin-suspend.ts")),
  entry("admin unlock", "end an administrator's lock", () => import("./admin-unlock.ts")),
  entry("key rotate", "seal the store under a new key", () => import("./key-rotate.ts")),
  entry("backup", "copy the store while it is in use", () => import("./backup.ts")),
  entry("restore", "bring a backup back", () => import("./restore.ts")),
  entry("completion", "words for bash or zsh to complete", () => import("./completion.ts")),
];

function withConfig(argv: readonly string[]): readonly string[] {
  const isNamed = argv.some((word) => word === "--config" || word.startsWith("--config="));
  return isNamed ? argv : [...argv, "--config", defaultConfigPath()];
}
