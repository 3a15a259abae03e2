// The door's sockets: limits, time-outs, TLS, PROXY headers, drain, what a reload changes.

import { readFileSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import t from "tap";

import { generateCertificates } from "../../../certs/certificates.ts";
import type { ListenerTls } from "../../../src/doors/ldap/listener.ts";
import { Secret } from "../../../src/lib/secret.ts";
import { plainUrl } from "../../support/directory.ts";
import { LdapClient } from "../../support/ldap-client.ts";
import { listenerSettings, openLdapDoor } from "../../support/ldap-door.ts";
import {
  abandonRequest,
  bindRequest,
  searchRequest,
  startTlsRequest,
  unbindRequest,
  whoAmIRequest,
} from "../../support/ldap-requests.ts";
import { BASE, startSlapd } from "../../support/slapd.ts";

const slapd = await startSlapd({ users: 200 });
const urls = [plainUrl(slapd)];
const folder = mkdtempSync(join(tmpdir(), "gatehouse-ldap-door-"));
await generateCertificates(folder);
await generateCertificates(join(folder, "other"));
t.teardown(async () => {
  await slapd.stop();
  rmSync(folder, { recursive: true, force: true });
});

const read = (name: string): string => readFileSync(join(folder, name), "utf8");
const ca = read("ca.pem");
const tlsOf = (from = "", changes: Partial<ListenerTls> = {}): ListenerTls => ({
  begins: "implicit",
  certificate: read(`${from}server.pem`),
  key: Secret.of(read(`${from}server.key`)),
  clientCa: undefined,
  ...changes,
});

const dnOf = (uid: string): string => `uid=${uid},ou=people,${BASE}`;
const root = (id: number): Buffer => searchRequest(id, { base: "", scope: 0 });

async function bound(port: number, uid = "u000001", options = {}): Promise<LdapClient> {
  const client = await LdapClient.open(port, options);
  const { resultCode } = await client.ask(bindRequest(1, dnOf(uid), `pw-${uid}`));
  if (resultCode !== 0) throw new Error(`${uid} can't bind: ${resultCode}`);
  return client;
}

await t.test("a chunk, octet by octet, or many requests at once: all are answered", async (t) => {
  const { port } = await openLdapDoor(t, { urls });
  const client = await LdapClient.open(port);
  await client.drip(bindRequest(1, dnOf("u000001"), "pw-u000001"));
  t.match(await client.next(), { id: 1, resultCode: 0 });
  const searches = Array.from({ length: 64 }, (_, index) =>
    searchRequest(2 + index, { base: dnOf(`u00000${index % 10}`), scope: 0 }),
  );
  client.send(...searches);
  const done = new Set<number>();
  while (done.size < 64) {
    const response = await client.next();
    if (response.kind === "search") done.add(response.id);
  }
  t.equal(client.messages.length, 1 + 128, "L90");
  client.end();
});

await t.test("L25 L26: what isn't LDAP is closed at once, without a word", async (t) => {
  const { port, log } = await openLdapDoor(t, { urls });
  for (const bytes of ["GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02\x00\x01"]) {
    const client = await LdapClient.open(port);
    client.send(Buffer.from(bytes, "latin1"));
    await client.closed();
    t.equal(client.messages.length, 0);
  }
  t.match(log.lines, [{ level: "warn", fields: { trouble: "not-ldap", listener: "apps" } }]);
});

await t.test("LDAP-01: a broken message gets a notice and the end", async (t) => {
  const { port } = await openLdapDoor(t, { urls });
  const client = await bound(port);
  client.send(Buffer.from("3084ffffffff", "hex"));
  t.match(await client.next(), { id: 0, resultCode: 2 });
  await client.closed();
});

await t.test("LDAP-19: a message before a bind has 256 KiB, after it more", async (t) => {
  const { port } = await openLdapDoor(t, { urls });
  const large = (id: number): Buffer =>
    searchRequest(id, { base: dnOf("u000001"), scope: 0, attributes: ["x".repeat(300_000)] });
  const stranger = await LdapClient.open(port);
  stranger.send(large(1));
  await stranger.closed();
  const client = await bound(port);
  client.send(large(2));
  await client.answerTo(2);
  client.end();
});

await t.test("connections are limited: in all, by address, and before a bind", async (t) => {
  const limits = { connectionsMax: 4, connectionsPerAddressMax: 3, unboundPerAddressMax: 2 };
  const { port, log } = await openLdapDoor(t, { urls, door: { limits } });
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
  await wait(50);
  const fifth = await LdapClient.open(port);
  t.match(await fifth.ask(whoAmIRequest(1)), { resultCode: 0 });
  t.same(
    log.lines.map(({ fields }) => fields["trouble"]),
    ["unboundPerAddressMax", "connectionsPerAddressMax"],
  );
  for (const client of [first, third, fifth]) client.end();
});

await t.test("P05 P06: idle and half-sent messages end; a running search isn't idle", async (t) => {
  const limits = { unboundIdleMs: 200, boundIdleMs: 1_200, messageMs: 200 };
  const { port } = await openLdapDoor(t, { urls, door: { limits } });
  const idle = await LdapClient.open(port);
  t.match(await idle.next(), { id: 0, resultCode: 52, text: "idle for too long" });
  await idle.closed();
  const half = await LdapClient.open(port);
  half.send(whoAmIRequest(1).subarray(0, 6));
  t.match(await half.next(), { id: 0, text: "a message wasn't finished in time" });
  const client = await bound(port);
  await wait(700);
  t.match(await client.ask(whoAmIRequest(2)), { resultCode: 0 }, "a bound one has more time");
  slapd.pause();
  client.send(root(3));
  await wait(2_200);
  slapd.resume();
  t.match(await client.answerTo(3), { resultCode: 0 });
  client.end();
});

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
  "a reload's rules hold for those who are connected; a lost listener closes",
  async (t) => {
    const listeners = [
      { name: "one" },
      { name: "two", listen: { family: 4, host: "127.0.0.2", port: 0 } as const },
    ];
    const { portOf, door, directory } = await openLdapDoor(t, { urls, listeners });
    const one = await bound(portOf(0));
    const two = await LdapClient.open(portOf(1), { host: "127.0.0.2" });
    t.match(await one.ask(searchRequest(2, { base: dnOf("u000002"), scope: 0 })), {
      kind: "entry",
    });
    await one.answerTo(2);
    const rules = listenerSettings({ name: "one", operations: ["whoami"] });
    door.reload({ listeners: [rules], directories: new Map([["corp", directory]]) });
    t.match(await two.next(), { id: 0, resultCode: 52 });
    await two.closed();
    await t.rejects(LdapClient.open(portOf(1), { host: "127.0.0.2" }));
    t.match(await one.ask(searchRequest(3, { base: BASE })), { resultCode: 53 });
    t.match(await one.ask(bindRequest(4, dnOf("u000002"), "pw-u000002")), { resultCode: 0 });
    one.end();
  },
);

/** haproxy's proxy-protocol.txt §2.2, by hand. */
function proxyHeader(source: string, command = 0x21): Buffer {
  const signature = Buffer.from("0d0a0d0a000d0a515549540a", "hex");
  const addresses = Buffer.concat([
    Buffer.from(source.split(".").map(Number)),
    Buffer.from([127, 0, 0, 1, 0x9c, 0x40, 0x02, 0x7c]),
  ]);
  const fixed = Buffer.from([command, 0x11, 0, addresses.length]);
  return Buffer.concat([signature, fixed, addresses]);
}

const BALANCER = { bytes: Buffer.from([127, 0, 0, 1]), prefix: 32 };

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

await t.test(
  "C05: an address that is taken is told with its remedy, and nothing stays open",
  async (t) => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    t.teardown(() => taken.close());
    const address = taken.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const listen = { family: 4, host: "127.0.0.1", port } as const;
    const start = openLdapDoor(t, { urls, listeners: [{}, { name: "two", listen }] });
    await t.rejects(start, { message: /the port is in use; .*ss -lntp/ });
  },
);

await t.test("a client that is gone in mid search or mid bind leaves nothing behind", async (t) => {
  const { port, door, store } = await openLdapDoor(t, { urls });
  for (let round = 0; round < 5; round += 1) {
    const client = await bound(port);
    client.send(searchRequest(2, { base: BASE }), abandonRequest(3, 2));
    client.reset();
  }
  slapd.pause();
  const client = await LdapClient.open(port);
  // Looked up before: only the bind itself is under way.
  client.send(bindRequest(1, dnOf("u000001"), "wrong"));
  await wait(200);
  client.reset();
  await wait(50);
  slapd.resume();
  await wait(300);
  t.equal(door.connections, 0);
  t.match(await store.events({ limit: 1 }), [{ reason: "password-incorrect" }], "it is counted");
  const good = await bound(port, "u000051");
  t.match(await good.ask(whoAmIRequest(2)), { resultCode: 0 });
  t.match(good.messages.at(-1)?.toString(), `dn:${dnOf("u000051")}`);
  good.end();
});

await t.test(
  "LDAP-08: a pooled connection never carries somebody's identity to another",
  async (t) => {
    const { port } = await openLdapDoor(t, { urls });
    for (let round = 0; round < 20; round += 1) {
      const uid = `u0000${String(10 + round)}`;
      const client = await bound(port, uid);
      client.send(unbindRequest(2));
      await client.closed();
      const other = await LdapClient.open(port);
      t.match(await other.ask(root(1)), { kind: "entry" });
      await other.answerTo(1);
      await other.ask(whoAmIRequest(2));
      t.notMatch(other.messages.at(-1)?.toString(), "dn:");
      other.end();
    }
  },
);

await t.test("at the end: who is quiet is told at once, what runs is finished", async (t) => {
  const { port, door } = await openLdapDoor(t, { urls });
  const quiet = await bound(port);
  const busy = await bound(port, "u000002");
  slapd.pause();
  busy.send(searchRequest(2, { base: dnOf("u000003"), scope: 0 }));
  await wait(50);
  const closed = door.close({ drainMs: 5_000 });
  t.match(await quiet.next(), { id: 0, resultCode: 52, text: "the server is stopping" });
  await quiet.closed();
  await t.rejects(LdapClient.open(port));
  slapd.resume();
  t.match(await busy.answerTo(2), { resultCode: 0 });
  t.match(await busy.next(), { id: 0, resultCode: 52 });
  await closed;
});

await t.test("at the end: what takes too long is told so too", async (t) => {
  const { port, door } = await openLdapDoor(t, { urls });
  const busy = await bound(port);
  slapd.pause();
  busy.send(searchRequest(2, { base: dnOf("u000003"), scope: 0 }));
  await wait(50);
  const startedAt = performance.now();
  await door.close({ drainMs: 300 });
  t.ok(performance.now() - startedAt < 2_000);
  slapd.resume();
  t.match(await busy.next(), { id: 0, resultCode: 52 });
});

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
