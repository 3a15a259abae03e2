// Certificates for development and tests: a CA of their own, one for a server, one for a client.
// Invariant: keys are written readable by their owner only, and no existing file is replaced.

// The certificate library registers its parts through this one, which must be loaded first.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { webcrypto } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";

import { systemClock, type Clock } from "../src/lib/clock.ts";
import { randomBytes } from "../src/lib/random.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY_MS = 86_400_000;
/** The clocks of two hosts may differ a little. */
const EARLIER_MS = 3_600_000;
const DAYS = 825;

export interface CertificateOptions {
  /** DNS names and IP addresses of the server; by default this host. */
  readonly names?: readonly string[];
  readonly clock?: Clock;
}

/** The files written into `folder`: ca, server and client, each a .pem and a .key. */
export async function generateCertificates(
  folder: string,
  options: CertificateOptions = {},
): Promise<string[]> {
  const names = options.names ?? ["localhost", "127.0.0.1", "::1"];
  const nowMs = (options.clock ?? systemClock).now();
  x509.cryptoProvider.set(webcrypto);
  mkdirSync(folder, { recursive: true });
  const ca = await makeAuthority(nowMs);
  const server = await issue(ca, "Gatehouse development server", nowMs, [
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    new x509.SubjectAlternativeNameExtension(
      names.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value })),
    ),
  ]);
  const client = await issue(ca, "Gatehouse development client", nowMs, [
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
  ]);
  const written: string[] = [];
  for (const [name, made] of Object.entries({ ca, server, client })) {
    written.push(writeNew(join(folder, `${name}.pem`), made.certificate.toString("pem"), 0o644));
    written.push(writeNew(join(folder, `${name}.key`), await keyText(made.keys), 0o600));
  }
  return written;
}

interface Made {
  readonly certificate: x509.X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

async function makeAuthority(nowMs: number): Promise<Made> {
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...lifetime(nowMs),
    serialNumber: serialNumber(),
    name: "CN=Gatehouse development CA",
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      // RFC 5280 §4.2.1.9: pathLength 0, it signs no further CA.
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate, keys };
}

async function issue(
  ca: Made,
  commonName: string,
  nowMs: number,
  extensions: readonly x509.Extension[],
): Promise<Made> {
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    ...lifetime(nowMs),
    serialNumber: serialNumber(),
    subject: `CN=${commonName}`,
    issuer: ca.certificate.subject,
    publicKey: keys.publicKey,
    signingKey: ca.keys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(ca.keys.publicKey),
      ...extensions,
    ],
  });
  return { certificate, keys };
}

async function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

async function keyText(keys: webcrypto.CryptoKeyPair): Promise<string> {
  const bytes = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  return x509.PemConverter.encode(bytes, x509.PemConverter.PrivateKeyTag);
}

function lifetime(nowMs: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(nowMs - EARLIER_MS), notAfter: new Date(nowMs + DAYS * DAY_MS) };
}

/** RFC 5280 §4.1.2.2: positive, not guessable, at most 20 octets. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes.readUInt8(0) & 0x3f) | 0x40;
  return bytes.toString("hex");
}

function writeNew(path: string, text: string, mode: number): string {
  writeFileSync(path, `${text.trimEnd()}\n`, { mode, flag: "wx" });
  return path;
}
