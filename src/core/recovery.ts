// Recovery codes: what a person keeps on paper for the day the phone is gone. 125 random bits each, for
// one login; the store keeps keyed hashes. Invariant: the form is nobody else's, TOTP's nor a bypass's.

import { createHmac } from "node:crypto";

import { randomInt } from "../lib/random.ts";
import type { Secret } from "../lib/secret.ts";

/** How many a person gets at a time. */
export const RECOVERY_CODES = 10;

// RFC 4648 §6 alphabet in lower case: no 0, 1, 8 or 9 to misread on paper.
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
const GROUPS = 5;
const GROUP_CHARS = 5;

/** Length of a recovery code as written, in characters. */
export const RECOVERY_CODE_CHARS = GROUPS * (GROUP_CHARS + 1) - 1;

const FORM = /^[a-z2-7]{5}(?:-[a-z2-7]{5}){4}$/;

/** True for text of the form `abcde-fghij-klmno-pqrst-uvw23`. */
export function isRecoveryForm(text: string): boolean {
  return FORM.test(text);
}

/** A whole set, each code once. */
export function generateRecoveryCodes(): string[] {
  const codes = new Set<string>();
  while (codes.size < RECOVERY_CODES) codes.add(generateCode());
  return [...codes];
}

export interface NewRecoveryCodes {
  /** To be shown, once. */
  readonly codes: string[];
  /** To be kept. */
  readonly hashes: readonly string[];
}

/** `key`: Administration.recoveryKey. */
export function newRecoveryCodes(key: Secret): NewRecoveryCodes {
  const codes = generateRecoveryCodes();
  return { codes, hashes: codes.map((code) => hashRecoveryCode(key, code)) };
}

/** Keyed hash for the store, hex of 32 bytes. ASVS 6.5.2: from 112 bits on it need not be slow. */
export function hashRecoveryCode(key: Secret, code: string): string {
  return createHmac("sha256", key.reveal()).update(code).digest("hex");
}

function generateCode(): string {
  const group = (): string =>
    Array.from({ length: GROUP_CHARS }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
  return Array.from({ length: GROUPS }, group).join("-");
}
