// Source addresses as a socket names them, and which network they lie in.
// Invariant: an IPv4 address has one form, also when a socket shows it in IPv6 clothes.

import { isIPv4, isIPv6 } from "node:net";

const MAPPED_PREFIX = "::ffff:";

/** "::ffff:192.0.2.7" (RFC 4291 §2.5.5.2) is 192.0.2.7; anything else stays as it is. */
export function plainAddress(address: string): string {
  if (!address.startsWith(MAPPED_PREFIX)) return address;
  const tail = address.slice(MAPPED_PREFIX.length);
  return isIPv4(tail) ? tail : address;
}

/** 4 or 16 octets; undefined for what isn't an address. A zone ("%eth0") doesn't count. */
export function addressBytes(address: string): Buffer | undefined {
  const [text = ""] = plainAddress(address).split("%");
  if (isIPv4(text)) return Buffer.from(text.split(".").map(Number));
  if (!isIPv6(text)) return undefined;
  const [front = "", back] = text.split("::");
  const before = groupBytes(front);
  const after = groupBytes(back ?? "");
  return Buffer.concat([before, Buffer.alloc(16 - before.length - after.length), after]);
}

function groupBytes(text: string): Buffer {
  if (text === "") return Buffer.alloc(0);
  const groups = text.split(":").map((group) => {
    if (group.includes(".")) return Buffer.from(group.split(".").map(Number));
    return Buffer.from(group.padStart(4, "0"), "hex");
  });
  return Buffer.concat(groups);
}

/** RFC 4291 §2.5.5.2, in octets. */
const MAPPED_OCTETS = Buffer.from("00000000000000000000ffff", "hex");

/** The one way to write 4 or 16 octets. */
export function textOfAddress(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join(".");
  const isMapped = bytes.subarray(0, MAPPED_OCTETS.length).equals(MAPPED_OCTETS);
  return isMapped ? bytes.subarray(MAPPED_OCTETS.length).join(".") : ipv6Text(bytes);
}

/** RFC 5952 §4: lower case, no leading zeros, the longest run of zeros as "::". */
function ipv6Text(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2));
  const text = groups.map((group) => group.toString(16)).join(":");
  const runs = text.match(/\b0(?::0)+\b/g) ?? [];
  const [longest] = runs.toSorted((one, other) => other.length - one.length);
  if (longest === undefined) return text;
  return text.replace(new RegExp(`(^|:)${longest}(:|$)`), "::");
}

/** RFC 6177: whoever has one address of IPv6 has all of its /64. */
export const IPV6_SITE_PREFIX = 64;

/** Whose machine that is: an address of IPv4, the /64 of one of IPv6; undefined: not an address. */
export function endUserSource(address: string): string | undefined {
  const bytes = addressBytes(address);
  if (bytes === undefined) return undefined;
  if (bytes.length === 4) return textOfAddress(bytes);
  bytes.fill(0, IPV6_SITE_PREFIX / 8);
  return `${textOfAddress(bytes)}/${IPV6_SITE_PREFIX}`;
}

/** Of some that `addressBytes` gave. */
export function isInNetwork(
  address: Uint8Array,
  { bytes, prefix }: { readonly bytes: Uint8Array; readonly prefix: number },
): boolean {
  if (address.length !== bytes.length) return false;
  return networkKey(address, prefix) === networkKey(bytes, prefix);
}

/** The same for all addresses of one network of that prefix length, and only for them. */
export function networkKey(bytes: Uint8Array, prefix: number): string {
  const octets = Buffer.from(bytes.subarray(0, Math.ceil(prefix / 8)));
  const last = octets.length - 1;
  if (prefix % 8 !== 0) octets[last] = octets.readUInt8(last) & (0xff << (8 - (prefix % 8)));
  return octets.toString("latin1");
}
