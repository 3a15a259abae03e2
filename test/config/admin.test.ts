// The administrators' listener in the configuration: HTTPS or loopback, and a key that fits.

import { spawnSync } from "node:child_process";
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";

import t from "tap";

import { generateCertificates } from "../../certs/certificates.ts";
import { fakeClock } from "../support/clock.ts";
import { makeFolder, told, yaml } from "../support/configuration.ts";

const DAY_MS = 86_400_000;
const folder = makeFolder();
t.teardown(() => folder.remove());
const clock = fakeClock();
for (const name of ["one", "two"]) await generateCertificates(join(folder.path, name), { clock });

const TLS = "certificate: one/server.pem, key: one/server.key";
const load = (admin: string, now = clock): ReturnType<typeof folder.load> =>
  folder.load(yaml({ top: `admin: { ${admin} }\n` }), { clock: now });

await t.test("without admin there is none", async (t) => {
  const loaded = folder.load(yaml());
  t.ok("config" in loaded && loaded.config.admin === undefined);
});

await t.test("HTTPS on loopback is what there is without being asked for", async (t) => {
  const loaded = load(TLS);
  if (!("config" in loaded)) throw new Error(told(loaded).join("\n"));
  const { admin } = loaded.config;
  t.match(admin, {
    listen: { family: 4, host: "127.0.0.1", port: 8443 },
    metricsFrom: [{ text: "127.0.0.0/8" }, { text: "::1" }],
  });
  t.equal(
    admin?.tls?.certificate.trim(),
    readFileSync(join(folder.path, "one/server.pem"), "utf8").trim(),
  );
  for (const file of ["one/server.pem", "one/server.key"]) {
    t.ok(loaded.watch.includes(join(folder.path, file)), `${file} is watched`);
  }
  const other = load(TLS.replaceAll("one", "two"));
  t.ok("hash" in other && other.hash !== loaded.hash);
});

await t.test("in clear on loopback only, and only where it is spelled out", async (t) => {
  for (const listen of ["127.0.0.1:0", "127.1.2.3:9464", "[::1]:9464"]) {
    t.same(told(load(`listen: "${listen}", tls: none`)), [], listen);
  }
  for (const listen of ["0.0.0.0:9464", "192.0.2.1:9464", "[::]:9464", "[2001:db8::1]:9464"]) {
    t.match(told(load(`listen: "${listen}", tls: none`)), [
      /^13:18 admin\.listen: must be on loopback where tls is none; write 127\.0\.0\.1, or name /,
    ]);
  }
  t.same(told(load(`tls: none, ${TLS}`)), [
    "13:34 admin.certificate: has no use where tls is none; remove one of the two",
    "13:55 admin.key: has no use where tls is none; remove one of the two",
  ]);
  t.match(told(load("tls: start_tls")), [/admin\.tls: must be implicit or none/]);
});

await t.test("HTTPS without certificate or key is refused", async (t) => {
  const remedy = "missing; HTTPS needs certificate and key (or tls: none, on loopback)";
  t.match(told(load("")), [new RegExp(`admin.certificate: ${RegExp.escape(remedy)}`)]);
  t.match(told(load("certificate: one/server.pem")), [/admin\.key: missing/]);
  t.match(told(load("key: one/server.key")), [/admin\.certificate: missing/]);
});

await t.test("T16: certificate and key must be there, fit together and be valid now", async (t) => {
  const write = (name: string, text: string, mode = 0o600): string =>
    folder.write(name, text, mode);
  const read = (name: string): string => readFileSync(join(folder.path, name), "utf8");
  write("open.key", read("one/server.key"), 0o644);
  write("text.key", "no key at all");
  const locked = [
    "pkey",
    "-in",
    join(folder.path, "one/server.key"),
    "-aes256",
    "-passout",
    "pass:x",
  ];
  write("locked.key", spawnSync("openssl", locked, { encoding: "utf8" }).stdout);
  cpSync(join(folder.path, "one/server.key"), join(folder.path, "text.pem"));
  const cases: readonly (readonly [certificate: string, key: string, said: RegExp])[] = [
    ["one/server.pem", "two/server.key", /admin\.key: is not the key of one\/server\.pem/],
    ["one/ca.pem", "one/server.key", /admin\.key: is not the key of one\/ca\.pem/],
    ["one/server.pem", "open.key", /admin\.key: .*open\.key is open to other users; run: chmod/],
    ["one/server.pem", "text.key", /admin\.key: text\.key is not a PEM private key/],
    ["one/server.pem", "locked.key", /admin\.key: locked\.key is not a PEM private key without a/],
    ["one/server.pem", "gone.key", /admin\.key: .*gone\.key does not exist/],
    ["gone.pem", "one/server.key", /admin\.certificate: .*gone\.pem does not exist/],
    ["text.pem", "one/server.key", /admin\.certificate: text\.pem is not a PEM file of cert/],
  ];
  for (const [certificate, key, said] of cases) {
    t.match(told(load(`certificate: ${certificate}, key: ${key}`)), [said]);
  }
  const later = (days: number): typeof clock => fakeClock(clock.now() + days * DAY_MS);
  t.match(told(load(TLS, later(826))), [/admin\.certificate: expired on 2029-04-19/]);
  t.match(told(load(TLS, later(-3))), [/admin\.certificate: isn't valid before 2027-01-15/]);
  const soon = load(TLS, later(810));
  t.match(told(soon), [/admin\.certificate: expires on 2029-04-19/]);
  t.ok("config" in soon, "a warning, for there is time");
});

await t.test("A18: metrics for everybody warn, what is no network is refused", async (t) => {
  t.match(told(load(`${TLS}, metrics_from: [0.0.0.0/0]`)), [
    /admin\.metrics_from\[0\]: 0\.0\.0\.0\/0 shows the names of clients and directories to everyone/,
  ]);
  t.match(told(load(`${TLS}, metrics_from: [everywhere]`)), [/"everywhere" is not an IP address/]);
  t.same(told(load(`${TLS}, metrics_from: []`)), []);
});

const PORTAL = `${TLS}, public_url: "https://mfa.example.org/"`;
const withEnrolment = (admin: string, allowFrom: string): ReturnType<typeof folder.load> =>
  folder.load(yaml({ top: `admin: { ${admin} }\nenrolment: { allow_from: ${allowFrom} }\n` }));

await t.test("a portal where everybody may enrol by password alone is said loudly", async (t) => {
  const loaded = load(PORTAL);
  t.match(told(loaded), [
    /admin\.public_url: whoever has the password of a person without a token can enrol in their/,
  ]);
  if (!("config" in loaded)) throw new Error("it is a warning");
  t.equal(loaded.config.admin?.publicUrl, "https://mfa.example.org", "as browsers name it");
  t.match(loaded.config.enrolment.allowFrom, [{ text: "0.0.0.0/0" }, { text: "::/0" }]);
  t.same(told(withEnrolment(PORTAL, "[192.0.2.0/24]")), [], "not where networks are listed");
  t.match(told(withEnrolment(PORTAL, "[192.0.2.0/24, ::/0]")), [/admin\.public_url: whoever/]);
  t.match(told(withEnrolment(PORTAL, "[]")), [/enrolment\.allow_from/]);
});

await t.test("the public URL is an https origin, and nothing but one", async (t) => {
  const good = load(`${TLS}, public_url: https://mfa.example.org:8443/`);
  t.equal("config" in good && good.config.admin?.publicUrl, "https://mfa.example.org:8443");
  const bad = [
    "http://mfa.example.org",
    "https://mfa.example.org/portal",
    "https://a:b@mfa.example.org",
    "https://mfa.example.org?x",
    "mfa.example.org",
    '"https://"',
  ];
  for (const url of bad) {
    t.match(told(load(`${TLS}, public_url: ${url}`)), [/public_url: .* must be https:/], url);
  }
});

await t.test("A03: behind a proxy nobody's network is known, so none can be listed", async (t) => {
  const plain = 'listen: "127.0.0.1:0", tls: none, public_url: "https://mfa.example.org"';
  t.match(told(withEnrolment(plain, "[192.0.2.0/24]")), [
    /enrolment\.allow_from: can't tell people apart where admin\.tls is none/,
  ]);
});
