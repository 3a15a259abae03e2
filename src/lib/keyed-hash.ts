// A fingerprint nobody can make or test without the key: for looking up what must not be kept as it
// is. In one call, since building an HMAC object costs more than hashing the few bytes there are.

import { hash } from "node:crypto";

import type { Secret } from "./secret.ts";

const KEY_BYTES = 32;

/**
 * SHA-256 of a 32-byte key and the message. Not HMAC (RFC 2104): whoever sees such a value could
 * extend it, so these stay where only we look them up; what leaves the process is signed with HMAC.
 */
export function keyedHash(
  key: Secret,
  message: string | Uint8Array,
  encoding: "base64url" | "latin1",
): string {
  if (key.byteLength !== KEY_BYTES) throw new RangeError("the key has 32 bytes");
  const bytes = typeof message === "string" ? Buffer.from(message, "utf8") : message;
  const keyed = Buffer.concat([key.reveal(), bytes]);
  const digest = hash("sha256", keyed, encoding);
  keyed.fill(0);
  return digest;
}
