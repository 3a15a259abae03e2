// The LDAP door as applications see it: the gateway as a process of its own, slapd behind it, the
// tools of OpenLDAP and a client of raw octets in front.

import t from "tap";

import { codeFor, radclient } from "../support/gateway.ts";
import { CLOSED } from "../support/ldap-client.ts";
import { APP_DN, dnOf, startLdapGateway } from "../support/ldap-gateway.ts";
import {
  bindRequest,
  filter,
  searchRequest,
  unbindRequest,
  whoAmIRequest,
} from "../support/ldap-requests.ts";
import { ldapTool } from "../support/ldap-tools.ts";
import { BASE, SERVICE_PASSWORD } from "../support/slapd.ts";

const { gateway, slapd, caFile, enroll, events, url, whoami, open, bound } = await startLdapGateway(
  t,
  {
    ldaps: [`exempt: [{ dn: "${APP_DN}", addresses: [127.0.0.1] }]`],
    start_tls: ["tls: start_tls", `exempt: [{ dn: "${APP_DN}", addresses: [192.0.2.1] }]`],
    plain: ["tls: none"],
    plain_again: ["tls: none", "rebind_window: 30s"],
    plain_members: ["tls: none", `allow_groups: ["cn=staff,ou=groups,${BASE}"]`],
  },
);
const ldaps = url("ldaps", "ldaps");
const startTls = url("ldap", "start_tls");

await t.test(
  "password,code over ldaps and with StartTLS; then the directory answers",
  async (t) => {
    const secret = enroll("alice");
    const field = `alice-password,${codeFor(secret)}`;
    const args = [
      "-H",
      ldaps,
      "-x",
      "-D",
      dnOf("alice"),
      "-w",
      field,
      "-LLL",
      "-b",
      BASE,
      "(uid=bob)",
      "cn",
    ];
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
        const client = await open("plain");
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
    t.match(await whoami(ldaps, APP_DN, "app-password"), { code: 0, stdout: `dn:${APP_DN}\n` });
    t.match(await whoami(ldaps, `CN=App , OU=services,${BASE}`, "app-password"), { code: 0 });
    t.equal((await whoami(ldaps, APP_DN, "wrong")).code, 49);
    t.equal((await whoami(startTls, APP_DN, "app-password", "-ZZ")).code, 49, "from elsewhere");
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

await t.test("an administrator's lock holds for a service account too", async (t) => {
  const client = await open("ldaps");
  t.match(await client.ask(bindRequest(1, APP_DN, "app-password")), { resultCode: 0 });
  t.equal(gateway.command("user", "lock", APP_DN.toUpperCase()).status, 0);
  await client.closed();
  t.equal((await whoami(ldaps, APP_DN, "app-password")).code, 49);
  t.match(events("--reason", "account-locked").slice(-1), [{ dn: APP_DN }]);
  t.equal(gateway.command("user", "unlock", APP_DN).status, 0);
  t.equal((await whoami(ldaps, APP_DN, "app-password")).code, 0);
});

await t.test("search-then-bind, and several people in turn, on one connection", async (t) => {
  const client = await open("ldaps");
  t.match(await client.ask(bindRequest(1, APP_DN, "app-password")), { resultCode: 0 });
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
    const client = await open(name);
    const { resultCode } = await client.ask(bindRequest(1, dnOf("u000004"), field));
    client.end();
    return resultCode;
  };
  const binds = slapd.binds(dnOf("u000004"));
  t.same(
    [await bind("plain_again"), await bind("plain_again"), await bind("plain_again")],
    [0, 0, 0],
  );
  t.same([await bind("plain_again"), await bind("plain")], [49, 49]);
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
    const client = await open("plain");
    t.match(await client.ask(bindRequest(1, dnOf("u000005"), field)), { resultCode: expected });
    client.end();
  }
  await gateway.logged(/to let it through, set ldap\.listeners\[plain\]\.rebind_window/);
});

await t.test(
  "allow_groups: who isn't a member is refused, and the directory isn't asked",
  async (t) => {
    const alice = `alice-password,${codeFor(enroll("alice"))}`;
    const bob = `hello,${codeFor(enroll("bob"))}`;
    const member = await open("plain_members");
    t.match(await member.ask(bindRequest(1, dnOf("alice"), alice)), { resultCode: 0 });
    const binds = slapd.binds(dnOf("bob"));
    const stranger = await open("plain_members");
    t.match(await stranger.ask(bindRequest(1, dnOf("bob"), bob)), { resultCode: 49 });
    t.equal(slapd.binds(dnOf("bob")), binds);
    t.match(events("--reason", "not-in-group").slice(-1), [{ app: { name: "plain_members" } }]);
    member.end();
    stranger.end();
  },
);

await t.test(
  "LDAP-25: a lock, a reset or another token ends what is open; failures of others don't",
  async (t) => {
    const client = await bound("u000011", "plain");
    for (let i = 0; i < 6; i += 1) {
      const other = await open("plain");
      t.match(await other.ask(bindRequest(1, dnOf("u000011"), `wrong-${i}`)), { resultCode: 49 });
      other.end();
    }
    t.match(await client.ask(searchRequest(2, { base: "", scope: 0 })), { kind: "entry" });
    await client.answerTo(2);
    gateway.command("user", "lock", "u000011");
    await t.rejects(client.next(), CLOSED);
    const second = await bound("u000012", "plain");
    gateway.command("token", "reset", "u000012");
    await t.rejects(second.next(), CLOSED);
    const third = await bound("u000014", "plain");
    t.equal(gateway.command("token", "enroll", "u000014", "--replace").status, 0);
    await t.rejects(third.next(), CLOSED);
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

await t.test("SIGTERM: it ends with 0, and every connection with it", async (t) => {
  const client = await bound("u000013", "plain");
  const stopped = gateway.stop("SIGTERM");
  await t.rejects(client.next(), CLOSED);
  t.equal(await stopped, 0);
});
