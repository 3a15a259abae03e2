// A private Apache httpd for tests: its own folder, loopback only, a free port, stopped by `stop`.
// What is asked of it is one file, "in\n", that lies at every place.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { freePort, untilListening } from "./ports.ts";

const MODULES: Readonly<Record<string, string>> = {
  mpm_event_module: "mod_mpm_event.so",
  alias_module: "mod_alias.so",
  authn_core_module: "mod_authn_core.so",
  authz_core_module: "mod_authz_core.so",
  authz_user_module: "mod_authz_user.so",
  auth_basic_module: "mod_auth_basic.so",
  ldap_module: "mod_ldap.so",
  authnz_ldap_module: "mod_authnz_ldap.so",
};

export interface ApacheOptions {
  /** PEM of the authority that signed the LDAP server's certificate. */
  readonly ca: string;
  /** More of its configuration; `caFile`: where it can read that. */
  readonly configuration: (caFile: string) => string;
}

export interface Apache {
  /** The status of a request with that name and password; 200 when the file came. */
  get(place: string, username: string, password: string): Promise<number>;
  /** What it has logged of errors so far. */
  log(): string;
  stop(): Promise<void>;
}

/** Resolves when it takes connections. */
export async function startApache(options: ApacheOptions): Promise<Apache> {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-apache-"));
  const port = await freePort();
  // Its workers aren't root: they read the file and the authority's certificate.
  chmodSync(folder, 0o755);
  const caFile = join(folder, "ca.pem");
  writeFileSync(caFile, options.ca);
  writeFileSync(join(folder, "file"), "in\n");
  const logPath = join(folder, "error.log");
  writeFileSync(logPath, "");
  const text = `${configuration(folder, port)}\n${options.configuration(caFile)}`;
  writeFileSync(join(folder, "httpd.conf"), text);
  const args = ["-DFOREGROUND", "-d", folder, "-f", join(folder, "httpd.conf")];
  const child = spawn("/usr/sbin/apache2", args, { stdio: ["ignore", "ignore", "inherit"] });
  const killAtExit = (): void => void child.kill("SIGTERM");
  process.once("exit", killAtExit);
  await untilListening(port, child, logPath);
  return {
    async get(place, username, password) {
      const credentials = Buffer.from(`${username}:${password}`).toString("base64");
      const headers = { authorization: `Basic ${credentials}` };
      const response = await fetch(`http://127.0.0.1:${port}/${place}`, { headers });
      const text = await response.text();
      if (response.status === 200 && text !== "in\n") throw new Error(`not the file: ${text}`);
      return response.status;
    },
    log: () => readFileSync(logPath, "utf8"),
    async stop() {
      const exit = once(child, "exit");
      child.kill("SIGTERM");
      await exit;
      process.off("exit", killAtExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function configuration(folder: string, port: number): string {
  const lines = [
    `Listen 127.0.0.1:${port}`,
    "ServerName 127.0.0.1",
    `PidFile ${folder}/pid`,
    `ErrorLog ${folder}/error.log`,
    "LogLevel info",
    "KeepAlive Off",
    `DocumentRoot ${folder}`,
    ...Object.entries(MODULES).map(
      ([name, file]) => `LoadModule ${name} /usr/lib/apache2/modules/${file}`,
    ),
    `AliasMatch "^/" ${folder}/file`,
    // Each process has its own pool of LDAP connections: one is enough to have people take turns.
    "StartServers 1",
    "ServerLimit 1",
    "ThreadsPerChild 8",
    "MaxRequestWorkers 8",
    "MinSpareThreads 1",
    "MaxSpareThreads 8",
    ...(process.getuid?.() === 0 ? ["User www-data", "Group www-data"] : []),
  ];
  return lines.join("\n");
}
