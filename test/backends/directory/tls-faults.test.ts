// What a port that should speak TLS can do instead, towards the gateway as its client: no bind is ever
// sent to it, nobody waits longer than the deadline, and the next server is asked.

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

t.test("T12 T18: names that only look like the right one", async (t) => {
  for (const name of [
    "127.0.0.1.evil.example",
    "127.0.0.1\u0000.evil.example",
    "127.0.0.1\r\nSubject: x",
    "\u202e1.0.0.721",
    "*",
  ]) {
    const { tls, ca } = await certificate(t, [name]);
    const url = await listen(t, createTlsServer(tls));
    t.match(await refuses(t, url, ca), /altname|IP: 127\.0\.0\.1/i, JSON.stringify(name));
  }
});
