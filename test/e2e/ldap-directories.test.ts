// The LDAP door in front of 389 Directory Server, of a Windows domain (a real Samba domain controller)
// and of two directories: binds by every name, results relayed, refusals that tell nothing.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";

import { startDirsrv } from "../support/dirsrv.ts";
import { codeFor, slapdLines, startGateway, type TestGateway } from "../support/gateway.ts";
import { LdapClient } from "../support/ldap-client.ts";
import { bindRequest, filter, searchRequest, whoAmIRequest } from "../support/ldap-requests.ts";
import { ldapTool, type Ran } from "../support/ldap-tools.ts";
import { operatorOf } from "../support/operator.ts";
import { AD_BASE, AD_PASSWORD, AD_SERVICE_DN, startSamba } from "../support/samba.ts";
import { BASE, SERVICE_DN, SERVICE_PASSWORD, startSlapd } from "../support/slapd.ts";

function search(
  gateway: TestGateway,
  name: string,
  field: string,
  ...what: string[]
): Promise<Ran> {
  const url = `ldaps://127.0.0.1:${gateway.ldapPort("apps")}`;
  const args = ["-x", "-LLL", "-H", url, "-D", name, "-w", field, ...what];
  return ldapTool("ldapsearch", args, { caFile: join(gateway.folder, "ca.pem") });
}

const openClient = (gateway: TestGateway, listener = "apps"): Promise<LdapClient> =>
  LdapClient.open(gateway.ldapPort(listener), {
    ca: readFileSync(join(gateway.folder, "ca.pem"), "utf8"),
  });

await t.test("389 Directory Server", async (t) => {
  const dirsrv = await startDirsrv();
  t.teardown(() => dirsrv.stop());
  const gateway = await startGateway({
    directory: [
      `urls: ["ldap://127.0.0.1:${dirsrv.port}"]`,
      "allow_cleartext: true",
      `bind_dn: ${SERVICE_DN}`,
      `bind_password: { value: ${SERVICE_PASSWORD} }`,
      `base: ${BASE}`,
      "domains: [example.org]",
    ],
    listeners: { apps: [`allow_groups: ["cn=everyone,ou=groups,${BASE}"]`] },
  });
  t.teardown(() => gateway.end());
  const { enroll, events } = operatorOf(gateway);
  const dnOf = (uid: string): string => `uid=${uid},ou=people,${BASE}`;
  const secret = enroll("alice");

  await t.test("binds, reads, and is nobody again after a failed bind", async (t) => {
    const what = ["-b", BASE, "(uid=bob)", "uid"];
    const found = await search(
      gateway,
      dnOf("alice"),
      `alice-password,${codeFor(secret)}`,
      ...what,
    );
    t.match(found, { code: 0, stdout: /dn: uid=bob/ });
    const client = await openClient(gateway);
    const again = bindRequest(1, "alice@example.org", `alice-password,${codeFor(secret, 1)}`);
    t.match(await client.ask(again), { resultCode: 0 });
    await client.ask(whoAmIRequest(2));
    t.match(client.messages.at(-1)?.toString(), `dn: ${dnOf("alice")}`);
    t.match(await client.ask(bindRequest(3, dnOf("alice"), "wrong")), { resultCode: 49, text: "" });
    t.match(await client.ask(searchRequest(4, { base: BASE })), { resultCode: 50 });
    client.end();
  });

  await t.test("who is disabled or no member is refused alike", async (t) => {
    for (const uid of ["disabled", "bob"]) {
      const field = `${uid}-password,${codeFor(enroll(uid))}`;
      const client = await openClient(gateway);
      t.match(await client.ask(bindRequest(1, dnOf(uid), field)), { resultCode: 49, text: "" });
      client.end();
    }
    const reasons = events("--type", "ldap_bind", "--failed").map(({ reason }) => reason);
    t.same(reasons.slice(-2), ["not-in-group", "not-in-group"]);
  });

  await t.test("connections are anonymous again before others have them", async (t) => {
    for (let round = 0; round < 10; round += 1) {
      const client = await openClient(gateway);
      t.match(await client.ask(searchRequest(1, { base: "", scope: 0 })), { kind: "entry" });
      await client.answerTo(1);
      await client.ask(whoAmIRequest(2));
      t.notMatch(client.messages.at(-1)?.toString(), "dn:");
      client.end();
    }
  });
});

await t.test("a Windows domain", async (t) => {
  const samba = await startSamba();
  t.teardown(() => samba.stop());
  const gateway = await startGateway({
    directory: [
      `urls: ["${samba.url.url}"]`,
      `ca: ${samba.caPath}`,
      `bind_dn: "${AD_SERVICE_DN}"`,
      `bind_password: { value: ${AD_PASSWORD} }`,
      `base: "${AD_BASE}"`,
      'user_filter: "(&(objectCategory=person)(objectClass=user)(sAMAccountName={username}))"',
      "username_attribute: sAMAccountName",
      "domains: [ad.example.org, corp.example, EXAMPLE]",
    ],
    listeners: {
      apps: [`exempt: [{ dn: "${AD_SERVICE_DN}", addresses: [127.0.0.1] }]`],
    },
  });
  t.teardown(() => gateway.end());
  const { enroll, events } = operatorOf(gateway);
  const secret = enroll("alice");

  await t.test("by DN, principal name and domain name: one person, one code", async (t) => {
    const names = [`CN=alice,CN=Users,${AD_BASE}`, "alice@ad.example.org", "EXAMPLE\\alice"];
    const what = ["-b", AD_BASE, "(sAMAccountName=alice)", "sAMAccountName"];
    const used = `${AD_PASSWORD},${codeFor(secret)}`;
    const codes: (number | null)[] = [];
    for (const name of names) {
      codes.push((await search(gateway, name, used, ...what)).code);
    }
    t.same(codes, [0, 49, 49]);
    const field = `${AD_PASSWORD},${codeFor(secret, 1)}`;
    const found = await search(gateway, "EXAMPLE\\alice", field, ...what);
    t.match(found, { code: 0, stdout: /sAMAccountName: alice/ });
  });

  await t.test(
    "search-then-bind with the service account, and nothing leaks of states",
    async (t) => {
      const client = await openClient(gateway);
      t.match(await client.ask(bindRequest(1, AD_SERVICE_DN, AD_PASSWORD)), { resultCode: 0 });
      const wanted = { base: AD_BASE, filter: filter.equality("sAMAccountName", "alice") };
      client.send(searchRequest(2, { ...wanted, attributes: ["sAMAccountName", "unicodePwd"] }));
      t.match(await client.answerTo(2), { resultCode: 0 });
      const states = {
        disabled: "directory-disabled",
        expired: "account-expired",
        mustchange: "must-change-password",
      };
      for (const [index, name] of Object.keys(states).entries()) {
        const field = `${AD_PASSWORD},${codeFor(enroll(name))}`;
        const request = bindRequest(3 + index, `${name}@ad.example.org`, field);
        t.match(await client.ask(request), { resultCode: 49, text: "" }, name);
      }
      client.end();
      const told = events("--type", "ldap_bind", "--failed").slice(-3);
      t.same(
        told.map(({ reason }) => reason),
        Object.values(states),
      );
    },
  );
});

await t.test("two directories, each at a listener of its own", async (t) => {
  const [one, two] = [await startSlapd({ log: true }), await startSlapd({ log: true })];
  const gateway = await startGateway({
    directory: [...slapdLines(one.url), "domains: [one.example]", "check_interval: 1s"],
    otherDirectories: {
      partner: [...slapdLines(two.url), "domains: [two.example]", "check_interval: 1s"],
    },
    listeners: { corp: ["directory: corp"], partner: ["directory: partner"] },
  });
  t.teardown(async () => {
    await gateway.end();
    await Promise.all([one.stop(), two.stop()]);
  });
  const { enroll, events } = operatorOf(gateway);
  const dnOf = (uid: string): string => `uid=${uid},ou=people,${BASE}`;
  /** Binds on a connection of its own; with a new token. */
  async function bind(listener: "corp" | "partner", name: string, uid: string): Promise<number> {
    const secret = enroll(uid, "--directory", listener);
    const password = uid === "bob" ? "hello" : `${uid}-password`;
    const client = await openClient(gateway, listener);
    const { resultCode } = await client.ask(bindRequest(1, name, `${password},${codeFor(secret)}`));
    client.end();
    return resultCode;
  }

  await t.test(
    "a domain's name and a DN mean the person of the listener's directory",
    async (t) => {
      t.equal(await bind("corp", "alice@one.example", "alice"), 0);
      t.equal(await bind("corp", dnOf("alice"), "alice"), 0);
      t.equal(await bind("partner", dnOf("alice"), "alice"), 0);
      t.equal(await bind("partner", "bob@two.example", "bob"), 0);
      t.equal(await bind("corp", "bob@two.example", "bob"), 49, "of the other directory");
      t.same(
        [one, two].map((slapd) => ["alice", "bob"].map((uid) => slapd.binds(dnOf(uid)))),
        [
          [2, 0],
          [1, 1],
        ],
      );
    },
  );

  for (const [title, lose, bringBack] of [
    ["killed", () => two.kill(), () => two.start()],
    ["hung", () => two.pause(), () => two.resume()],
  ] as const) {
    await t.test(
      `D01 D02: one is ${title}: 52 for its people, nothing for the others`,
      async (t) => {
        const open = await openClient(gateway, "corp");
        const field = `carol-password,${codeFor(enroll("carol", "--directory", "corp"))}`;
        t.match(await open.ask(bindRequest(1, dnOf("carol"), field)), { resultCode: 0 });
        await lose();
        const lost = bind("partner", "bob@two.example", "bob");
        t.equal(await bind("corp", "alice@one.example", "alice"), 0);
        t.match(await open.ask(searchRequest(2, { base: dnOf("bob"), scope: 0 })), {
          kind: "entry",
        });
        t.equal(await lost, 52);
        t.equal(events("--type", "ldap_bind", "--failed").at(-1)?.reason, "directory-unavailable");
        await bringBack();
        while ((await bind("partner", "bob@two.example", "bob")) !== 0) continue;
        const { stdout } = gateway.command("user", "show", "bob", "--directory", "partner");
        t.match(stdout, /bob/);
        t.notMatch(stdout, /locked/i);
        open.end();
      },
    );
  }
});
