// LDAP listeners: TLS and its files, directories, exemptions, what is refused and what warns.

import { copyFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";

import { generateCertificates } from "../../certs/certificates.ts";
import { fakeClock } from "../support/clock.ts";
import { DIRECTORY, makeFolder, MASTER_KEY, told } from "../support/configuration.ts";

const folder = makeFolder();
t.teardown(() => folder.remove());
const clock = fakeClock();
await generateCertificates(folder.path, { clock });
await generateCertificates(join(folder.path, "other"), { clock });
copyFileSync(join(folder.path, "other/server.key"), join(folder.path, "other.key"));
folder.write("open.key", "anything", 0o644);
folder.write("rubbish.key", "no key at all");
folder.write("master.key", `${MASTER_KEY}\n`);

const TLS = { certificate: "server.pem", key: "server.key" };

function listener(changes: Record<string, string>, name = "apps"): string {
  const settings = { listen: '"0.0.0.0:636"', ...changes };
  const lines = Object.entries(settings).map(([key, value]) => `      ${key}: ${value}\n`);
  return `    - name: ${name}\n${lines.join("")}`;
}

function yaml(listeners: string, directories = DIRECTORY): string {
  return `master_key: { file: master.key }
directories:
${directories}ldap:
  listeners:
${listeners}`;
}

const tell = (changes: Record<string, string>, more = ""): string[] =>
  told(folder.load(yaml(listener(changes) + more), { clock }));

t.test("a listener has a default for everything but its place and its certificate", (t) => {
  const loaded = folder.load(yaml(listener(TLS)), { clock });
  if ("problems" in loaded) throw new Error(told(loaded).join("\n"));
  t.same(told(loaded), []);
  t.match(loaded.config.radius, { listen: [], clients: [] });
  const [built] = loaded.config.ldap.listeners;
  t.match(built, {
    name: "apps",
    listen: { family: 4, host: "0.0.0.0", port: 636 },
    tls: { begins: "implicit", certificate: /BEGIN CERTIFICATE/, clientCa: undefined },
    directory: "corp",
    mfa: "required",
    separator: ",",
    rebindWindowMs: 0,
    endUser: "none",
    operations: ["search", "compare", "whoami", "cancel"],
    referrals: "drop",
  });
  t.equal(built?.tls?.key.toString(), "[secret]");
  for (const file of ["server.pem", "server.key"]) {
    t.ok(loaded.watch.includes(join(folder.path, file)), file);
  }
  t.end();
});

t.test("LDAP-06: plain LDAP is for loopback only, and without TLS's keys", (t) => {
  t.same(tell({ listen: '"127.0.0.1:389"', tls: "none" }), []);
  t.same(tell({ listen: '"[::1]:389"', tls: "none" }), []);
  t.match(tell({ tls: "none" }), [/listeners\[0\].tls: none takes passwords in clear/]);
  const both = tell({ listen: '"127.0.0.1:389"', tls: "none", key: "server.key" });
  t.match(both, [/key: does nothing with tls: none; remove it/]);
  const modify = { listen: '"127.0.0.1:389"', tls: "none", operations: "[password_modify]" };
  t.match(tell(modify), [/operations\[0\]: password_modify needs TLS/]);
  t.end();
});

t.test("T16: a certificate without its key, or past its time, is refused", (t) => {
  t.match(tell({}), [/add "certificate: …" here: tls: implicit needs it/, /add "key: …" here/]);
  t.match(tell({ ...TLS, key: "nowhere.key" }), [/nowhere.key does not exist/]);
  t.match(tell({ ...TLS, key: "open.key" }), [/open.key is open to other users; run: chmod 600/]);
  t.match(tell({ ...TLS, key: "rubbish.key" }), [/rubbish.key is not a PEM private key/]);
  t.match(tell({ ...TLS, key: "other.key" }), [/key: is not the key of server.pem/]);
  t.match(tell({ ...TLS, certificate: "server.key" }), [/server.key is not a PEM file/]);
  const load = (days: number): string[] => {
    const later = fakeClock(clock.now() + days * 86_400_000);
    return told(folder.load(yaml(listener(TLS)), { clock: later }));
  };
  t.same(load(790), []);
  t.match(load(800), [/^12:20 ldap.listeners\[0\].certificate: expires on 20\d\d-\d\d-\d\d; get/]);
  t.match(load(830), [/certificate: expired on 20\d\d-\d\d-\d\d; get a new one signed/]);
  t.match(load(-30), [/certificate: isn't valid before 20\d\d-\d\d-\d\d/]);
  t.end();
});

t.test("nobody can be challenged in a bind: code is append", (t) => {
  for (const code of ["auto", "challenge"]) {
    t.match(tell({ ...TLS, code }), [/code: must be append: nobody can be asked anything/]);
  }
  t.same(tell({ ...TLS, code: "append", separator: '""' }), []);
  t.end();
});

t.test("rebind_window is off, or 1 s to 60 s", (t) => {
  for (const right of ["0", "0s", "1s", "60s"]) t.same(tell({ ...TLS, rebind_window: right }), []);
  for (const wrong of ["61s", "500ms", "1h"]) {
    t.match(tell({ ...TLS, rebind_window: wrong }), [/rebind_window: must be a duration of/]);
  }
  t.end();
});

t.test("a listener shows one directory, and that exists", (t) => {
  const second = DIRECTORY.replace("corp", "partners");
  const load = (changes: Record<string, string>): string[] =>
    told(folder.load(yaml(listener({ ...TLS, ...changes }), DIRECTORY + second), { clock }));
  t.match(load({}), [
    /directory: missing; a listener shows one directory, choose one of: corp, pa/,
  ]);
  t.match(load({ directory: "none" }), [/there is no directory "none"; known: corp, partners/]);
  t.same(load({ directory: "partners" }), []);
  t.end();
});

t.test("C06: who is asked for no code is told at each start", (t) => {
  t.match(tell({ ...TLS, mfa: "disabled" }), [/mfa: NOBODY is asked for a code here/]);
  t.match(tell({ ...TLS, mfa: "enabled" }), [/people without a token log in with their password/]);
  const one = '{ dn: "cn=svc,dc=example,dc=org", addresses: [192.0.2.10] }';
  t.match(tell({ ...TLS, exempt: `[${one}]` }), [
    /exempt\[0\].dn: "cn=svc,dc=example,dc=org" is asked for no code from 192.0.2.10$/,
  ]);
  const twin = '{ dn: "CN=SVC, dc=example,dc=org", addresses: [192.0.2.11] }';
  t.match(tell({ ...TLS, exempt: `[${one}, ${twin}]` }), [
    /exempt\[1\].dn: "CN=SVC, dc=example,dc=org" is listed twice; put its addresses together/,
  ]);
  t.end();
});

t.test("C03: an exemption or a balancer isn't everywhere", (t) => {
  const everywhere = '[{ dn: "cn=svc,dc=example,dc=org", addresses: ["0.0.0.0/0"] }]';
  t.match(tell({ ...TLS, exempt: everywhere }), [/addresses\[0\]: 0.0.0.0\/0 is everywhere; list/]);
  t.match(tell({ ...TLS, proxy_protocol: '["::/0"]' }), [/proxy_protocol\[0\]: ::\/0 is every/]);
  t.match(tell({ ...TLS, exempt: '[{ dn: "cn=svc,dc=example,dc=org", addresses: [] }]' }), [
    /addresses: must not be an empty list/,
  ]);
  t.end();
});

t.test("end_user is none, or address where a client has one of its own", (t) => {
  t.same(tell({ ...TLS, end_user: "address" }), []);
  t.match(tell({ ...TLS, end_user: "client" }), [/end_user: must be none or address/]);
  const onLoopback = { listen: '"127.0.0.1:389"', tls: "none", end_user: "address" };
  t.match(tell(onLoopback), [/end_user: every client here has this host's address; list the bal/]);
  t.same(tell({ ...onLoopback, proxy_protocol: "[127.0.0.1]" }), []);
  t.end();
});

t.test("names and places are taken once", (t) => {
  const again = (changes: Record<string, string>, name?: string): string[] =>
    tell(TLS, listener({ ...TLS, ...changes }, name));
  t.match(again({ listen: '"0.0.0.0:637"' }), [/listeners\[1\].name: "apps" is taken/]);
  t.match(again({}, "more"), [/listen: 0.0.0.0:636 is listened on by "apps" already; keep one/]);
  t.end();
});

t.test("what isn't an operation or a way with referrals is refused", (t) => {
  t.match(tell({ ...TLS, operations: "[search, sing]" }), [
    /operations\[1\]: must be search, comp/,
  ]);
  t.match(tell({ ...TLS, operations: "[]" }), [/operations: must not be an empty list/]);
  t.match(tell({ ...TLS, referrals: "follow" }), [/referrals: must be drop or pass/]);
  t.end();
});
