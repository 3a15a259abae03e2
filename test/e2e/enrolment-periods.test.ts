// E03, E05, E10: enrolment periods with the gateway as a process of its own, its clock moved by the test,
// slapd behind it, radclient and OpenLDAP's tools in front.

import { setTimeout as wait } from "node:timers/promises";

import t from "tap";

import { radclient, type TestGateway } from "../support/gateway.ts";
import { startWithClock } from "../support/gateway-clock.ts";
import { dnOf } from "../support/ldap-gateway.ts";
import { ldapTool } from "../support/ldap-tools.ts";
import { operatorOf } from "../support/operator.ts";
import { BASE, SERVICE_DN, SERVICE_PASSWORD, startSlapd } from "../support/slapd.ts";

t.setTimeout(200_000);

const USERS = 2_000;
const DAY_S = 86_400;
const GROUP = `cn=vpn,ou=groups,${BASE}`;

const slapd = await startSlapd({ users: USERS, sizeLimit: 20_000 });
const { gateway, setClock } = await startWithClock(
  t.testdir(),
  {
    directory: [
      `urls: ["${slapd.url}"]`,
      "allow_cleartext: true",
      `bind_dn: ${SERVICE_DN}`,
      `bind_password: { value: ${SERVICE_PASSWORD} }`,
      `base: ${BASE}`,
    ],
    listeners: { plain: ["tls: none"] },
    more: "enrolment: { period: 30d }\n",
  },
  "+0",
);
t.teardown(async () => {
  await gateway.end();
  await slapd.stop();
});
const { events } = operatorOf(gateway);

function say({ command }: TestGateway, ...args: string[]): string {
  const { status, stdout, stderr } = command(...args);
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

/** With the password alone, at both doors. */
async function logIn(user: string, password: string): Promise<[string, number]> {
  const url = `ldap://127.0.0.1:${gateway.ldapPort("plain")}`;
  const args = ["-H", url, "-x", "-D", dnOf(user), "-w", password];
  return [
    (await radclient(gateway, user, password)).code,
    (await ldapTool("ldapwhoami", args)).code ?? -1,
  ];
}
const ACCEPTED = ["Access-Accept", 0];
const REFUSED = ["Access-Reject", 49];

await t.test("E10: nobody is enrolled, and nobody would be refused for it", async (t) => {
  t.same(await logIn("alice", "alice-password"), REFUSED, "before anything is demanded");
  const group = ["user", "require", "--group", GROUP, "--days", "1"];
  t.match(say(gateway, ...group, "--dry-run"), /^3 {2}would have to enrol by .*\n$/);
  t.same(await logIn("bob", "hello"), REFUSED, "a preview changes nothing");
  t.match(say(gateway, ...group), /^3 {2}have to enrol by .*\n$/);
  for (const user of ["alice", "carol"]) {
    t.same(await logIn(user, `${user}-password`), ACCEPTED, user);
  }
  t.same(await logIn("mallory", "mallory-password"), REFUSED, "in another group");
});

await t.test(
  "E05: everybody else gets enrolment.period, and the group keeps its day",
  async (t) => {
    gateway.command("token", "enroll", "u000001", "--replace");
    const all = gateway.command("user", "require", "--all-without-token", "--json");
    const expected = { people: USERS + 9, changed: USERS + 4, unchanged: 3, enrolled: 1 };
    t.match(JSON.parse(all.stdout), { ...expected, problems: 1 });
    // There are two of that name: the second isn't whom the store knows under it.
    t.match(all, { status: 1, stderr: /twin: has another immutable id/ });
    t.match(say(gateway, "user", "show", "mallory"), /Not enrolled, 30 days left/);
    t.match(say(gateway, "user", "show", "alice"), /Not enrolled, 24 h left/);
    t.same(await logIn("mallory", "mallory-password"), ACCEPTED);
  },
);

await t.test(
  "E03: a moment before the end, after it, extended: as both doors see it",
  async (t) => {
    setClock(`+${DAY_S - 60}`);
    t.same(await logIn("alice", "alice-password"), ACCEPTED);
    setClock(`+${DAY_S + 5}`);
    t.same(await logIn("alice", "alice-password"), REFUSED);
    t.match(events("--user", "alice", "--failed").at(-1), { reason: "mfa-period-expired" });
    await gateway.logged(/"people":3,.*enrolment periods ended/);
    const told = (): (string | undefined)[] =>
      events("--type", "user_mfa_exclusion_expired")
        .map(({ username }) => username)
        .toSorted((a = "", b = "") => a.localeCompare(b));
    t.same(told(), ["alice", "bob", "carol"]);
    t.match(say(gateway, "user", "require", "alice", "--extend", "--days", "2"), /has to enrol by/);
    t.same(await logIn("alice", "alice-password"), ACCEPTED);
    t.same(await logIn("bob", "hello"), REFUSED);
    setClock("+0");
    t.same(await logIn("bob", "hello"), ACCEPTED, "the clock says that there is time");
    await gateway.stop();
    setClock(`+${DAY_S + 60}`);
    await gateway.start();
    await wait(6_000);
    t.same(told(), ["alice", "bob", "carol"], "once, over a restart and jumps of the clock");
    t.match(events("--type", "user_mfa_exclusion_extended"), [{ username: "alice" }]);
  },
);

await t.test("whose period ended while the gateway was stopped is told at the start", async (t) => {
  await gateway.stop();
  setClock(`+${31 * DAY_S}`);
  await gateway.start();
  await gateway.logged(/"people":2005,.*enrolment periods ended/);
  t.equal(events("--type", "user_mfa_exclusion_expired", "--user", "mallory").length, 1);
  t.match(say(gateway, "events", "--verify"), /whole/);
});
