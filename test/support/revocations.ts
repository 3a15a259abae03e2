// Revocation lists of the authority that certs/certificates.ts leaves behind in a folder.

import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { webcrypto, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const HOUR_MS = 3_600_000;

export interface RevocationOptions {
  /** The server's certificate is on it. */
  readonly isRevoked?: boolean;
  /** When the next one is due, ms from now. */
  readonly dueInMs?: number;
}

/** PEM. */
export async function makeRevocationList(
  folder: string,
  { isRevoked = false, dueInMs = HOUR_MS }: RevocationOptions = {},
): Promise<string> {
  x509.cryptoProvider.set(webcrypto);
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  const key = x509.PemConverter.decode(read("ca.key"))[0] ?? new ArrayBuffer();
  const { serialNumber } = new X509Certificate(read("server.pem"));
  const now = Date.now();
  const list = await x509.X509CrlGenerator.create({
    issuer: new x509.X509Certificate(read("ca.pem")).subject,
    thisUpdate: new Date(now - 2 * HOUR_MS),
    nextUpdate: new Date(now + dueInMs),
    entries: isRevoked ? [{ serialNumber, revocationDate: new Date(now - HOUR_MS) }] : [],
    signingAlgorithm: ALGORITHM,
    signingKey: await webcrypto.subtle.importKey("pkcs8", key, ALGORITHM, false, ["sign"]),
  });
  return x509.PemConverter.encode(list.rawData, "X509 CRL");
}
