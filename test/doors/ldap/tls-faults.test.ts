// What a client can do in TLS at the door: nobody else notices, and the next good one is served.

import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from "node:tls";

import t from "tap";

import { generateCertificates } from "../../../certs/certificates.ts";
import { plainUrl } from "../../support/directory.ts";
import { floodServer } from "../../support/key-updates.ts";
import { LdapClient } from "../../support/ldap-client.ts";
import { bound, certificates, openLdapDoor } from "../../support/ldap-door.ts";
import { whoAmIRequest } from "../../support/ldap-requests.ts";
import { chainOf, withSubject } from "../../support/odd-certificates.ts";
import { sendEarly } from "../../support/openssl-client.ts";
import { startSlapd } from "../../support/slapd.ts";
import { damagedFlights } from "../../support/tls-flights.ts";

const slapd = await startSlapd({ users: 10 });
const urls = [plainUrl(slapd)];
const { ca, read, tlsOf } = await certificates(t);
const identity = { key: read("server.key"), cert: read("server.pem"), ca };
t.teardown(() => slapd.stop());

const descriptors = (): number => readdirSync("/proc/self/fd").length;
/** Of connections to the directory that come and go by themselves. */
const SPARE = 20;

function open(port: number, options: ConnectionOptions = {}): TLSSocket {
  const place = { host: "127.0.0.1", port, ca, servername: "localhost" };
  return connectTls({ ...place, ...options }).on("error", () => undefined);
}

async function isServed(port: number): Promise<boolean> {
  const client = await LdapClient.open(port, { ca });
  const { resultCode } = await client.ask(whoAmIRequest(1));
  client.end();
  return resultCode === 0;
}

await t.test("T04: changes of keys without end are ended, and others log in", async (t) => {
  const { port, log } = await openLdapDoor(t, { urls, listeners: [{ tls: tlsOf() }] });
  let isOver = false;
  const flood = floodServer(port, ca, Infinity).then((taken) => {
    isOver = true;
    return taken;
  });
  const before = await bound(port, "u000001", { ca });
  while (!isOver) t.match(await before.ask(whoAmIRequest(2)), { resultCode: 0 });
  t.not(await flood, Infinity);
  t.ok(await isServed(port));
  const fields = { trouble: "tls-failed", reason: "records in which nothing is" };
  t.match(log.lines.at(-1), { fields });
  before.end();
});

await t.test("T04: a client that wants another handshake (TLS 1.2) gets none", async (t) => {
  const { port } = await openLdapDoor(t, { urls, listeners: [{ tls: tlsOf() }] });
  const client = open(port, { maxVersion: "TLSv1.2" });
  await once(client, "secureConnect");
  const outcome = new Promise<string>((resolve) => {
    client.renegotiate({}, (error) => resolve(error === null ? "done" : "refused"));
    client.once("close", () => resolve("refused"));
  });
  t.equal(await outcome, "refused");
  client.destroy();
  t.ok(await isServed(port));
});

await t.test("T04: a thousand resumptions are a thousand connections, no more", async (t) => {
  const { port, door } = await openLdapDoor(t, { urls, listeners: [{ tls: tlsOf() }] });
  const first = open(port).resume();
  const [session]: Buffer[] = await once(first, "session");
  first.destroy();
  const before = descriptors();
  for (let round = 0; round < 1_000; round += 1) {
    const next = open(port, session === undefined ? {} : { session });
    await once(next, "secureConnect");
    t.ok(next.isSessionReused());
    next.destroy();
  }
  while (door.connections().unbound > 0 || descriptors() > before + SPARE) await wait(10);
  t.ok(await isServed(port));
});

await t.test("T04: the session of a certificate that was refused lets nobody in", async (t) => {
  const listeners = [{ tls: tlsOf("", { clientCa: ca }) }];
  const { port } = await openLdapDoor(t, { urls, listeners });
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    const foreign = { cert: read("other/client.pem"), key: read("other/client.key"), maxVersion };
    const sessions: Buffer[] = [];
    const refused = open(port, foreign).on("session", (session) => sessions.push(session));
    await new Promise((resolve) => refused.once("close", resolve));
    for (const session of sessions) {
      const again = open(port, { session, maxVersion });
      const received: Buffer[] = [];
      again.on("data", (chunk: Buffer) => received.push(chunk)).write(whoAmIRequest(1));
      await new Promise((resolve) => again.once("close", resolve));
      t.same(received, []);
    }
  }
});

await t.test("T05: nothing is taken before the handshake is done (0-RTT)", async (t) => {
  const { port } = await openLdapDoor(t, { urls, listeners: [{ tls: tlsOf() }] });
  t.match(await sendEarly(port, whoAmIRequest(1)), /not sent|rejected/);
  t.ok(await isServed(port));
});

await t.test("T09 T10: odd server names and protocols are nobody's trouble", async (t) => {
  const { port } = await openLdapDoor(t, { urls, listeners: [{ tls: tlsOf() }] });
  const checkServerIdentity = (): undefined => undefined;
  for (const servername of ["", "unknown.example.org", "a".repeat(255), "x".repeat(300), "a\0b"]) {
    const client = open(port, { servername, checkServerIdentity });
    const [event] = await Promise.race([
      once(client, "secureConnect").then(() => ["secure"]),
      once(client, "close").then(() => ["closed"]),
    ]);
    t.match(event, /secure|closed/);
    client.destroy();
  }
  const many = Array.from({ length: 255 }, (_, index) => `p${index}`);
  for (const ALPNProtocols of [["http/1.1"], ["unknown"], many]) {
    const client = open(port, { ALPNProtocols });
    await once(client, "secureConnect");
    t.equal(client.alpnProtocol, false);
    client.destroy();
  }
  t.ok(await isServed(port));
});

await t.test(
  "T11 T12: odd certificates of clients are refused, or nothing is read of them",
  async (t) => {
    const folder = t.testdir();
    const names = Array.from({ length: 50_000 }, (_, index) => `host-${index}.example.org`);
    await generateCertificates(folder, { names });
    const text = (name: string): string => readFileSync(join(folder, name), "utf8");
    const huge = { key: text("server.key"), cert: text("server.pem"), ca: text("ca.pem") };
    const nasty = { bmpString: "\u202eadmin\u0000\r\n" };
    const strange = await withSubject([{ CN: [nasty, { utf8String: "x".repeat(10_000) }] }]);
    const cases = { "a megabyte": huge, "a long chain": await chainOf(110) };
    for (const [name, odd] of Object.entries(cases)) {
      const listeners = [{ tls: tlsOf("", { clientCa: odd.ca }) }];
      const { port } = await openLdapDoor(t, { urls, listeners });
      const received: Buffer[] = [];
      const client = open(port, { key: odd.key, cert: odd.cert });
      client.on("data", (chunk: Buffer) => received.push(chunk)).write(whoAmIRequest(1));
      await new Promise((resolve) => client.once("close", resolve));
      t.same(received, [], name);
    }
    const trusting = [{ tls: tlsOf("", { clientCa: strange.ca }) }];
    for (const listeners of [trusting, [{ tls: tlsOf("", { clientCa: ca }) }]]) {
      const { port, log } = await openLdapDoor(t, { urls, listeners });
      const certificate = { cert: strange.cert, key: strange.key };
      const client = await LdapClient.open(port, { ca, certificate }).catch(() => undefined);
      const answer = await client?.ask(whoAmIRequest(1)).catch(() => undefined);
      t.equal(answer?.resultCode, listeners === trusting ? 0 : undefined);
      t.notMatch(
        log.lines.map(({ fields }) => Object.values(fields).join()).join(),
        /\p{C}|admin/u,
      );
      client?.end();
    }
  },
);

await t.test("T19: hundreds of damaged handshakes: nothing left open, one line", async (t) => {
  const { port, door, log } = await openLdapDoor(t, { urls, listeners: [{ tls: tlsOf() }] });
  const inputs = await damagedFlights(identity, "client");
  const before = descriptors();
  for (const input of inputs) {
    const socket = connect(port, "127.0.0.1").on("error", () => undefined);
    socket.resume().end(input);
    await once(socket, "close");
  }
  while (descriptors() > before + SPARE) await wait(10);
  t.same(door.connections(), { bound: 0, unbound: 0 });
  t.equal(log.lines.filter(({ fields }) => fields["trouble"] === "tls-failed").length, 1);
  t.ok(await isServed(port));
});
