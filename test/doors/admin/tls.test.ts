// TLS at the administrators' listener: what is refused, what is ended, a new certificate at once.

import { once } from "node:events";
import { readdirSync } from "node:fs";
import { Agent as SecureAgent } from "node:https";
import { connect, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { connect as connectTls } from "node:tls";

import t from "tap";

import {
  FROM_LOOPBACK,
  LOOPBACK,
  makeIdentity,
  openAdminServer,
} from "../../support/admin-server.ts";
import { ask, tell } from "../../support/http.ts";
import { floodServer } from "../../support/key-updates.ts";
import { sendEarly } from "../../support/openssl-client.ts";
import { damagedFlights } from "../../support/tls-flights.ts";

await t.test(
  "T01 T03: what isn't TLS 1.2 or later is refused, in one line of the log",
  async (t) => {
    const { tls, ca } = await makeIdentity(t);
    const kit = await openAdminServer(t, { tls });
    const garbage = [
      "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
      Buffer.alloc(600, 0xa5),
      "\x16\x03\x01\xff\xff",
    ];
    for (const octets of garbage) {
      const { received } = await tell(kit.port, octets);
      t.notMatch(received, "alive");
    }
    const old = connectTls({
      host: "127.0.0.1",
      port: kit.port,
      ca,
      minVersion: "TLSv1",
      maxVersion: "TLSv1.1",
      ciphers: "DEFAULT@SECLEVEL=0",
    });
    const [error] = await once(old, "error");
    t.match(error, { code: /SSL|ECONNRESET/ });
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      const options = { ca, minVersion: version, maxVersion: version };
      t.equal((await ask(`${kit.url}/healthz`, options)).status, 200, version);
    }
    t.equal(kit.lines.length, 1);
  },
);

await t.test("T09 T10: odd server names and protocols are refused or ignored", async (t) => {
  const { tls, ca } = await makeIdentity(t);
  const kit = await openAdminServer(t, { tls });
  const place = { host: "127.0.0.1", port: kit.port, ca, checkServerIdentity: () => undefined };
  for (const servername of ["", "unknown.example.org", "a".repeat(255), "x".repeat(63)]) {
    const socket = connectTls({ ...place, servername });
    await once(socket, "secureConnect");
    t.equal(socket.alpnProtocol, false);
    socket.destroy();
  }
  const many = Array.from({ length: 255 }, (_, index) => `p${index}`);
  for (const ALPNProtocols of [["h2"], ["unknown"], many]) {
    const socket = connectTls({ ...place, ALPNProtocols });
    const [error] = await once(socket, "error");
    t.match(error, { code: "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL" });
  }
  const socket = connectTls({ ...place, ALPNProtocols: ["h2", "http/1.1"] });
  await once(socket, "secureConnect");
  t.equal(socket.alpnProtocol, "http/1.1");
  socket.destroy();
  t.equal((await ask(`${kit.url}/healthz`, { ca })).status, 200);
});

await t.test("T04: keys changed without end, or a second handshake: the end", async (t) => {
  const { tls, ca } = await makeIdentity(t);
  const kit = await openAdminServer(t, { tls });
  t.not(await floodServer(kit.port, ca, Infinity), Infinity);
  t.match(kit.lines, [{ level: "warn", fields: { reason: /in which nothing is/ } }]);
  const place = { host: "127.0.0.1", port: kit.port, ca, maxVersion: "TLSv1.2" } as const;
  const client = connectTls(place).on("error", () => undefined);
  await once(client, "secureConnect");
  const outcome = new Promise<string>((resolve) => {
    client.renegotiate({}, (error) => resolve(error === null ? "done" : "refused"));
    client.once("close", () => resolve("refused"));
  });
  t.equal(await outcome, "refused");
  client.destroy();
  t.equal((await ask(`${kit.url}/healthz`, { ca })).status, 200);
});

await t.test("a connection that is kept and used a lot is no flood", async (t) => {
  const { tls, ca } = await makeIdentity(t);
  const kit = await openAdminServer(t, { tls });
  const agent = new SecureAgent({ keepAlive: true, maxSockets: 1, ca });
  t.teardown(() => agent.destroy());
  const ports = new Set<number | undefined>();
  agent.on("free", (socket: Socket) => ports.add(socket.localPort));
  for (let round = 0; round < 200; round += 1) {
    const headers = { "x-more": "x".repeat(1_000) };
    t.equal((await ask(`${kit.url}/healthz`, { agent, headers })).status, 200);
  }
  // Twice as long as it takes to notice a flood.
  await wait(500);
  t.equal((await ask(`${kit.url}/healthz`, { agent })).status, 200);
  t.equal(ports.size, 1);
});

await t.test("T05: nothing is taken before the handshake is done (0-RTT)", async (t) => {
  const { tls, ca } = await makeIdentity(t);
  const kit = await openAdminServer(t, { tls });
  const request = Buffer.from("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  t.match(await sendEarly(kit.port, request), /not sent|rejected/);
  t.equal((await ask(`${kit.url}/healthz`, { ca })).status, 200);
});

await t.test("T19: hundreds of damaged handshakes: nothing left open, one line", async (t) => {
  const { tls, ca } = await makeIdentity(t);
  const kit = await openAdminServer(t, { tls });
  const identity = { cert: tls.certificate, key: tls.key.reveal().toString(), ca };
  const descriptors = (): number => readdirSync("/proc/self/fd").length;
  const before = descriptors();
  for (const input of await damagedFlights(identity, "client")) {
    const socket = connect(kit.port, "127.0.0.1").on("error", () => undefined);
    socket.resume().end(input);
    await once(socket, "close");
  }
  while (descriptors() > before) await new Promise((resolve) => setImmediate(resolve));
  t.equal(kit.lines.length, 1);
  t.equal((await ask(`${kit.url}/healthz`, { ca })).status, 200);
});

await t.test(
  "T17: a renewed certificate is used at once, and no open connection notices",
  async (t) => {
    const [before, after] = [await makeIdentity(t), await makeIdentity(t)];
    const kit = await openAdminServer(t, { tls: before.tls });
    const agent = new SecureAgent({ keepAlive: true, maxSockets: 1, ca: before.ca });
    t.teardown(() => agent.destroy());
    const url = `${kit.url}/healthz`;
    t.equal((await ask(url, { agent })).status, 200);
    kit.server.reload({ listen: LOOPBACK, tls: after.tls, metricsFrom: FROM_LOOPBACK });
    t.equal((await ask(url, { agent })).status, 200, "the open one goes on");
    t.equal((await ask(url, { ca: after.ca })).status, 200, "a new one gets the new certificate");
    await t.rejects(ask(url, { ca: before.ca }), { code: /UNABLE_TO_VERIFY|SELF_SIGNED|CERT/ });
  },
);
