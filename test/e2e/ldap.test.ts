// The LDAP door as applications see it: the gateway as a process of its own, slapd behind it, the
// tools of OpenLDAP and a client of raw octets in front.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";

import { codeFor, radclient, startGateway } from "../support/gateway.ts";
import { LdapClient } from "../support/ldap-client.ts";
import {
  bindRequest,
  compareRequest,
  filter,
  passwordModifyRequest,
  request,
  saslRequest,
  searchRequest,
  startTlsRequest,
  unbindRequest,
  whoAmIRequest,
  element,
} from "../support/ldap-requests.ts";
import { ldapTool, type Ran } from "../support/ldap-tools.ts";
import { operatorOf } from "../support/operator.ts";
import { BASE, SERVICE_DN, SERVICE_PASSWORD, startSlapd } from "../support/slapd.ts";

const SVC = `cn=app,ou=services,${BASE}`;
const slapd = await startSlapd({ log: true, users: 40, serviceAccount: "app", selfWrite: true });
const gateway = await startGateway({
  directory: [
    `urls: ["${slapd.url}"]`,
    "allow_cleartext: true",
    `bind_dn: ${SERVICE_DN}`,
    `bind_password: { value: ${SERVICE_PASSWORD} }`,
    `base: ${BASE}`,
    "domains: [example.org, EXAMPLE]",
    "timeout: 2s",
  ],
  listeners: {
    ldaps: [`exempt: [{ dn: "${SVC}", addresses: [127.0.0.1] }]`],
    start_tls: ["tls: start_tls", `exempt: [{ dn: "${SVC}", addresses: [192.0.2.1] }]`],
    plain: ["tls: none"],
    again: ["tls: none", "rebind_window: 30s"],
    writes: ["operations: [search, modify, add, delete, modrdn, password_modify, whoami]"],
    members: ["tls: none", `allow_groups: ["cn=staff,ou=groups,${BASE}"]`],
  },
});
t.teardown(async () => {
  await gateway.end();
  await slapd.stop();
});

const { enroll, events } = operatorOf(gateway);
const caFile = join(gateway.folder, "ca.pem");
const ca = readFileSync(caFile, "utf8");
const ldaps = `ldaps://127.0.0.1:${gateway.ldapPort("ldaps")}`;
const startTls = `ldap://127.0.0.1:${gateway.ldapPort("start_tls")}`;
const dnOf = (uid: string): string => `uid=${uid},ou=people,${BASE}`;

const as = (dn: string, field: string): string[] => ["-x", "-D", dn, "-w", field];
const whoami = (url: string, dn: string, field: string, ...more: string[]): Promise<Ran> =>
  ldapTool("ldapwhoami", ["-H", url, ...as(dn, field), ...more], { caFile });
const plain = (name = "plain"): Promise<LdapClient> => LdapClient.open(gateway.ldapPort(name));

await t.test(
  "password,code over ldaps and with StartTLS; then the directory answers",
  async (t) => {
    const secret = enroll("alice");
    const field = `alice-password,${codeFor(secret)}`;
    const args = ["-H", ldaps, ...as(dnOf("alice"), field), "-LLL", "-b", BASE, "(uid=bob)", "cn"];
    const found = await ldapTool("ldapsearch", args, { caFile });
    t.match(found, { code: 0, stdout: /dn: uid=bob,ou=people,dc=example,dc=org\ncn: bob/ });
    const field2 = `alice-password,${codeFor(secret, 1)}`;
    t.match(await whoami(startTls, dnOf("alice"), field2, "-ZZ"), {
      code: 0,
      stdout: `dn:${dnOf("alice")}\n`,
    });
    const [event] = events("--user", "alice", "--type", "ldap_bind").slice(-1);
    t.match(event, {
      success: true,
      app: { name: "start_tls", ip: "127.0.0.1" },
      dn: dnOf("alice"),
      tls_established: true,
      operation_number: 2,
      mfa: true,
      auth_context: { password: true, totp: true },
    });
  },
);

await t.test(
  "wrong code, no code, used code, wrong password, nobody: 49, the same octets",
  async (t) => {
    const secret = enroll("alice");
    const used = `alice-password,${codeFor(secret)}`;
    t.equal((await whoami(ldaps, dnOf("alice"), used)).code, 0);
    const wrong = codeFor(secret) === "000000" ? "111111" : "000000";
    const fields: [string, string][] = [
      ["alice", used],
      ["alice", `alice-password,${wrong}`],
      ["alice", "alice-password"],
      ["alice", `wrong,${codeFor(secret, 1)}`],
      ["nobody", `alice-password,${codeFor(secret, 1)}`],
      ["carol", "carol-password"],
    ];
    const answers = await Promise.all(
      fields.map(async ([uid, field]) => {
        const startedAt = performance.now();
        const client = await plain();
        await client.ask(bindRequest(1, dnOf(uid), field));
        client.end();
        return { octets: client.messages[0]?.toString("hex"), ms: performance.now() - startedAt };
      }),
    );
    t.equal(new Set(answers.map(({ octets }) => octets)).size, 1);
    t.match(answers[0]?.octets, /^300c02010161070a013104000400$/);
    for (const { ms } of answers) t.ok(ms >= 1_000, `${ms}`);
    const told = await whoami(ldaps, dnOf("alice"), used);
    t.match(told, { code: 49, stderr: "ldap_bind: Invalid credentials (49)\n" });
    const logins = events("--user", "alice", "--type", "ldap_bind").slice(-6);
    t.same(
      new Set(logins.map((one) => one.reason)),
      new Set([
        undefined,
        "mfa-code-replayed",
        "mfa-code-incorrect",
        "mfa-code-missing",
        "password-incorrect",
        "repeated-attempt",
      ]),
    );
  },
);

await t.test("IDN-01: however the name is written, it is one person", async (t) => {
  const secret = enroll("bob");
  const names = ["bob@example.org", "EXAMPLE\\bob", "UID=Bob , OU=People, DC=example,dc=org"];
  const field = `hello,${codeFor(secret)}`;
  t.match(await whoami(ldaps, "uid=\\62ob,ou=people,dc=example,dc=org", field), {
    code: 0,
    stdout: `dn:${dnOf("bob")}\n`,
  });
  for (const name of names) t.equal((await whoami(ldaps, name, field)).code, 49, name);
  const found = events("--reason", "mfa-code-replayed").slice(-1);
  t.match(found, [{ initiated_by: { username: "bob" } }]);
  t.equal((await whoami(ldaps, "bob@example.org", `hello,${codeFor(secret, 1)}`)).code, 0);
});

await t.test("one code, both doors: used at one, it is dead at the other", async (t) => {
  const secret = enroll("carol");
  const field = `carol-password,${codeFor(secret)}`;
  t.equal((await radclient(gateway, "carol", field)).code, "Access-Accept");
  t.equal((await whoami(ldaps, dnOf("carol"), field)).code, 49);
  const next = `carol-password,${codeFor(secret, 1)}`;
  t.equal((await whoami(ldaps, dnOf("carol"), next)).code, 0);
  t.equal((await radclient(gateway, "carol", next)).code, "Access-Reject");
});

await t.test("OTP-06: failures at both doors lock both doors", async (t) => {
  const secret = enroll("mallory");
  for (let i = 0; i < 3; i += 1) {
    const field = `wrong-${i},${codeFor(secret)}`;
    t.equal((await radclient(gateway, "mallory", field)).code, "Access-Reject");
    t.equal((await whoami(ldaps, dnOf("mallory"), `wrong-${i + 3},${codeFor(secret)}`)).code, 49);
  }
  const right = `mallory-password,${codeFor(secret)}`;
  const binds = slapd.binds(dnOf("mallory"));
  t.equal((await whoami(ldaps, dnOf("mallory"), right)).code, 49);
  t.equal((await radclient(gateway, "mallory", right)).code, "Access-Reject");
  t.equal(slapd.binds(dnOf("mallory")), binds, "and the directory isn't asked");
  t.equal(events("--type", "user_lockout").length, 1);
  gateway.command("user", "unlock", "mallory");
  t.equal((await whoami(ldaps, dnOf("mallory"), right)).code, 0);
});

await t.test("LDAP-06: without TLS the password is neither forwarded nor logged", async (t) => {
  const secret = enroll("alice");
  const binds = slapd.binds(dnOf("alice"));
  const told = await whoami(startTls, dnOf("alice"), `alice-password,${codeFor(secret)}`);
  t.match(told, { code: 13, stderr: /Confidentiality required \(13\)/ });
  t.equal(slapd.binds(dnOf("alice")), binds);
  t.notMatch(gateway.output(), /alice-password/);
  t.equal((await whoami(ldaps, dnOf("alice"), `alice-password,${codeFor(secret)}`)).code, 0);
});

await t.test(
  "a service account binds with its password alone, from its address only",
  async (t) => {
    t.match(await whoami(ldaps, SVC, "app-password"), { code: 0, stdout: `dn:${SVC}\n` });
    t.match(await whoami(ldaps, `CN=App , OU=services,${BASE}`, "app-password"), { code: 0 });
    t.equal((await whoami(ldaps, SVC, "wrong")).code, 49);
    t.equal((await whoami(startTls, SVC, "app-password", "-ZZ")).code, 49, "from elsewhere");
    t.equal((await radclient(gateway, "app", "app-password")).code, "Access-Reject");
    t.match(
      events("--type", "ldap_bind")
        .slice(-4)
        .map((one) => [one.success, one.reason, one.mfa_exempt_reason]),
      [
        [true, undefined, "service-account"],
        [true, undefined, "service-account"],
        [false, "password-incorrect", undefined],
        [false, "service-account-address", undefined],
      ],
    );
  },
);

await t.test("search-then-bind, and several people in turn, on one connection", async (t) => {
  const client = await LdapClient.open(gateway.ldapPort("ldaps"), { ca });
  t.match(await client.ask(bindRequest(1, SVC, "app-password")), { resultCode: 0 });
  client.send(searchRequest(2, { base: BASE, filter: filter.equality("uid", "u000001") }));
  t.match(await client.next(), { id: 2, kind: "entry" });
  t.match(await client.next(), { id: 2, resultCode: 0 });
  let id = 3;
  for (const uid of ["u000001", "u000002", "u000001"]) {
    const field = `pw-${uid},${codeFor(enroll(uid))}`;
    t.match(await client.ask(bindRequest(id, dnOf(uid), field)), { resultCode: 0 });
    client.send(whoAmIRequest(id + 1));
    await client.next();
    t.match(client.messages.at(-1)?.toString(), `dn:${dnOf(uid)}`);
    id += 2;
  }
  t.match(await client.ask(bindRequest(id, dnOf("u000003"), "wrong")), { resultCode: 49 });
  await client.ask(whoAmIRequest(id + 1));
  t.notMatch(client.messages.at(-1)?.toString(), "dn:", "LDAP-07: a failed bind leaves nobody");
  t.match(await client.ask(searchRequest(id + 2, { base: BASE })), { resultCode: 50 });
  client.send(unbindRequest(id + 3));
  await client.closed();
});

await t.test("the re-bind window: twice more, from the same address, audited", async (t) => {
  const field = `pw-u000004,${codeFor(enroll("u000004"))}`;
  const bind = async (name: string): Promise<number> => {
    const client = await plain(name);
    const { resultCode } = await client.ask(bindRequest(1, dnOf("u000004"), field));
    client.end();
    return resultCode;
  };
  const binds = slapd.binds(dnOf("u000004"));
  t.same([await bind("again"), await bind("again"), await bind("again")], [0, 0, 0]);
  t.same([await bind("again"), await bind("plain")], [49, 49]);
  t.equal(slapd.binds(dnOf("u000004")) - binds, 4, "the directory was asked each time");
  const told = events("--user", "u000004", "--type", "ldap_bind");
  t.same(
    told.map(({ success, mfa_exempt_reason }) => [success, mfa_exempt_reason]),
    [
      [true, undefined],
      [true, "rebind-window"],
      [true, "rebind-window"],
      [false, undefined],
      [false, undefined],
    ],
  );
});

await t.test("a refused second bind names the setting that would have allowed it", async (t) => {
  const field = `pw-u000005,${codeFor(enroll("u000005"))}`;
  for (const expected of [0, 49]) {
    const client = await plain();
    t.match(await client.ask(bindRequest(1, dnOf("u000005"), field)), { resultCode: expected });
    client.end();
  }
  t.match(gateway.output(), /to let it through, set ldap\.listeners\[plain\]\.rebind_window/);
});

await t.test(
  "allow_groups: who isn't a member is refused, and the directory isn't asked",
  async (t) => {
    const alice = `alice-password,${codeFor(enroll("alice"))}`;
    const bob = `hello,${codeFor(enroll("bob"))}`;
    const member = await plain("members");
    t.match(await member.ask(bindRequest(1, dnOf("alice"), alice)), { resultCode: 0 });
    const binds = slapd.binds(dnOf("bob"));
    const stranger = await plain("members");
    t.match(await stranger.ask(bindRequest(1, dnOf("bob"), bob)), { resultCode: 49 });
    t.equal(slapd.binds(dnOf("bob")), binds);
    t.match(events("--reason", "not-in-group").slice(-1), [{ app: { name: "members" } }]);
    member.end();
    stranger.end();
  },
);

/** A session on which somebody new is bound. */
async function bound(uid: string, name = "plain"): Promise<LdapClient> {
  const client =
    name === "plain" ? await plain() : await LdapClient.open(gateway.ldapPort(name), { ca });
  const field = `pw-${uid},${codeFor(enroll(uid))}`;
  const { resultCode } = await client.ask(bindRequest(1, dnOf(uid), field));
  if (resultCode !== 0) throw new Error(`${uid} can't bind: ${resultCode}`);
  return client;
}

await t.test("ways around the factor, each tried and refused", async (t) => {
  const client = await bound("u000006");
  const userPassword = { base: BASE, filter: filter.equality("userPassword", "x") };
  const byOid = { base: BASE, filter: filter.present("2.5.4.35;binary") };
  const proxied = { controls: [{ oid: "2.16.840.1.113730.3.4.18", isCritical: true }] };
  const secret = enroll("u000007");
  const own = dnOf("u000007");
  const cases: [title: string, request: Buffer, resultCode: number][] = [
    ["LDAP-18: a Compare of a password", compareRequest(2, "userPassword"), 53],
    ["LDAP-18: a filter on a password", searchRequest(3, userPassword), 53],
    ["LDAP-18: the same by its OID, with an option", searchRequest(4, byOid), 53],
    ["LDAP-15: proxied authorisation", searchRequest(5, { base: BASE, ...proxied }), 123],
    ["LDAP-17: Password Modify where it isn't allowed", passwordModifyRequest(6, { new: "x" }), 53],
    ["a write", request(7, element(0x4a, dnOf("u000008"))), 53],
    ["LDAP-09: SASL PLAIN", saslRequest(8, "PLAIN"), 7],
    ["LDAP-09: SASL EXTERNAL", saslRequest(9, "EXTERNAL"), 7],
    ["LDAP-09: SASL DIGEST-MD5", saslRequest(10, "DIGEST-MD5"), 7],
    ["LDAP-04: an empty password", bindRequest(11, own, ""), 53],
    ["LDAP-04: a separator and a code alone", bindRequest(12, own, `,${codeFor(secret)}`), 53],
    ["LDAP-05: a password without a name", bindRequest(13, "", "pw-u000007"), 49],
    ["OTP-08: the code in front", bindRequest(14, own, `${codeFor(secret)},pw-u000007`), 49],
    ["version 2", bindRequest(15, own, `pw-u000007,${codeFor(secret)}`, { version: 2 }), 2],
    [
      "LDAP-14: an unknown critical control, before any code is claimed",
      bindRequest(16, own, `pw-u000007,${codeFor(secret)}`, {
        controls: [{ oid: "1.2.3.4", isCritical: true }],
      }),
      12,
    ],
    ["and the code is still good", bindRequest(17, own, `pw-u000007,${codeFor(secret)}`), 0],
  ];
  const binds = slapd.binds(own);
  for (const [title, asked, resultCode] of cases) {
    client.send(asked);
    t.match(await client.next(), { resultCode }, title);
  }
  t.equal(slapd.binds(own) - binds, 1, "and the directory heard of one bind");
  client.end();
});

await t.test("LDAP-18: nobody reads a password, not even the directory's manager", async (t) => {
  const client = await LdapClient.open(slapd.port);
  await client.ask(bindRequest(1, `cn=admin,${BASE}`, "admin"));
  const wanted = { base: dnOf("bob"), scope: 0, attributes: ["userPassword", "cn"] };
  client.send(searchRequest(2, wanted));
  await client.answerTo(2);
  t.match(client.messages[1]?.toString("latin1"), "{SSHA}", "the directory shows it");
  client.end();
  const through = await bound("u000009", "writes");
  through.send(searchRequest(2, wanted));
  await through.answerTo(2);
  t.notMatch(Buffer.concat(through.messages).toString("latin1"), /userPassword|\{SSHA\}/);
  through.end();
});

await t.test("LDAP-09: the root DSE promises no SASL, and what is kept alone", async (t) => {
  const args = ["-x", "-H", ldaps, "-LLL", "-s", "base", "-b", "", "+"];
  const { stdout } = await ldapTool("ldapsearch", args, { caFile });
  t.match(stdout, /namingContexts: dc=example,dc=org/);
  t.notMatch(stdout, /supportedSASLMechanisms/);
  t.notMatch(stdout, /1\.3\.6\.1\.4\.1\.4203\.1\.11\.1\b/, "no Password Modify here");
});

await t.test("before a bind: the root DSE and who am I; nothing else", async (t) => {
  const client = await plain();
  t.match(await client.ask(whoAmIRequest(1)), { resultCode: 0 });
  t.match(await client.ask(searchRequest(2, { base: BASE })), { resultCode: 50 });
  t.match(await client.ask(compareRequest(3, "cn")), { resultCode: 50 });
  t.match(await client.ask(passwordModifyRequest(4, { new: "x" })), { resultCode: 53 });
  t.match(await client.ask(bindRequest(5, "", "")), { resultCode: 0 }, "L06: anonymous");
  t.match(await client.ask(searchRequest(6, { base: BASE })), { resultCode: 50 });
  client.end();
});

await t.test("LDAP-10: what comes behind StartTLS in clear ends the connection", async (t) => {
  const port = gateway.ldapPort("start_tls");
  const injected = await LdapClient.open(port);
  injected.send(startTlsRequest(1), whoAmIRequest(2));
  await injected.closed();
  t.ok(injected.messages.every((message) => !message.includes("u:") && !message.includes("dn:")));
  const half = await LdapClient.open(port);
  half.send(Buffer.concat([startTlsRequest(1), whoAmIRequest(2).subarray(0, 4)]));
  await half.closed();
  const twice = await LdapClient.open(gateway.ldapPort("ldaps"), { ca });
  t.match(await twice.ask(startTlsRequest(1)), { resultCode: 1 }, "L56: TLS is on");
  twice.end();
  const good = await LdapClient.open(port);
  t.match(await good.ask(startTlsRequest(1)), { resultCode: 0 });
  await good.secure(ca);
  t.match(await good.ask(whoAmIRequest(2)), { id: 2, resultCode: 0 });
  good.end();
});

await t.test("writes and Password Modify where they are allowed", async (t) => {
  const port = gateway.ldapPort("writes");
  const url = `ldaps://127.0.0.1:${port}`;
  const secret = enroll("u000010");
  const own = dnOf("u000010");
  const modify = (field: string, change: string): Promise<Ran> =>
    ldapTool("ldapmodify", ["-H", url, ...as(own, field)], { caFile, input: change });
  const description = `dn: ${own}\nchangetype: modify\nreplace: description\ndescription: new\n`;
  // The directory's own rule: people may write nothing of theirs but the password.
  t.equal((await modify(`pw-u000010,${codeFor(secret)}`, description)).code, 50);
  const client = await LdapClient.open(port, { ca });
  const field = `pw-u000010,${codeFor(secret, 1)}`;
  t.match(await client.ask(bindRequest(1, own, field)), { resultCode: 0 });
  const fresh = codeFor(enroll("u000010"));
  const wrong = { old: `wrong,${fresh}`, new: "another" };
  t.match(await client.ask(passwordModifyRequest(2, wrong)), { resultCode: 49 });
  t.match(events("--reason", "password-incorrect").slice(-1), [{ auth_type: "password-modify" }]);
  const right = { old: `pw-u000010,${fresh}`, new: "another" };
  t.match(await client.ask(passwordModifyRequest(3, right)), { resultCode: 0 });
  t.match(await client.ask(passwordModifyRequest(4, right)), { resultCode: 49 }, "a used code");
  client.end();
  t.equal((await whoami(ldaps, own, `another,${codeFor(enroll("u000010"))}`)).code, 0);
});

await t.test(
  "LDAP-25: a lock or a reset ends what is open; failures of others don't",
  async (t) => {
    const client = await bound("u000011");
    for (let i = 0; i < 6; i += 1) {
      const other = await plain();
      t.match(await other.ask(bindRequest(1, dnOf("u000011"), `wrong-${i}`)), { resultCode: 49 });
      other.end();
    }
    t.match(await client.ask(searchRequest(2, { base: "", scope: 0 })), { kind: "entry" });
    await client.answerTo(2);
    gateway.command("user", "lock", "u000011");
    t.match(await client.next(), { id: 0, resultCode: 8, text: "bind again" });
    await client.closed();
    const second = await bound("u000012");
    gateway.command("token", "reset", "u000012");
    t.match(await second.next(), { id: 0, resultCode: 8 });
    await second.closed();
  },
);

await t.test("LOG-01: no secret stands in the log or the audit trail", async (t) => {
  const texts = [gateway.output(), gateway.command("events", "--json", "--limit", "5000").stdout];
  for (const secret of ["alice-password", "app-password", "pw-u000006", SERVICE_PASSWORD]) {
    const bytes = Buffer.from(secret);
    for (const spelling of [secret, bytes.toString("hex"), bytes.toString("base64")]) {
      for (const one of texts) t.equal(one.includes(spelling), false, secret);
    }
  }
});

await t.test("requests that were refused are events too, counted", async (t) => {
  t.equal(await gateway.stop("SIGTERM"), 0);
  await gateway.start();
  const denied = events("--type", "ldap_operation_denied");
  t.match(
    denied.find((one) => one.details?.["reason"] === "unsupported-auth-method"),
    { count: 3, app: { name: "plain", ip: "127.0.0.1" }, initiated_by: { type: "client" } },
  );
});

await t.test("SIGTERM: whoever is connected is told, and it ends with 0", async (t) => {
  const client = await bound("u000013");
  const stopped = gateway.stop("SIGTERM");
  t.match(await client.next(), { id: 0, resultCode: 52, text: "the server is stopping" });
  await client.closed();
  t.equal(await stopped, 0);
});
