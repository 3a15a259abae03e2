// RADIUS packets between octets and values (RFC 2865 §3 and §5).
// Invariant: what `decode` returns lies wholly inside the declared Length, and every Access reply
// carries Message-Authenticator as its first attribute.

import type { Secret } from "../../lib/secret.ts";
import { WireError } from "../error.ts";
import { ATTRIBUTE, type Attribute, VALUE_BYTES_MAX } from "./attributes.ts";
import { AUTHENTICATOR_BYTES, signHeader, signMessageAuthenticator } from "./authenticator.ts";
import { CODE, type ReplyCode, type RequestCode } from "./code.ts";
import { hide } from "./hidden.ts";
import type { SharedSecret } from "./shared-secret.ts";

export interface Packet {
  readonly code: number;
  readonly identifier: number;
  /** 16 octets. */
  readonly authenticator: Buffer;
  readonly attributes: readonly Attribute[];
  /** The packet without padding: as many octets as its Length says. */
  readonly bytes: Buffer;
}

const PACKET_BYTES_MIN = 20;
const PACKET_BYTES_MAX = 4096;
/** Real requests carry 10 to 40; each costs memory before anybody is authenticated. */
const ATTRIBUTES_MAX = 200;

/**
 * Reads a datagram; its buffers share the datagram's memory. Any code passes, the door knows which
 * ones its port serves. Throws WireError; every such packet is to be dropped in silence.
 */
export function decode(datagram: Buffer): Packet {
  if (datagram.length < PACKET_BYTES_MIN) throw new WireError("too-short", datagram.length);
  const length = datagram.readUInt16BE(2);
  if (length < PACKET_BYTES_MIN) throw new WireError("bad-length", 2);
  if (length > PACKET_BYTES_MAX) throw new WireError("too-long", 2);
  if (length > datagram.length) throw new WireError("overrun", 2);
  // RFC 2865 §3: octets outside the range of Length are padding.
  const bytes = datagram.subarray(0, length);
  return {
    code: bytes.readUInt8(0),
    identifier: bytes.readUInt8(1),
    authenticator: bytes.subarray(4, PACKET_BYTES_MIN),
    attributes: decodeAttributes(bytes),
    bytes,
  };
}

// RFC 2865 §5: a length of 0 or 1, or one that passes the end, makes the whole packet invalid.
function decodeAttributes(bytes: Buffer): Attribute[] {
  const attributes: Attribute[] = [];
  let at = PACKET_BYTES_MIN;
  while (at < bytes.length) {
    if (at + 1 === bytes.length) throw new WireError("trailing-bytes", at);
    const type = bytes.readUInt8(at);
    const end = at + bytes.readUInt8(at + 1);
    if (type === 0 || end < at + 2) throw new WireError("bad-attribute", at);
    if (end > bytes.length) throw new WireError("overrun", at);
    if (attributes.length === ATTRIBUTES_MAX) throw new WireError("too-many-attributes", at);
    attributes.push({ type, value: bytes.subarray(at + 2, end) });
    at = end;
  }
  return attributes;
}

interface ReplyParts {
  readonly code: ReplyCode;
  readonly identifier: number;
  /** The 16 octets of the request this answers. */
  readonly requestAuthenticator: Buffer;
  /** In this order, after Message-Authenticator. Proxy-State is the caller's to copy. */
  readonly attributes: readonly Attribute[];
  readonly secret: SharedSecret;
}

/**
 * A signed reply, Message-Authenticator first: that is what stops a chosen-prefix forgery of the
 * Response Authenticator. Throws WireError for what can't be written.
 */
export function encodeReply(reply: ReplyParts): Buffer {
  const { code, identifier, requestAuthenticator, attributes, secret } = reply;
  const bytes = layOut(code, identifier, requestAuthenticator, withSignature(attributes));
  signMessageAuthenticator(bytes, PACKET_BYTES_MIN + 2, secret);
  signHeader(bytes, secret);
  return bytes;
}

/**
 * The answer to an Accounting-Request. Without Message-Authenticator: RFC 2866 §5.13 has none, and
 * implementations don't agree on what it would be computed over.
 */
export function encodeAccountingResponse(reply: Omit<ReplyParts, "code">): Buffer {
  const { identifier, requestAuthenticator, attributes, secret } = reply;
  const bytes = layOut(CODE.accountingResponse, identifier, requestAuthenticator, attributes);
  signHeader(bytes, secret);
  return bytes;
}

interface RequestParts {
  readonly code: RequestCode;
  readonly identifier: number;
  /** 16 octets nobody can foresee (RFC 2865 §3). */
  readonly authenticator: Buffer;
  readonly attributes: readonly Attribute[];
  readonly secret: SharedSecret;
  /** Becomes a User-Password after the other attributes. */
  readonly password?: Secret;
}

/** What a NAS sends: signed, password hidden. For health checks, `test login` and tests. */
export function encodeRequest(request: RequestParts): Buffer {
  const { code, identifier, authenticator, secret, password } = request;
  const attributes = withSignature(request.attributes);
  if (password !== undefined) {
    const value = hide(password, authenticator, secret);
    attributes.push({ type: ATTRIBUTE.userPassword, value });
  }
  const bytes = layOut(code, identifier, authenticator, attributes);
  signMessageAuthenticator(bytes, PACKET_BYTES_MIN + 2, secret);
  return bytes;
}

/** An Accounting-Request; its authenticator is computed (RFC 2866 §3). */
export function encodeAccountingRequest(
  request: Pick<RequestParts, "identifier" | "attributes" | "secret">,
): Buffer {
  const { identifier, attributes, secret } = request;
  const zeros = Buffer.alloc(AUTHENTICATOR_BYTES);
  const bytes = layOut(CODE.accountingRequest, identifier, zeros, attributes);
  signHeader(bytes, secret);
  return bytes;
}

function withSignature(attributes: readonly Attribute[]): Attribute[] {
  for (const { type } of attributes) {
    if (type === ATTRIBUTE.messageAuthenticator) {
      throw new WireError("duplicate", PACKET_BYTES_MIN);
    }
  }
  const unsigned = Buffer.alloc(AUTHENTICATOR_BYTES);
  return [{ type: ATTRIBUTE.messageAuthenticator, value: unsigned }, ...attributes];
}

/** Header and attributes in order. Nothing is split, cut or left out: too much is an error. */
function layOut(
  code: number,
  identifier: number,
  authenticator: Buffer,
  attributes: readonly Attribute[],
): Buffer {
  if (authenticator.length !== AUTHENTICATOR_BYTES) throw new WireError("bad-length", 4);
  if (!isOctet(identifier)) throw new WireError("bad-integer", 1);
  let length = PACKET_BYTES_MIN;
  for (const { type, value } of attributes) {
    if (!isOctet(type) || type === 0) throw new WireError("bad-attribute", length);
    if (value.length > VALUE_BYTES_MAX) throw new WireError("too-long", length);
    length += 2 + value.length;
  }
  if (length > PACKET_BYTES_MAX) throw new WireError("too-long", length);
  const bytes = Buffer.alloc(length);
  bytes.writeUInt8(code, 0);
  bytes.writeUInt8(identifier, 1);
  bytes.writeUInt16BE(length, 2);
  authenticator.copy(bytes, 4);
  let at = PACKET_BYTES_MIN;
  for (const { type, value } of attributes) {
    bytes.writeUInt8(type, at);
    bytes.writeUInt8(2 + value.length, at + 1);
    value.copy(bytes, at + 2);
    at += 2 + value.length;
  }
  return bytes;
}

function isOctet(number: number): boolean {
  return Number.isInteger(number) && number >= 0 && number <= 255;
}
