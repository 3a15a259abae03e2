// A real haproxy between applications and the LDAP door, as docs/ldap-recipes.md sets it up: the
// gateway goes by the application's own address, TLS passes through.

import t from "tap";

import { startHaproxy, type Haproxy } from "../support/haproxy.ts";
import { LdapClient } from "../support/ldap-client.ts";
import { APP_DN, dnOf, startLdapGateway } from "../support/ldap-gateway.ts";
import { bindRequest, startTlsRequest, whoAmIRequest } from "../support/ldap-requests.ts";
import { fieldOf } from "../support/operator.ts";
import { recipe } from "../support/recipe.ts";

const balancers = "proxy_protocol: [127.0.0.1]";
const exempt = `exempt: [{ dn: "${APP_DN}", addresses: [127.0.0.3] }]`;
const { gateway, ca, enrollAll, events } = await startLdapGateway(t, {
  ldaps: [balancers, exempt, "rebind_window: 10s"],
  start_tls: [balancers, exempt, "tls: start_tls"],
  plain: [balancers, exempt, "tls: none"],
});
enrollAll(["alice", "bob"]);
/** The recipe in front of that listener; `changes` replace parts of it. */
const inFront = (listener: string, changes: Record<string, string> = {}): Promise<Haproxy> =>
  startHaproxy((port) =>
    recipe("haproxy", "text", {
      "bind :636": `bind 127.0.0.1:${port}\n  bind [::1]:${port}`,
      "192.0.2.20:636": `127.0.0.1:${gateway.ldapPort(listener)}`,
      ...changes,
    }),
  );
const noTls = { " check-ssl verify none": "" };
const justConnect = { "  option ldap-check\n": "", " check-ssl verify none": " check-send-proxy" };
const [ldaps, startTls, plain, look] = await Promise.all([
  inFront("ldaps"),
  inFront("start_tls", noTls),
  inFront("plain", noTls),
  inFront("ldaps", justConnect),
]);
t.teardown(() => Promise.all([ldaps, startTls, plain, look].map((one) => one.stop())));

/** The result code of that bind, from that address of this host, through haproxy. */
async function bind(localAddress: string, dn: string, field: string): Promise<number> {
  const client = await LdapClient.open(ldaps.port, { localAddress, ca });
  const { resultCode } = await client.ask(bindRequest(1, dn, field));
  client.end();
  return resultCode;
}

await t.test("an exemption goes by the application's address, not the balancer's", async (t) => {
  t.equal(await bind("127.0.0.3", APP_DN, "app-password"), 0);
  t.equal(await bind("127.0.0.4", APP_DN, "app-password"), 49);
  const client = await LdapClient.open(plain.port, { localAddress: "127.0.0.3" });
  t.match(await client.ask(bindRequest(1, APP_DN, "app-password")), { resultCode: 0 });
  client.end();
  t.same(
    events("--type", "ldap_bind").map(({ app }) => app?.ip),
    ["127.0.0.3", "127.0.0.4", "127.0.0.3"],
  );
});

await t.test("so does the re-bind window", async (t) => {
  const field = fieldOf("alice");
  t.equal(await bind("127.0.0.3", dnOf("alice"), field), 0);
  t.equal(await bind("127.0.0.4", dnOf("alice"), field), 49);
  t.equal(await bind("127.0.0.3", dnOf("alice"), field), 0);
});

await t.test("StartTLS and IPv6 go through", async (t) => {
  const client = await LdapClient.open(startTls.port, { host: "::1" });
  t.match(await client.ask(startTlsRequest(1)), { resultCode: 0 });
  await client.secure(ca);
  t.match(await client.ask(bindRequest(2, dnOf("bob"), fieldOf("bob"))), { resultCode: 0 });
  t.match(events("--user", "bob"), [{ app: { name: "start_tls", ip: "::1" } }]);
  client.end();
});

await t.test("health checks go well, and are neither trouble nor events", async (t) => {
  for (const haproxy of [ldaps, startTls, plain, look]) {
    t.match(await haproxy.health(), { status: "UP", check: /^L[47]OK$/ });
  }
  t.notMatch(gateway.output(), /came to nothing/);
  t.same(events("--type", "ldap_operation_denied"), []);
});

await t.test("past the balancer nobody is believed", async (t) => {
  const port = gateway.ldapPort("plain");
  const direct = await LdapClient.open(port, { localAddress: "127.0.0.5" });
  t.match(await direct.ask(whoAmIRequest(1)), { resultCode: 0 });
  direct.end();
  const without = await LdapClient.open(port);
  without.send(whoAmIRequest(1));
  await without.closed();
  t.equal(without.messages.length, 0);
  await gateway.logged(/no-proxy-header/);
});
