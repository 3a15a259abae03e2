// Every way around the second factor that is known from other servers, tried at the LDAP door.

import t from "tap";

import { codeFor } from "../support/gateway.ts";
import { LdapClient } from "../support/ldap-client.ts";
import { dnOf, startLdapGateway } from "../support/ldap-gateway.ts";
import {
  bindRequest,
  compareRequest,
  deleteRequest,
  filter,
  passwordModifyRequest,
  saslRequest,
  searchRequest,
  startTlsRequest,
  whoAmIRequest,
} from "../support/ldap-requests.ts";
import { ldapTool } from "../support/ldap-tools.ts";
import { BASE } from "../support/slapd.ts";

const { gateway, slapd, caFile, ca, enroll, events, url, whoami, open, bound } =
  await startLdapGateway(t, {
    ldaps: [],
    start_tls: ["tls: start_tls"],
    plain: ["tls: none"],
    writes: ["operations: [search, modify, add, delete, modrdn, password_modify, whoami]"],
  });
const ldaps = url("ldaps", "ldaps");

await t.test("ways around the factor, each tried and refused", async (t) => {
  const client = await bound("u000006", "plain");
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
    ["a write", deleteRequest(7, dnOf("u000008")), 53],
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
    await t.test(title, async (t) => t.match(await client.ask(asked), { resultCode }));
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
  const client = await open("plain");
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
  const twice = await open("ldaps");
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
  const writes = url("ldaps", "writes");
  const writer = dnOf("u000016");
  const description = `dn: ${writer}\nchangetype: modify\nreplace: description\ndescription: new\n`;
  const as = ["-x", "-D", writer, "-w", `pw-u000016,${codeFor(enroll("u000016"))}`];
  const modified = await ldapTool("ldapmodify", ["-H", writes, ...as], {
    caFile,
    input: description,
  });
  // The directory's own rule: people may write nothing of theirs but the password.
  t.equal(modified.code, 50);
  const secret = enroll("u000010");
  const own = dnOf("u000010");
  const client = await LdapClient.open(port, { ca });
  const field = `pw-u000010,${codeFor(secret)}`;
  t.match(await client.ask(bindRequest(1, own, field)), { resultCode: 0 });
  const fresh = codeFor(secret, 1);
  const wrong = { old: `wrong,${fresh}`, new: "another" };
  t.match(await client.ask(passwordModifyRequest(2, wrong)), { resultCode: 49 });
  t.match(events("--reason", "password-incorrect").slice(-1), [{ auth_type: "password-modify" }]);
  const right = { old: `pw-u000010,${fresh}`, new: "another" };
  t.match(await client.ask(passwordModifyRequest(3, right)), { resultCode: 0 });
  t.match(await client.ask(passwordModifyRequest(4, right)), { resultCode: 49 }, "a used code");
  client.end();
  t.equal((await whoami(ldaps, own, `another,${codeFor(enroll("u000010"))}`)).code, 0);
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
