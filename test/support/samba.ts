// A Samba domain controller for tests: Active Directory as it answers, in a network namespace of its
// own, since its ports can't be chosen. Needs root.
//
// Realm AD.EXAMPLE.ORG, NetBIOS name EXAMPLE, second UPN suffix corp.example; the people and groups are
// those of samba-people.py. Everybody's password is PASSWORD, the service account's too.

import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { generateCertificates } from "../../certs/certificates.ts";
import type { DirectoryUrl } from "../../src/backends/directory/options.ts";

export const AD_BASE = "DC=ad,DC=example,DC=org";
export const AD_SERVICE_DN = `CN=gatehouse,CN=Users,${AD_BASE}`;
export const AD_PASSWORD = "Right-pass-1";
export const AD_ADMINISTRATOR_PASSWORD = "Administrator-1";

const PEOPLE = fileURLToPath(new URL("./samba-people.py", import.meta.url));
const START_MS = 20_000;

export interface Samba {
  readonly host: string;
  readonly url: DirectoryUrl;
  /** PEM of the authority that signed its certificate. */
  readonly ca: string;
  readonly caPath: string;
  /** What the domain controller itself holds: `attribute` of that account, octets in hex; "" if unset. */
  read(account: string, attribute: string): string;
  /** Ends it and removes its folder and network. */
  stop(): Promise<void>;
}

/** Resolves when it takes connections. */
export async function startSamba(): Promise<Samba> {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-samba-"));
  const network = createNetwork();
  const config = join(folder, "domain/etc/smb.conf");
  try {
    await generateCertificates(folder, { names: [network.host] });
    provision(folder);
    configure(config, folder);
    run("/usr/bin/python3", [PEOPLE, config]);
    // Older than the 42 days that the domain allows.
    run("/usr/bin/faketime", ["-f", "-100d", "/usr/bin/python3", PEOPLE, config, "outdated"]);
  } catch (error) {
    network.remove();
    throw error;
  }
  const args = ["netns", "exec", network.name, "samba", "-s", config, "-i", "-M", "single"];
  const child = spawn("ip", [...args, "--no-process-group"], { stdio: "ignore" });
  const killAtExit = (): void => {
    child.kill("SIGKILL");
    network.remove();
  };
  process.once("exit", killAtExit);
  await untilListening(network.host, child, join(folder, "log"));
  const { host } = network;
  const ca = join(folder, "ca.pem");
  return {
    host,
    url: { url: `ldaps://${host}`, host, port: 636, tls: "implicit" },
    ca: readFileSync(ca, "utf8"),
    caPath: ca,
    read(account, attribute) {
      const as = ["-x", "-LLL", "-H", `ldaps://${host}`, "-D", AD_SERVICE_DN, "-w", AD_PASSWORD];
      const what = ["-b", AD_BASE, `(sAMAccountName=${account})`, attribute];
      const text = run("ldapsearch", [...as, ...what], { LDAPTLS_CACERT: ca });
      const [, colon, value = ""] = new RegExp(`^${attribute}:(:?) (.*)$`, "m").exec(text) ?? [];
      return colon === ":" ? Buffer.from(value, "base64").toString("hex") : value;
    },
    async stop() {
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
      process.off("exit", killAtExit);
      network.remove();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A pair of interfaces: one end here, one in a new namespace. */
function createNetwork(): { name: string; host: string; remove: () => void } {
  const name = `gatehouse-${process.pid}`;
  const subnet = `10.213.${(process.pid >> 6) & 255}`;
  const first = (process.pid & 63) * 4;
  const [here, there] = [`${subnet}.${first + 1}`, `${subnet}.${first + 2}`];
  const [outer, inner] = [`gho${process.pid}`, `ghi${process.pid}`];
  const ip = (...args: string[]): string => run("ip", args);
  ip("netns", "add", name);
  ip("link", "add", outer, "type", "veth", "peer", "name", inner, "netns", name);
  ip("addr", "add", `${here}/30`, "dev", outer);
  ip("link", "set", outer, "up");
  ip("-n", name, "addr", "add", `${there}/30`, "dev", inner);
  ip("-n", name, "link", "set", inner, "up");
  ip("-n", name, "link", "set", "lo", "up");
  return { name, host: there, remove: () => void spawnSync("ip", ["netns", "del", name]) };
}

function provision(folder: string): void {
  run("samba-tool", [
    "domain",
    "provision",
    "--realm=AD.EXAMPLE.ORG",
    "--domain=EXAMPLE",
    "--host-name=dc1",
    "--server-role=dc",
    "--dns-backend=NONE",
    `--adminpass=${AD_ADMINISTRATOR_PASSWORD}`,
    `--targetdir=${join(folder, "domain")}`,
  ]);
}

// Only LDAP is wanted of it. Later lines of a section win over earlier ones.
function configure(config: string, folder: string): void {
  const lines = [
    "[global]",
    "server services = ldap",
    `log file = ${join(folder, "log")}`,
    // Else two of them at once meet in /run/samba, and the second ends itself.
    `pid directory = ${folder}`,
    `ncalrpc dir = ${join(folder, "ncalrpc")}`,
    "tls enabled = yes",
    `tls keyfile = ${join(folder, "server.key")}`,
    `tls certfile = ${join(folder, "server.pem")}`,
    `tls cafile = ${join(folder, "ca.pem")}`,
  ];
  appendFileSync(config, `${lines.join("\n")}\n`);
}

function run(command: string, args: readonly string[], more: Record<string, string> = {}): string {
  const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...more };
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", env });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${error?.message ?? stderr}`);
  return stdout;
}

async function untilListening(host: string, child: ChildProcess, log: string): Promise<void> {
  for (let waited = 0; waited < START_MS; waited += 50) {
    if (child.exitCode !== null) break;
    if (await accepts(host)) return;
    await wait(50);
  }
  const said = existsSync(log) ? readFileSync(log, "utf8") : "and logs nothing";
  throw new Error(`samba doesn't listen (exit ${child.exitCode}):\n${said}`);
}

function accepts(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: 636, timeout: 1_000 });
    const finish = (isUp: boolean): void => {
      socket.destroy();
      resolve(isUp);
    };
    socket.once("connect", () => finish(true));
    socket.once("error", () => finish(false));
    socket.once("timeout", () => finish(false));
  });
}
