// From a TCP connection to a client: limits, time-outs, PROXY headers.

import { setTimeout as wait } from "node:timers/promises";
import t from "tap";

import { plainUrl } from "../../support/directory.ts";
import { CLOSED, LdapClient } from "../../support/ldap-client.ts";
import { bound, certificates, dnOf, openLdapDoor } from "../../support/ldap-door.ts";
import { bindRequest, filter, searchRequest, whoAmIRequest } from "../../support/ldap-requests.ts";
import { BALANCER, proxyHeader } from "../../support/proxy-header.ts";
import { BASE, startSlapd } from "../../support/slapd.ts";
import { until } from "../../support/until.ts";

const slapd = await startSlapd({ users: 200 });
const urls = [plainUrl(slapd)];
const { ca, tlsOf } = await certificates(t);
t.teardown(() => slapd.stop());

const root = (id: number): Buffer => searchRequest(id, { base: "", scope: 0 });

await t.test("connections are limited: in all, by address, and before a bind", async (t) => {
  const limits = { connectionsMax: 4, connectionsPerAddressMax: 3, unboundPerAddressMax: 2 };
  const { port, log, door } = await openLdapDoor(t, { urls, door: { limits } });
  const first = await LdapClient.open(port);
  const second = await LdapClient.open(port);
  const turnedAway = await LdapClient.open(port);
  await turnedAway.closed();
  t.match(await first.ask(bindRequest(1, dnOf("u000001"), "pw-u000001")), { resultCode: 0 });
  const third = await LdapClient.open(port);
  t.match(await third.ask(whoAmIRequest(1)), { resultCode: 0 }, "one has bound: a place is free");
  t.match(await third.ask(bindRequest(2, dnOf("u000002"), "pw-u000002")), { resultCode: 0 });
  const fourth = await LdapClient.open(port);
  await fourth.closed();
  second.end();
  await until(() => door.connections().unbound === 0);
  const fifth = await LdapClient.open(port);
  t.match(await fifth.ask(whoAmIRequest(1)), { resultCode: 0 });
  t.same(
    log.lines.map(({ fields }) => fields["trouble"]),
    ["too-many-unbound", "too-many-from-address"],
  );
  for (const client of [first, third, fifth]) client.end();
});

await t.test("P05 P06: idle and half-sent messages end; a running search isn't idle", async (t) => {
  const limits = { unboundIdleMs: 200, boundIdleMs: 3_000, messageMs: 200 };
  // It would be taken for one that hangs otherwise.
  const directory = { timeoutMs: 20_000 };
  const { port } = await openLdapDoor(t, { urls, directory, door: { limits } });
  const idle = await LdapClient.open(port);
  await t.rejects(idle.next(), CLOSED);
  const half = await LdapClient.open(port);
  half.send(whoAmIRequest(1).subarray(0, 6));
  t.match(await half.next(), { id: 0, text: "a message wasn't finished in time" });
  const client = await bound(port);
  await wait(1_000);
  t.match(await client.ask(whoAmIRequest(2)), { resultCode: 0 }, "a bound one has more time");
  slapd.pause();
  client.send(root(3));
  await wait(4_500);
  slapd.resume();
  t.match(await client.answerTo(3), { resultCode: 0 });
  await wait(1_000);
  t.match(await client.ask(whoAmIRequest(4)), { resultCode: 0 }, "its time begins at the end");
  client.end();
});

await t.test("P03 P06: who reads slowly may finish a message that nobody reads", async (t) => {
  const { port } = await openLdapDoor(t, { urls, door: { limits: { messageMs: 3_000 } } });
  const client = await bound(port);
  client.pause();
  const searches = Array.from({ length: 250 }, (_, index) =>
    searchRequest(2 + index, { base: BASE, filter: filter.present("cn") }),
  );
  const half = whoAmIRequest(300);
  client.send(...searches, half.subarray(0, 6));
  await wait(4_500);
  client.resume();
  client.send(half.subarray(6));
  t.match(await client.answerTo(300), { resultCode: 0 });
  client.end();
});

await t.test("what is begun and not finished is limited for all together", async (t) => {
  const limits = { unfinishedBytesMax: 100_000 };
  const { port, log } = await openLdapDoor(t, { urls, door: { limits } });
  const begun = (bytes: number): Buffer =>
    searchRequest(2, { base: "", scope: 0, attributes: ["x".repeat(60_000)] }).subarray(0, bytes);
  const first = await LdapClient.open(port);
  first.send(begun(40_000));
  await wait(50);
  const second = await LdapClient.open(port);
  second.send(begun(20_000));
  t.match(await second.next(), { id: 0, resultCode: 51 });
  await second.closed();
  t.match(log.lines.at(-1), { fields: { trouble: "too-much-unfinished" } });

  const login = await LdapClient.open(port);
  await login.drip(bindRequest(1, dnOf("u000001"), "pw-u000001"));
  t.match(await login.next(), { resultCode: 0 }, "a login always finds room");
  login.send(begun(20_000));
  await wait(50);
  t.equal(login.isClosed, false, "who has bound has more of it");
  for (const one of [first, login]) one.end();
  await wait(50);
  const third = await LdapClient.open(port);
  third.send(begun(40_000));
  await wait(50);
  t.equal(third.isClosed, false, "who is gone holds nothing");
  third.end();
});

await t.test(
  "PROXY protocol: a balancer must send it, and its word is the client's address",
  async (t) => {
    const exempt = [
      {
        dn: `cn=gatehouse,ou=services,${BASE}`,
        addresses: [{ bytes: Buffer.from([192, 0, 2, 7]), prefix: 32 }],
      },
    ];
    const listeners = [
      { proxyProtocol: [BALANCER], mfa: "required", exempt } as const,
      { proxyProtocol: [BALANCER], tls: tlsOf(), mfa: "required", exempt } as const,
    ];
    const { portOf, log } = await openLdapDoor(t, { urls, listeners });
    const service = bindRequest(1, `cn=gatehouse,ou=services,${BASE}`, "service-password");
    for (const [listener, options] of [
      [0, {}],
      [1, { ca }],
    ] as const) {
      const open = (source: string): Promise<LdapClient> =>
        LdapClient.open(portOf(listener), { ...options, header: proxyHeader(source) });
      const good = await open("192.0.2.7");
      t.match(await good.ask(service), { resultCode: 0 });
      good.end();
      const elsewhere = await open("192.0.2.8");
      t.match(await elsewhere.ask(service), { resultCode: 49 });
      elsewhere.end();
    }
    const health = await LdapClient.open(portOf(0), { header: proxyHeader("0.0.0.0", 0x20) });
    t.match(await health.ask(whoAmIRequest(1)), { resultCode: 0 }, "LOCAL: the balancer itself");
    health.end();
    const without = await LdapClient.open(portOf(0));
    without.send(service);
    await without.closed();
    t.equal(without.messages.length, 0);
    const split = await LdapClient.open(portOf(0));
    await split.drip(proxyHeader("192.0.2.7"));
    t.match(await split.ask(service), { resultCode: 0 });
    split.end();
    t.match(
      log.lines.map(({ fields }) => fields["trouble"]),
      ["no-proxy-header"],
    );
  },
);

await t.test("PROXY protocol: nobody else is believed", async (t) => {
  const { port } = await openLdapDoor(t, { urls });
  const client = await LdapClient.open(port, { header: proxyHeader("192.0.2.7") });
  await client.closed();
  t.equal(client.messages.length, 0);
});
