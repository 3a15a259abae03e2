// `gatehouse check`: is this configuration right, and what does it amount to? It reads like a
// compiler: one line per mistake, with its place. Only --connect opens anything.

import { parseArgs } from "node:util";

import type { Config } from "../config/config.ts";
import { type LoadOptions, loadConfig } from "../config/load.ts";
import { describeProblem, type Problem } from "../config/problem.ts";
import { auditText } from "../core/audit.ts";
import type { Finding, Tell } from "../core/finding.ts";
import { addressText } from "../lib/listen.ts";

interface Output {
  write(text: string): unknown;
}

export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
}

const USAGE = `usage: gatehouse check --config FILE [--connect] [--json]

Checks the configuration and every file it refers to, and tells all mistakes at once.

  --config FILE   the configuration file
  --connect       then goes through everything the gateway will need: each directory server, its
                  certificate, the service account, a search; ports, certificates, store, clock
  --json          for programs: { ok, problems, warnings, summary, findings }

example: gatehouse check --connect --config /etc/gatehouse/gatehouse.yaml
exit code: 0 right, 1 something that is needed doesn't work, 2 usage or configuration
`;

/** Looks at what a right configuration refers to. */
type Examine = (configPath: string, tell: Tell) => Promise<void>;

/** Resolves to the exit code of USAGE. Problems of the configuration go to stderr. */
export async function check(
  argv: readonly string[],
  io: Io,
  examine: Examine,
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
  if (args.config === undefined) {
    io.stderr.write(`gatehouse check: name the file with --config FILE\n\n${USAGE}`);
    return 2;
  }
  const loaded = loadConfig(args.config, options);
  const config = "config" in loaded ? loaded.config : undefined;
  const problems = "problems" in loaded ? loaded.problems : [];
  const isJson = args.json === true;
  if (!isJson) {
    tell(problems, loaded.warnings, io);
    if (config !== undefined) io.stdout.write(summaryText(args.config, config));
  }
  const findings: Finding[] = [];
  if (config !== undefined && args.connect === true) {
    await examine(args.config, (finding) => {
      findings.push(finding);
      if (!isJson) io.stdout.write(findingText(finding));
    });
  }
  const isWorking = findings.every(({ state }) => state !== "wrong");
  if (isJson) {
    const ok = config !== undefined && isWorking;
    const summary = config && summarise(config);
    const found = args.connect === true ? { findings } : {};
    const result = { ok, problems, warnings: loaded.warnings, summary, ...found };
    io.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
  }
  if (config === undefined) return 2;
  return isWorking ? 0 : 1;
}

const SIGNS = { right: "✓", doubtful: "!", wrong: "✗" } as const;

function findingText({ state, subject, said, remedy }: Finding): string {
  // Names and answers of other systems stand in it.
  const line = `${SIGNS[state]} ${auditText(subject)}: ${auditText(said)}\n`;
  return remedy === undefined ? line : `${line}    ${auditText(remedy)}\n`;
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
    listen: config.radius.listen.map(addressText),
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
    listeners: config.ldap.listeners.map(({ name, listen, tls, directory, mfa }) => ({
      name,
      listen: addressText(listen),
      tls: tls?.begins ?? "none",
      directory,
      mfa,
    })),
    store: config.store.sqlite,
    admin: config.admin && {
      listen: addressText(config.admin.listen),
      tls: config.admin.tls === undefined ? "none" : "implicit",
      metricsFrom: config.admin.metricsFrom.map((network) => network.text),
      portal: config.admin.publicUrl,
    },
    mail: config.mail && { server: config.mail.server.url, from: config.mail.from.address },
  };
}

function placeOf(directory: string | undefined): string {
  return directory === undefined ? "directory by domain" : `directory ${directory}`;
}

function adminText({ listen, tls, metricsFrom, portal }: NonNullable<Summary["admin"]>): string {
  const scheme = tls === "none" ? "http" : "https";
  const people = portal === undefined ? "" : `, portal ${portal}`;
  return `${scheme}://${listen}, metrics for ${metricsFrom.join(", ") || "nobody"}${people}`;
}

type Summary = ReturnType<typeof summarise>;

function summaryText(file: string, config: Config): string {
  const { listen, directories, clients, listeners, store, admin, mail } = summarise(config);
  const lines = [
    `${file} is right.`,
    ...listen.map((address) => `  radius     ${address}`),
    ...directories.map(({ name, urls }) => `  directory  ${name}: ${urls.join(", ")}`),
    ...clients.map(
      ({ name, addresses, directory, mfa }) =>
        `  client     ${name}: ${addresses.join(", ")}, ${placeOf(directory)}, mfa ${mfa}`,
    ),
    ...listeners.map(
      (one) =>
        `  ldap       ${one.name}: ${one.listen}, tls ${one.tls}, directory ${one.directory}, mfa ${one.mfa}`,
    ),
    `  store      ${store}`,
    ...(admin === undefined ? [] : [`  admin      ${adminText(admin)}`]),
    ...(mail === undefined ? [] : [`  mail       ${mail.server}, from ${mail.from}`]),
  ];
  return `${lines.join("\n")}\n`;
}
