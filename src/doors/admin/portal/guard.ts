// What a browser has to prove before anything is changed: the cookie that only this host can set, a
// form that came from one of our own pages, and that it is our page that sends it (OWASP CSRF: three
// defences that don't lean on each other).

import { createHmac } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

import { Secret } from "../../../lib/secret.ts";
import { sessionCookie } from "../cookie.ts";

export const COOKIE = sessionCookie("gatehouse");

/**
 * Whether a link on another site, or in a mail, was followed. A SameSite=Strict cookie stays at home then
 * (RFC 6265bis §5.6.7.1), and whatever was said about it would take the session from the browser.
 */
export function isFromElsewhere(headers: IncomingHttpHeaders): boolean {
  return headers["sec-fetch-site"] === "cross-site" && COOKIE.read(headers) === undefined;
}

/** Belongs to one id: before the sign-in to a visitor's, then to the session's. */
export function formToken(key: Secret, id: string): string {
  return createHmac("sha256", key.reveal()).update(id).digest("base64url");
}

export function verifyFormToken(key: Secret, id: string, token: string): boolean {
  return Secret.of(formToken(key, id)).equals(Secret.of(token));
}

/**
 * Whether one of our own pages sends it. Browsers name the origin of every POST (Fetch §3.2); one that
 * doesn't has at least to say that the page is ours (Fetch Metadata §2.4).
 */
export function isOwnOrigin(headers: IncomingHttpHeaders, publicUrl: string): boolean {
  const { origin, "sec-fetch-site": site } = headers;
  if (site !== undefined && site !== "same-origin") return false;
  return origin === undefined ? site === "same-origin" : origin === publicUrl;
}
