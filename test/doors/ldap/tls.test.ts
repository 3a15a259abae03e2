// TLS at the door: what is refused, who needs a certificate, a new one without a restart.

import { setTimeout as wait } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import t from "tap";

import { plainUrl } from "../../support/directory.ts";
import { LdapClient } from "../../support/ldap-client.ts";
import { bound, certificates, listenerSettings, openLdapDoor } from "../../support/ldap-door.ts";
import { searchRequest, startTlsRequest, whoAmIRequest } from "../../support/ldap-requests.ts";
import { startSlapd } from "../../support/slapd.ts";

const slapd = await startSlapd({ users: 10 });
const urls = [plainUrl(slapd)];
const { ca, read, tlsOf } = await certificates(t);
t.teardown(() => slapd.stop());

const root = (id: number): Buffer => searchRequest(id, { base: "", scope: 0 });

await t.test(
  "T01 T02: plain bytes and silence at a TLS port cost one line and no slot",
  async (t) => {
    const listeners = [{ tls: tlsOf() }];
    const limits = { handshakeMs: 300, connectionsPerAddressMax: 2 };
    const { port, log } = await openLdapDoor(t, { urls, listeners, door: { limits } });
    for (let round = 0; round < 3; round += 1) {
      const rubbish = await LdapClient.open(port);
      rubbish.send(whoAmIRequest(1));
      const silent = await LdapClient.open(port);
      await Promise.all([rubbish.closed(), silent.closed()]);
      await wait(20);
    }
    const good = await LdapClient.open(port, { ca });
    t.match(await good.ask(whoAmIRequest(1)), { resultCode: 0 });
    t.equal(log.lines.filter(({ fields }) => fields["trouble"] === "tls-failed").length, 1);
    good.end();
  },
);

await t.test("T03: TLS below 1.2 is refused", async (t) => {
  const { port } = await openLdapDoor(t, { urls, listeners: [{ tls: tlsOf() }] });
  for (const version of ["TLSv1", "TLSv1.1"] as const) {
    const options = { port, host: "127.0.0.1", ca, servername: "localhost" };
    const ciphers = "DEFAULT:@SECLEVEL=0";
    const old = connectTls({ ...options, minVersion: version, maxVersion: version, ciphers });
    const outcome = await new Promise((resolve) => {
      old.once("error", () => resolve("refused")).once("secureConnect", () => resolve("open"));
    });
    t.equal(outcome, "refused", version);
    old.destroy();
  }
});

await t.test("with client_ca nobody gets through without its certificate", async (t) => {
  const listeners = [{ tls: tlsOf("", { clientCa: ca }) }];
  const { port } = await openLdapDoor(t, { urls, listeners });
  const certificate = { cert: read("client.pem"), key: read("client.key") };
  const good = await LdapClient.open(port, { ca, certificate });
  t.match(await good.ask(whoAmIRequest(1)), { resultCode: 0 });
  good.end();
  const foreign = { cert: read("other/client.pem"), key: read("other/client.key") };
  for (const other of [{ ca }, { ca, certificate: foreign }]) {
    const client = await LdapClient.open(port, other).catch(() => undefined);
    // TLS 1.3: the client learns of it after its own handshake.
    await client?.closed();
    t.equal(client?.messages.length ?? 0, 0);
  }
});

await t.test(
  "T17: a certificate is replaced without a restart; open connections stay",
  async (t) => {
    const { port, door, directory } = await openLdapDoor(t, {
      urls,
      listeners: [{ tls: tlsOf() }],
    });
    const before = await bound(port, "u000001", { ca });
    const listen = { family: 4, host: "127.0.0.1", port: 0 } as const;
    const directories = new Map([["corp", directory]]);
    door.reload({ listeners: [listenerSettings({ listen, tls: tlsOf("other/") })], directories });
    await t.rejects(LdapClient.open(port, { ca }), "the old authority");
    const after = await LdapClient.open(port, { ca: read("other/ca.pem") });
    t.match(await after.ask(whoAmIRequest(1)), { resultCode: 0 });
    t.match(await before.ask(whoAmIRequest(2)), { resultCode: 0 });
    before.end();
    after.end();
  },
);

await t.test(
  "StartTLS with a search outstanding is refused, and the search is answered",
  async (t) => {
    const listeners = [{ tls: tlsOf("", { begins: "start_tls" }) }];
    const { port } = await openLdapDoor(t, { urls, listeners });
    const client = await LdapClient.open(port);
    client.send(root(1), startTlsRequest(2));
    t.match(await client.answerTo(2), { id: 2, resultCode: 1 });
    t.match(await client.answerTo(1), { id: 1, resultCode: 0 });
    client.end();
  },
);

await t.test("StartTLS leaves an event for each way in which it ends", async (t) => {
  const listeners = [{ tls: tlsOf("", { begins: "start_tls" }) }];
  const { port, door, store } = await openLdapDoor(t, { urls, listeners });
  const good = await LdapClient.open(port);
  t.match(await good.ask(startTlsRequest(1)), { resultCode: 0 });
  await good.secure(ca);
  t.match(await good.ask(whoAmIRequest(2)), { resultCode: 0 });
  good.end();
  const foreign = await LdapClient.open(port);
  t.match(await foreign.ask(startTlsRequest(1)), { resultCode: 0 });
  await t.rejects(foreign.secure(read("other/ca.pem")));
  await door.close({ drainMs: 0 });
  const events = await store.events({ limit: 5 });
  t.match(
    events.toSorted((one, other) => Number(other.success) - Number(one.success)),
    [
      {
        event_type: "ldap_start_tls",
        success: true,
        count: 1,
        app: { name: "apps", ip: "127.0.0.1" },
        details: { tls_version: "TLSv1.3", cipher: /^TLS_AES_/ },
      },
      { event_type: "ldap_start_tls", success: false, details: { reason: /./ } },
    ],
  );
});
