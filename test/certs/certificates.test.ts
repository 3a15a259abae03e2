// Development certificates: a chain that a TLS peer accepts, and keys that stay closed.

import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer } from "node:tls";
import t from "tap";

import { generateCertificates } from "../../certs/certificates.ts";

const root = mkdtempSync(join(tmpdir(), "gatehouse-certs-"));
t.teardown(() => rmSync(root, { recursive: true, force: true }));

t.test("no certificate or key is kept in the tree", (t) => {
  const names = readdirSync(join(import.meta.dirname, "../../certs"));
  t.same(names.toSorted(), ["README.md", "certificates.ts", "generate.ts"]);
  t.end();
});

t.test("server and client prove themselves to each other over TLS", async (t) => {
  const folder = join(root, "tls");
  await generateCertificates(folder);
  const file = (name: string) => readFileSync(join(folder, name));
  const ca = file("ca.pem");
  const server = createServer({
    ca,
    cert: file("server.pem"),
    key: file("server.key"),
    requestCert: true,
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const accepted = once(server, "secureConnection");
  const client = connect({
    ca,
    cert: file("client.pem"),
    key: file("client.key"),
    host: "127.0.0.1",
    port,
    servername: "localhost",
  });
  await Promise.all([once(client, "secureConnect"), accepted]);
  t.equal(client.authorized, true);
  client.destroy();
  server.close();
  await once(server, "close");
});

t.test(
  "the names asked for are the names in the certificate, and it can't sign others",
  async (t) => {
    const folder = join(root, "names");
    await generateCertificates(folder, { names: ["mfa.example.org", "192.0.2.10"] });
    const certificate = new X509Certificate(readFileSync(join(folder, "server.pem")));
    t.equal(certificate.subjectAltName, "DNS:mfa.example.org, IP Address:192.0.2.10");
    t.equal(certificate.ca, false);
    t.equal(new X509Certificate(readFileSync(join(folder, "ca.pem"))).ca, true);
    for (const name of ["ca.key", "server.key", "client.key"]) {
      t.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name);
    }
  },
);

t.test("an existing file is never replaced", async (t) => {
  const folder = join(root, "twice");
  await generateCertificates(folder);
  const before = readFileSync(join(folder, "ca.key"));
  await t.rejects(generateCertificates(folder), { code: "EEXIST" });
  t.same(readFileSync(join(folder, "ca.key")), before);
});
