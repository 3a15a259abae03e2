// Attributes by name: what an administrator may set in an Accept, and which attribute a name in the
// configuration means. The tables are registry.ts and vendors.ts.
// Invariant: what `encodeAttribute` returns fits into a packet, and nothing the gateway or the NAS
// must speak for itself (State, Message-Authenticator, passwords …) can be set.

import { findNearest } from "../../lib/edit-distance.ts";
import {
  ATTRIBUTE,
  type Attribute,
  findAll,
  findVendor,
  readInteger,
  readIpv4,
  readIpv6,
  readText,
  VALUE_BYTES_MAX,
} from "./attributes.ts";
import { ACCEPT_ATTRIBUTES, NAMED_VALUES, OTHER_ATTRIBUTES } from "./registry.ts";
import { encodeValue, type ValueType } from "./value-type.ts";
import { VENDORS } from "./vendors.ts";

export interface Definition {
  readonly name: string;
  readonly type: number;
  /** Undefined for a standard attribute. */
  readonly vendorId: number | undefined;
  readonly valueType: ValueType;
  /** Whether an administrator may put it into an Accept. */
  readonly settable: boolean;
}

/** RFC 2865 §5.26: the vendor's id, then its type and length octets. */
const VENDOR_HEADER_BYTES = 6;
const VLAN_MAX = 4094;
/** RFC 2868 §3.1: larger ones belong to the value. */
const TAG_MAX = 0x1f;
const TAGGED_NAME = /^(.+):([0-9]{1,3})$/;

const BY_NAME = new Map<string, Definition>();
const BY_NUMBER = new Map<string, Definition>();

for (const row of ACCEPT_ATTRIBUTES) define(row, undefined, true);
for (const row of OTHER_ATTRIBUTES) define(row, undefined, false);
for (const { vendorId, attributes } of VENDORS) {
  for (const row of attributes) define(row, vendorId, true);
}

function define(
  [name, type, valueType]: readonly [string, number, ValueType],
  vendorId: number | undefined,
  settable: boolean,
): void {
  const definition = { name, type, vendorId, valueType, settable };
  BY_NAME.set(name.toLowerCase(), definition);
  BY_NUMBER.set(numberKey(vendorId, type), definition);
}

function numberKey(vendorId: number | undefined, type: number): string {
  return `${vendorId ?? ""}:${type}`;
}

/** Names differ in case between dictionaries (…-Group-ID, …-Group-Id), so case is ignored. */
export function findDefinition(name: string): Definition | undefined {
  return BY_NAME.get(name.toLowerCase());
}

/** "Filter-Id"; "attribute 250" for what has no name here. */
export function attributeName(type: number): string {
  return BY_NUMBER.get(numberKey(undefined, type))?.name ?? `attribute ${type}`;
}

/** The problem is a sentence for the administrator, without the value. */
export type EncodedAttribute = { readonly attribute: Attribute } | { readonly problem: string };

/**
 * An attribute for an Accept from its configured name and value. Octets may be given as text or as
 * 0x and hexadecimal digits, numbers also by their RFC names. A tag may follow the name of a tunnel
 * attribute, as in "Tunnel-Type:1".
 */
export function encodeAttribute(nameAndTag: string, value: string | number): EncodedAttribute {
  const [, name = nameAndTag, tagText] = TAGGED_NAME.exec(nameAndTag) ?? [];
  const definition = findDefinition(name);
  if (definition === undefined) return { problem: unknownAttribute(name) };
  if (!definition.settable) return { problem: `${definition.name} can't be set in an Accept` };
  const named = NAMED_VALUES[definition.name] ?? {};
  const untagged = encodeValue(definition.valueType, value, named);
  if (typeof untagged === "string") return { problem: `${definition.name} must be ${untagged}` };
  const tag = Number(tagText ?? 0);
  const encoded = withTag(definition.valueType, untagged, tag);
  if (encoded === undefined) return { problem: `${definition.name} takes no tag` };
  if (tag > TAG_MAX) return { problem: `the tag of ${definition.name} must be 0 to ${TAG_MAX}` };
  const { type, vendorId } = definition;
  const room = vendorId === undefined ? VALUE_BYTES_MAX : VALUE_BYTES_MAX - VENDOR_HEADER_BYTES;
  if (encoded.length > room) {
    return { problem: `${definition.name} is ${encoded.length} octets long, at most ${room} fit` };
  }
  if (vendorId === undefined) return { attribute: { type, value: encoded } };
  return { attribute: encodeVendorSpecific(vendorId, type, encoded) };
}

/** RFC 2868 §3: in place of a number's first octet, in front of a text; 0 is best left out there. */
function withTag(valueType: ValueType, value: Buffer, tag: number): Buffer | undefined {
  if (tag === 0) return value;
  if (valueType === "tagged-integer") return Buffer.concat([Buffer.of(tag), value.subarray(1)]);
  return valueType === "tagged-text" ? Buffer.concat([Buffer.of(tag), value]) : undefined;
}

function encodeVendorSpecific(vendorId: number, type: number, value: Buffer): Attribute {
  const header = Buffer.alloc(VENDOR_HEADER_BYTES);
  header.writeUInt32BE(vendorId, 0);
  header.writeUInt8(type, 4);
  header.writeUInt8(2 + value.length, 5);
  return { type: ATTRIBUTE.vendorSpecific, value: Buffer.concat([header, value]) };
}

export type EncodedVlan =
  | { readonly attributes: readonly Attribute[] }
  | { readonly problem: string };

/**
 * The three attributes that put a session into a VLAN, by id or name (RFC 3580 §3.31), under one tag
 * (RFC 2868 §3.1; 0: none).
 */
export function encodeVlan(vlan: number | string, tag = 0): EncodedVlan {
  const id = typeof vlan === "number" || /^[0-9]+$/.test(vlan) ? Number(vlan) : undefined;
  if (id !== undefined && (!Number.isInteger(id) || id < 1 || id > VLAN_MAX)) {
    return { problem: `a VLAN must be a whole number from 1 to ${VLAN_MAX}, or a name` };
  }
  const attributes: Attribute[] = [];
  for (const [name, value] of [
    ["Tunnel-Type", "VLAN"],
    ["Tunnel-Medium-Type", "IEEE-802"],
    ["Tunnel-Private-Group-Id", String(id ?? vlan)],
  ] as const) {
    const encoded = encodeAttribute(`${name}:${tag}`, value);
    if ("problem" in encoded) return encoded;
    attributes.push(encoded.attribute);
  }
  return { attributes };
}

/**
 * The first valid value of that attribute in a packet, as text: the person's own address or device
 * under whatever name the NAS sends it.
 */
export function findAsText(
  attributes: readonly Attribute[],
  definition: Definition,
): string | undefined {
  const { type, vendorId, valueType } = definition;
  const found =
    vendorId === undefined ? findAll(attributes, type) : findVendor(attributes, vendorId, type);
  for (const { value } of found) {
    const text = readAsText(value, valueType);
    if (text !== undefined) return text;
  }
  return undefined;
}

/** An attribute of a packet as people read it: "Tunnel-Type", "VLAN"; hexadecimal if nothing fits. */
export function describeAttribute(attribute: Attribute): { name: string; value: string } {
  const { type, value } = attribute;
  const own = readVendorAttribute(attribute);
  const definition = BY_NUMBER.get(numberKey(own?.vendorId, own?.type ?? type));
  if (definition === undefined) return { name: attributeName(type), value: value.toString("hex") };
  const bytes = own?.value ?? value;
  const text = readAsText(bytes, definition.valueType) ?? bytes.toString("hex");
  const values = Object.entries(NAMED_VALUES[definition.name] ?? {});
  const named = values.find(([, number]) => String(number) === text)?.[0];
  return { name: definition.name, value: named ?? text };
}

/** The one attribute that `encodeAttribute` puts into a Vendor-Specific. */
function readVendorAttribute({ type, value }: Attribute): VendorValue | undefined {
  if (type !== ATTRIBUTE.vendorSpecific || value.length < VENDOR_HEADER_BYTES) return undefined;
  return {
    vendorId: value.readUInt32BE(0),
    type: value.readUInt8(4),
    value: value.subarray(VENDOR_HEADER_BYTES),
  };
}

interface VendorValue {
  readonly vendorId: number;
  readonly type: number;
  readonly value: Buffer;
}

function readAsText(value: Buffer, valueType: ValueType): string | undefined {
  switch (valueType) {
    case "text":
      return readText(value);
    case "tagged-text":
      // RFC 2868 §3.3: a first octet above 0x1f belongs to the text.
      return readText(value.length > 0 && value.readUInt8(0) <= 0x1f ? value.subarray(1) : value);
    case "integer":
      return readInteger(value)?.toString();
    case "tagged-integer":
      // RFC 2868 §3.1: the first octet is the tag.
      return value.length === 4 ? value.readUIntBE(1, 3).toString() : undefined;
    case "ipv4":
      return readIpv4(value);
    case "ipv6":
      return readIpv6(value);
    default:
      return value.length > 0 ? value.toString("hex") : undefined;
  }
}

function unknownAttribute(name: string): string {
  const settable = [...BY_NAME.values()].filter((definition) => definition.settable);
  const nearest = findNearest(
    name,
    settable.map((definition) => definition.name),
  );
  const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
  return `${JSON.stringify(name)} is not an attribute known here${hint}`;
}
