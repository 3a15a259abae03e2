// The people of the benchmarks: u000000, u000001 … each with a password and a TOTP key that follow
// from the name, so that the directory, both servers and the generator agree without sharing a file.

import { createHash } from "node:crypto";

export const BASE = "dc=example,dc=org";
export const SERVICE_DN = `cn=svc,ou=services,${BASE}`;
export const SERVICE_PASSWORD = "service-password";
export const SHARED_SECRET = "a-secret-for-measuring";

export function nameOf(index: number): string {
  return `u${String(index).padStart(6, "0")}`;
}

export function passwordOf(index: number): string {
  return `pw-${nameOf(index)}`;
}

/** 20 bytes, for SHA-1, 6 digits, 30 s. */
export function totpKeyOf(index: number): Buffer {
  return createHash("sha1")
    .update(`totp-${nameOf(index)}`)
    .digest();
}
