// One master key, many keys: each purpose gets its own by HKDF-SHA256 (RFC 5869), so that what one
// protects says nothing about another.

import { hkdfSync } from "node:crypto";

import { Secret } from "./secret.ts";

/** 32 bytes for one purpose; the same master and purpose always give the same key. */
export function deriveKey(master: Secret, purpose: string): Secret {
  const key = hkdfSync("sha256", master.reveal(), Buffer.alloc(0), `gatehouse ${purpose}`, 32);
  return Secret.of(Buffer.from(key));
}
