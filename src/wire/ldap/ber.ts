// BER as LDAP restricts it (RFC 4511 §5.1): definite lengths, primitive strings, one-octet tags.
// Invariant: nothing is read outside the element that was entered, and every read consumes it.

import { isAscii } from "node:buffer";

import { WireError } from "../error.ts";

/** Universal tags; the others stand where they are used. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  octetString: 0x04,
  enumerated: 0x0a,
  sequence: 0x30,
  set: 0x31,
} as const;

/** A length of 2^32 and more fits into no message that anybody accepts. */
const LENGTH_OCTETS_MAX = 4;
/** INTEGERs of LDAP end at 2^31 - 1 (RFC 4511 §4.1.1.1, `maxInt`). */
const INTEGER_OCTETS_MAX = 4;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Walks through elements. `offset` of its errors counts from the start of `bytes`. */
export class BerReader {
  readonly bytes: Buffer;
  #at: number;
  #end: number;

  /** Of all `bytes`, or of the elements between two offsets. */
  constructor(bytes: Buffer, from = 0, to = bytes.length) {
    this.bytes = bytes;
    this.#at = from;
    this.#end = to;
  }

  get offset(): number {
    return this.#at;
  }

  /** Nothing is left in the element that was entered. */
  get isAtEnd(): boolean {
    return this.#at === this.#end;
  }

  /** The tag that comes next, -1 at the end. */
  peekTag(): number {
    return this.#at < this.#end ? (this.bytes[this.#at] ?? -1) : -1;
  }

  /** Goes into a constructed element; give the result to `leave`. */
  enter(tag: number): number {
    const outerEnd = this.#end;
    const length = this.#readHeader(tag);
    this.#end = this.#at + length;
    return outerEnd;
  }

  /** Everything inside must have been read. */
  leave(outerEnd: number): void {
    if (this.#at !== this.#end) throw new WireError("trailing-bytes", this.#at);
    this.#end = outerEnd;
  }

  /** Leaves without looking at the rest: RFC 4511 §4 lets later versions append fields. */
  leaveEarly(outerEnd: number): void {
    this.#at = this.#end;
    this.#end = outerEnd;
  }

  /** The contents; they share the memory of the message. */
  readOctets(tag: number): Buffer {
    const from = this.skipOctets(tag);
    return this.bytes.subarray(from, this.#at);
  }

  /** Passes over a string; its contents lie between the result and `offset`. */
  skipOctets(tag: number): number {
    const length = this.#readHeader(tag);
    const from = this.#at;
    this.#at += length;
    return from;
  }

  /** RFC 4511 §4.1.2: an LDAPString is UTF-8. */
  readText(tag: number): string {
    const at = this.#at;
    return decodeUtf8(this.readOctets(tag), at);
  }

  /** INTEGER or ENUMERATED, two's complement, at most 32 bits. */
  readInteger(tag: number): number {
    const at = this.#at;
    const octets = this.readOctets(tag);
    if (octets.length === 0 || octets.length > INTEGER_OCTETS_MAX) {
      throw new WireError("bad-integer", at);
    }
    return octets.readIntBE(0, octets.length);
  }

  readBoolean(tag: number): boolean {
    const at = this.#at;
    const octets = this.readOctets(tag);
    if (octets.length !== 1) throw new WireError("bad-value", at);
    return octets.readUInt8(0) !== 0;
  }

  /** Passes over one element, whatever it is. */
  skip(): void {
    if (this.isAtEnd) throw new WireError("too-short", this.#at);
    const length = this.#readHeader(this.peekTag());
    this.#at += length;
  }

  #readHeader(tag: number): number {
    if (this.#at >= this.#end) throw new WireError("too-short", this.#at);
    // RFC 4511 §5.1: a constructed string (0x24) is another tag than the primitive one.
    if (this.bytes[this.#at] !== tag) throw new WireError("bad-tag", this.#at);
    const elementEnd = endOfElement(this.bytes, this.#at, this.#end);
    this.#at = contentsOfElement(this.bytes, this.#at);
    return elementEnd - this.#at;
  }
}

// Octets are indexed here, not read with readUInt8: every offset lies before an `end` anyway, and
// this runs for each attribute of each entry that is passed on (measured: half the time).

/** Where the element at `at` ends, not behind `end`. Its header has been checked then. */
export function endOfElement(bytes: Buffer, at: number, end: number): number {
  if (at >= end) throw new WireError("too-short", at);
  // 31 announces a tag of several octets, which LDAP doesn't have.
  if (((bytes[at] ?? 0) & 0x1f) === 0x1f) throw new WireError("bad-tag", at);
  const length = readLength(bytes, at + 1, end);
  if (length === undefined) throw new WireError("too-short", at);
  const from = contentsOfElement(bytes, at);
  if (length > end - from) throw new WireError("overrun", at);
  return from + length;
}

/** Where the contents of the element at `at` begin. */
export function contentsOfElement(bytes: Buffer, at: number): number {
  return at + 1 + lengthOctets(bytes, at + 1);
}

/** Strict: nothing is replaced, no byte order mark is lost. */
export function decodeUtf8(octets: Buffer, offset: number): string {
  if (isAscii(octets)) return octets.toString("latin1");
  try {
    return utf8.decode(octets);
  } catch {
    throw new WireError("bad-utf8", offset);
  }
}

/**
 * The length that stands at `at`; undefined when `end` comes before its last octet. Not minimal is
 * allowed (RFC 4511 §5.1 asks for definite, not for short); zeros in front count as nothing.
 */
export function readLength(bytes: Buffer, at: number, end: number): number | undefined {
  if (at >= end) return undefined;
  const first = bytes[at] ?? 0;
  if (first < 0x80) return first;
  if (first === 0x80) throw new WireError("indefinite-length", at);
  // X.690 §8.1.3.5: 0xff is reserved.
  if (first === 0xff) throw new WireError("bad-length", at);
  const octets = first & 0x7f;
  let length = 0;
  for (let index = 1; index <= octets; index += 1) {
    if (at + index >= end) return undefined;
    length = length * 256 + bytes.readUInt8(at + index);
    if (length >= 2 ** (8 * LENGTH_OCTETS_MAX)) throw new WireError("bad-length", at);
  }
  return length;
}

/** How many octets the length at `at` takes, itself included. */
export function lengthOctets(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  return first < 0x80 ? 1 : 1 + (first & 0x7f);
}

const CAPACITY_BYTES = 256;

/** Writes from the last octet to the first, so that every length is known when its turn comes. */
export class BerWriter {
  #bytes = Buffer.allocUnsafe(CAPACITY_BYTES);
  #at = CAPACITY_BYTES;

  /** How much is written: hand it to `wrap` once the contents are there. */
  get size(): number {
    return this.#bytes.length - this.#at;
  }

  /** The header of everything written since `size` was `sizeBefore`. */
  wrap(tag: number, sizeBefore: number): void {
    this.#writeHeader(tag, this.size - sizeBefore);
  }

  writeOctets(tag: number, octets: Uint8Array): void {
    this.writeRaw(octets);
    this.#writeHeader(tag, octets.length);
  }

  writeText(tag: number, text: string): void {
    const length = Buffer.byteLength(text, "utf8");
    this.#reserve(length);
    this.#at -= length;
    this.#bytes.write(text, this.#at, "utf8");
    this.#writeHeader(tag, length);
  }

  /** 0 <= value < 2^31. */
  writeInteger(tag: number, value: number): void {
    if (!Number.isInteger(value) || value < 0 || value > 0x7fffffff) {
      throw new WireError("bad-integer", this.size);
    }
    const sizeBefore = this.size;
    let rest = value;
    do {
      this.#writeOctet(rest & 0xff);
      rest >>>= 8;
    } while (rest > 0);
    if (this.#bytes.readUInt8(this.#at) > 0x7f) this.#writeOctet(0);
    this.wrap(tag, sizeBefore);
  }

  writeBoolean(tag: number, value: boolean): void {
    this.#writeOctet(value ? 0xff : 0);
    this.#writeHeader(tag, 1);
  }

  /** Octets that are encoded already, or the inside of a string. */
  writeRaw(octets: Uint8Array): void {
    this.#reserve(octets.length);
    this.#at -= octets.length;
    this.#bytes.set(octets, this.#at);
  }

  /** Everything written; the writer must not be used again. */
  finish(): Buffer {
    return this.#bytes.subarray(this.#at);
  }

  #writeHeader(tag: number, length: number): void {
    if (length < 0x80) {
      this.#writeOctet(length);
    } else {
      const sizeBefore = this.size;
      for (let rest = length; rest > 0; rest = Math.floor(rest / 256))
        this.#writeOctet(rest & 0xff);
      this.#writeOctet(0x80 | (this.size - sizeBefore));
    }
    this.#writeOctet(tag);
  }

  #writeOctet(octet: number): void {
    this.#reserve(1);
    this.#at -= 1;
    this.#bytes[this.#at] = octet;
  }

  #reserve(octets: number): void {
    if (octets <= this.#at) return;
    const { size } = this;
    const grown = Buffer.allocUnsafe(2 * (size + octets) + CAPACITY_BYTES);
    this.#bytes.copy(grown, grown.length - size, this.#at);
    this.#bytes = grown;
    this.#at = grown.length - size;
  }
}
