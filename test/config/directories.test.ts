// Directories: clear text, names, filters, certificates.

import { join } from "node:path";
import t from "tap";

import { generateCertificates } from "../../certs/certificates.ts";
import { DIRECTORY, makeFolder, told, yaml } from "../support/configuration.ts";
import { makeRevocationList } from "../support/revocations.ts";

const folder = makeFolder();
t.teardown(() => folder.remove());
await generateCertificates(join(folder.path, "certs"));

function directory(changes: Record<string, string>, name = "corp"): string {
  const settings = {
    urls: '["ldaps://ldap.example.org"]',
    bind_dn: '"cn=gatehouse,dc=example,dc=org"',
    bind_password: "{ file: bind }",
    base: '"dc=example,dc=org"',
    ...changes,
  };
  const lines = Object.entries(settings).map(([key, value]) => `    ${key}: ${value}\n`);
  return `  - name: ${name}\n${lines.join("")}`;
}

function tell(directories: string): string[] {
  return told(folder.load(yaml({ directories })));
}

function first(changes: Record<string, string>) {
  const loaded = folder.load(yaml({ directories: directory(changes) }));
  if ("problems" in loaded) throw new Error(told(loaded).join("\n"));
  return { directory: loaded.config.directories[0], warnings: told(loaded) };
}

t.test("C08: ldap:// is refused unless encrypted or spelled out", (t) => {
  const urls = '["ldaps://a.example.org", "ldap://b.example.org"]';
  const plain = '["ldap://b.example.org"]';
  t.same(tell(directory({ urls })), [
    "4:37 directories[0].urls[1]: would send passwords in clear; write ldaps://, or set " +
      "start_tls: true (or allow_cleartext: true)",
  ]);
  const encrypted = first({ urls: plain, start_tls: "true" });
  t.match(encrypted.directory?.urls, [{ tls: "start-tls", port: 389 }]);
  t.same(encrypted.warnings, []);
  const clear = first({ urls: plain, allow_cleartext: "true" });
  t.match(clear.directory?.urls, [{ tls: "none" }]);
  t.match(clear.warnings, [/urls\[0\]: passwords cross the network in clear/]);
  t.end();
});

t.test("StartTLS on top of ldaps:// is refused", (t) => {
  t.match(tell(directory({ start_tls: "true" })), [/ldaps:\/\/ is encrypted already/]);
  t.end();
});

t.test("a URL names a server and nothing else", (t) => {
  for (const [url, expected] of [
    ["ldaps://[2001:db8::1]:6360", { host: "2001:db8::1", port: 6360, tls: "implicit" }],
    ["ldaps://ldap.example.org/", { host: "ldap.example.org", port: 636 }],
  ] as const) {
    t.match(first({ urls: `["${url}"]` }).directory?.urls, [expected]);
  }
  for (const url of [
    "ldap.example.org",
    "https://ldap.example.org",
    "ldaps://",
    "ldaps://user:word@host",
    "ldaps://host/dc=example",
    "ldaps://host:0",
    "ldaps://host:70000",
  ]) {
    t.match(tell(directory({ urls: `["${url}"]` })), [/is not the URL of a directory/], url);
  }
  t.match(tell(directory({ urls: "[]" })), [/urls: must not be an empty list/]);
  t.end();
});

t.test("names and filters are checked before a directory sees them", (t) => {
  for (const [key, value, expected] of [
    ["bind_dn", "gatehouse", "is not a DN"],
    ["bind_dn", "cn=a,", "is not a DN"],
    ["base", "dc=example dc=org,", "is not a DN"],
    ["user_dn", "uid=x,dc=example", "must contain {username}"],
    ["user_dn", "{username}", "is not a DN"],
    ["user_filter", "(uid=*)", "must contain {username}"],
    ["user_filter", "(&(a=b)(uid={username})", "is not an LDAP filter"],
    ["user_filter", "uid={username}", "is not an LDAP filter"],
    ["user_filter", "(&)(uid={username})", "is not an LDAP filter"],
    ["user_filter", "(!(uid={username})(a=b))", "is not an LDAP filter"],
    ["user_filter", "(={username})", "is not an LDAP filter"],
    ["user_filter", "({username}=admin)", "is not an LDAP filter"],
    ["user_filter", "(uid:{username}:=x)", "is not an LDAP filter"],
    ["user_dn", "{username}=x,dc=example", "is not a DN"],
    ["user_filter", "(uid={username})(a=b)", "is not an LDAP filter"],
  ] as const) {
    const [line, ...more] = tell(directory({ [key]: `"${value}"` }));
    t.ok(line?.includes(`directories[0].${key}: `) && line.includes(expected), `${line}`);
    t.same(more, []);
  }
  for (const [key, value] of [
    ["bind_dn", String.raw`CN=Smith\\, J + uid=7,OU=People,dc=example,dc=org`],
    ["user_dn", "uid={username},ou=people,dc=example,dc=org"],
    ["user_filter", "(&(objectClass=person)(|(uid={username})(mail={username}@*))(!(a>=1)))"],
    ["user_filter", "(memberOf:1.2.840.113556.1.4.1941:={username})"],
  ] as const) {
    t.same(tell(directory({ [key]: `"${value}"` })), [], value);
  }
  t.end();
});

t.test("the default filter uses the username attribute", (t) => {
  const { directory: built } = first({ username_attribute: "sAMAccountName" });
  t.equal(built?.userFilter, "(sAMAccountName={username})");
  t.end();
});

t.test("one domain can't belong to two directories, whatever the case", (t) => {
  const one = directory({ domains: "[example.org, EXAMPLE]" });
  const other = directory({ domains: "[other.org, example]" }, "other");
  t.match(
    tell(`${one}${other}`).filter((line) => line.includes("domains")),
    [/directories\[1\].domains\[1\]: "example" belongs to directory "corp" already; keep one$/],
  );
  t.match(tell(directory({ domains: '["@example.org"]' })), [/is not a domain; write it without/]);
  t.end();
});

t.test("two directories can't have one name", (t) => {
  t.match(tell(`${DIRECTORY}${DIRECTORY}`), [/directories\[1\].name: "corp" is taken/, /missing/]);
  t.end();
});

t.test("the CA file must hold certificates, and may be readable by everyone", (t) => {
  t.match(first({ ca: "certs/ca.pem" }).directory?.ca, /^-----BEGIN CERTIFICATE-----/);
  folder.write("garbage.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  for (const file of ["bind", "garbage.pem", "certs/ca.key"]) {
    t.match(tell(directory({ ca: file })), [/ca: .* is not a PEM file of certificates$/]);
  }
  t.match(tell(directory({ ca: "certs/none.pem" })), [/ca: .*none.pem does not exist/]);
  t.end();
});

t.test("the file of revocation lists must hold some", async (t) => {
  folder.write("ca.crl", await makeRevocationList(join(folder.path, "certs")));
  t.match(first({ crl: "ca.crl" }).directory?.crl, /^-----BEGIN X509 CRL-----/);
  for (const file of ["bind", "garbage.pem", "certs/ca.pem"]) {
    t.match(tell(directory({ crl: file })), [
      /crl: .* is not a PEM file of certificate revocation/,
    ]);
  }
  t.match(tell(directory({ crl: "none.crl" })), [/crl: .*none.crl does not exist/]);
});

t.test("time-outs and thresholds are within reason", (t) => {
  t.equal(first({ timeout: "100ms" }).directory?.timeoutMs, 100);
  t.equal(first({ lockout_threshold: "0" }).directory?.lockoutThreshold, 0);
  for (const [key, value] of [
    ["timeout", "99ms"],
    ["timeout", "31s"],
    ["timeout", "0"],
    ["lockout_threshold", "-1"],
    ["lockout_threshold", "1.5"],
  ] as const) {
    t.match(tell(directory({ [key]: value })), [`directories[0].${key}: must be a `]);
  }
  t.end();
});
