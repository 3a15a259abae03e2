// What a browser has to prove before anything is changed: the cookie that only this host can set, a
// form that came from one of our own pages, and that it is our page that sends it (OWASP CSRF: three
// defences that don't lean on each other).

import { createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

import type { Secret } from "../../../lib/secret.ts";

// RFC 6265bis §4.1.3.2: only this host over HTTPS can set it, for all of its paths.
const NAME = "__Host-gatehouse";
const ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Strict";
const ID = /^[A-Za-z0-9_-]{43}$/;

export function cookie(id: string): string {
  return `${NAME}=${id}; ${ATTRIBUTES}`;
}

export const NO_COOKIE = `${NAME}=; Max-Age=0; ${ATTRIBUTES}`;

/** Undefined unless there is exactly one. */
export function readCookie({ cookie: header = "" }: IncomingHttpHeaders): string | undefined {
  const values = header
    .split(";")
    .map((pair) => pair.trim())
    .flatMap((pair) => (pair.startsWith(`${NAME}=`) ? [pair.slice(NAME.length + 1)] : []));
  const [id, ...more] = values;
  return id !== undefined && more.length === 0 && ID.test(id) ? id : undefined;
}

/**
 * Whether a link on another site, or in a mail, was followed. A SameSite=Strict cookie stays at home then
 * (RFC 6265bis §5.6.7.1), and whatever was said about it would take the session from the browser.
 */
export function isFromElsewhere(headers: IncomingHttpHeaders): boolean {
  return headers["sec-fetch-site"] === "cross-site" && readCookie(headers) === undefined;
}

/** Belongs to one id: before the sign-in to a visitor's, then to the session's. */
export function formToken(key: Secret, id: string): string {
  return createHmac("sha256", key.reveal()).update(id).digest("base64url");
}

export function verifyFormToken(key: Secret, id: string, token: string): boolean {
  const expected = Buffer.from(formToken(key, id));
  const given = Buffer.from(token);
  return expected.length === given.length && timingSafeEqual(expected, given);
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
