// The otpauth:// address that authenticator apps read from a QR code (the "key URI format").
// Invariant: every part is percent-encoded, so that no name can add or change a parameter.

import { encodeBase32 } from "./base32.ts";
import type { Secret } from "./secret.ts";

export interface KeyUriParts {
  readonly issuer: string;
  readonly username: string;
  readonly secret: Secret;
  readonly algorithm: "sha1" | "sha256" | "sha512";
  readonly digits: number;
  readonly periodSeconds: number;
}

/** Contains the secret in clear: for the person's own eyes only. */
export function encodeKeyUri(parts: KeyUriParts): string {
  const issuer = encodeURIComponent(parts.issuer);
  const parameters = [
    `secret=${encodeBase32(parts.secret.reveal())}`,
    `issuer=${issuer}`,
    `algorithm=${parts.algorithm.toUpperCase()}`,
    `digits=${parts.digits}`,
    `period=${parts.periodSeconds}`,
  ];
  return `otpauth://totp/${issuer}:${encodeURIComponent(parts.username)}?${parameters.join("&")}`;
}
