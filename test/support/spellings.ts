// A secret in every dress it could get out in.

import { encodeBase32 } from "../../src/lib/base32.ts";

/** Every form in which bytes get into text. */
export function spellings(secret: Buffer): string[] {
  const text = secret.toString("utf8");
  const base64 = secret.toString("base64");
  return [
    text,
    JSON.stringify(text).slice(1, -1),
    encodeURIComponent(text),
    secret.toString("hex"),
    secret.toString("hex").toUpperCase(),
    base64,
    base64.replace(/=+$/, ""),
    secret.toString("base64url"),
    encodeBase32(secret),
    [...secret].join(","),
  ];
}
