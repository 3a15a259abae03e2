// A whole gateway as its users run it: a configuration file, the command line in a process of its own,
// a real directory behind it, real RADIUS clients in front.

import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { generateCode, stepAt } from "../../src/core/totp.ts";
import { Secret } from "../../src/lib/secret.ts";
import { generateCertificates } from "../../certs/certificates.ts";
import { BASE, SERVICE_DN, SERVICE_PASSWORD } from "./slapd.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
export const SHARED_SECRET = "a-secret-of-the-tests";

export interface GatewayOptions {
  /** ldap:// URL of a directory as test/support/slapd.ts has it, or YAML lines of another one. */
  readonly directory: string | readonly string[];
  /** YAML lines of more directories, by name. */
  readonly otherDirectories?: Readonly<Record<string, readonly string[]>>;
  /** host:port; any free port of the loopback otherwise. */
  readonly listen?: string;
  /** What the process is run by, such as faketime with its arguments. */
  readonly under?: readonly string[];
  /** YAML lines of the one client, each "key: value". */
  readonly client?: readonly string[];
  /** LDAP listeners by name, each with YAML lines "key: value"; a certificate is made for all. */
  readonly listeners?: Readonly<Record<string, readonly string[]>>;
  /** More of the configuration, top level. */
  readonly more?: string;
  readonly logLevel?: string;
}

interface Command {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface TestGateway {
  readonly folder: string;
  readonly configPath: string;
  readonly port: number;
  /** Of the administrators' listener; "" without one. */
  readonly adminUrl: string;
  /** Of the LDAP listener of that name. */
  ldapPort(name: string): number;
  /** 0 while it doesn't run. */
  readonly pid: number;
  /** Everything it has logged so far. */
  readonly output: () => string;
  /** When it has logged that. Nothing tells when a line is logged, so it is looked for. */
  logged(pattern: RegExp): Promise<void>;
  /** The command line against this gateway. */
  command(...args: string[]): Command;
  /** The same, with something on its standard input. */
  commandWith(input: string, ...args: string[]): Command;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** Again on the same store, after `stop`. */
  start(): Promise<void>;
  end(): Promise<void>;
}

export async function startGateway(options: GatewayOptions): Promise<TestGateway> {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-e2e-"));
  const configPath = join(folder, "gatehouse.yaml");
  writeFileSync(join(folder, "master.key"), `${Buffer.alloc(32, 9).toString("base64")}\n`);
  chmodSync(join(folder, "master.key"), 0o600);
  writeFileSync(configPath, configuration(options), { mode: 0o600 });
  const listeners = Object.keys(options.listeners ?? {});
  if (listeners.length > 0) await generateCertificates(folder);
  let child: ChildProcess | undefined;
  let adminUrl = "";
  let ports: number[] = [];
  let output = "";

  async function start(): Promise<void> {
    const command = [process.execPath, MAIN, "run", "--config", configPath];
    const [program = "", ...args] = [...(options.under ?? []), ...command];
    const started = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    child = started;
    started.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const exited = once(started, "exit").then(() => {
      throw new Error(`the gateway ended:\n${output}`);
    });
    exited.catch(() => undefined);
    const ready = new Promise<void>((resolve) => {
      createInterface({ input: started.stdout }).on("line", (line) => {
        output += `${line}\n`;
        const found = /"addresses":\[(.*?)\],"control":.*"msg":"ready"/.exec(line);
        if (found === null) return;
        adminUrl = /"(https?:[^"]+)"/.exec(line)?.[1] ?? "";
        ports = [...(found[1] ?? "").matchAll(/:(\d+)"/g)].map(([, digits]) => Number(digits));
        resolve();
      });
    });
    await Promise.race([ready, exited]);
  }

  async function stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return null;
    const exit = once(child, "exit");
    child.kill(signal);
    await exit;
    return child.exitCode;
  }

  function run(input: string, args: readonly string[]): Command {
    const all = [MAIN, ...args, "--config", configPath];
    const options = { encoding: "utf8", input } as const;
    const { status, stdout, stderr } = spawnSync(process.execPath, all, options);
    return { status, stdout, stderr };
  }

  await start();
  return {
    folder,
    configPath,
    get port() {
      return ports[0] ?? 0;
    },
    ldapPort(name) {
      const place = listeners.indexOf(name);
      const port = ports[1 + place];
      if (place === -1 || port === undefined) throw new Error(`no listener ${name}`);
      return port;
    },
    get adminUrl() {
      return adminUrl;
    },
    get pid() {
      return child?.pid ?? 0;
    },
    output: () => output,
    async logged(pattern) {
      while (!pattern.test(output)) await wait(20);
    },
    command: (...args) => run("", args),
    commandWith: (input, ...args) => run(input, args),
    stop,
    start,
    async end() {
      await stop("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** YAML lines of a directory as test/support/slapd.ts has it. */
export const slapdLines = (url: string): string[] => [
  `urls: ["${url}"]`,
  "allow_cleartext: true",
  `bind_dn: ${SERVICE_DN}`,
  `bind_password: { value: ${SERVICE_PASSWORD} }`,
  `base: ${BASE}`,
  "timeout: 1s",
];

function configuration(options: GatewayOptions): string {
  const { directory } = options;
  const lines = typeof directory === "string" ? slapdLines(directory) : directory;
  const directories = Object.entries({ corp: lines, ...options.otherDirectories }).map(
    ([name, itsLines]) => `  - name: ${name}\n${itsLines.map((line) => `    ${line}\n`).join("")}`,
  );
  const client = (options.client ?? []).map((line) => `      ${line}\n`).join("");
  return `store: { sqlite: data/gatehouse.db }
master_key: { file: master.key }
directories:
${directories.join("")}radius:
  listen: ["${options.listen ?? "127.0.0.1:0"}"]
  clients:
    - name: vpn
      addresses: [127.0.0.0/8]
      secret: { value: ${SHARED_SECRET} }
${client}totp: { issuer: Tests }
log: { level: ${options.logLevel ?? "info"} }
${listenersText(options.listeners ?? {})}${options.more ?? ""}`;
}

function listenersText(listeners: Readonly<Record<string, readonly string[]>>): string {
  const entries = Object.entries(listeners).map(([name, lines]) => {
    const all = lines.some((line) => line.startsWith("listen:"))
      ? lines
      : ['listen: "127.0.0.1:0"', ...lines];
    const isPlain = lines.includes("tls: none");
    const tls = isPlain ? [] : ["certificate: server.pem", "key: server.key"];
    return `    - name: ${name}\n${[...all, ...tls].map((line) => `      ${line}\n`).join("")}`;
  });
  return entries.length === 0 ? "" : `ldap:\n  listeners:\n${entries.join("")}`;
}

export interface RadclientReply {
  /** "none" when nothing came back in time. */
  readonly code: "Access-Accept" | "Access-Reject" | "Access-Challenge" | "none";
  /** Hex. */
  readonly state: string | undefined;
  readonly text: string;
}

/** One request by the real radclient; `attributes` as it writes them. */
export async function radclient(
  gateway: Pick<TestGateway, "port">,
  username: string,
  password: string,
  attributes: readonly string[] = [],
): Promise<RadclientReply> {
  const target = `127.0.0.1:${gateway.port}`;
  const child = spawn("radclient", ["-x", "-r", "1", "-t", "3", target, "auth", SHARED_SECRET]);
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const quoted = (value: string): string => `"${value.replaceAll(/["\\]/g, "\\$&")}"`;
  const lines = [
    `User-Name = ${quoted(username)}`,
    `User-Password = ${quoted(password)}`,
    "Message-Authenticator = 0x00",
    ...attributes,
  ];
  child.stdin.end(`${lines.join("\n")}\n`);
  await once(child, "close");
  const code = /Received (Access-\w+)/.exec(text)?.[1];
  const isKnown =
    code === "Access-Accept" || code === "Access-Reject" || code === "Access-Challenge";
  return { code: isKnown ? code : "none", state: /State = (0x[0-9a-f]+)/.exec(text)?.[1], text };
}

/** The code of a raw secret, `offset` steps from now. */
export function codeFor(secret: Buffer, offset = 0): string {
  const token = { algorithm: "sha1", digits: 6 } as const;
  return generateCode(token, Secret.of(secret), stepAt(Date.now(), 30) + offset);
}
