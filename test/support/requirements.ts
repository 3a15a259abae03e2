// The real servers the tests talk to: installed where that is possible (Debian, root), else named.
// Invariant: a missing one ends the run; no test is ever skipped for want of a server.

import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";

import { isUnpacked, unpack } from "./unpacked.ts";

const NEEDED = [
  { program: "/usr/sbin/slapd", package: "slapd" },
  { program: "/usr/bin/ldapsearch", package: "ldap-utils" },
  { program: "/usr/bin/radclient", package: "freeradius-utils" },
  // Judges the unit in config/; nothing is started.
  { program: "/usr/bin/systemd-analyze", package: "systemd" },
  // Moves the clock, and lets the disk fail, for one process.
  { program: "/usr/bin/faketime", package: "faketime" },
  { program: "/usr/bin/strace", package: "strace" },
  // Active Directory, in a network namespace of its own.
  { program: "/usr/sbin/samba", package: "samba" },
  { program: "/usr/share/samba/setup/provision.ldif", package: "samba-ad-provision" },
  {
    program: "/usr/lib/x86_64-linux-gnu/samba/ldb/samba_dsdb.so",
    package: "samba-dsdb-modules",
  },
  {
    program: "/usr/lib/x86_64-linux-gnu/samba/vfs/acl_xattr.so",
    package: "samba-vfs-modules",
  },
  { program: "/usr/sbin/ns-slapd", package: "389-ds-base" },
  { program: "/usr/sbin/ip", package: "iproute2" },
  // An application of the LDAP door, and a balancer in front of it.
  { program: "/usr/sbin/apache2", package: "apache2-bin" },
  { program: "/usr/sbin/haproxy", package: "haproxy" },
  { program: "/usr/bin/openssl", package: "openssl" },
  // A person's browser at the portal, and the camera of their phone.
  { program: "/usr/bin/chromium", package: "chromium" },
  { program: "/usr/bin/zbarimg", package: "zbar-tools" },
  // Administrators' scripts.
  { program: "/usr/bin/curl", package: "curl" },
  { program: "/usr/bin/jq", package: "jq" },
  { program: "/usr/bin/oathtool", package: "oathtool" },
  // The mail server that test/support/mail-server.py is.
  { program: "/usr/bin/aiosmtpd", package: "python3-aiosmtpd" },
  // Judges what is measured, and the alert rules in config/.
  { program: "/usr/bin/promtool", package: "prometheus" },
] as const;

// Debian starts a server as soon as it is installed; the tests want only the program.
const POLICY = "/usr/sbin/policy-rc.d";

function missing(): string[] {
  return NEEDED.filter((one) => !existsSync(one.program)).map((one) => one.package);
}

function run(command: string, args: readonly string[]): boolean {
  const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", DEBIAN_FRONTEND: "noninteractive" };
  return spawnSync(command, args, { stdio: ["ignore", "ignore", "inherit"], env }).status === 0;
}

function install(packages: readonly string[]): void {
  const hadPolicy = existsSync(POLICY);
  if (!hadPolicy) writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    run("apt-get", ["update", "-qq"]);
    run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages]);
  } finally {
    if (!hadPolicy) rmSync(POLICY, { force: true });
  }
}

const wanted = missing();
const canInstall = process.getuid?.() === 0 && existsSync("/usr/bin/apt-get");
if (wanted.length > 0 && canInstall) {
  process.stderr.write(`installing for the tests: ${wanted.join(" ")}\n`);
  install(wanted);
}
if (!isUnpacked() && canInstall) {
  process.stderr.write("unpacking for the tests: nslcd, SSSD\n");
  run("apt-get", ["update", "-qq"]);
  unpack();
}
const still = missing();
if (still.length > 0) {
  process.stderr.write(
    `the tests need real servers that are not installed: ${still.join(" ")}\n` +
      `on Debian or Ubuntu: sudo apt-get install ${still.join(" ")}\n`,
  );
  process.exitCode = 1;
}
if (!isUnpacked()) {
  process.stderr.write("the tests need nslcd and SSSD: run `npm test` as root on Debian once\n");
  process.exitCode = 1;
}
