// Logins to a Unix host for tests: PAM, with nslcd or SSSD behind it, in a namespace of its own. What
// was unpacked lies over /usr and /etc there; /run and /var are empty. Needs root.
// Invariant: no file of this machine is changed, and everything inside ends with `stop`.

import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { UNPACKED } from "./unpacked.ts";

export interface UnixLoginOptions {
  /** nslcd.conf or sssd.conf. */
  readonly configuration: string;
  /** Somebody it can find. */
  readonly somebody: string;
}

export interface UnixLogin {
  /** PAM's word on that person and what is typed, and everything that was shown. */
  logIn(user: string, typed: string): Promise<{ readonly isIn: boolean; readonly text: string }>;
  /** The line of that person as getent has it; "" for nobody. */
  find(user: string): string;
  stop(): Promise<void>;
}

const START_MS = 20_000;
const INSIDE = `set -e
mount -t overlay overlay -o "lowerdir=$1/usr:/usr" /usr
mount -t overlay overlay -o "lowerdir=$2/etc:$1/etc:/etc" /etc
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var
ln -s /run /var/run
mkdir -p /run/nslcd /var/log/sssd
mkdir -p /var/lib/sss/db /var/lib/sss/mc /var/lib/sss/pubconf /var/lib/sss/pipes/private
shift 2
exec "$@"`;

interface Kind {
  readonly command: readonly string[];
  /** Below /etc. */
  readonly file: string;
  readonly module: string;
  /** Of NSS. */
  readonly service: string;
}
const NSLCD: Kind = {
  command: ["nslcd", "--nofork"],
  file: "nslcd.conf",
  module: "pam_ldap.so",
  service: "ldap",
};
const SSSD: Kind = {
  command: ["sssd", "--interactive"],
  file: "sssd/sssd.conf",
  module: "pam_sss.so",
  service: "sss",
};

export const startNslcd = (options: UnixLoginOptions): Promise<UnixLogin> => start(NSLCD, options);
export const startSssd = (options: UnixLoginOptions): Promise<UnixLogin> => start(SSSD, options);

/** Resolves when it finds `somebody`. */
async function start(kind: Kind, options: UnixLoginOptions): Promise<UnixLogin> {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-unix-"));
  write(join(folder, "etc", kind.file), options.configuration);
  const pam = ["auth", "account"].map((what) => `${what} required ${kind.module}`);
  write(join(folder, "etc/pam.d/gatehouse"), pam.join("\n"));
  const namespaces = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const inside = ["sh", "-c", INSIDE, "sh", UNPACKED, folder, ...kind.command];
  const child = spawn("unshare", [...namespaces, ...inside]);
  let output = "";
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const killAtExit = (): void => void child.kill("SIGKILL");
  process.once("exit", killAtExit);
  const login = createLogin(child, kind.service, async () => {
    process.off("exit", killAtExit);
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  });
  const latest = performance.now() + START_MS;
  while (login.find(options.somebody) === "") {
    await wait(100);
    if (child.exitCode === null && performance.now() < latest) continue;
    await login.stop();
    throw new Error(`${kind.command[0]} finds nobody:\n${output}`);
  }
  return login;
}

function createLogin(child: ChildProcess, service: string, stop: () => Promise<void>): UnixLogin {
  /** The words in front of a command that is to run inside. */
  const inside = (): string[] => {
    const path = `/proc/${child.pid}/task/${child.pid}/children`;
    const pid = existsSync(path) ? readFileSync(path, "utf8").trim() : "";
    return ["--target", pid, "--mount", "--pid"];
  };
  return {
    find(user) {
      const args = [...inside(), "getent", "--service", service, "passwd", user];
      return spawnSync("nsenter", args, { encoding: "utf8" }).stdout.trim();
    },
    async logIn(user, typed) {
      const args = [...inside(), "pamtester", "gatehouse", user, "authenticate", "acct_mgmt"];
      const pamtester = spawn("nsenter", args);
      let text = "";
      pamtester.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
      pamtester.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
      pamtester.stdin.end(`${typed}\n`);
      await once(pamtester, "close");
      return { isIn: pamtester.exitCode === 0, text };
    },
    stop,
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

/** Only the owner may read it, or SSSD doesn't. */
function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${text}\n`, { mode: 0o600 });
}
