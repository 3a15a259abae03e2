// From the words of the command line to a command and its exit code.
// Invariant: whatever goes wrong is told on stderr with what, where and the next step, and never
// ends in exit code 0.

import { findNearest } from "../lib/edit-distance.ts";
import type { App, Io } from "./context.ts";
import { Failure } from "./failure.ts";
import { COMMANDS, type Entry } from "./table.ts";

const FAILED = 1;
const USAGE = 2;

/** Resolves to the exit code: 0 done, 1 failed, 2 usage or configuration. */
export async function dispatch(
  argv: readonly string[],
  io: Io,
  app: () => Promise<App>,
): Promise<number> {
  const [first = "--help"] = argv;
  if (first === "--version") {
    io.stdout.write(`gatehouse ${io.version}\n`);
    return 0;
  }
  if (first === "--help" || first === "-h" || first === "help") {
    io.stdout.write(overview());
    return argv.length === 0 ? USAGE : 0;
  }
  const found = findCommand(argv);
  if (found === undefined) return unknownCommand(argv, io);
  const { entry, rest } = found;
  try {
    return await entry.run(rest, io, app);
  } catch (error) {
    return tell(error, entry.name, io);
  }
}

function findCommand(
  argv: readonly string[],
): { entry: Entry; rest: readonly string[] } | undefined {
  for (const length of [2, 1]) {
    const name = argv.slice(0, length).join(" ");
    const entry = COMMANDS.find((candidate) => candidate.name === name);
    if (entry !== undefined) return { entry, rest: argv.slice(length) };
  }
  return undefined;
}

function unknownCommand(argv: readonly string[], io: Io): number {
  const [first = "", second = ""] = argv;
  const both = `${first} ${second}`;
  const group = COMMANDS.filter(({ name }) => name.startsWith(`${first} `));
  if (group.length > 0 && (second === "" || second.startsWith("-"))) {
    const isHelp = second === "--help" || second === "-h";
    (isHelp ? io.stdout : io.stderr).write(`usage:\n${listing(group)}`);
    return isHelp ? 0 : USAGE;
  }
  const names = COMMANDS.map(({ name }) => name);
  const nearest = findNearest(both.trim(), names) ?? findNearest(first, names);
  const said = JSON.stringify(group.length > 0 ? both : first);
  const guess = nearest === undefined ? "see: gatehouse --help" : `did you mean "${nearest}"?`;
  io.stderr.write(`gatehouse: unknown command ${said}\n  ${guess}\n`);
  return USAGE;
}

function overview(): string {
  return `gatehouse: RADIUS and LDAP logins with a second factor

usage: gatehouse COMMAND [options]

${listing(COMMANDS)}
gatehouse COMMAND --help explains one, with an example; gatehouse --version tells the version.
exit code: 0 done, 1 failed, 2 usage or configuration
`;
}

function listing(entries: readonly Entry[]): string {
  return entries.map(({ name, summary }) => `  ${name.padEnd(14)} ${summary}\n`).join("");
}

function tell(error: unknown, name: string, io: Io): number {
  const known = describe(error);
  io.stderr.write(`gatehouse ${name}: ${known.message}\n`);
  if (known.nextStep !== undefined) io.stderr.write(`  ${known.nextStep}\n`);
  return known.exitCode;
}

interface Known {
  readonly exitCode: number;
  readonly message: string;
  readonly nextStep: string | undefined;
}

function describe(error: unknown): Known {
  if (error instanceof Failure) return error;
  if (!(error instanceof Error))
    return { exitCode: FAILED, message: "failed", nextStep: undefined };
  // By name: loading the class would load the operations for every --help.
  if (error.name === "OperationError" && "code" in error && "hint" in error) {
    return {
      exitCode: error.code === "usage" || error.code === "configuration" ? USAGE : FAILED,
      message: error.message,
      nextStep: typeof error.hint === "string" ? error.hint : undefined,
    };
  }
  return { exitCode: FAILED, message: error.message, nextStep: undefined };
}
