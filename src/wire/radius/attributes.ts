// Reads attribute values as what they should be: text, numbers, addresses, vendors' own attributes.
// Invariant: nothing here throws. A value that isn't valid for its type reads as absent, and the
// packet lives on (RFC 6929 §2.8).

import { isUtf8 } from "node:buffer";

/** The length octet counts itself and the type (RFC 2865 §5). */
export const VALUE_BYTES_MAX = 253;

/** One attribute as it stands in a packet. */
export interface Attribute {
  readonly type: number;
  readonly value: Buffer;
}

interface VendorAttribute {
  readonly vendorId: number;
  readonly type: number;
  readonly value: Buffer;
}

/** The numbers the gateway itself works with (IANA, "RADIUS Types"); dictionary.ts has the rest. */
export const ATTRIBUTE = {
  userName: 1,
  userPassword: 2,
  chapPassword: 3,
  nasIpAddress: 4,
  nasPort: 5,
  serviceType: 6,
  replyMessage: 18,
  state: 24,
  class: 25,
  vendorSpecific: 26,
  sessionTimeout: 27,
  calledStationId: 30,
  callingStationId: 31,
  nasIdentifier: 32,
  proxyState: 33,
  acctStatusType: 40,
  acctDelayTime: 41,
  acctInputOctets: 42,
  acctOutputOctets: 43,
  acctSessionId: 44,
  acctSessionTime: 46,
  acctTerminateCause: 49,
  eventTimestamp: 55,
  chapChallenge: 60,
  nasPortType: 61,
  tunnelType: 64,
  tunnelMediumType: 65,
  eapMessage: 79,
  messageAuthenticator: 80,
  tunnelPrivateGroupId: 81,
  nasPortId: 87,
  nasIpv6Address: 95,
} as const;

const VENDOR_ID_BYTES = 4;

/** The first of that type. Where RFC 2865 §5.44 allows only one, `findAll` tells of a second. */
export function find(attributes: readonly Attribute[], type: number): Attribute | undefined {
  for (const attribute of attributes) if (attribute.type === type) return attribute;
  return undefined;
}

/** All of that type, in the packet's order. */
export function findAll(attributes: readonly Attribute[], type: number): Attribute[] {
  return attributes.filter((attribute) => attribute.type === type);
}

/** UTF-8 text exactly as sent; undefined if empty or not UTF-8 (RFC 8044 §3.4). */
export function readText(value: Buffer): string | undefined {
  if (value.length === 0 || !isUtf8(value)) return undefined;
  return value.toString("utf8");
}

/** An unsigned 32-bit number (RFC 8044 §3.1); undefined unless there are exactly 4 octets. */
export function readInteger(value: Buffer): number | undefined {
  return value.length === 4 ? value.readUInt32BE(0) : undefined;
}

/** Dotted decimal; undefined unless there are exactly 4 octets (RFC 8044 §3.8). */
export function readIpv4(value: Buffer): string | undefined {
  return value.length === 4 ? value.join(".") : undefined;
}

/** Eight groups, lower case, not shortened; undefined unless 16 octets (RFC 8044 §3.9). */
export function readIpv6(value: Buffer): string | undefined {
  if (value.length !== 16) return undefined;
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(value.readUInt16BE(at).toString(16));
  return groups.join(":");
}

/**
 * The vendor's attributes inside one Vendor-Specific value, in the form RFC 2865 §5.26 recommends;
 * none at all unless every one of them fits, since other forms are allowed there too.
 */
export function readVendorSpecific(value: Buffer): VendorAttribute[] {
  if (value.length < VENDOR_ID_BYTES) return [];
  const vendorId = value.readUInt32BE(0);
  const found: VendorAttribute[] = [];
  let at = VENDOR_ID_BYTES;
  while (at < value.length) {
    const length = at + 1 < value.length ? value.readUInt8(at + 1) : 0;
    if (length < 2 || at + length > value.length) return [];
    found.push({ vendorId, type: value.readUInt8(at), value: value.subarray(at + 2, at + length) });
    at += length;
  }
  return found;
}

/** Every well-formed attribute of that vendor and type, in the packet's order. */
export function findVendor(
  attributes: readonly Attribute[],
  vendorId: number,
  type: number,
): VendorAttribute[] {
  return findAll(attributes, ATTRIBUTE.vendorSpecific)
    .flatMap((attribute) => readVendorSpecific(attribute.value))
    .filter((inner) => inner.vendorId === vendorId && inner.type === type);
}
