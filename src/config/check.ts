// Rules for single values that a pattern can't express: a directory's names, filters and addresses,
// separators. Every function returns what is wrong, as words that follow the value.

import type { DirectoryUrl } from "./config.ts";

const PLACEHOLDER = "{username}";
/** An escaped octet is allowed in values alone, so a name can only ever come to stand in one. */
const ANY_NAME = String.raw`\78`;

// RFC 4514 §3: attribute types, escaped characters, the first and the other characters of a value.
const TYPE = String.raw`(?:[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+)`;
const PAIR = String.raw`\\(?:[ "#+,;<=>\\]|[0-9A-Fa-f]{2})`;
const FIRST = String.raw`(?:[^\0 "#+,;<>\\]|${PAIR})`;
const STRING = String.raw`(?:${FIRST}(?:[^\0"+,;<>\\]|${PAIR})*)?`;
const PAIRED = String.raw` *${TYPE} *= *(?:#(?:[0-9A-Fa-f]{2})+|${STRING}) *`;
const DN = new RegExp(`^${PAIRED}(?:[+,]${PAIRED})*$`, "u");

// RFC 4515 §3: options and matching rule, and a value with its escapes.
const RULE = String.raw`(?:;[A-Za-z0-9-]+)*(?::dn)?(?::[A-Za-z0-9.-]+:)?`;
const VALUE = String.raw`(?:[^()\\\0]|\\[0-9A-Fa-f]{2})*`;
const ITEM = new RegExp(String.raw`^\((?:${TYPE}|(?=:))${RULE}[~<>]?=${VALUE}\)`, "u");

export function checkDn(dn: string): string | undefined {
  return DN.test(dn) ? undefined : "is not a DN; write it like cn=vpn,ou=groups,dc=example,dc=org";
}

export function checkUserDn(template: string): string | undefined {
  if (!template.includes(PLACEHOLDER)) return `must contain ${PLACEHOLDER}`;
  if (checkDn(template.replaceAll(PLACEHOLDER, ANY_NAME)) === undefined) return undefined;
  return "is not a DN; write it like uid={username},ou=people,dc=example,dc=org";
}

export function checkUserFilter(template: string): string | undefined {
  if (!template.includes(PLACEHOLDER)) return `must contain ${PLACEHOLDER}`;
  const filter = template.replaceAll(PLACEHOLDER, ANY_NAME);
  if (skipFilter(filter, 0) === filter.length) return undefined;
  return "is not an LDAP filter; write it like (&(objectClass=person)(uid={username}))";
}

/** The offset behind the filter at `offset` (RFC 4515 §3); undefined if there is none. */
function skipFilter(filter: string, offset: number): number | undefined {
  if (filter[offset] !== "(") return undefined;
  const operator = filter[offset + 1] ?? "";
  if (!"&|!".includes(operator)) {
    const match = ITEM.exec(filter.slice(offset))?.[0];
    return match === undefined ? undefined : offset + match.length;
  }
  let at = skipFilter(filter, offset + 2);
  while (operator !== "!" && at !== undefined && filter[at] === "(") at = skipFilter(filter, at);
  return at !== undefined && filter[at] === ")" ? at + 1 : undefined;
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

/** A code's own characters can't separate it, and a dash is common in recovery codes. */
export function checkSeparator(separator: string): string | undefined {
  if (/^[!-,./:-@[-`{-~]{0,3}$/.test(separator)) return undefined;
  return "must be empty or 1 to 3 ASCII characters, neither letters, digits, spaces nor dashes";
}
