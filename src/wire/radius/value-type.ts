// The data types of attributes (RFC 8044, RFC 2868 for the tagged ones) and how text and numbers
// from a configuration file become octets.
// Invariant: a value that doesn't fit its type is a problem told in words, never cut or guessed.

import { isIPv4, isIPv6 } from "node:net";

export type ValueType =
  | "text"
  | "octets"
  | "integer"
  | "ipv4"
  | "ipv6"
  | "ipv6-prefix"
  | "interface-id"
  | "tagged-text"
  | "tagged-integer";

const UINT32_MAX = 2 ** 32 - 1;
const UINT24_MAX = 2 ** 24 - 1;

/** The octets, or what is expected instead ("an IPv4 address"), to follow "must be". */
export type EncodedValue = Buffer | string;

/** `named` are the attribute's named numbers, matched without regard to case. */
export function encodeValue(
  valueType: ValueType,
  value: string | number,
  named: Readonly<Record<string, number>>,
): EncodedValue {
  switch (valueType) {
    case "text":
      return encodeText(value);
    case "tagged-text":
      return encodeTaggedText(value);
    case "octets":
      return encodeOctets(value);
    case "integer":
    case "tagged-integer":
      return encodeNumber(valueType, value, named);
    case "ipv4":
      return typeof value === "string" && isIPv4(value) ? encodeIpv4(value) : "an IPv4 address";
    case "ipv6":
      return encodeIpv6(value) ?? "an IPv6 address";
    case "ipv6-prefix":
      return encodePrefix(String(value)) ?? "an IPv6 prefix such as 2001:db8::/32";
    case "interface-id":
      return encodeInterfaceId(String(value)) ?? "an interface id such as 0:0:0:1";
  }
}

function encodeText(value: string | number): EncodedValue {
  const text = String(value);
  // A lone surrogate has no UTF-8, and Node would put U+FFFD in its place.
  return text.isWellFormed() && text !== "" ? Buffer.from(text, "utf8") : "text, not empty";
}

function encodeTaggedText(value: string | number): EncodedValue {
  const text = encodeText(value);
  if (typeof text === "string") return text;
  // RFC 2868 §3.3: a first octet up to 0x1f would be read as a tag; tag 0 is best left out.
  return text.readUInt8(0) <= 0x1f ? "text that doesn't begin with a control character" : text;
}

function encodeOctets(value: string | number): EncodedValue {
  const text = String(value);
  if (!text.startsWith("0x")) return encodeText(value);
  const digits = text.slice(2);
  const wellFormed = /^([0-9a-f]{2})+$/i.test(digits);
  return wellFormed ? Buffer.from(digits, "hex") : "text, or pairs of hexadecimal digits after 0x";
}

function encodeNumber(
  valueType: "integer" | "tagged-integer",
  value: string | number,
  named: Readonly<Record<string, number>>,
): EncodedValue {
  // RFC 2868 §3.1: the tag, 0 here for "none", takes the first octet.
  const max = valueType === "integer" ? UINT32_MAX : UINT24_MAX;
  const number = findNumber(value, named);
  if (number === undefined || number > max) return expectedNumber(max, named);
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  return bytes;
}

function findNumber(
  value: string | number,
  named: Readonly<Record<string, number>>,
): number | undefined {
  if (typeof value === "number") return Number.isInteger(value) && value >= 0 ? value : undefined;
  if (/^[0-9]{1,10}$/.test(value)) return Number(value);
  const wanted = value.toLowerCase();
  return Object.entries(named).find(([name]) => name.toLowerCase() === wanted)?.[1];
}

function expectedNumber(max: number, named: Readonly<Record<string, number>>): string {
  const names = Object.keys(named);
  const range = `a whole number from 0 to ${max}`;
  return names.length === 0 ? range : `${range} or one of ${names.join(", ")}`;
}

function encodeIpv4(text: string): Buffer {
  return Buffer.from(text.split(".").map(Number));
}

/** RFC 4291 §2.2, all three forms; no zone. */
function encodeIpv6(value: string | number): Buffer | undefined {
  if (typeof value !== "string" || !isIPv6(value) || value.includes("%")) return undefined;
  const [front = "", back] = value.split("::");
  const before = encodeGroups(front);
  const after = encodeGroups(back ?? "");
  return Buffer.concat([before, Buffer.alloc(16 - before.length - after.length), after]);
}

function encodeGroups(text: string): Buffer {
  if (text === "") return Buffer.alloc(0);
  const groups = text.split(":").map((group) => {
    if (group.includes(".")) return encodeIpv4(group);
    return Buffer.from(group.padStart(4, "0"), "hex");
  });
  return Buffer.concat(groups);
}

/** RFC 3162 §2.3: a zero octet, the length in bits, then as many octets as that needs. */
function encodePrefix(text: string): Buffer | undefined {
  const [address = "", digits = "", ...more] = text.split("/");
  const bytes = encodeIpv6(address);
  if (bytes === undefined || more.length > 0 || !/^[0-9]{1,3}$/.test(digits)) return undefined;
  const bits = Number(digits);
  if (bits > 128 || hasBitsAfter(bytes, bits)) return undefined;
  return Buffer.concat([Buffer.from([0, bits]), bytes.subarray(0, Math.ceil(bits / 8))]);
}

// RFC 3162 §2.3: bits outside the prefix must be zero.
function hasBitsAfter(bytes: Buffer, bits: number): boolean {
  return bytes.some((octet, index) => {
    const kept = Math.min(8, Math.max(0, bits - 8 * index));
    return (octet & (0xff >> kept)) !== 0;
  });
}

/** RFC 3162 §2.2: eight octets, written as four groups. */
function encodeInterfaceId(text: string): Buffer | undefined {
  return /^[0-9a-f]{1,4}(:[0-9a-f]{1,4}){3}$/i.test(text) ? encodeGroups(text) : undefined;
}
