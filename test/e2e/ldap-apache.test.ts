// Apache httpd's mod_authnz_ldap in front of the LDAP door, as docs/ldap-recipes.md sets it up.

import { setTimeout as wait } from "node:timers/promises";
import t from "tap";

import { startApache } from "../support/apache.ts";
import { codeFor } from "../support/gateway.ts";
import { APP_DN, startLdapGateway } from "../support/ldap-gateway.ts";
import { fieldOf, secretOf } from "../support/operator.ts";
import { freePort } from "../support/ports.ts";
import { BASE } from "../support/slapd.ts";

const exempt = `exempt: [{ dn: "${APP_DN}", addresses: [127.0.0.1] }]`;
const { gateway, slapd, ca, enrollAll, events } = await startLdapGateway(t, {
  // Where it was before after a restart.
  apps: [`listen: "127.0.0.1:${await freePort()}"`, exempt],
  twice: [`listen: "127.0.0.1:${await freePort()}"`, "rebind_window: 10s"],
});
const crowd = Array.from({ length: 12 }, (_, at) => `u${String(at).padStart(6, "0")}`);
const [person, another, third] = ["u000012", "u000013", "u000014"] as const;
const [fourth, fifth] = ["u000015", "u000016"] as const;
enrollAll(["alice", "carol", "mallory", person, another, third, fourth, fifth, ...crowd]);

const urlAt = (listener: string): string =>
  `ldaps://127.0.0.1:${gateway.ldapPort(listener)}/ou=people,${BASE}?uid?sub?(objectClass=person)`;
const basic = ["AuthType Basic", 'AuthName "password,code"', "AuthBasicProvider ldap"];
const service = [
  `AuthLDAPURL "${urlAt("apps")}"`,
  `AuthLDAPBindDN "${APP_DN}"`,
  'AuthLDAPBindPassword "app-password"',
];
/** Binds as the person who logs in, before and after the search. */
const asPerson = (listener: string): string[] => [
  `AuthLDAPURL "${urlAt(listener)}"`,
  "AuthLDAPInitialBindAsUser on",
  `AuthLDAPInitialBindPattern (.+) uid=$1,ou=people,${BASE}`,
];
const places = {
  people: [...basic, ...service, "Require valid-user"],
  staff: [...basic, ...service, `Require ldap-group cn=vpn,ou=groups,${BASE}`],
  once: [...basic, ...asPerson("apps"), "Require valid-user"],
  twice: [...basic, ...asPerson("twice"), "Require valid-user"],
};
const CACHE_SECONDS = 1;
const cached = await startApache({ ca, places, server: [`LDAPCacheTTL ${CACHE_SECONDS}`] });
const direct = await startApache({ ca, places, server: ["LDAPCacheEntries 0"] });
t.teardown(() => Promise.all([cached.stop(), direct.stop()]));

const reasons = (uid: string): unknown[] =>
  events("--user", uid, "--type", "ldap_bind").map(({ success, reason }) => reason ?? success);

await t.test("password,code: in, for as long as httpd remembers it; then a new code", async (t) => {
  const field = fieldOf("alice");
  const binds = slapd.binds(`uid=alice,ou=people,${BASE}`);
  t.same(
    [await cached.get("people", "alice", field), await cached.get("people", "alice", field)],
    [200, 200],
  );
  t.equal(slapd.binds(`uid=alice,ou=people,${BASE}`) - binds, 1, "the second is httpd's own");
  await wait((CACHE_SECONDS + 1) * 1_000);
  t.equal(await cached.get("people", "alice", field), 401, "over: the code is used");
  t.equal(await cached.get("people", "alice", fieldOf("alice", 1)), 200);
  t.same(reasons("alice"), [true, "mfa-code-replayed", true]);
});

await t.test("a used code, a wrong code, none, nobody: 401", async (t) => {
  const field = fieldOf(third);
  t.equal(await direct.get("people", third, field), 200);
  const wrong = codeFor(secretOf(third)) === "000000" ? "111111" : "000000";
  const answers = await Promise.all([
    direct.get("people", third, field),
    direct.get("people", third, `pw-${third},${wrong}`),
    direct.get("people", third, `pw-${third}`),
    direct.get("people", "nobody", field),
  ]);
  t.same(answers, [401, 401, 401, 401]);
  t.same(
    new Set(reasons(third)),
    new Set([true, "mfa-code-replayed", "mfa-code-incorrect", "mfa-code-missing"]),
  );
});

await t.test("Require ldap-group: compared as the service account", async (t) => {
  t.equal(await direct.get("staff", "carol", fieldOf("carol")), 200);
  t.equal(await direct.get("staff", "mallory", fieldOf("mallory")), 401);
  t.same(reasons("mallory"), [true], "the login itself was right");
});

await t.test("people take turns on one connection and never cross", async (t) => {
  const [first = "", second = "", ...others] = crowd;
  const turns = [
    [first, 0],
    [second, 0],
    [first, 1],
    [second, 1],
  ] as const;
  for (const [uid, step] of turns)
    t.equal(await direct.get("people", uid, fieldOf(uid, step)), 200);
  const connections = new Set(
    [first, second].flatMap((uid) => events("--user", uid)).map((one) => one.connection_id),
  );
  t.equal(connections.size, 1);
  // Everybody at the same moment, half of them with what somebody else types.
  const answers = await Promise.all(
    others.map((uid, at) =>
      direct.get("people", uid, fieldOf(at % 2 === 0 ? uid : (others[at - 1] ?? ""))),
    ),
  );
  t.same(
    answers,
    others.map((_, at) => (at % 2 === 0 ? 200 : 401)),
  );
});

await t.test("a pooled connection that was ended is no error to whoever is next", async (t) => {
  t.equal(await direct.get("people", fourth, fieldOf(fourth)), 200);
  gateway.command("user", "lock", fourth);
  t.equal(await direct.get("people", fifth, fieldOf(fifth)), 200);
  t.equal(await gateway.stop("SIGTERM"), 0);
  await gateway.start();
  t.equal(await direct.get("people", fifth, fieldOf(fifth, 1)), 200);
  t.equal(await direct.get("people", fourth, fieldOf(fourth, 1)), 401);
});

await t.test("bound as the person before the search: twice, which wants a window", async (t) => {
  t.equal(await direct.get("once", person, fieldOf(person)), 401);
  t.match(gateway.output(), /to let it through, set ldap\.listeners\[apps\]\.rebind_window/);
  const field = fieldOf(another);
  t.equal(await direct.get("twice", another, field), 200);
  const binds = events("--user", another, "--type", "ldap_bind").slice(-2);
  t.match(binds, [
    { success: true, mfa_exempt_reason: undefined },
    { success: true, mfa_exempt_reason: "rebind-window" },
  ]);
  t.equal(await direct.get("twice", another, field), 401, "it is no cache: two more, not four");
});
