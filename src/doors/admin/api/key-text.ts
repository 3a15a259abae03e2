// What an API key looks like: a prefix that scanners for leaked secrets can find, and 256 random bits.

import { randomBytes } from "../../../lib/random.ts";

const PREFIX = "gh_";
const BYTES = 32;

/** 43 characters of base64url (RFC 4648 §5) behind the prefix. */
export const KEY_FORM = /^gh_[\w-]{43}$/;

export function makeKey(): string {
  return `${PREFIX}${randomBytes(BYTES).toString("base64url")}`;
}
