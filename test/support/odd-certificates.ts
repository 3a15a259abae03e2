// Certificates that no authority should give to anybody, and that nothing may fall over.

import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { createPrivateKey, webcrypto } from "node:crypto";

/** PEM, with the authority that has to be trusted for it. */
export interface Odd {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
}

interface Issuer {
  readonly name: string;
  readonly keys: webcrypto.CryptoKeyPair;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const LIFE = {
  notBefore: new Date(Date.now() - 3_600_000),
  notAfter: new Date(Date.now() + 3_600_000),
};
const LOOPBACK = [{ type: "ip", value: "127.0.0.1" }] as const;

async function issue(
  subject: x509.Name | string,
  issuer: Issuer | undefined,
  extensions: readonly x509.Extension[],
): Promise<{ readonly keys: webcrypto.CryptoKeyPair; readonly pem: string }> {
  x509.cryptoProvider.set(webcrypto);
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.create({
    ...LIFE,
    serialNumber: Buffer.from(webcrypto.getRandomValues(new Uint8Array(8))).toString("hex"),
    subject,
    issuer: issuer?.name ?? subject,
    publicKey: keys.publicKey,
    signingKey: (issuer?.keys ?? keys).privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [...extensions],
  });
  return { keys, pem: certificate.toString("pem") };
}

async function keyText(keys: webcrypto.CryptoKeyPair): Promise<string> {
  const bytes = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  return x509.PemConverter.encode(bytes, x509.PemConverter.PrivateKeyTag);
}

/** One above the other, the last of them for 127.0.0.1 or a client. */
export async function chainOf(length: number): Promise<Odd> {
  const top = await issue("CN=0", undefined, [
    new x509.BasicConstraintsExtension(true, undefined, true),
  ]);
  const made: string[] = [];
  let issuer: Issuer = { name: "CN=0", keys: top.keys };
  for (let index = 1; index <= length; index += 1) {
    const isLast = index === length;
    const name = `CN=${index}`;
    const { keys, pem } = await issue(name, issuer, [
      new x509.BasicConstraintsExtension(!isLast, undefined, true),
      ...(isLast ? [new x509.SubjectAlternativeNameExtension([...LOOPBACK])] : []),
    ]);
    made.unshift(pem);
    issuer = { name, keys };
  }
  return { key: await keyText(issuer.keys), cert: made.join("\n"), ca: top.pem };
}

/** With these in its subject, and no other names unless they are given. */
export async function withSubject(
  subject: ConstructorParameters<typeof x509.Name>[0],
  names: readonly x509.JsonGeneralName[] = [],
): Promise<Odd> {
  const ca = await issue("CN=odd authority", undefined, [
    new x509.BasicConstraintsExtension(true, undefined, true),
  ]);
  const { keys, pem } = await issue(
    new x509.Name(subject),
    { name: "CN=odd authority", keys: ca.keys },
    [
      new x509.BasicConstraintsExtension(false, undefined, true),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension([...names])]),
    ],
  );
  return { key: await keyText(keys), cert: pem, ca: ca.pem };
}

/**
 * PEM of an RSA key of 16,384 bits, the most that OpenSSL takes. To look for primes of that size takes
 * minutes: these are Mersenne's, and one that fills up.
 */
export function hugeRsaKey(): string {
  const [p, q] = [2n ** 11_213n - 1n, 2n ** 4_423n - 1n];
  const others = [2n ** 607n - 1n, 2n ** 141n - 9n];
  const all = [p, q, ...others];
  const n = all.reduce((product, prime) => product * prime);
  const e = 65_537n;
  const d = inverse(
    e,
    all.reduce((product, prime) => product * (prime - 1n), 1n),
  );
  // RFC 8017 §A.1.2: version 1 has more than two primes.
  const infos = others.map((prime, index) => {
    const before = all.slice(0, index + 2).reduce((product, one) => product * one);
    return sequence([integer(prime), integer(d % (prime - 1n)), integer(inverse(before, prime))]);
  });
  const two = [p, q, d % (p - 1n), d % (q - 1n), inverse(q, p)];
  const der = sequence([...[1n, n, e, d, ...two].map(integer), sequence(infos)]);
  const pem = createPrivateKey({ key: der, format: "der", type: "pkcs1" });
  return pem.export({ format: "pem", type: "pkcs8" }).toString();
}

function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [value % modulus, modulus, 1n, 0n];
  while (b !== 0n) {
    const quotient = a / b;
    [a, b, x, y] = [b, a - quotient * b, y, x - quotient * y];
  }
  if (a !== 1n) throw new Error("it has no inverse");
  return ((x % modulus) + modulus) % modulus;
}

function integer(value: bigint): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
  return element(0x02, (bytes[0] ?? 0) > 0x7f ? Buffer.concat([Buffer.of(0), bytes]) : bytes);
}

const sequence = (parts: readonly Buffer[]): Buffer => element(0x30, Buffer.concat(parts));

function element(tag: number, content: Buffer): Buffer {
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content]);
  return Buffer.concat([Buffer.of(tag, 0x82, length >> 8, length & 0xff), content]);
}
