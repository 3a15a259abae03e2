// What a port that should speak TLS can do instead, towards the gateway as its client: no bind is ever
// sent to it, nobody waits longer than the deadline, and the next server is asked.

import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { webcrypto } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";

import t, { type Test } from "tap";

import { generateCertificates } from "../../../certs/certificates.ts";
import { createDirectory } from "../../../src/backends/directory/directory.ts";
import type { DirectoryUrl } from "../../../src/backends/directory/options.ts";
import { auditText } from "../../../src/core/audit.ts";
import { Secret } from "../../../src/lib/secret.ts";
import { directoryOptions, ldapsUrl } from "../../support/directory.ts";
import { startSlapd } from "../../support/slapd.ts";

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
  t.equal(auditText(detail), detail, "nothing in the cause could steer a terminal");
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
  readonly tls: TlsOptions;
  readonly ca: string;
}

async function certificate(t: Test, names: readonly string[]): Promise<Made> {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-certs-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  await generateCertificates(folder, { names });
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  return { tls: { key: read("server.key"), cert: read("server.pem") }, ca: read("ca.pem") };
}

/** One above the other, the last of them for the server. */
async function chainOf(length: number): Promise<Made> {
  x509.cryptoProvider.set(webcrypto);
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const makeKeys = (): Promise<webcrypto.CryptoKeyPair> =>
    webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const made: string[] = [];
  let issuer = { name: "CN=0", keys: await makeKeys() };
  let keys = issuer.keys;
  for (let index = 0; index <= length; index += 1) {
    const isServer = index === length;
    const name = `CN=${index}`;
    keys = index === 0 ? issuer.keys : await makeKeys();
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: String(index + 1).padStart(4, "0"),
      subject: name,
      issuer: issuer.name,
      notBefore: new Date(Date.now() - 3_600_000),
      notAfter: new Date(Date.now() + 3_600_000),
      publicKey: keys.publicKey,
      signingKey: issuer.keys.privateKey,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(!isServer, undefined, true),
        ...(isServer
          ? [new x509.SubjectAlternativeNameExtension([{ type: "ip", value: "127.0.0.1" }])]
          : []),
      ],
    });
    made.unshift(certificate.toString("pem"));
    issuer = { name, keys };
  }
  const key = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  const ca = made.pop() ?? "";
  return { tls: { key: x509.PemConverter.encode(key, "PRIVATE KEY"), cert: made.join("\n") }, ca };
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
  const { tls, ca } = await chainOf(110);
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
