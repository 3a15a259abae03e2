// Gatehouse as an operator runs it: a configuration file, tokens imported with the command line, the
// store with `durability: full`, the log at its default level. It is the bundle that runs.

import { spawnSync } from "node:child_process";
import { chmodSync, closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { encodeBase32 } from "../src/lib/base32.ts";
import { BASE, nameOf, SERVICE_DN, SERVICE_PASSWORD, SHARED_SECRET, totpKeyOf } from "./people.ts";
import { start, stop, type Server } from "./process.ts";

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));

export interface GatehouseOptions {
  readonly folder: string;
  readonly door: "radius" | "ldap";
  readonly port: number;
  readonly directoryPort: number;
  /** A folder of certs/certificates.ts: TLS at the LDAP door, and to the directory. */
  readonly certificates?: string;
  /** Handed to Node before the program, such as --cpu-prof. */
  readonly nodeOptions: readonly string[];
  /** The bundle of another version (its dist/main.js), and what it is called in the table. */
  readonly other?: { readonly main: string; readonly name: string };
}

export function configure(options: GatehouseOptions): string {
  const { folder, directoryPort, certificates } = options;
  mkdirSync(folder, { recursive: true });
  const key = join(folder, "master.key");
  writeFileSync(key, `${Buffer.alloc(32, 7).toString("base64")}\n`);
  chmodSync(key, 0o600);
  const path = join(folder, "gatehouse.yaml");
  writeFileSync(
    path,
    `store: { sqlite: data/gatehouse.db, durability: full }
master_key: { file: master.key }
directories:
  - name: corp
${
  certificates === undefined
    ? `    urls: ["ldap://127.0.0.1:${directoryPort}"]\n    allow_cleartext: true`
    : `    urls: ["ldaps://127.0.0.1:${directoryPort}"]\n    ca: ${certificates}/ca.pem`
}
    bind_dn: "${SERVICE_DN}"
    bind_password: { value: ${SERVICE_PASSWORD} }
    base: "ou=people,${BASE}"
    user_filter: "(uid={username})"
${doorConfiguration(options)}`,
    { mode: 0o600 },
  );
  return path;
}

function doorConfiguration({ door, port, certificates }: GatehouseOptions): string {
  if (door === "ldap") {
    const tls =
      certificates === undefined
        ? "tls: none"
        : `certificate: ${certificates}/server.pem\n      key: ${certificates}/server.key`;
    return `ldap:
  listeners:
    - name: bench
      listen: "127.0.0.1:${port}"
      ${tls}
`;
  }
  return `radius:
  listen: ["127.0.0.1:${port}"]
  clients:
    - name: bench
      addresses: [127.0.0.0/8]
      secret: { value: ${SHARED_SECRET} }
      code: append
`;
}

/** Imports one token a person; tokens per second. */
export function importTokens(
  { folder, other }: Pick<GatehouseOptions, "folder" | "other">,
  config: string,
  users: number,
): number {
  const path = join(folder, "tokens.csv");
  const file = openSync(path, "w");
  for (let index = 0; index < users; index += 1) {
    writeSync(file, `${nameOf(index)},${encodeBase32(totpKeyOf(index))}\n`);
  }
  closeSync(file);
  const startedAt = performance.now();
  const args = [other?.main ?? MAIN, "token", "import", path, "--config", config];
  const run = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (run.status !== 0) throw new Error(`token import failed: ${run.stderr}`);
  return users / ((performance.now() - startedAt) / 1000);
}

export interface Gatehouse extends Server {
  /** From the start of the process to its line "ready". */
  readonly readyMs: number;
}

export async function startGatehouse(
  options: GatehouseOptions,
  config: string,
): Promise<Gatehouse> {
  const startedAt = performance.now();
  const args = [...options.nodeOptions, options.other?.main ?? MAIN, "run", "--config", config];
  const child = start(process.execPath, args);
  let output = "";
  child.stderr?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await new Promise<void>((resolve, reject) => {
    child.once("exit", () => reject(new Error(`Gatehouse ended:\n${output}`)));
    if (child.stdout === null) return reject(new Error("no output"));
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line.includes('"msg":"ready"')) resolve();
      else output += `${line}\n`;
    });
  });
  return {
    name: options.other?.name ?? "Gatehouse",
    pid: child.pid ?? 0,
    port: options.port,
    readyMs: performance.now() - startedAt,
    stop: () => stop(child),
  };
}
