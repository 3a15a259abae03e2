// A private 389 Directory Server for tests: its own folder, loopback only, a free port, stopped by
// `stop`. Made from the template of the package's own installer, which wants systemd.
//
// Base and service account are those of slapd.ts. Everyone's password is "<uid>-password".
// Locks after DS_LOCKS_AFTER wrong passwords; an administrator's reset demands a new password.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { freePort, untilListening } from "./ports.ts";
import { BASE, hashed, SERVICE_DN, SERVICE_PASSWORD } from "./slapd.ts";

const ADMIN_DN = "cn=Directory Manager";
const ADMIN_PASSWORD = "admin-password";
export const DS_LOCKS_AFTER = 5;

/** uid -> what an administrator did to it. */
const PEOPLE: Readonly<Record<string, readonly string[]>> = {
  alice: [],
  bob: [],
  guessed: [],
  disabled: ["nsAccountLock: true"],
  expired: ["passwordExpirationTime: 20200101000000Z"],
};
/** Nested: alice is in staff, staff in everyone, everyone in loop and loop in staff. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  staff: ["uid=alice,ou=people", "cn=loop,ou=groups"],
  everyone: ["cn=staff,ou=groups"],
  loop: ["cn=everyone,ou=groups"],
  nobody: ["uid=nobody,ou=people"],
};

export interface Dirsrv {
  readonly host: "127.0.0.1";
  readonly port: number;
  /** What the server itself holds: `attribute` of that uid; "" if unset. */
  read(uid: string, attribute: string): string;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/** Resolves when it takes connections and holds its people. */
export async function startDirsrv(): Promise<Dirsrv> {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-dirsrv-"));
  const port = await freePort();
  writeInstance(folder, port);
  const log = join(folder, "log/errors");
  writeFileSync(log, "");
  const args = ["-D", join(folder, "config"), "-i", join(folder, "run/pid"), "-d", "0"];
  const child = spawn("/usr/sbin/ns-slapd", args, { stdio: "ignore" });
  const killAtExit = (): void => void child.kill("SIGKILL");
  process.once("exit", killAtExit);
  await untilListening(port, child, log);

  const asAdmin = ["-x", "-H", `ldap://127.0.0.1:${port}`, "-D", ADMIN_DN, "-w", ADMIN_PASSWORD];
  const modify = (ldif: string): string => run("ldapmodify", [...asAdmin, "-a"], ldif);
  modify(backend());
  modify(content());
  // A reset is one only if it happens under the policy.
  modify(policy());
  modify(reset("mustchange"));
  return {
    host: "127.0.0.1",
    port,
    read(uid, attribute) {
      const found = run("ldapsearch", [...asAdmin, "-LLL", "-b", BASE, `(uid=${uid})`, attribute]);
      return new RegExp(`^${attribute}: (.*)$`, "m").exec(found)?.[1] ?? "";
    },
    async stop() {
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
      process.off("exit", killAtExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function writeInstance(folder: string, port: number): void {
  const at = (name: string): string => join(folder, name);
  const folders = ["config", "config/schema", "db", "bak", "ldif", "run", "lock", "log", "tmp"];
  for (const name of folders) mkdirSync(at(name));
  const values: Readonly<Record<string, string>> = {
    config_dir: at("config"),
    schema_dir: at("config/schema"),
    cert_dir: at("config"),
    inst_dir: folder,
    db_dir: at("db"),
    db_home_dir: at("db"),
    bak_dir: at("bak"),
    ldif_dir: at("ldif"),
    run_dir: at("run"),
    lock_dir: at("lock"),
    log_dir: at("log"),
    tmp_dir: at("tmp"),
    db_lib: "bdb",
    ds_user: "root",
    ds_port: String(port),
    ds_suffix: BASE,
    ds_passwd: hashed(ADMIN_PASSWORD),
    rootdn: ADMIN_DN,
    fqdn: "localhost",
    ldapi: at("run/ldapi"),
    ldapi_enabled: "off",
    ldapi_autobind: "off",
  };
  const template = readFileSync("/usr/share/dirsrv/data/template-dse.ldif", "utf8");
  const filled = template.replaceAll(/%([a-z_]+)%/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`389 Directory Server's template wants ${name}`);
    return value;
  });
  writeFileSync(at("config/dse.ldif"), filled);
  for (const name of ["config/certmap.conf", "config/slapd-collations.conf"]) {
    copyFileSync(join("/etc/dirsrv", name), at(name));
  }
  copyFileSync("/etc/dirsrv/schema/99user.ldif", at("config/schema/99user.ldif"));
}

function backend(): string {
  return ldif(
    [
      "cn=userRoot,cn=ldbm database,cn=plugins,cn=config",
      "objectClass: extensibleObject",
      "objectClass: nsBackendInstance",
      "cn: userRoot",
      `nsslapd-suffix: ${BASE}`,
    ],
    [
      `cn="${BASE}",cn=mapping tree,cn=config`,
      "objectClass: extensibleObject",
      "objectClass: nsMappingTree",
      `cn: ${BASE}`,
      "nsslapd-state: backend",
      "nsslapd-backend: userRoot",
    ],
  );
}

function content(): string {
  const mayRead = '(targetattr!="userPassword")(version 3.0;acl "read";allow (read,search,compare)';
  const people = Object.entries({ ...PEOPLE, mustchange: [] });
  return ldif(
    [BASE, "objectClass: domain", "dc: example", `aci: ${mayRead} userdn="ldap:///all";)`],
    ...["people", "services", "groups"].map((ou) => [
      `ou=${ou},${BASE}`,
      "objectClass: organizationalUnit",
      `ou: ${ou}`,
    ]),
    [
      SERVICE_DN,
      "objectClass: organizationalRole",
      "objectClass: simpleSecurityObject",
      "cn: gatehouse",
      `userPassword: ${SERVICE_PASSWORD}`,
    ],
    ...people.map(([uid, more]) => [
      `uid=${uid},ou=people,${BASE}`,
      "objectClass: inetOrgPerson",
      `uid: ${uid}`,
      `cn: ${uid}`,
      `sn: ${uid}`,
      `userPassword: ${uid}-password`,
      ...more,
    ]),
    ...Object.entries(GROUPS).map(([cn, members]) => [
      `cn=${cn},ou=groups,${BASE}`,
      "objectClass: groupOfNames",
      `cn: ${cn}`,
      ...members.map((member) => `member: ${member},${BASE}`),
    ]),
  );
}

function policy(): string {
  const rules: Readonly<Record<string, string>> = {
    passwordLockout: "on",
    passwordMaxFailure: String(DS_LOCKS_AFTER),
    passwordExp: "on",
    passwordMustChange: "on",
  };
  const changes = Object.entries(rules).flatMap(([name, value]) => [
    `replace: ${name}`,
    `${name}: ${value}`,
    "-",
  ]);
  return ldif(["cn=config", "changetype: modify", ...changes]);
}

function reset(uid: string): string {
  const password = `userPassword: ${uid}-password`;
  return ldif([
    `uid=${uid},ou=people,${BASE}`,
    "changetype: modify",
    "replace: userPassword",
    password,
    "-",
  ]);
}

/** Each entry: its DN, then its lines. */
function ldif(...entries: readonly (readonly string[])[]): string {
  return entries.map(([dn, ...lines]) => `${[`dn: ${dn}`, ...lines].join("\n")}\n`).join("\n");
}

function run(command: string, args: readonly string[], input = ""): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", input });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
  return stdout;
}
