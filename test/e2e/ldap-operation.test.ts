// What whoever runs the LDAP door does to it: certificates replaced, a listener's rules changed, two
// directories of which one fails.

import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";

import { generateCertificates } from "../../certs/certificates.ts";
import { startGateway } from "../support/gateway.ts";
import { LdapClient } from "../support/ldap-client.ts";
import { dnOf } from "../support/ldap-gateway.ts";
import { bindRequest, searchRequest, whoAmIRequest } from "../support/ldap-requests.ts";
import { BASE, SERVICE_DN, SERVICE_PASSWORD, startSlapd } from "../support/slapd.ts";

const TIMEOUT_MS = 3_000;
/** What a test grants for a deadline to be noticed on a busy machine. */
const LATE_MS = 5_000;

const [corp, partners] = [await startSlapd({ users: 5 }), await startSlapd({ users: 5 })];
const directory = (url: string): string[] => [
  `urls: ["${url}"]`,
  "allow_cleartext: true",
  `bind_dn: ${SERVICE_DN}`,
  `bind_password: { value: ${SERVICE_PASSWORD} }`,
  `base: ${BASE}`,
  `timeout: ${TIMEOUT_MS / 1_000}s`,
];
const gateway = await startGateway({
  directory: [
    ...directory(corp.url),
    `domains: [example.org]\n  - name: partners`,
    ...directory(partners.url),
    "domains: [partner.example]",
  ],
  listeners: {
    corp: ["directory: corp", "mfa: disabled"],
    partners: ["directory: partners", "mfa: disabled"],
  },
});
t.teardown(async () => {
  await gateway.end();
  await corp.stop();
  await partners.stop();
});

const read = (name: string): string => readFileSync(join(gateway.folder, name), "utf8");
const ca = read("ca.pem");
const open = (listener: string, authority = ca): Promise<LdapClient> =>
  LdapClient.open(gateway.ldapPort(listener), { ca: authority });
const bindAs = (id: number, uid: string): Buffer => bindRequest(id, dnOf(uid), `pw-${uid}`);

await t.test("one of two directories hangs: the other's people notice nothing", async (t) => {
  const before = await open("corp");
  t.match(await before.ask(bindAs(1, "u000001")), { resultCode: 0 });
  corp.pause();
  const hanging = await open("corp");
  const startedAt = performance.now();
  const late = hanging.ask(bindAs(1, "u000002"));
  for (const uid of ["u000001", "u000002", "u000003"]) {
    const begunAt = performance.now();
    const client = await open("partners");
    t.match(await client.ask(bindAs(1, uid)), { resultCode: 0 });
    t.ok(performance.now() - begunAt < TIMEOUT_MS, `${performance.now() - begunAt} ms`);
    client.end();
  }
  t.match(await late, { resultCode: 52 });
  t.ok(performance.now() - startedAt < TIMEOUT_MS + LATE_MS, "and its own wait one deadline");
  corp.resume();
  let code: number | undefined;
  for (let id = 2; id < 60 && code !== 0; id += 1) {
    code = (await hanging.ask(bindAs(id, "u000002"))).resultCode;
  }
  t.equal(code, 0, "it recovers by itself");
  before.end();
  hanging.end();
});

await t.test(
  "T16 T17: a certificate replaced on disk is used after a reload, a bad one isn't",
  async (t) => {
    const client = await open("corp");
    t.match(await client.ask(bindAs(1, "u000001")), { resultCode: 0 });
    await generateCertificates(join(gateway.folder, "next"));
    copyFileSync(join(gateway.folder, "next/server.pem"), join(gateway.folder, "server.pem"));
    const refused = gateway.command("reload");
    t.match(refused.stdout + refused.stderr, /is not the key of server\.pem/);
    t.match(await (await open("corp")).ask(whoAmIRequest(1)), { resultCode: 0 }, "the old one");
    copyFileSync(join(gateway.folder, "next/server.key"), join(gateway.folder, "server.key"));
    t.equal(gateway.command("reload").status, 0);
    await t.rejects(open("corp"));
    const next = await open("corp", read("next/ca.pem"));
    t.match(await next.ask(whoAmIRequest(1)), { resultCode: 0 });
    t.match(await client.ask(whoAmIRequest(2)), { resultCode: 0 }, "who was connected still is");
    client.end();
    next.end();
  },
);

await t.test(
  "rules change with a reload, for who is connected too; new addresses wait",
  async (t) => {
    const authority = read("next/ca.pem");
    const client = await open("corp", authority);
    t.match(await client.ask(bindAs(1, "u000001")), { resultCode: 0 });
    const search = (id: number): Buffer => searchRequest(id, { base: dnOf("u000001"), scope: 0 });
    t.match(await client.ask(search(2)), { kind: "entry" });
    await client.answerTo(2);
    const text = readFileSync(gateway.configPath, "utf8");
    const stricter = text.replace(
      "directory: corp\n",
      "directory: corp\n      operations: [whoami]\n",
    );
    writeFileSync(
      gateway.configPath,
      `${stricter}    - { name: more, listen: "127.0.0.1:1", tls: none, directory: corp }\n`,
    );
    const { stdout } = gateway.command("reload");
    t.match(stdout, /ldap\.listeners\[more\]\.listen 127\.0\.0\.1:1 .*at the next start/);
    t.match(await client.ask(search(3)), { resultCode: 53 });
    t.match(await client.ask(bindAs(4, "u000002")), { resultCode: 0 }, "with the new directories");
    client.end();
  },
);
