// Distinguished names as text (RFC 4514) and the one form in which they are compared.
// Invariant: names a directory holds to be equal have one canonical form, whatever their case,
// spacing, escapes or order within an RDN; what can't be read is an error, never "different".

import { normaliseUsername } from "../../lib/username.ts";
import { WireError } from "../error.ts";
import { BerReader, decodeUtf8 } from "./ber.ts";

/** Directories refuse far shorter ones. */
const DN_CHARS_MAX = 8192;

// RFC 4514 §3 and RFC 4519: those that appear in the names of people and groups.
const TYPE_NAMES: ReadonlyMap<string, string> = new Map([
  ["2.5.4.3", "cn"],
  ["commonname", "cn"],
  ["2.5.4.4", "sn"],
  ["surname", "sn"],
  ["2.5.4.5", "serialnumber"],
  ["2.5.4.6", "c"],
  ["countryname", "c"],
  ["2.5.4.7", "l"],
  ["localityname", "l"],
  ["2.5.4.8", "st"],
  ["stateorprovincename", "st"],
  ["2.5.4.9", "street"],
  ["streetaddress", "street"],
  ["2.5.4.10", "o"],
  ["organizationname", "o"],
  ["2.5.4.11", "ou"],
  ["organizationalunitname", "ou"],
  ["2.5.4.42", "givenname"],
  ["gn", "givenname"],
  ["0.9.2342.19200300.100.1.1", "uid"],
  ["userid", "uid"],
  ["0.9.2342.19200300.100.1.3", "mail"],
  ["rfc822mailbox", "mail"],
  ["0.9.2342.19200300.100.1.25", "dc"],
  ["domaincomponent", "dc"],
]);

/** UTF8String, NumericString, PrintableString, TeletexString, IA5String and OCTET STRING. */
const STRING_TAGS: ReadonlySet<number> = new Set([0x04, 0x0c, 0x12, 0x13, 0x14, 0x16]);

const TYPE = / *((?:oid\.)?(?:[a-z][a-z0-9-]*|[0-9]+(?:\.[0-9]+)*)) *= */iy;
const HEX_STRING = /#((?:[0-9a-f]{2})+) *(?=[,+]|$)/iy;
const MUST_BE_ESCAPED = new Set(['"', ";", "<", ">", "\0"]);
// What nearly all values consist of: nothing that is escaped, at the start or anywhere.
const PLAIN_RUN = /[A-Za-z0-9._@ -]+/y;
const NOTHING_TO_ESCAPE = /^[A-Za-z0-9._@-](?:[A-Za-z0-9._@ -]*[A-Za-z0-9._@-])?$/;
const HEX_PAIR = /[0-9a-f]{2}/iy;
const HEX_PAIRS = /(?:\\[0-9a-f]{2})+/iy;

/**
 * The RDNs of `text` in canonical form, the entry's own first; none for the empty DN. Throws
 * WireError, `offset` in characters.
 */
export function canonicalRdns(text: string): string[] {
  if (text.length > DN_CHARS_MAX) throw new WireError("too-long", DN_CHARS_MAX);
  const cursor = { text, at: 0 };
  const rdns: string[] = [];
  if (text.trim() === "") return rdns;
  let parts: string[] = [];
  for (;;) {
    parts.push(parsePart(cursor));
    const separator = text.charAt(cursor.at);
    cursor.at += 1;
    if (separator === "+") continue;
    rdns.push(parts.length === 1 ? (parts[0] ?? "") : parts.toSorted().join("+"));
    parts = [];
    if (separator === "") return rdns;
  }
}

/** One text per name, itself a DN: equal exactly if the names are. Throws WireError. */
export function canonicalDn(text: string): string {
  return canonicalRdns(text).join(",");
}

/** Whether `rdns` is the entry `base` or one below it; both canonical. */
export function isWithin(rdns: readonly string[], base: readonly string[]): boolean {
  const above = rdns.length - base.length;
  return above >= 0 && base.every((rdn, index) => rdn === rdns[above + index]);
}

/** A value as it stands in a DN (RFC 4514 §2.4). */
export function escapeDnValue(value: string): string {
  if (NOTHING_TO_ESCAPE.test(value)) return value;
  return value
    .replaceAll(/[\\,+"<>;=]/g, "\\$&")
    .replaceAll("\0", "\\00")
    .replace(/^[ #]/, "\\$&")
    .replace(/ $/, "\\ ");
}

interface Cursor {
  readonly text: string;
  at: number;
}

/** type=value; ends at "," or "+" or the end of the text. */
function parsePart(cursor: Cursor): string {
  const { text } = cursor;
  TYPE.lastIndex = cursor.at;
  const match = TYPE.exec(text);
  if (match === null) throw new WireError("bad-dn", cursor.at);
  const name = (match[1] ?? "").toLowerCase().replace(/^oid\./, "");
  const type = TYPE_NAMES.get(name) ?? name;
  cursor.at = TYPE.lastIndex;
  HEX_STRING.lastIndex = cursor.at;
  const hex = HEX_STRING.exec(text);
  if (hex === null) return `${type}=${canonicalValue(parseValue(cursor), cursor.at)}`;
  const value = decodeHexString(Buffer.from(hex[1] ?? "", "hex"), cursor.at);
  cursor.at = HEX_STRING.lastIndex;
  // A value of another type than a string has only this one spelling, and no other begins with #.
  if (value === undefined) return `${type}=#${(hex[1] ?? "").toLowerCase()}`;
  return `${type}=${canonicalValue(value, cursor.at)}`;
}

function parseValue(cursor: Cursor): string {
  const { text } = cursor;
  PLAIN_RUN.lastIndex = cursor.at;
  let value = PLAIN_RUN.exec(text)?.[0] ?? "";
  cursor.at += value.length;
  while (cursor.at < text.length) {
    const character = text.charAt(cursor.at);
    if (character === "," || character === "+") break;
    if (character === "\\") {
      value += parseEscape(cursor);
      continue;
    }
    if (MUST_BE_ESCAPED.has(character) || (value === "" && character === "#")) {
      throw new WireError("bad-dn", cursor.at);
    }
    value += character;
    cursor.at += 1;
  }
  return value;
}

/** Hex pairs that follow each other are the octets of one text. */
function parseEscape(cursor: Cursor): string {
  const { text, at } = cursor;
  HEX_PAIR.lastIndex = at + 1;
  if (!HEX_PAIR.test(text)) {
    const escaped = text.charAt(at + 1);
    if (escaped === "" || !'"+,;<>\\ #='.includes(escaped)) throw new WireError("bad-dn", at);
    cursor.at += 2;
    return escaped;
  }
  HEX_PAIRS.lastIndex = at;
  const pairs = HEX_PAIRS.exec(text)?.[0] ?? "";
  cursor.at += pairs.length;
  return decodeUtf8(Buffer.from(pairs.replaceAll("\\", ""), "hex"), at);
}

/** Undefined if it is BER, but not of a string. */
function decodeHexString(bytes: Buffer, at: number): string | undefined {
  const reader = new BerReader(bytes);
  const tag = reader.peekTag();
  if (!STRING_TAGS.has(tag)) return undefined;
  const value = decodeUtf8(reader.readOctets(tag), at);
  if (!reader.isAtEnd) throw new WireError("bad-dn", at);
  return value;
}

// No directory names anybody with a NUL, and whatever is written in C stops reading there.
function canonicalValue(value: string, at: number): string {
  if (value.includes("\0")) throw new WireError("bad-dn", at);
  return escapeDnValue(normaliseUsername(value));
}
