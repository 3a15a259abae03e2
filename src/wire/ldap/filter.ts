// Search filters: read once from their text (RFC 4515), written as BER for each name (RFC 4511
// §4.5.1.7). Invariant: a name becomes the octets of a value and is never read as filter text, so
// nothing in it needs escaping and nothing in it can change the filter.

import { WireError } from "../error.ts";
import { TAG, type BerWriter } from "./ber.ts";

/** Stands for the name in a filter or DN of the configuration. */
export const PLACEHOLDER = "{username}";

/** A value in pieces: the name goes between each two of them. */
type Value = readonly Buffer[];

export type Filter =
  | { readonly kind: "and" | "or"; readonly filters: readonly Filter[] }
  | { readonly kind: "not"; readonly filter: Filter }
  | { readonly kind: "present"; readonly attribute: string }
  | { readonly kind: Comparison; readonly attribute: string; readonly value: Value }
  | {
      readonly kind: "substrings";
      readonly attribute: string;
      /** Between the stars; an empty first or last one is left out. */
      readonly parts: readonly Value[];
    }
  | {
      readonly kind: "extensible";
      readonly attribute: string;
      readonly rule: string;
      readonly isDnAttributes: boolean;
      readonly value: Value;
    };

type Comparison = "equality" | "greater-or-equal" | "less-or-equal" | "approximate";

/** RFC 4511 §4.5.1. */
export const FILTER_TAG = {
  and: 0xa0,
  or: 0xa1,
  not: 0xa2,
  equality: 0xa3,
  substrings: 0xa4,
  "greater-or-equal": 0xa5,
  "less-or-equal": 0xa6,
  present: 0x87,
  approximate: 0xa8,
  extensible: 0xa9,
} as const;

/** Deeper than anything people write, far from the end of the stack. */
const DEPTH_MAX = 50;
const TEXT_CHARS_MAX = 16_384;

// RFC 4512 §2.5: a name or numeric OID, and options.
const ATTRIBUTE = /^(?:[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+)(?:;[A-Za-z0-9-]+)*$/;
const ITEM = /([^=()]*?)(~=|>=|<=|:=|=)([^()]*)\)/y;
const EXTENSIBLE = /^([^:]*)(:[dD][nN])?(?::([^:]+))?$/;
const SPACES = / */y;

/** Throws WireError, `offset` in characters. Spaces between filters are let pass. */
export function parseFilter(text: string): Filter {
  if (text.length > TEXT_CHARS_MAX) throw new WireError("too-long", TEXT_CHARS_MAX);
  const cursor = { text, at: 0 };
  const filter = parseOne(cursor, 0);
  if (cursor.at !== text.length) throw new WireError("trailing-bytes", cursor.at);
  return filter;
}

/**
 * The same conditions, but the name is looked for in `attribute`: what holds the placeholder becomes
 * `(attribute={username})`, all else stays.
 */
export function withAttribute(filter: Filter, attribute: string): Filter {
  switch (filter.kind) {
    case "and":
    case "or":
      return { ...filter, filters: filter.filters.map((each) => withAttribute(each, attribute)) };
    case "not":
      return { ...filter, filter: withAttribute(filter.filter, attribute) };
    case "present":
      return filter;
    case "substrings":
      return filter.parts.some(holdsName) ? nameEquals(attribute) : filter;
    default:
      return holdsName(filter.value) ? nameEquals(attribute) : filter;
  }
}

/** The same conditions for everybody: what holds the placeholder becomes `(attribute=*)`. */
export function withAnyName(filter: Filter): Filter {
  switch (filter.kind) {
    case "and":
    case "or":
      return { ...filter, filters: filter.filters.map(withAnyName) };
    case "not":
      return { ...filter, filter: withAnyName(filter.filter) };
    case "present":
      return filter;
    case "substrings":
      return filter.parts.some(holdsName) ? present(filter) : filter;
    default:
      return holdsName(filter.value) ? present(filter) : filter;
  }
}

// A rule alone names no attribute, and an entry without a class there is none.
function present({ attribute }: { readonly attribute: string }): Filter {
  return { kind: "present", attribute: attribute === "" ? "objectClass" : attribute };
}

function nameEquals(attribute: string): Filter {
  return { kind: "equality", attribute, value: [Buffer.alloc(0), Buffer.alloc(0)] };
}

function holdsName(value: Value): boolean {
  return value.length > 1;
}

interface Cursor {
  readonly text: string;
  at: number;
}

function parseOne(cursor: Cursor, depth: number): Filter {
  if (depth > DEPTH_MAX) throw new WireError("too-deep", cursor.at);
  expect(cursor, "(");
  const operator = cursor.text.charAt(cursor.at);
  if (operator === "&" || operator === "|") {
    cursor.at += 1;
    const filters = parseList(cursor, depth + 1);
    return { kind: operator === "&" ? "and" : "or", filters };
  }
  if (operator === "!") {
    cursor.at += 1;
    skipSpaces(cursor);
    const filter = parseOne(cursor, depth + 1);
    skipSpaces(cursor);
    expect(cursor, ")");
    return { kind: "not", filter };
  }
  return parseItem(cursor);
}

// RFC 4526: an empty list is true for "&", false for "|".
function parseList(cursor: Cursor, depth: number): Filter[] {
  const filters: Filter[] = [];
  for (;;) {
    skipSpaces(cursor);
    if (cursor.text.charAt(cursor.at) === ")") break;
    filters.push(parseOne(cursor, depth));
  }
  cursor.at += 1;
  return filters;
}

function parseItem(cursor: Cursor): Filter {
  const start = cursor.at;
  ITEM.lastIndex = start;
  const match = ITEM.exec(cursor.text);
  if (match === null) throw new WireError("bad-filter", start);
  const [whole, attribute = "", operator = "", text = ""] = match;
  cursor.at = start + whole.length;
  if (operator === ":=") return parseExtensible(attribute, text, start);
  if (!ATTRIBUTE.test(attribute)) throw new WireError("bad-filter", start);
  if (operator !== "=") {
    return { kind: comparisonOf(operator), attribute, value: parseValue(text, start) };
  }
  if (text === "*") return { kind: "present", attribute };
  if (!text.includes("*")) {
    return { kind: "equality", attribute, value: parseValue(text, start) };
  }
  const parts = text.split("*").map((part) => parseValue(part, start));
  if (parts.slice(1, -1).some(isEmpty)) throw new WireError("bad-filter", start);
  return { kind: "substrings", attribute, parts };
}

function comparisonOf(operator: string): Comparison {
  if (operator === "~=") return "approximate";
  return operator === ">=" ? "greater-or-equal" : "less-or-equal";
}

function parseExtensible(left: string, text: string, start: number): Filter {
  const match = EXTENSIBLE.exec(left);
  const [, attribute = "", dn, rule = ""] = match ?? [];
  const isNamed = attribute === "" || ATTRIBUTE.test(attribute);
  const isRuled = rule === "" || ATTRIBUTE.test(rule);
  // RFC 4511 §4.5.1.7.7: at least one of the two says what to compare.
  if (match === null || !isNamed || !isRuled || (attribute === "" && rule === "")) {
    throw new WireError("bad-filter", start);
  }
  const value = parseValue(text, start);
  return { kind: "extensible", attribute, rule, isDnAttributes: dn !== undefined, value };
}

// RFC 4515 §3: any octet as \XX; NUL ( ) * \ only so.
function parseValue(text: string, start: number): Value {
  return text.split(PLACEHOLDER).map((piece) => decodeEscapes(piece, start));
}

function decodeEscapes(text: string, start: number): Buffer {
  if (text.includes("\0")) throw new WireError("bad-filter", start);
  const bytes = Buffer.from(text, "utf8");
  let from = 0;
  let to = 0;
  while (from < bytes.length) {
    const octet = bytes.readUInt8(from);
    if (octet !== 0x5c) {
      bytes[to++] = octet;
      from += 1;
      continue;
    }
    const pair = bytes.toString("latin1", from + 1, from + 3);
    if (!/^[0-9A-Fa-f]{2}$/.test(pair)) throw new WireError("bad-filter", start);
    bytes[to++] = Number.parseInt(pair, 16);
    from += 3;
  }
  return bytes.subarray(0, to);
}

function isEmpty(value: Value): boolean {
  return value.length === 1 && value[0]?.length === 0;
}

function expect(cursor: Cursor, character: string): void {
  if (cursor.text.charAt(cursor.at) !== character) throw new WireError("bad-filter", cursor.at);
  cursor.at += 1;
}

function skipSpaces(cursor: Cursor): void {
  SPACES.lastIndex = cursor.at;
  SPACES.exec(cursor.text);
  cursor.at = SPACES.lastIndex;
}

/** Writes `filter` with `username` (UTF-8) in the placeholder's place. */
export function writeFilter(writer: BerWriter, filter: Filter, username: Buffer): void {
  const before = writer.size;
  switch (filter.kind) {
    case "and":
    case "or":
      for (const inner of filter.filters.toReversed()) writeFilter(writer, inner, username);
      break;
    case "not":
      writeFilter(writer, filter.filter, username);
      break;
    case "present":
      writer.writeText(FILTER_TAG.present, filter.attribute);
      return;
    case "substrings":
      writeSubstrings(writer, filter.parts, username);
      writer.writeText(TAG.octetString, filter.attribute);
      break;
    case "extensible":
      if (filter.isDnAttributes) writer.writeBoolean(0x84, true);
      writer.writeOctets(0x83, valueOf(filter.value, username));
      if (filter.attribute !== "") writer.writeText(0x82, filter.attribute);
      if (filter.rule !== "") writer.writeText(0x81, filter.rule);
      break;
    default:
      writer.writeOctets(TAG.octetString, valueOf(filter.value, username));
      writer.writeText(TAG.octetString, filter.attribute);
  }
  writer.wrap(FILTER_TAG[filter.kind], before);
}

function writeSubstrings(writer: BerWriter, parts: readonly Value[], username: Buffer): void {
  const before = writer.size;
  for (let index = parts.length - 1; index >= 0; index -= 1) {
    const part = parts[index];
    if (part === undefined || isEmpty(part)) continue;
    // initial [0], any [1], final [2]
    const tag = index === 0 ? 0x80 : index === parts.length - 1 ? 0x82 : 0x81;
    writer.writeOctets(tag, valueOf(part, username));
  }
  writer.wrap(TAG.sequence, before);
}

function valueOf(value: Value, username: Buffer): Buffer {
  const [first, ...others] = value;
  if (first === undefined || others.length === 0) return first ?? Buffer.alloc(0);
  return Buffer.concat([first, ...others.flatMap((piece) => [username, piece])]);
}
