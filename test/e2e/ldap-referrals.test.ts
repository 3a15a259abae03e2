// A directory that refers to other servers: what becomes of that at a listener that drops references,
// and at one that passes them. slapd holds a referral entry (RFC 3296) that names a server which only
// listens for somebody who comes.

import t from "tap";

import { codeFor } from "../support/gateway.ts";
import { startFaultDirectory } from "../support/fault-directory.ts";
import { LdapClient } from "../support/ldap-client.ts";
import { startLdapGateway } from "../support/ldap-gateway.ts";
import { bindRequest, compareRequest, searchRequest } from "../support/ldap-requests.ts";
import { BASE } from "../support/slapd.ts";

const elsewhere = await startFaultDirectory();
t.teardown(() => elsewhere.stop());
const { slapd, bound, open, events, enroll, gateway } = await startLdapGateway(t, {
  plain: ["tls: none"],
  plain_pass: ["tls: none", "referrals: pass"],
});
const ELSEWHERE = `ou=elsewhere,${BASE}`;
const address = `ldap://127.0.0.1:${elsewhere.port}/`;
slapd.add(
  [
    `dn: ${ELSEWHERE}`,
    "objectClass: referral",
    "objectClass: extensibleObject",
    "ou: elsewhere",
    `ref: ${address}${ELSEWHERE}`,
    "",
  ].join("\n"),
);

const tree = searchRequest(2, { base: BASE, attributes: ["1.1"] });
const there = searchRequest(3, { base: ELSEWHERE, scope: 0 });
const below = searchRequest(4, { base: `uid=alice,${ELSEWHERE}` });
const manage = { oid: "2.16.840.1.113730.3.4.2", isCritical: true };
const itself = searchRequest(5, {
  base: ELSEWHERE,
  scope: 0,
  attributes: ["ref"],
  controls: [manage],
});
const REQUESTS = [tree, there, below, itself];

/** All that a client gets, after its Bind. */
async function answers(client: LdapClient): Promise<Buffer[]> {
  client.messages.length = 1;
  for (const [index, asked] of REQUESTS.entries()) {
    client.send(asked);
    await client.answerTo(index + 2);
  }
  client.end();
  return client.messages.slice(1);
}

const kindOf = (message: Buffer): number | undefined => message[message[1] === 0x84 ? 9 : 5];
const isReference = (message: Buffer): boolean => message.includes(address);

const direct = await LdapClient.open(slapd.port);
await direct.ask(bindRequest(1, `uid=u000001,ou=people,${BASE}`, "pw-u000001"));
const own = await answers(direct);

await t.test("LDAP-22: what the directory itself says leads to the other server", async (t) => {
  t.ok(own.filter(isReference).length >= 4, "a continuation, two referrals, the entry itself");
});

await t.test("LDAP-22: referrals: pass hands on every octet", async (t) => {
  const passed = await answers(await bound("u000001", "plain_pass"));
  t.same(Buffer.concat(passed), Buffer.concat(own));
});

await t.test("LDAP-22: referrals: drop names no other server, and says so once", async (t) => {
  const client = await bound("u000002", "plain");
  client.send(tree);
  t.match(await client.answerTo(2), { kind: "search", resultCode: 0 });
  const entries = client.messages.filter((message) => kindOf(message) === 0x64).length;
  t.equal(entries, own.filter((message) => kindOf(message) === 0x64).length - 1, "all entries");
  client.send(there);
  t.match(await client.answerTo(3), { resultCode: 53, text: /refers to another server/ });
  client.send(below);
  t.match(await client.answerTo(4), { resultCode: 53 });
  t.match(await client.ask(compareRequest(6, "cn")), { resultCode: 32 }, "the session goes on");
  t.notOk(client.messages.some(isReference));
  client.end();
});

await t.test("LDAP-22: who may manage them reads the entry itself, not a way there", async (t) => {
  const client = await bound("u000003", "plain");
  client.send(itself);
  t.match(await client.next(), { kind: "entry" });
  t.match(await client.answerTo(5), { resultCode: 0 });
  client.end();
});

await t.test("LDAP-22: nobody is followed there with a password", async (t) => {
  for (const listener of ["plain", "plain_pass"]) {
    const client = await open(listener);
    const field = `alice-password,${codeFor(enroll("alice"))}`;
    const asked = bindRequest(1, `uid=alice,${ELSEWHERE}`, field);
    t.match(await client.ask(asked), { id: 1, resultCode: 49, text: "" });
    t.notOk(client.messages.some(isReference));
    client.end();
  }
  t.equal(elsewhere.accepted, 0, "nobody ever came");
});

await t.test("what was dropped is an event, counted", async (t) => {
  t.equal(await gateway.stop("SIGTERM"), 0);
  await gateway.start();
  const denied = events("--type", "ldap_operation_denied");
  t.match(
    denied.filter((one) => one.details?.["reason"] === "referral"),
    [{ count: 2, app: { name: "plain" } }],
  );
});
