// A listener's certificate and private key: that they fit together, and until when.
// Invariant: what a listener couldn't start with is refused here, with a sentence about it.

import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { createSecureContext } from "node:tls";

import type { Secret } from "../lib/secret.ts";
import { readCertificates, readPrivateFile, type Surroundings } from "./files.ts";
import type { Path } from "./problem.ts";

export interface KeyPair {
  /** PEM, the listener's own certificate first. */
  readonly certificate: string;
  /** PEM. */
  readonly key: Secret;
}

/** Long enough to get a new one signed. */
const EXPIRY_WARNING_DAYS = 30;
const DAY_MS = 86_400_000;

/** Undefined after a problem was reported. `at` is the mapping with both keys in it. */
export function readKeyPair(
  files: { readonly certificate: string; readonly key: string },
  at: Path,
  today: string,
  around: Surroundings,
): KeyPair | undefined {
  const { report } = around;
  const certificate = readCertificates(files.certificate, [...at, "certificate"], around);
  const key = readPrivateFile(files.key, [...at, "key"], around);
  if (certificate === undefined || key === undefined) return undefined;
  const own = new X509Certificate(certificate);
  judgeDates(own, [...at, "certificate"], today, around);
  const parsed = parseKey(key);
  if (parsed === undefined) {
    report.problem([...at, "key"], `${files.key} is not a PEM private key without a passphrase`);
    return undefined;
  }
  if (!own.checkPrivateKey(parsed)) {
    const message = `is not the key of ${files.certificate}; its first certificate must be its own`;
    report.problem([...at, "key"], message);
    return undefined;
  }
  const refusal = refusalOf(certificate, key);
  if (refusal === undefined) return { certificate, key };
  report.problem([...at, "certificate"], `can't be used: ${refusal}`);
  return undefined;
}

function judgeDates(own: X509Certificate, at: Path, today: string, { report }: Surroundings): void {
  const start = Date.parse(`${today}T00:00:00Z`);
  const day = (date: Date): string => date.toISOString().slice(0, 10);
  if (own.validToDate.getTime() < start) {
    report.problem(at, `expired on ${day(own.validToDate)}; get a new one signed`);
  } else if (own.validFromDate.getTime() >= start + DAY_MS) {
    report.problem(at, `isn't valid before ${day(own.validFromDate)}`);
  } else if (own.validToDate.getTime() < start + EXPIRY_WARNING_DAYS * DAY_MS) {
    report.warning(at, `expires on ${day(own.validToDate)}; get a new one signed`);
  }
}

function parseKey(key: Secret): KeyObject | undefined {
  try {
    return createPrivateKey(key.reveal());
  } catch {
    return undefined;
  }
}

/** What OpenSSL says: a key too short, a signature too weak. */
function refusalOf(certificate: string, key: Secret): string | undefined {
  try {
    createSecureContext({ cert: certificate, key: key.reveal() });
    return undefined;
  } catch (error) {
    const isTold = error instanceof Error && "reason" in error && typeof error.reason === "string";
    return isTold ? String(error.reason) : "OpenSSL refuses it";
  }
}
