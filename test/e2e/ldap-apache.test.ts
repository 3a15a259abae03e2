// Apache httpd's mod_authnz_ldap in front of the LDAP door, as docs/ldap-recipes.md sets it up.

import { setTimeout as wait } from "node:timers/promises";
import t from "tap";

import { startApache } from "../support/apache.ts";
import { codeFor } from "../support/gateway.ts";
import { APP_DN, dnOf, startLdapGateway } from "../support/ldap-gateway.ts";
import { fieldOf, secretOf } from "../support/operator.ts";
import { freePort } from "../support/ports.ts";
import { recipe } from "../support/recipe.ts";
import { BASE } from "../support/slapd.ts";

const exempt = `exempt: [{ dn: "${APP_DN}", addresses: [127.0.0.1] }]`;
const { gateway, slapd, ca, url, enrollAll, events } = await startLdapGateway(t, {
  // Where it was before after a restart.
  apps: [`listen: "127.0.0.1:${await freePort()}"`, exempt],
  twice: [`listen: "127.0.0.1:${await freePort()}"`, "rebind_window: 10s"],
});
const CROWD = Array.from({ length: 12 }, (_, at) => `u${String(at).padStart(6, "0")}`);
const OTHERS = ["u000012", "u000013", "u000014", "u000015"];
enrollAll(["alice", "bob", "mallory", ...CROWD, ...OTHERS]);

const ldap = (listener: string): string => url("ldaps", listener);
/** The recipe, and more places that are as it is but for the lines that are given. */
function configuration(caFile: string, cacheLine: string): string {
  const text = recipe("Apache httpd", "apache", {
    "ldaps://ldap.example.org": ldap("apps"),
    "/etc/ssl/certs/gatehouse-ca.pem": caFile,
    "LDAPCacheTTL 3600": cacheLine,
  });
  const wiki = text.slice(text.indexOf("<Location"));
  const binds = /AuthLDAPBind(DN|Password) .*\n/g;
  const asPerson = `AuthLDAPInitialBindAsUser on
  AuthLDAPInitialBindPattern (.+) uid=$1,ou=people,${BASE}
  Require valid-user`;
  const place = (name: string, requirement: string): string =>
    wiki.replace("/wiki", `/${name}`).replace("Require valid-user", () => requirement);
  return [
    text,
    place("staff", `Require ldap-group cn=vpn,ou=groups,${BASE}`),
    place("once", asPerson).replaceAll(binds, ""),
    place("twice", asPerson).replaceAll(binds, "").replace(ldap("apps"), ldap("twice")),
  ].join("\n");
}
const CACHE_SECONDS = 1;
const [cached, direct] = await Promise.all(
  [`LDAPCacheTTL ${CACHE_SECONDS}`, "LDAPCacheEntries 0"].map((cacheLine) =>
    startApache({ ca, configuration: (caFile) => configuration(caFile, cacheLine) }),
  ),
);
if (cached === undefined || direct === undefined) throw new Error("there are two");
t.teardown(() => Promise.all([cached.stop(), direct.stop()]));

await t.test("password,code: in, for as long as httpd remembers it; then a new code", async (t) => {
  const field = fieldOf("alice");
  const binds = slapd.binds(dnOf("alice"));
  const both = [await cached.get("wiki", "alice", field), await cached.get("wiki", "alice", field)];
  t.same(both, [200, 200]);
  t.equal(slapd.binds(dnOf("alice")) - binds, 1, "the second is httpd's own");
  await wait((CACHE_SECONDS + 1) * 1_000);
  t.equal(await cached.get("wiki", "alice", field), 401, "over: the code is used");
  t.equal(await cached.get("wiki", "alice", fieldOf("alice", 1)), 200);
});

await t.test("a used code, a wrong code, none, nobody, not in the group: 401", async (t) => {
  const field = fieldOf("bob");
  t.equal(await direct.get("staff", "bob", field), 200);
  const wrong = codeFor(secretOf("bob")) === "000000" ? "111111" : "000000";
  const answers = await Promise.all([
    direct.get("wiki", "bob", field),
    direct.get("wiki", "bob", `hello,${wrong}`),
    direct.get("wiki", "bob", "hello"),
    direct.get("wiki", "nobody", field),
    direct.get("staff", "mallory", fieldOf("mallory")),
  ]);
  t.same(answers, [401, 401, 401, 401, 401]);
});

await t.test("people take turns on one connection and never cross", async (t) => {
  const turns = [
    ["u000000", 0],
    ["u000001", 0],
    ["u000000", 1],
    ["u000001", 1],
  ] as const;
  for (const [uid, step] of turns) t.equal(await direct.get("wiki", uid, fieldOf(uid, step)), 200);
  // Everybody at the same moment, half of them with what somebody else types.
  const crowd = CROWD.slice(2);
  const answers = await Promise.all(
    crowd.map((uid, at) => direct.get("wiki", uid, fieldOf(crowd[at - (at % 2)] ?? ""))),
  );
  t.same(
    answers,
    crowd.map((_, at) => (at % 2 === 0 ? 200 : 401)),
  );
});

await t.test("a pooled connection that was ended is no error to whoever is next", async (t) => {
  const [locked, next] = ["u000012", "u000013"] as const;
  t.equal(await direct.get("wiki", locked, fieldOf(locked)), 200);
  gateway.command("user", "lock", locked);
  t.equal(await direct.get("wiki", next, fieldOf(next)), 200);
  t.equal(await gateway.stop("SIGTERM"), 0);
  await gateway.start();
  t.equal(await direct.get("wiki", next, fieldOf(next, 1)), 200);
  t.equal(await direct.get("wiki", locked, fieldOf(locked, 1)), 401);
});

await t.test("bound as the person before the search: twice, which wants a window", async (t) => {
  t.equal(await direct.get("once", "u000014", fieldOf("u000014")), 401);
  await gateway.logged(/to let it through, set ldap\.listeners\[apps\]\.rebind_window/);
  const field = fieldOf("u000015");
  t.equal(await direct.get("twice", "u000015", field), 200);
  t.equal(await direct.get("twice", "u000015", field), 401, "it is no cache: two more, not four");
});

await t.test("each of these logins is an event, with its reason", async (t) => {
  const all = events("--type", "ldap_bind");
  const of = (uid: string): typeof all => all.filter(({ username }) => username === dnOf(uid));
  const reasons = (uid: string): unknown[] =>
    of(uid).map((one) => one.reason ?? one.mfa_exempt_reason ?? one.success);
  t.same(reasons("alice"), [true, "mfa-code-replayed", true]);
  t.equal(reasons("bob")[0], true);
  const refused = ["mfa-code-incorrect", "mfa-code-missing", "mfa-code-replayed"];
  t.same(new Set(reasons("bob").slice(1)), new Set(refused));
  t.same(reasons("mallory"), [true], "httpd's own refusal");
  t.equal(new Set([...of("u000000"), ...of("u000001")].map((one) => one.connection_id)).size, 1);
  t.same(reasons("u000012"), [true, "account-locked"]);
  t.same(reasons("u000014"), [true, "mfa-code-replayed"]);
  t.same(reasons("u000015").slice(0, 3), [true, "rebind-window", "rebind-window"]);
});
