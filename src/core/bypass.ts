// Bypass codes: what an administrator reads out to a person whose device is lost. 80 random bits in
// four groups of four; the store keeps a keyed hash. Invariant: the form can't be taken for a TOTP code.

import { createHmac, timingSafeEqual } from "node:crypto";

import { randomInt } from "../lib/random.ts";
import type { Secret } from "../lib/secret.ts";

// RFC 4648 §6 alphabet in lower case: no 0, 1, 8 or 9 to misread over the telephone.
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

/** Length of a bypass code as written, in characters. */
export const BYPASS_CODE_CHARS = 19;

const FORM = /^[a-z2-7]{4}(?:-[a-z2-7]{4}){3}$/;

/** True for text of the form `abcd-efgh-ijkl-mn23`. */
export function isBypassForm(text: string): boolean {
  return FORM.test(text);
}

export function generateBypassCode(): string {
  const group = (): string => Array.from({ length: 4 }, () => ALPHABET[randomInt(32)]).join("");
  return [group(), group(), group(), group()].join("-");
}

/** Keyed hash for the store, hex of 32 bytes. */
export function hashBypassCode(key: Secret, code: string): string {
  return createHmac("sha256", key.reveal()).update(code).digest("hex");
}

/** True when `code` hashes to `codeHash`; constant time. */
export function verifyBypassCode(key: Secret, code: string, codeHash: string): boolean {
  const expected = Buffer.from(codeHash, "hex");
  const given = Buffer.from(hashBypassCode(key, code), "hex");
  return expected.length === given.length && timingSafeEqual(expected, given);
}
