// Which attributes a filter on the wire looks at (RFC 4511 §4.5.1.7), without building it.
// Invariant: every attribute the filter can compare with is shown, or the filter is refused: what
// can't be read here isn't passed on for a directory to read in its own way.

import { WireError } from "../error.ts";
import { type BerReader, TAG } from "./ber.ts";
import { FILTER_TAG } from "./filter.ts";

/**
 * Shown the name of each attribute, options included, as octets `from` … `to` of the message. Empty:
 * an extensible match without a type, which compares with every attribute its rule knows.
 */
export type AttributeVisitor = (bytes: Buffer, from: number, to: number) => void;

/** Deeper than any application nests, far from the end of the stack. */
const DEPTH_MAX = 100;
/** Of filters in one: more than the longest list of names that is asked for at once, read in a ms. */
const FILTERS_MAX = 20_000;

/** Where a reader is inside a filter. */
interface Bounds {
  depth: number;
  filters: number;
}

const MATCHING_RULE = 0x81;
const TYPE = 0x82;
const MATCH_VALUE = 0x83;
const DN_ATTRIBUTES = 0x84;
/** initial, any, final. */
const SUBSTRING_FIRST = 0x80;
const SUBSTRING_LAST = 0x82;

/** Reads one Filter. Throws WireError. */
export function visitFilter(reader: BerReader, visit: AttributeVisitor): void {
  visitOne(reader, visit, { depth: 0, filters: 0 });
}

function visitOne(reader: BerReader, visit: AttributeVisitor, bounds: Bounds): void {
  if (bounds.depth > DEPTH_MAX) throw new WireError("too-deep", reader.offset);
  if (bounds.filters === FILTERS_MAX) throw new WireError("too-many-attributes", reader.offset);
  bounds.filters += 1;
  const tag = reader.peekTag();
  switch (tag) {
    case FILTER_TAG.and:
    case FILTER_TAG.or:
    case FILTER_TAG.not: {
      const outer = reader.enter(tag);
      bounds.depth += 1;
      if (tag === FILTER_TAG.not) visitOne(reader, visit, bounds);
      else while (!reader.isAtEnd) visitOne(reader, visit, bounds);
      bounds.depth -= 1;
      reader.leave(outer);
      return;
    }
    case FILTER_TAG.present:
      visitName(reader, tag, visit);
      return;
    case FILTER_TAG.substrings:
      visitSubstrings(reader, visit);
      return;
    case FILTER_TAG.extensible:
      visitExtensible(reader, visit);
      return;
    case FILTER_TAG.equality:
    case FILTER_TAG["greater-or-equal"]:
    case FILTER_TAG["less-or-equal"]:
    case FILTER_TAG.approximate:
      visitAssertion(reader, tag, visit);
      return;
    default:
      throw new WireError("bad-filter", reader.offset);
  }
}

/** AttributeValueAssertion (RFC 4511 §4.1.6), a Compare's too. */
export function visitAssertion(reader: BerReader, tag: number, visit: AttributeVisitor): void {
  const outer = reader.enter(tag);
  visitName(reader, TAG.octetString, visit);
  reader.skipOctets(TAG.octetString);
  reader.leave(outer);
}

function visitSubstrings(reader: BerReader, visit: AttributeVisitor): void {
  const outer = reader.enter(FILTER_TAG.substrings);
  visitName(reader, TAG.octetString, visit);
  const list = reader.enter(TAG.sequence);
  while (!reader.isAtEnd) {
    const tag = reader.peekTag();
    if (tag < SUBSTRING_FIRST || tag > SUBSTRING_LAST) {
      throw new WireError("bad-filter", reader.offset);
    }
    reader.skipOctets(tag);
  }
  reader.leave(list);
  reader.leave(outer);
}

function visitExtensible(reader: BerReader, visit: AttributeVisitor): void {
  const outer = reader.enter(FILTER_TAG.extensible);
  if (reader.peekTag() === MATCHING_RULE) reader.skipOctets(MATCHING_RULE);
  if (reader.peekTag() === TYPE) visitName(reader, TYPE, visit);
  else visit(reader.bytes, reader.offset, reader.offset);
  reader.skipOctets(MATCH_VALUE);
  if (reader.peekTag() === DN_ATTRIBUTES) reader.readBoolean(DN_ATTRIBUTES);
  reader.leave(outer);
}

/** One attribute description under `tag`. */
export function visitName(reader: BerReader, tag: number, visit: AttributeVisitor): void {
  const from = reader.skipOctets(tag);
  visit(reader.bytes, from, reader.offset);
}
