// `gatehouse check`: is this configuration right, and what does it amount to? It reads like a
// compiler: one line per mistake, with its place. Nothing is opened, bound or changed.

import { parseArgs } from "node:util";

import { listenText } from "../config/address.ts";
import type { Config } from "../config/config.ts";
import { type LoadOptions, loadConfig } from "../config/load.ts";
import { describeProblem, type Problem } from "../config/problem.ts";

export interface Output {
  write(text: string): unknown;
}

export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
}

const USAGE = `usage: gatehouse check --config FILE [--json]

Checks the configuration and every file it refers to, and tells all mistakes at once.

  --config FILE   the configuration file
  --json          for programs: { ok, problems, warnings, summary }

example: gatehouse check --config /etc/gatehouse/gatehouse.yaml
exit code: 0 right, 2 usage or configuration
`;

/** Resolves to the exit code: 0 right, 2 usage or configuration. Problems go to stderr. */
export async function check(
  argv: readonly string[],
  io: Io,
  options: LoadOptions = {},
): Promise<number> {
  const args = readArgs(argv);
  if (typeof args === "string") {
    io.stderr.write(`gatehouse check: ${args}\n`);
    return 2;
  }
  if (args.help === true) {
    io.stdout.write(USAGE);
    return 0;
  }
  if (args.connect === true) {
    io.stderr.write("gatehouse check: --connect is not built yet in this version\n");
    return 2;
  }
  if (args.config === undefined) {
    io.stderr.write(`gatehouse check: name the file with --config FILE\n\n${USAGE}`);
    return 2;
  }
  const loaded = loadConfig(args.config, options);
  const config = "config" in loaded ? loaded.config : undefined;
  const problems = "problems" in loaded ? loaded.problems : [];
  if (args.json === true) {
    const summary = config && summarise(config);
    const result = { ok: config !== undefined, problems, warnings: loaded.warnings, summary };
    io.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
  } else {
    tell(problems, loaded.warnings, io);
    if (config !== undefined) io.stdout.write(summaryText(args.config, config));
  }
  return config === undefined ? 2 : 0;
}

function readArgs(argv: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        config: { type: "string" },
        connect: { type: "boolean" },
        help: { type: "boolean", short: "h" },
        json: { type: "boolean" },
      },
    });
    return values;
  } catch (error) {
    return `${error instanceof Error ? error.message : "wrong arguments"} (see --help)`;
  }
}

function tell(problems: readonly Problem[], warnings: readonly Problem[], io: Io): void {
  for (const problem of problems) io.stderr.write(`${describeProblem(problem)}\n`);
  for (const { message, ...place } of warnings) {
    io.stderr.write(`${describeProblem({ ...place, message: `warning: ${message}` })}\n`);
  }
  if (problems.length === 0) return;
  const mistakes = problems.length === 1 ? "1 mistake" : `${problems.length} mistakes`;
  io.stderr.write(`${mistakes}: correct the lines above and run the check again\n`);
}

function summarise(config: Config) {
  return {
    listen: config.radius.listen.map(listenText),
    directories: config.directories.map(({ name, urls }) => ({
      name,
      urls: urls.map(({ url }) => url),
    })),
    clients: config.radius.clients.map(({ name, addresses, directory, mfa }) => ({
      name,
      addresses: addresses.map((network) => network.text),
      directory,
      mfa,
    })),
    store: config.store.sqlite,
  };
}

function placeOf(directory: string | undefined): string {
  return directory === undefined ? "directory by domain" : `directory ${directory}`;
}

function summaryText(file: string, config: Config): string {
  const { listen, directories, clients, store } = summarise(config);
  const lines = [
    `${file} is right.`,
    ...listen.map((address) => `  radius     ${address}`),
    ...directories.map(({ name, urls }) => `  directory  ${name}: ${urls.join(", ")}`),
    ...clients.map(
      ({ name, addresses, directory, mfa }) =>
        `  client     ${name}: ${addresses.join(", ")}, ${placeOf(directory)}, mfa ${mfa}`,
    ),
    `  store      ${store}`,
  ];
  return `${lines.join("\n")}\n`;
}
