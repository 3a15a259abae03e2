// What a port that should speak TLS can do instead, towards the gateway as its client: no bind is ever
// sent to it, nobody waits longer than the deadline, and the next server is asked.

import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, connect, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as wait } from "node:timers/promises";
import { createSecureContext, createServer as createTlsServer, type TlsOptions } from "node:tls";

import t, { type Test } from "tap";

import { generateCertificates } from "../../../certs/certificates.ts";
import { dial } from "../../../src/backends/directory/dial.ts";
import { createDirectory } from "../../../src/backends/directory/directory.ts";
import type { DirectoryUrl } from "../../../src/backends/directory/options.ts";
import { Secret } from "../../../src/lib/secret.ts";
import { directoryOptions, ldapsUrl } from "../../support/directory.ts";
import { startFaultProxy } from "../../support/fault-proxy.ts";
import { startFloodingServer } from "../../support/key-updates.ts";
import { chainOf, hugeRsaKey, withSubject } from "../../support/odd-certificates.ts";
import { startOpensslServer } from "../../support/openssl-server.ts";
import { startSlapd } from "../../support/slapd.ts";
import { DAMAGED, damagedFlights } from "../../support/tls-flights.ts";

const slapd = await startSlapd({ tls: true });
t.teardown(() => slapd.stop());
const TIMEOUT_MS = 500;

async function listen(t: Test, server: Server): Promise<DirectoryUrl> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return ldapsUrl({ ldapsPort: address.port });
}

/** Alone it is an outage; with a real server behind it the login succeeds. Resolves to the cause. */
async function refuses(t: Test, url: DirectoryUrl, ca = slapd.ca): Promise<string> {
  const changes = { ca, timeoutMs: TIMEOUT_MS };
  const alone = createDirectory(directoryOptions([url], changes).options);
  const both = createDirectory(
    directoryOptions([url, ldapsUrl(slapd)], {
      ca: `${ca}\n${slapd.ca}`,
      timeoutMs: 4 * TIMEOUT_MS,
    }).options,
  );
  t.teardown(() => {
    alone.close();
    both.close();
  });
  await t.rejects(alone.find("bob"), { name: "DependencyDown" });
  const found = await both.find("bob");
  if (found.kind !== "found") throw new Error(found.kind);
  t.same(await both.bind(found.identity, Secret.of("hello")), { kind: "right" });
  const { detail } = alone.status();
  t.notMatch(detail, /\p{C}/u, "nothing in the cause could steer a terminal");
  return detail;
}

t.test("T01 T02: no TLS at all, rubbish, silence, half a handshake", async (t) => {
  const first: Record<string, (socket: Socket) => void> = {
    silence: () => undefined,
    rubbish: (socket) => socket.write(Buffer.alloc(5_000, 0xa5)),
    "plain LDAP": (socket) => socket.write(Buffer.from("300c02010161070a010004000400", "hex")),
    HTTP: (socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"),
    "an alert": (socket) => socket.write(Buffer.from("15030300020228", "hex")),
    "half a record": (socket) => socket.write(Buffer.from("160303ffff0200", "hex")),
    "an end": (socket) => socket.end(),
  };
  for (const [name, say] of Object.entries(first)) {
    await t.test(name, async (t) => {
      const url = await listen(
        t,
        createServer((socket) => void socket.once("data", () => say(socket))),
      );
      t.not(await refuses(t, url), "");
    });
  }
});

interface Made {
  readonly tls: TlsOptions & { readonly key: string; readonly cert: string };
  readonly ca: string;
}

async function certificate(t: Test, names: readonly string[]): Promise<Made> {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-certs-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  await generateCertificates(folder, { names });
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  return { tls: { key: read("server.key"), cert: read("server.pem") }, ca: read("ca.pem") };
}

t.test("T03: TLS older than 1.2", async (t) => {
  const { tls, ca } = await certificate(t, ["127.0.0.1"]);
  const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" } as const;
  const url = await listen(t, createTlsServer({ ...tls, ...old }));
  t.match(await refuses(t, url, ca), /version|protocol/i);
});

t.test("T11: a certificate of a megabyte", async (t) => {
  const names = Array.from({ length: 50_000 }, (_, index) => `host-${index}.example.org`);
  const { tls, ca } = await certificate(t, ["127.0.0.1", ...names]);
  const url = await listen(t, createTlsServer(tls));
  t.match(await refuses(t, url, ca), /excessive|too l|no connection in time|closed|reset/i);
});

t.test("T11: a chain of more than a hundred certificates", async (t) => {
  const { ca, ...tls } = await chainOf(110);
  const url = await listen(t, createTlsServer(tls));
  t.match(await refuses(t, url, ca), /chain too long|local issuer|excessive|closed|reset/i);
});

t.test("T09: the server learns which name is meant; an address is no name", async (t) => {
  const seen: string[] = [];
  const { tls, ca } = await certificate(t, ["localhost", "127.0.0.1"]);
  const url = await listen(
    t,
    createTlsServer({
      ...tls,
      SNICallback: (name, done) => {
        seen.push(name);
        // An alert: it knows nobody of that name.
        done(new Error("unrecognized name"));
      },
    }),
  );
  const named = { ...url, url: url.url.replace("127.0.0.1", "localhost"), host: "localhost" };
  t.not(await refuses(t, named, ca), "");
  t.same(new Set(seen), new Set(["localhost"]));
  seen.length = 0;
  // It speaks no LDAP: only the handshake succeeds.
  await refuses(t, url, ca);
  t.same(seen, []);
});

t.test("T12 T18: names that only look like the right one", async (t) => {
  for (const name of [
    "127.0.0.1.evil.example",
    "127.0.0.1\u0000.evil.example",
    "127.0.0.1\r\nSubject: x",
    "\u202e1.0.0.721",
    "*",
    "x".repeat(10_000),
  ]) {
    const { tls, ca } = await certificate(t, [name]);
    const url = await listen(t, createTlsServer(tls));
    t.match(await refuses(t, url, ca), /altname|IP: 127\.0\.0\.1/i, JSON.stringify(name));
  }
});

t.test(
  "T12: a subject that only looks like the right name is none, and is told escaped",
  async (t) => {
    const subjects = {
      "BMPString with a NUL": { bmpString: "localhost\u0000.evil.example" },
      "BMPString of another direction": { bmpString: "\u202etsohlacol" },
      "with a line of its own": { utf8String: "localhost\r\nlevel=info msg=fine" },
      "of ten kilobytes": { utf8String: `localhost${"x".repeat(10_000)}` },
    };
    for (const [name, value] of Object.entries(subjects)) {
      const { ca, ...tls } = await withSubject([{ CN: [value] }]);
      const url = await listen(t, createTlsServer(tls));
      const named = { ...url, url: url.url.replace("127.0.0.1", "localhost"), host: "localhost" };
      t.match(await refuses(t, named, ca), /altname|localhost/i, name);
    }
  },
);

t.test("T12: what else the subject says doesn't matter where the name is right", async (t) => {
  const odd = { bmpString: "\u202eevil\u0000\r\n" };
  const { ca, ...tls } = await withSubject(
    [{ CN: [odd], O: [odd] }],
    [{ type: "ip", value: "127.0.0.1" }],
  );
  const proxy = await startFaultProxy(slapd, tls);
  t.teardown(() => proxy.stop());
  const directory = createDirectory(
    directoryOptions([ldapsUrl({ ldapsPort: proxy.port })], { ca }).options,
  );
  t.teardown(() => directory.close());
  t.equal((await directory.find("bob")).kind, "found");
});

t.test("T11: an RSA key of 16,384 bits holds up nobody", async (t) => {
  const folder = t.testdir();
  const [keyPath, certPath] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const key = hugeRsaKey();
  writeFileSync(keyPath, key, { mode: 0o600 });
  const subject = ["-subj", "/CN=big", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "1"];
  spawnSync("openssl", ["req", "-x509", "-key", keyPath, ...subject, "-out", certPath]);
  const cert = readFileSync(certPath, "utf8");
  const server = await startOpensslServer(t, { key, cert }, []);
  const url = ldapsUrl({ ldapsPort: server.port });
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  // The server takes its time to sign with it; to verify that is quick.
  (await dial(url, createSecureContext({ ca: cert }), 60_000)).destroy();
  delay.disable();
  t.ok(delay.max < 500e6, `held up for ${Math.round(delay.max / 1e6)} ms`);
  t.not(await refuses(t, url), "", "somebody who isn't trusted has no use of it");
});

t.test("T04: a server that wants another handshake (TLS 1.2) gets none", async (t) => {
  const { tls, ca } = await certificate(t, ["127.0.0.1"]);
  const server = await startOpensslServer(t, tls, ["-tls1_2"]);
  const url = ldapsUrl({ ldapsPort: server.port });
  const directory = createDirectory(directoryOptions([url], { ca, timeoutMs: 60_000 }).options);
  t.teardown(() => directory.close());
  const outcome = directory.find("bob").then(
    () => "found",
    () => "down",
  );
  await server.said(/service-password/);
  server.tell("r");
  await server.said(/no renegotiation/);
  t.equal(await outcome, "down", "at once, not at the deadline");
});

t.test("T04: a server that changes its keys without end is left at the deadline", async (t) => {
  const { tls, ca } = await certificate(t, ["127.0.0.1"]);
  const server = await startFloodingServer(tls, Infinity);
  t.teardown(() => server.stop());
  await refuses(t, ldapsUrl({ ldapsPort: server.port }), ca);
  await server.left();
  t.ok(Math.max(...server.taken) > 1_000, "it took them, as long as somebody waited");
});

t.test("T10: a protocol that nobody asked for ends the handshake", async (t) => {
  const names = Array.from({ length: 255 }, (_, index) => `p${index}`);
  for (const [name, list] of Object.entries({
    "no name": [],
    "an empty name": [""],
    "http/1.1": ["http/1.1"],
    "255 names": names,
  })) {
    const hello = helloWithProtocols(list);
    const url = await listen(
      t,
      createServer((socket) => void socket.once("data", () => socket.write(hello))),
    );
    t.match(await refuses(t, url), /unsolicited extension/, name);
  }
});

/** TLS 1.2: ServerHello with ALPN (RFC 7301 §3.1), which the client didn't offer. */
function helloWithProtocols(names: readonly string[]): Buffer {
  const sized = (bytes: number, ...parts: Buffer[]): Buffer => {
    const content = Buffer.concat(parts);
    const head = Buffer.alloc(bytes);
    head.writeUIntBE(content.length, 0, bytes);
    return Buffer.concat([head, content]);
  };
  const list = names.map((name) => sized(1, Buffer.from(name)));
  const extension = Buffer.concat([Buffer.from("0010", "hex"), sized(2, sized(2, ...list))]);
  const version = Buffer.from("0303", "hex");
  const chosen = Buffer.from("00c02f00", "hex");
  const hello = sized(3, version, Buffer.alloc(32, 7), chosen, sized(2, extension));
  return Buffer.concat([Buffer.of(22), version, sized(2, Buffer.of(2), hello)]);
}

t.test("T10: a server that knows other protocols only is a server all the same", async (t) => {
  const { tls, ca } = await certificate(t, ["127.0.0.1"]);
  const url = await listen(
    t,
    createTlsServer({ ...tls, ALPNProtocols: ["h2", "http/1.1"] }, (socket) => {
      socket.pipe(connect(slapd.port, "127.0.0.1")).pipe(socket);
    }),
  );
  const directory = createDirectory(directoryOptions([url], { ca }).options);
  t.teardown(() => directory.close());
  t.equal((await directory.find("bob")).kind, "found");
});

t.test("T19: hundreds of damaged handshakes: no connection, nothing left open", async (t) => {
  const { tls, ca } = await certificate(t, ["127.0.0.1"]);
  const inputs = await damagedFlights({ ...tls, ca }, "server");
  let used = 0;
  let isWell = false;
  const url = await listen(
    t,
    createServer((socket) => {
      if (isWell) return void socket.pipe(connect(slapd.ldapsPort, "127.0.0.1")).pipe(socket);
      const input = inputs[used % DAMAGED] ?? "";
      used += 1;
      socket.once("data", () => socket.end(input));
    }),
  );
  const changes = { ca: slapd.ca, timeoutMs: 10_000 };
  const directory = createDirectory(directoryOptions([url], changes).options);
  t.teardown(() => directory.close());
  const before = descriptors();
  while (used < DAMAGED) await t.rejects(directory.find("bob"), { name: "DependencyDown" });
  while (descriptors() > before) await wait(10);
  isWell = true;
  const found = await directory.find("bob");
  if (found.kind !== "found") throw new Error(found.kind);
  t.same(await directory.bind(found.identity, Secret.of("hello")), { kind: "right" });
});

const descriptors = (): number => readdirSync("/proc/self/fd").length;
