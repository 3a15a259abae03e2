// What a certificate says about itself, read from PEM: whose it is and how long it lasts.

import { X509Certificate } from "node:crypto";

const DAY_MS = 86_400_000;
/** Long enough to get a new certificate without hurry. */
const NOTICE_MS = 30 * DAY_MS;
const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

export interface Certificate {
  /** On one line; the names it carries where it has no subject. May contain anything. */
  readonly subject: string;
  /** Hex. */
  readonly serial: string;
  /** ms UTC. */
  readonly beginsAt: number;
  readonly endsAt: number;
}

/** Each PEM block of the text, unread. */
export function splitPem(text: string): string[] {
  return text.match(PEM) ?? [];
}

/** All of them, in their order. Throws for a block that is no certificate. */
export function readChain(pem: string): Certificate[] {
  return splitPem(pem).map((block) => {
    const { subject, subjectAltName, serialNumber, validFromDate, validToDate } =
      new X509Certificate(block);
    return {
      subject: (subject ?? "").replaceAll("\n", ", ") || (subjectAltName ?? ""),
      serial: serialNumber.toLowerCase(),
      beginsAt: validFromDate.getTime(),
      endsAt: validToDate.getTime(),
    };
  });
}

/** Whole days until its end; negative after it. */
export function daysLeft({ endsAt }: Pick<Certificate, "endsAt">, nowMs: number): number {
  return Math.floor((endsAt - nowMs) / DAY_MS);
}

export function endsSoon({ endsAt }: Pick<Certificate, "endsAt">, nowMs: number): boolean {
  return endsAt - nowMs <= NOTICE_MS;
}
