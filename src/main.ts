// The entry of the command line: gives a command the process's streams and takes its exit code.

import { userInfo } from "node:os";

import type { App, Io } from "./commands/context.ts";
import { dispatch } from "./commands/dispatch.ts";
import { systemClock } from "./lib/clock.ts";
import { packageVersion } from "./version.ts";

// `gatehouse events | head` closes the pipe early: that is how a reader says "enough".
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? 0 : 1);
});

const io: Io = {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  clock: systemClock,
  operator: operatorName(),
  version: packageVersion(),
};

// Loaded only by commands that need the program behind them.
const app = (): Promise<App> => import("./app.ts");

process.exitCode = await dispatch(process.argv.slice(2), io, app);

// A container may run under a number that has no name.
function operatorName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}
