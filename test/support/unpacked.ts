// Debian's packages of PAM and NSS modules put them into this machine's own logins when they are
// installed. The tests unpack them, and what needs them, into a folder: see unix-login.ts.

import { spawnSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

const PACKAGES = ["nslcd", "libpam-ldapd", "libnss-ldapd", "sssd-ldap", "pamtester"];
/** Holds usr/ and etc/ of all of them. Delete it to have it made anew. */
export const UNPACKED = "/var/cache/gatehouse-tests";

export const isUnpacked = (): boolean => existsSync(UNPACKED);

/** Needs root, and package lists that are up to date. */
export function unpack(): void {
  const folder = `${UNPACKED}.${process.pid}`;
  try {
    unpackInto(folder);
    renameSync(folder, UNPACKED);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  }
  // Somebody else was faster, or it failed.
  rmSync(folder, { recursive: true, force: true });
}

function unpackInto(folder: string): void {
  const archives = join(folder, "archives");
  mkdirSync(join(archives, "partial"), { recursive: true });
  // With everything that they depend on and this machine hasn't.
  const quiet = ["-y", "-qq", "--no-install-recommends", "--download-only"];
  const options = [`Dir::Cache::archives=${archives}`, "DPkg::Lock::Timeout=120"];
  run("apt-get", ["install", ...quiet, ...options.flatMap((one) => ["-o", one]), ...PACKAGES]);
  for (const name of globSync("*.deb", { cwd: archives })) {
    run("dpkg-deb", ["--extract", join(archives, name), folder]);
  }
  rmSync(archives, { recursive: true });
  // /lib is /usr/lib (Debian 12 on), but not in all packages yet.
  const lib = join(folder, "lib");
  if (existsSync(lib)) run("cp", ["--archive", "--no-target-directory", lib, `${folder}/usr/lib`]);
}

function run(command: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
}
