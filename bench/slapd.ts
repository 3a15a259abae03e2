// A private OpenLDAP with any number of people, shared by the servers that are compared, and another
// one as a proxy. Anyone may read all but passwords: FreeRADIUS takes the TOTP key from `description`.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync, openSync, writeSync, closeSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { encodeBase32 } from "../src/lib/base32.ts";
import { BASE, nameOf, passwordOf, SERVICE_DN, SERVICE_PASSWORD, totpKeyOf } from "./people.ts";
import { findProgram, start, stop, type Server } from "./process.ts";

/** `certificates`: a folder of certs/certificates.ts; the port then takes LDAPS. */
export async function startSlapd(
  folder: string,
  users: number,
  port: number,
  certificates?: string,
): Promise<Server> {
  const slapadd = getProgram("slapadd");
  mkdirSync(join(folder, "db"), { recursive: true });
  const file = join(folder, "slapd.conf");
  writeFileSync(file, `${encryption(certificates)}${configuration(folder)}`);
  const ldif = join(folder, "people.ldif");
  writePeople(ldif, users);
  const loaded = spawnSync(slapadd, ["-q", "-f", file, "-l", ldif], { encoding: "utf8" });
  if (loaded.status !== 0) throw new Error(`slapadd failed: ${loaded.stderr}`);
  rmSync(ldif);
  return run("slapd", file, port, certificates === undefined ? "ldap" : "ldaps");
}

/** OpenLDAP's own proxy in front of it (slapd-ldap(5)): no factor, no event, nothing kept. */
export async function startSlapdProxy(
  folder: string,
  directoryPort: number,
  port: number,
): Promise<Server> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "slapd.conf");
  writeFileSync(file, proxyConfiguration(directoryPort));
  return run("slapd as a proxy", file, port);
}

function getProgram(name: string): string {
  const program = findProgram([name]);
  if (program !== undefined) return program;
  throw new Error(`${name} is missing: install OpenLDAP's server (Debian: apt-get install slapd)`);
}

async function run(
  name: string,
  file: string,
  port: number,
  scheme: "ldap" | "ldaps" = "ldap",
): Promise<Server> {
  const slapd = getProgram("slapd");
  // Somebody else's server would answer just as well, and spoil every figure.
  if (await isListening(port)) throw new Error(`port ${port} is taken: is another benchmark on?`);
  const child = start(slapd, ["-f", file, "-h", `${scheme}://127.0.0.1:${port}`, "-d", "0"]);
  for (let tries = 0; !(await isListening(port)); tries += 1) {
    if (tries > 200 || child.exitCode !== null) throw new Error(`${name} doesn't start`);
    await wait(50);
  }
  return { name, pid: child.pid ?? 0, port, stop: () => stop(child) };
}

function proxyConfiguration(directoryPort: number): string {
  return `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_ldap.la
loglevel none
threads 8
database ldap
suffix ${BASE}
uri ldap://127.0.0.1:${directoryPort}
rebind-as-user yes
`;
}

function encryption(folder: string | undefined): string {
  if (folder === undefined) return "";
  return `TLSCACertificateFile ${folder}/ca.pem
TLSCertificateFile ${folder}/server.pem
TLSCertificateKeyFile ${folder}/server.key
`;
}

function configuration(folder: string): string {
  return `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb.la
loglevel none
threads 8
sizelimit unlimited
database mdb
suffix ${BASE}
rootdn cn=admin,${BASE}
directory ${folder}/db
maxsize 4294967296
index objectClass,uid,member eq
access to attrs=userPassword by anonymous auth by * none
access to * by * read
`;
}

function writePeople(path: string, users: number): void {
  const file = openSync(path, "w");
  const add = (dn: string, ...lines: string[]): void => {
    writeSync(file, `dn: ${dn}\n${lines.join("\n")}\n\n`);
  };
  add(BASE, "objectClass: dcObject", "objectClass: organization", "o: Example", "dc: example");
  for (const ou of ["people", "services"]) {
    add(`ou=${ou},${BASE}`, "objectClass: organizationalUnit", `ou: ${ou}`);
  }
  const roles = ["objectClass: organizationalRole", "objectClass: simpleSecurityObject"];
  add(SERVICE_DN, ...roles, "cn: svc", `userPassword: ${hashed(SERVICE_PASSWORD)}`);
  for (let index = 0; index < users; index += 1) {
    const name = nameOf(index);
    add(
      `uid=${name},ou=people,${BASE}`,
      "objectClass: inetOrgPerson",
      `uid: ${name}`,
      `cn: ${name}`,
      `sn: ${name}`,
      `mail: ${name}@example.org`,
      `description: ${encodeBase32(totpKeyOf(index))}`,
      `userPassword: ${hashed(passwordOf(index))}`,
    );
  }
  closeSync(file);
}

function hashed(password: string): string {
  const salt = createHash("sha1").update(`salt of ${password}`).digest().subarray(0, 8);
  const digest = createHash("sha1").update(password).update(salt).digest();
  return `{SSHA}${Buffer.concat([digest, salt]).toString("base64")}`;
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect({ host: "127.0.0.1", port });
  const isOpen = await new Promise<boolean>((resolve) => {
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
  });
  socket.destroy();
  return isOpen;
}
