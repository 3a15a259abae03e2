// The administrators' listener under real connections, good ones and bad ones. Whatever was sent, the
// next good request is answered.

import { METHODS } from "node:http";
import { Agent as SecureAgent } from "node:https";
import { connect, type Socket } from "node:net";
import { once } from "node:events";

import t from "tap";

import { listNetworks } from "../../../src/doors/admin/metrics.ts";
import {
  FROM_LOOPBACK,
  LOOPBACK,
  makeIdentity,
  openAdminServer,
} from "../../support/admin-server.ts";
import { readScrape } from "../../support/exposition.ts";
import { ask, tell } from "../../support/http.ts";

await t.test("health, readiness and metrics over HTTPS", async (t) => {
  const { tls, ca } = await makeIdentity(t);
  const kit = await openAdminServer(t, { tls });
  t.match(kit.url, /^https:\/\/127\.0\.0\.1:\d+$/);
  t.match(await ask(`${kit.url}/healthz`, { ca }), { status: 200, body: "alive\n" });
  t.match(await ask(`${kit.url}/readyz`, { ca }), { status: 200, body: "ready\n" });
  kit.missing = ["store", "directory"];
  const body = "not ready: store, directory\n";
  t.match(await ask(`${kit.url}/readyz`, { ca }), { status: 503, body });
  t.match(
    await ask(`${kit.url}/healthz`, { ca }),
    { status: 200 },
    "the process lives all the same",
  );
  const metrics = await ask(`${kit.url}/metrics`, { ca });
  t.match(metrics, { status: 200, headers: { "content-type": /^text\/plain; version=0\.0\.4/ } });
  t.equal(readScrape(metrics.body).values.get("test_x"), 7);
  const head = await ask(`${kit.url}/metrics`, { ca, method: "HEAD" });
  t.match(head, { status: 200, body: "" });
});

await t.test("answers can't be shown, framed or kept, and say nothing of the server", async (t) => {
  const kit = await openAdminServer(t);
  for (const path of ["/healthz", "/readyz", "/metrics", "/nothing"]) {
    const { headers } = await ask(`${kit.url}${path}`);
    t.match(headers, {
      "cache-control": "no-store",
      "content-security-policy": /default-src 'none'/,
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
    });
    t.notOk(headers["server"] ?? headers["x-powered-by"] ?? headers["set-cookie"], path);
  }
});

await t.test("A03 A18: metrics are for the listed addresses, by the socket alone", async (t) => {
  const metricsFrom = [{ family: 4, prefix: 32, text: "127.0.0.2" }] as const;
  const kit = await openAdminServer(t, { metricsFrom });
  const url = `${kit.url}/metrics`;
  t.equal((await ask(url, { localAddress: "127.0.0.2" })).status, 200);
  const headers = { "x-forwarded-for": "127.0.0.2", forwarded: "for=127.0.0.2", host: "127.0.0.2" };
  for (const options of [{}, { headers }, { localAddress: "127.0.0.3" }]) {
    const refused = await ask(url, options);
    t.match(refused, { status: 403, body: "not from this address\n" });
  }
  t.equal((await ask(`${kit.url}/healthz`)).status, 200, "health is for everybody");
  t.same(
    kit.lines.map(({ message }) => message),
    [
      "somebody may not read the metrics; admin.metrics_from decides about this (at most one line a minute)",
    ],
  );
  kit.server.reload({ listen: LOOPBACK, tls: undefined, metricsFrom: [] });
  t.equal((await ask(url, { localAddress: "127.0.0.2" })).status, 403, "a reload takes effect");
});

await t.test("an IPv4 address in IPv6 clothes is that IPv4 address", async (t) => {
  const list = listNetworks([...FROM_LOOPBACK, { family: 6, prefix: 64, text: "2001:db8::/64" }]);
  t.equal(list.check("::ffff:127.0.0.1", "ipv6"), true);
  t.equal(list.check("::ffff:192.0.2.1", "ipv6"), false);
  t.equal(list.check("2001:db8::7", "ipv6"), true);
  t.equal(list.check("2001:db8:1::7", "ipv6"), false);
  t.equal(list.check("::1", "ipv6"), false);
});

await t.test("A09: nothing but reading: other methods, bodies and paths are refused", async (t) => {
  const kit = await openAdminServer(t);
  // CONNECT is for proxies; Node hangs up without a word.
  for (const method of METHODS.filter((one) => !["GET", "HEAD", "CONNECT"].includes(one))) {
    const { status, headers } = await ask(`${kit.url}/healthz`, { method });
    t.same([status, headers.allow], [405, "GET, HEAD"], method);
    t.equal((await ask(`${kit.url}/nothing`, { method })).status, 404, method);
  }
  const override = { "x-http-method-override": "DELETE" };
  t.equal((await ask(`${kit.url}/healthz`, { headers: override })).status, 200);
  for (const method of ["GET", "POST", "PUT"]) {
    const headers = { "content-length": 100 };
    const answer = await ask(`${kit.url}/metrics`, { method, headers, content: "x".repeat(100) });
    t.match(answer, { status: 413, headers: { connection: "close" } }, method);
  }
  const paths = ["/", "//healthz", "/healthz/", "/HEALTHZ", "/healthz;a=b", "/healthz/../healthz"];
  const traversals = ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd"];
  const odd = [
    "/healthz%00",
    "/%ff",
    "/%zz",
    "/__proto__",
    "/constructor",
    `/${"a".repeat(4_000)}`,
  ];
  for (const path of [...paths, ...traversals, ...odd]) {
    const { received } = await tell(
      kit.port,
      `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    );
    t.match(received, /^HTTP\/1\.1 40[04] /, path);
    t.notMatch(received, /root:|node_modules|at \w/, "LOG-05");
  }
  t.equal((await ask(`${kit.url}/healthz?x=1&x=2`)).status, 200);
});

const BAD: readonly (readonly [what: string, octets: string | Buffer, status: RegExp])[] = [
  [
    "a header of 9,000 octets",
    `GET / HTTP/1.1\r\nX: ${"a".repeat(9_000)}\r\n\r\n`,
    /^HTTP\/1\.1 431 /,
  ],
  ["10,000 headers", `GET / HTTP/1.1\r\n${"A: b\r\n".repeat(10_000)}\r\n`, /^HTTP\/1\.1 431 /],
  ["a path of 20,000 octets", `GET /${"a".repeat(20_000)} HTTP/1.1\r\n\r\n`, /^HTTP\/1\.1 431 /],
  [
    "two lengths (request smuggling)",
    "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    /^HTTP\/1\.1 400 /,
  ],
  [
    "two different Content-Length",
    "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    /^HTTP\/1\.1 400 /,
  ],
  [
    "a negative length",
    "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    /^HTTP\/1\.1 400 /,
  ],
  ["no Host", "GET /healthz HTTP/1.1\r\n\r\n", /^HTTP\/1\.1 400 /],
  ["a version that is none", "GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n", /^HTTP\/1\.1 400 /],
  ["a method that is none", "FOO /healthz HTTP/1.1\r\nHost: x\r\n\r\n", /^HTTP\/1\.1 400 /],
  ["a NUL in a header", "GET / HTTP/1.1\r\nHost: x\0y\r\n\r\n", /^HTTP\/1\.1 400 /],
  ["a CR in a header", "GET / HTTP/1.1\r\nHost: x\r\nA: b\rc: d\r\n\r\n", /^HTTP\/1\.1 400 /],
  ["HTTP/2's first octets", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", /^(HTTP\/1\.1 400 |$)/],
  [
    "a ClientHello on a plain port",
    Buffer.from("1603010200010001fc0303", "hex"),
    /^HTTP\/1\.1 400 /,
  ],
  ["an LDAP bind", Buffer.from("300c020101600702010304008000", "hex"), /^HTTP\/1\.1 400 /],
  ["a tunnel", "CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n", /^(HTTP\/1\.1 40\d |$)/],
];

await t.test("A09: octets that are no good request end in an error", async (t) => {
  const kit = await openAdminServer(t);
  for (const [what, octets, status] of BAD) {
    const { received } = await tell(kit.port, octets);
    t.match(received, status, what);
    t.equal((await ask(`${kit.url}/healthz`)).status, 200, `a good one after: ${what}`);
  }
  t.equal(kit.lines.length, 1, "one line for all of them");
  t.match(kit.lines[0], { level: "warn", message: "bad connections to the admin listener" });
});

await t.test("requests in one segment are all answered", async (t) => {
  const kit = await openAdminServer(t);
  const one = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
  const last = one.replace("Host: x", "Host: x\r\nConnection: close");
  const { received } = await tell(kit.port, `${one.repeat(49)}${last}`);
  t.equal(received.split("\r\n\r\nalive\n").length - 1, 50);
});

await t.test("A09: who doesn't finish what it began is cut off in seconds", async (t) => {
  const { tls, ca } = await makeIdentity(t);
  const [plain, secure] = [await openAdminServer(t), await openAdminServer(t, { tls })];
  const half = "GET /healthz HTTP/1.1\r\nHost: x\r\nA: ";
  const cut = await Promise.all([
    tell(plain.port, ""),
    tell(plain.port, half),
    tell(plain.port, `${half}${"b".repeat(100)}`, { dripMs: 100 }),
    tell(secure.port, ""),
    tell(secure.port, Buffer.from("16030100", "hex")),
    tell(secure.port, half, { ca }),
  ]);
  for (const [index, { ms }] of cut.entries()) {
    t.ok(ms > 3_000 && ms < 9_000, `${index}: after ${Math.round(ms)} ms`);
  }
  t.match(cut[1]?.received, /^HTTP\/1\.1 408 /);
  t.equal((await ask(`${plain.url}/healthz`)).status, 200);
  t.equal((await ask(`${secure.url}/healthz`, { ca })).status, 200);
});

await t.test("one address can't take all connections", async (t) => {
  const kit = await openAdminServer(t);
  const open_: Socket[] = [];
  t.teardown(() => open_.forEach((socket) => socket.destroy()));
  let closed = 0;
  for (let i = 0; i < 200; i += 1) {
    const socket = connect({ host: "127.0.0.1", port: kit.port });
    socket.on("error", () => undefined).once("close", () => (closed += 1));
    await once(socket, "connect");
    open_.push(socket);
  }
  t.equal((await ask(`${kit.url}/healthz`, { localAddress: "127.0.0.2" })).status, 200);
  t.equal(closed, 72, "128 are kept");
  for (const socket of open_) socket.destroy();
  await t.resolveMatch(untilAnswered(`${kit.url}/healthz`), { status: 200 }, "places come back");
});

/** The server notices a moment later that somebody has gone. */
async function untilAnswered(url: string): ReturnType<typeof ask> {
  return ask(url).catch(() => untilAnswered(url));
}

await t.test("a fault of our own is status 500, and only the log says more", async (t) => {
  const kit = await openAdminServer(t);
  kit.missing = new Error("a detail nobody outside may see");
  t.match(await ask(`${kit.url}/readyz`), { status: 500, body: "internal server error\n" });
  t.match(kit.lines, [{ level: "error", fields: { err: kit.missing } }]);
});

await t.test("C05: a port that is taken is told, with who to ask", async (t) => {
  const kit = await openAdminServer(t);
  const listen = { ...LOOPBACK, port: kit.port };
  await t.rejects(openAdminServer(t, { listen }), {
    message: `admin.listen 127.0.0.1:${kit.port}: the port is in use; stop the program that has it (ss -lntp 'sport = :${kit.port}')`,
  });
  t.equal((await ask(`${kit.url}/healthz`)).status, 200);
});

await t.test("closing doesn't wait for connections that are kept open", async (t) => {
  const { tls, ca } = await makeIdentity(t);
  const kit = await openAdminServer(t, { tls });
  const agent = new SecureAgent({ keepAlive: true, ca });
  t.teardown(() => agent.destroy());
  t.equal((await ask(`${kit.url}/healthz`, { agent })).status, 200);
  const silent = tell(kit.port, "");
  const startedAt = performance.now();
  await kit.server.close();
  await silent;
  t.ok(performance.now() - startedAt < 1_000);
  await t.rejects(ask(`${kit.url}/healthz`, { ca }), { code: "ECONNREFUSED" });
});
