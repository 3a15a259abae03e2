// A real haproxy between applications and the LDAP door, with its health checks: the gateway goes by
// the application's own address, TLS passes through.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import t from "tap";

import { codeFor, startGateway } from "../support/gateway.ts";
import { LdapClient } from "../support/ldap-client.ts";
import { APP_DN, dnOf } from "../support/ldap-gateway.ts";
import { bindRequest, whoAmIRequest } from "../support/ldap-requests.ts";
import { operatorOf } from "../support/operator.ts";
import { freePort, startSlapd } from "../support/slapd.ts";

const slapd = await startSlapd({ users: 5, serviceAccount: "app" });
const exempt = `exempt: [{ dn: "${APP_DN}", addresses: [127.0.0.3] }]`;
const balancers = "proxy_protocol: [127.0.0.1]";
const gateway = await startGateway({
  directory: slapd.url,
  listeners: {
    ldaps: [balancers, exempt],
    plain: ["tls: none", balancers, exempt, "rebind_window: 30s"],
  },
});
const folder = mkdtempSync(join(tmpdir(), "gatehouse-haproxy-"));
const [tlsPort, plainPort] = [await freePort(), await freePort()];
writeFileSync(
  join(folder, "haproxy.cfg"),
  `defaults
  mode tcp
  timeout connect 2s
  timeout client 30s
  timeout server 30s
listen ldaps
  bind 127.0.0.1:${tlsPort}
  server gatehouse 127.0.0.1:${gateway.ldapPort("ldaps")} send-proxy-v2 check check-send-proxy inter 200
listen plain
  bind 127.0.0.1:${plainPort}
  server gatehouse 127.0.0.1:${gateway.ldapPort("plain")} send-proxy-v2 check check-send-proxy inter 200
`,
);
const haproxy = spawn("/usr/sbin/haproxy", ["-db", "-f", join(folder, "haproxy.cfg")], {
  stdio: "ignore",
});
t.teardown(async () => {
  haproxy.kill("SIGKILL");
  await gateway.end();
  await slapd.stop();
  rmSync(folder, { recursive: true, force: true });
});
await wait(500);

const ca = readFileSync(join(gateway.folder, "ca.pem"), "utf8");
const { enroll, events } = operatorOf(gateway);

await t.test("an exemption goes by the application's address, not the balancer's", async (t) => {
  for (const [port, options] of [
    [plainPort, {}],
    [tlsPort, { ca }],
  ] as const) {
    for (const [localAddress, resultCode] of [
      ["127.0.0.3", 0],
      ["127.0.0.4", 49],
    ] as const) {
      const client = await LdapClient.open(port, { ...options, localAddress });
      t.match(await client.ask(bindRequest(1, APP_DN, "app-password")), { resultCode });
      client.end();
    }
  }
  t.match(
    events("--type", "ldap_bind").map(({ app }) => app?.ip),
    ["127.0.0.3", "127.0.0.4", "127.0.0.3", "127.0.0.4"],
  );
});

await t.test("so does the re-bind window", async (t) => {
  const field = `pw-u000001,${codeFor(enroll("u000001"))}`;
  const bind = async (localAddress: string): Promise<number> => {
    const client = await LdapClient.open(plainPort, { localAddress });
    const { resultCode } = await client.ask(bindRequest(1, dnOf("u000001"), field));
    client.end();
    return resultCode;
  };
  t.equal(await bind("127.0.0.3"), 0);
  t.equal(await bind("127.0.0.4"), 49);
  t.equal(await bind("127.0.0.3"), 0);
});

await t.test(
  "health checks are no trouble, and past the balancer nobody is believed",
  async (t) => {
    await wait(600);
    t.notMatch(gateway.output(), /came to nothing/);
    const direct = await LdapClient.open(gateway.ldapPort("plain"), { localAddress: "127.0.0.5" });
    t.match(await direct.ask(whoAmIRequest(1)), { resultCode: 0 });
    direct.end();
    const without = await LdapClient.open(gateway.ldapPort("plain"));
    without.send(whoAmIRequest(1));
    await without.closed();
    t.match(gateway.output(), /no-proxy-header/);
  },
);
