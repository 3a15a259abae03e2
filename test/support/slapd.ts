// A private OpenLDAP server for tests: its own folder, loopback only, free ports, stopped by `stop`.
// Invariant: what it holds never changes between tests; see PEOPLE and GROUPS.
//
// Base dc=example,dc=org. Everyone under ou=people has the password "<uid>-password", except bob:
// "hello". Service account: SERVICE_DN. With `users`, uid=u000000 … have "pw-u000000" ….

import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { generateCertificates } from "../../certs/certificates.ts";
import { freePort, untilListening } from "./ports.ts";

export const BASE = "dc=example,dc=org";
export const SERVICE_DN = `cn=gatehouse,ou=services,${BASE}`;
export const SERVICE_PASSWORD = "service-password";

/** uid of everyone under ou=people; "twin" exists a second time under ou=contractors. */
const PEOPLE = ["alice", "bob", "carol", "mallory", "twin", "o'neil, (pat)*\\", "jürgen"];
/** Only with `passwordPolicy`: each trips one rule, with its right password. */
const POLICY_PEOPLE: Readonly<Record<string, readonly string[]>> = {
  locked: ["pwdAccountLockedTime: 000001010000Z"],
  expired: ["pwdChangedTime: 20200101000000Z"],
  reset: ["pwdReset: TRUE"],
  // May log in twice more after that.
  grace: ["pwdChangedTime: 20200101000000Z", `pwdPolicySubentry: cn=lenient,ou=policies,${BASE}`],
};
/** Nested: alice is in staff, staff in everyone, everyone in loop and loop in staff. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  vpn: ["uid=alice,ou=people", "uid=bob,ou=people", "uid=carol,ou=people"],
  staff: ["uid=alice,ou=people", "cn=loop,ou=groups"],
  everyone: ["cn=staff,ou=groups"],
  loop: ["cn=everyone,ou=groups"],
  nobody: ["uid=nobody,ou=people"],
};

export interface SlapdOptions {
  /** How many of u000000 … there are besides the named people; 0 by default. */
  readonly users?: number;
  /** How many groups g00000 … there are that hold mallory; 0 by default. */
  readonly groups?: number;
  /** Adds an LDAPS port, and StartTLS on the other. */
  readonly tls?: boolean;
  /** Names in the certificate; this host's by default. */
  readonly certificateNames?: readonly string[];
  /** Adds OpenLDAP's password policy and the people it refuses. */
  readonly passwordPolicy?: boolean;
  /** How many wrong passwords that policy locks after; 1,000 by default. */
  readonly locksAfter?: number;
  /** Takes binds with a name and no password, or the other way round, for successful ones. */
  readonly unauthenticatedBinds?: boolean;
  /** What the service account may find at most; 500 is slapd's own default. */
  readonly sizeLimit?: number;
  /** How many entries it looks through for the service account where no index helps. */
  readonly uncheckedLimit?: number;
  /** Adds ou=elsewhere, which is at that ldap:// URL. */
  readonly referral?: string;
  /** Adds cn=<name>,ou=services with the password "<name>-password". */
  readonly serviceAccount?: string;
  /** u000000 … are Unix accounts: uidNumber 20000 …, /home/<uid>. */
  readonly posix?: boolean;
  /** People may write everything but passwords. */
  readonly write?: boolean;
  /** People may change their own password. */
  readonly selfWrite?: boolean;
  /** Keeps a log of operations, for `binds`. Costs speed. */
  readonly log?: boolean;
}

export interface Slapd {
  readonly host: "127.0.0.1";
  readonly port: number;
  readonly url: string;
  /** 0 and "" without `tls`. */
  readonly ldapsPort: number;
  readonly ldapsUrl: string;
  /** PEM of the authority that signed its certificate; "" without `tls`. */
  readonly ca: string;
  /** How many binds as `dn` (as it was sent) arrived since the first start. Needs `log`. */
  binds(dn: string): number;
  /** What the server itself holds: the values of `attribute` of that uid. */
  read(uid: string, attribute: string): string[];
  /** One more entry, as LDIF. */
  add(ldif: string): void;
  /** Gives that uid these values of `attribute`, in the place of those it has. */
  change(uid: string, attribute: string, ...values: readonly string[]): void;
  /** Removes one of the people and adds one of the same name and password: another entryUUID. */
  replacePerson(uid: string): void;
  /** It stays connected and answers nothing (SIGSTOP) until `resume`. */
  pause(): void;
  resume(): void;
  /** Ends at once, without saying goodbye; `start` brings it back on the same ports. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/** Resolves when it takes connections. */
export async function startSlapd(options: SlapdOptions = {}): Promise<Slapd> {
  const slapd = findProgram("slapd");
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-slapd-"));
  mkdirSync(join(folder, "db"));
  if (options.tls === true) {
    const names = options.certificateNames;
    await generateCertificates(folder, names === undefined ? {} : { names });
  }
  writeFileSync(join(folder, "slapd.conf"), configuration(folder, options));
  load(folder, options);
  const port = await freePort();
  const ldapsPort = options.tls === true ? await freePort() : 0;
  const url = `ldap://127.0.0.1:${port}`;
  const ldapsUrl = ldapsPort === 0 ? "" : `ldaps://127.0.0.1:${ldapsPort}`;
  const logPath = join(folder, "log");
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const log = openSync(logPath, "a");
    const level = options.log === true ? "stats" : "none";
    const listeners = `${url} ${ldapsUrl}`.trim();
    const args = ["-f", join(folder, "slapd.conf"), "-h", listeners, "-d", level];
    child = spawn(slapd, args, { stdio: ["ignore", log, log] });
    closeSync(log);
    await untilListening(port, child, logPath);
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill(signal);
    child.kill("SIGCONT");
    await exit;
  }

  const asAdmin = ["-x", "-H", url, "-D", `cn=admin,${BASE}`, "-w", "admin"];
  function add(input: string): void {
    const { status, stderr } = spawnSync("ldapadd", asAdmin, { input, encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
  }

  // A test that dies must not leave its server behind.
  const killAtExit = (): void => void child?.kill("SIGKILL");
  process.once("exit", killAtExit);
  await start();
  return {
    host: "127.0.0.1",
    port,
    url,
    ldapsPort,
    ldapsUrl,
    ca: options.tls === true ? readFileSync(join(folder, "ca.pem"), "utf8") : "",
    binds(dn) {
      return readFileSync(logPath, "utf8").split(` BIND dn="${dn}" method=`).length - 1;
    },
    read(uid, attribute) {
      const what = ["-LLL", "-b", BASE, `(uid=${uid})`, attribute];
      const { stdout } = spawnSync("ldapsearch", [...asAdmin, ...what], { encoding: "utf8" });
      return [...stdout.matchAll(new RegExp(`^${attribute}: (.*)$`, "gm"))].map(
        ([, value]) => value ?? "",
      );
    },
    add,
    change(uid, attribute, ...values) {
      const encoded = values.map(
        (value) => `${attribute}:: ${Buffer.from(value, "utf8").toString("base64")}\n`,
      );
      const change = `changetype: modify\nreplace: ${attribute}\n${encoded.join("")}`;
      const input = `dn: uid=${uid},ou=people,${BASE}\n${change}`;
      const done = spawnSync("ldapmodify", asAdmin, { input, encoding: "utf8" });
      if (done.status !== 0) throw new Error(done.stderr);
    },
    replacePerson(uid) {
      const removed = spawnSync("ldapdelete", [...asAdmin, `uid=${uid},ou=people,${BASE}`]);
      if (removed.status !== 0) throw new Error(removed.stderr.toString());
      add(person(uid, `${uid}-password`));
    },
    pause() {
      child?.kill("SIGSTOP");
      // The signal is under way for a moment, and each thread stops by itself.
      while (child?.pid !== undefined && !isStopped(child.pid)) continue;
    },
    resume: () => child?.kill("SIGCONT"),
    kill: () => end("SIGKILL"),
    start,
    async stop() {
      await end("SIGKILL");
      process.off("exit", killAtExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function isStopped(pid: number): boolean {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).every((task) =>
    /\) [TtZX] /.test(readFileSync(`${tasks}/${task}/stat`, "utf8")),
  );
}

function findProgram(name: string): string {
  const places = ["/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/usr/local/libexec"];
  const found = places.map((place) => join(place, name)).find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new Error(`${name} is missing: install OpenLDAP's server (Debian: apt-get install slapd)`);
}

function configuration(folder: string, options: SlapdOptions): string {
  const { uncheckedLimit } = options;
  const unchecked = uncheckedLimit === undefined ? "" : ` size.unchecked=${uncheckedLimit}`;
  const schemas = ["core", "cosine", "inetorgperson", "nis"];
  const lines = [
    ...schemas.map((name) => `include /etc/ldap/schema/${name}.schema`),
    "modulepath /usr/lib/ldap",
    "moduleload back_mdb.la",
    "moduleload sssvlv.la",
    "threads 4",
  ];
  if (options.passwordPolicy === true) lines.push("moduleload ppolicy.la");
  if (options.unauthenticatedBinds === true) lines.push("allow bind_anon_cred bind_anon_dn");
  if (options.tls === true) {
    lines.push(`TLSCACertificateFile ${folder}/ca.pem`);
    lines.push(`TLSCertificateFile ${folder}/server.pem`);
    lines.push(`TLSCertificateKeyFile ${folder}/server.key`);
  }
  lines.push(
    "database mdb",
    `suffix ${BASE}`,
    `rootdn cn=admin,${BASE}`,
    "rootpw admin",
    `directory ${folder}/db`,
    "maxsize 4294967296",
    "dbnosync",
    "index objectClass,uid,cn,member,uniqueMember,memberUid eq",
    `access to attrs=userPassword by anonymous auth${options.selfWrite === true ? " by self =xw" : ""} by * none`,
    `access to * by users ${options.write === true ? "write" : "read"} by * none`,
    `limits dn.exact="${SERVICE_DN}" size=${options.sizeLimit ?? 500}${unchecked}`,
    "overlay sssvlv",
  );
  if (options.passwordPolicy === true) {
    lines.push("overlay ppolicy", `ppolicy_default cn=default,ou=policies,${BASE}`);
    lines.push("ppolicy_use_lockout");
  }
  return `${lines.join("\n")}\n`;
}

function load(folder: string, options: SlapdOptions): void {
  const entries: string[] = [
    entry(BASE, [
      "objectClass: dcObject",
      "objectClass: organization",
      "o: Example",
      "dc: example",
    ]),
  ];
  for (const ou of ["people", "contractors", "services", "groups", "policies"]) {
    entries.push(entry(`ou=${ou},${BASE}`, ["objectClass: organizationalUnit", `ou: ${ou}`]));
  }
  if (options.referral !== undefined) {
    const lines = ["objectClass: referral", "objectClass: extensibleObject", "ou: elsewhere"];
    entries.push(entry(`ou=elsewhere,${BASE}`, [...lines, `ref: ${options.referral}`]));
  }
  entries.push(service("gatehouse", SERVICE_PASSWORD));
  if (options.serviceAccount !== undefined) {
    entries.push(service(options.serviceAccount, `${options.serviceAccount}-password`));
  }
  for (const uid of PEOPLE) entries.push(person(uid, uid === "bob" ? "hello" : `${uid}-password`));
  entries.push(person("twin", "twin-password", "contractors"));
  // Two attributes make the name, in either order.
  entries.push(person("pat", "pat-password").replace("uid=pat,", "uid=pat+cn=pat,"));
  for (let index = 0; index < (options.users ?? 0); index += 1) {
    const uid = `u${String(index).padStart(6, "0")}`;
    const more = options.posix === true ? posixLines(uid, 20_000 + index) : [];
    entries.push(person(uid, `pw-${uid}`, "people", more));
  }
  for (const [cn, members] of Object.entries(GROUPS)) {
    const lines = members.map((member) => `member: ${member},${BASE}`);
    entries.push(
      entry(`cn=${cn},ou=groups,${BASE}`, ["objectClass: groupOfNames", `cn: ${cn}`, ...lines]),
    );
  }
  entries.push(
    entry(`cn=auditors,ou=groups,${BASE}`, [
      "objectClass: groupOfUniqueNames",
      "cn: auditors",
      `uniqueMember: uid=alice,ou=people,${BASE}`,
    ]),
  );
  entries.push(
    entry(`cn=printers,ou=groups,${BASE}`, [
      "objectClass: posixGroup",
      "cn: printers",
      "gidNumber: 1000",
      "memberUid: alice",
    ]),
  );
  for (let index = 0; index < (options.groups ?? 0); index += 1) {
    const cn = `g${String(index).padStart(5, "0")}`;
    const lines = [
      "objectClass: groupOfNames",
      `cn: ${cn}`,
      `member: uid=mallory,ou=people,${BASE}`,
    ];
    entries.push(entry(`cn=${cn},ou=groups,${BASE}`, lines));
  }
  if (options.passwordPolicy === true) entries.push(...policyEntries(options.locksAfter ?? 1_000));
  const path = join(folder, "load.ldif");
  writeFileSync(path, entries.join("\n"));
  const args = ["-q", "-f", join(folder, "slapd.conf"), "-l", path];
  const run = spawnSync(findProgram("slapadd"), args, { encoding: "utf8" });
  if (run.status !== 0) throw new Error(`slapadd failed: ${run.stderr}`);
  rmSync(path);
}

function policyEntries(locksAfter: number): string[] {
  const policy = (cn: string, ...rules: string[]): string =>
    entry(`cn=${cn},ou=policies,${BASE}`, [
      "objectClass: device",
      "objectClass: pwdPolicy",
      `cn: ${cn}`,
      "pwdAttribute: userPassword",
      "pwdMaxAge: 31536000",
      ...rules,
    ]);
  const locking = ["pwdLockout: TRUE", `pwdMaxFailure: ${locksAfter}`];
  const people = Object.entries(POLICY_PEOPLE).map(([uid, rules]) =>
    person(uid, `${uid}-password`, "people", rules),
  );
  return [
    policy("default", ...locking, "pwdFailureCountInterval: 900", "pwdMustChange: TRUE"),
    // One that doesn't lock says nothing about when it does.
    policy("lenient", "pwdMaxFailure: 1", "pwdGraceAuthNLimit: 2"),
    ...people,
  ];
}

function service(cn: string, password: string): string {
  return entry(`cn=${cn},ou=services,${BASE}`, [
    "objectClass: organizationalRole",
    "objectClass: simpleSecurityObject",
    `cn: ${cn}`,
    `userPassword: ${hashed(password)}`,
  ]);
}

function person(
  uid: string,
  password: string,
  ou = "people",
  more: readonly string[] = [],
): string {
  const escaped = uid.replaceAll(/[\\,+"<>;=]/g, "\\$&");
  return entry(`uid=${escaped},ou=${ou},${BASE}`, [
    "objectClass: inetOrgPerson",
    ...more,
    `uid: ${uid}`,
    `cn: ${uid}`,
    `sn: ${uid}`,
    `userPassword: ${hashed(password)}`,
  ]);
}

function posixLines(uid: string, uidNumber: number): string[] {
  const numbers = [`uidNumber: ${uidNumber}`, "gidNumber: 20000"];
  return ["objectClass: posixAccount", ...numbers, `homeDirectory: /home/${uid}`];
}

/** RFC 2849: what isn't plain ASCII is written in base64. */
function entry(dn: string, lines: readonly string[]): string {
  const encoded = [`dn: ${dn}`, ...lines].map((line) => {
    if (/^[ -~]*$/.test(line)) return line;
    const [name = "", value = ""] = line.split(/: (.*)/s);
    return `${name}:: ${Buffer.from(value, "utf8").toString("base64")}`;
  });
  return `${encoded.join("\n")}\n`;
}

export function hashed(password: string): string {
  const salt = createHash("sha1").update(`salt of ${password}`).digest().subarray(0, 8);
  const digest = createHash("sha1").update(password).update(salt).digest();
  return `{SSHA}${Buffer.concat([digest, salt]).toString("base64")}`;
}
