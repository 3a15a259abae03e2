// Rules for single values that a pattern can't express: a directory's names, filters and addresses,
// separators. Every function returns what is wrong, as words that follow the value.

import { WireError } from "../wire/error.ts";
import { canonicalRdns } from "../wire/ldap/dn.ts";
import { parseFilter, PLACEHOLDER } from "../wire/ldap/filter.ts";
import { parseMailbox, type Mailbox } from "../lib/mail-address.ts";
import type { DirectoryUrl, SmtpServer } from "./config.ts";

/** An escaped octet is allowed in values alone, so a name can only ever come to stand in one. */
const ANY_NAME = String.raw`\78`;

export function checkDn(dn: string): string | undefined {
  if (isReadable(() => canonicalRdns(dn).length > 0)) return undefined;
  return "is not a DN; write it like cn=vpn,ou=groups,dc=example,dc=org";
}

export function checkUserDn(template: string): string | undefined {
  if (!template.includes(PLACEHOLDER)) return `must contain ${PLACEHOLDER}`;
  if (checkDn(template.replaceAll(PLACEHOLDER, ANY_NAME)) === undefined) return undefined;
  return "is not a DN; write it like uid={username},ou=people,dc=example,dc=org";
}

export function checkUserFilter(template: string): string | undefined {
  if (!template.includes(PLACEHOLDER)) return `must contain ${PLACEHOLDER}`;
  if (isReadable(() => parseFilter(template) !== undefined)) return undefined;
  return "is not an LDAP filter; write it like (&(objectClass=person)(uid={username}))";
}

/** Read by the very code that will read it at run time. */
function isReadable(read: () => boolean): boolean {
  try {
    return read();
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}

/** ldaps://host[:port] or ldap://host[:port]; whether clear text is allowed is judged later. */
export function parseUrl(text: string): DirectoryUrl | string {
  const match = /^(ldaps?):\/\/(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?\/?$/.exec(
    text,
  );
  const [, scheme, host = "", digits] = match ?? [];
  const tls = scheme === "ldaps" ? "implicit" : "none";
  const port = digits === undefined ? (tls === "implicit" ? 636 : 389) : Number(digits);
  if (match === null || port < 1 || port > 65_535) {
    return "is not the URL of a directory; write ldaps://host or ldaps://host:port";
  }
  return { url: text, host: host.replaceAll(/[[\]]/g, ""), port, tls };
}

/** smtp://host[:port] or smtps://host[:port]; whether clear text is allowed is judged later. */
export function parseSmtpUrl(text: string): SmtpServer | string {
  const match = /^(smtps?):\/\/(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?\/?$/.exec(
    text,
  );
  const [, scheme, host = "", digits] = match ?? [];
  const tls = scheme === "smtps" ? "implicit" : "start-tls";
  const port = digits === undefined ? (tls === "implicit" ? 465 : 25) : Number(digits);
  if (match === null || port < 1 || port > 65_535) {
    return "is not a mail server; write smtp://host:port or smtps://host:port, the login apart";
  }
  return { url: text, host: host.replaceAll(/[[\]]/g, ""), port, tls };
}

/** `Name <address>` or an address. */
export function parseFrom(text: string): Mailbox | string {
  return parseMailbox(text) ?? 'is not a sender; write "Gatehouse <mfa@example.org>"';
}

/** The origin that browsers name (RFC 6454 §6.2): nothing may stand behind it. */
export function checkPublicUrl(text: string): string | undefined {
  const url = URL.parse(text);
  const isOrigin = url?.protocol === "https:" && (text === url.origin || text === `${url.origin}/`);
  return isOrigin ? undefined : "must be https://host or https://host:port, in lower case";
}

/** A code's own characters can't separate it, and a dash is common in recovery codes. */
export function checkSeparator(separator: string): string | undefined {
  if (/^[!-,./:-@[-`{-~]{0,3}$/.test(separator)) return undefined;
  return "must be empty or 1 to 3 ASCII characters, neither letters, digits, spaces nor dashes";
}
