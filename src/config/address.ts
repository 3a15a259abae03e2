// Addresses as the configuration writes them: a network ("192.0.2.0/24", "2001:db8::1") and a
// place to listen ("0.0.0.0:1812", "[::]:1812").
// Invariant: one network has one form, so that equal ones are found: no host bits, no IPv4 in IPv6.

import { isIPv4, isIPv6 } from "node:net";

import { textOfAddress } from "../lib/address.ts";
import type { ListenAddress } from "../lib/listen.ts";

export interface Network {
  readonly family: 4 | 6;
  /** 4 or 16 octets, those after the prefix zero. */
  readonly bytes: Uint8Array;
  /** Length of the prefix in bits. */
  readonly prefix: number;
  /** The one way to write it, "192.0.2.0/24". */
  readonly text: string;
}

/** A string is the problem, to follow the value. */
export function parseNetwork(text: string): Network | string {
  const [address = "", length, more] = text.split("/");
  const bytes = parseAddress(address);
  if (bytes === undefined || more !== undefined) {
    return "is not an IP address or network; write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32";
  }
  if (isMapped(bytes)) return "is an IPv4 address in IPv6 clothes; write it as IPv4";
  const bits = bytes.length * 8;
  const prefix = length === undefined ? bits : Number(length);
  if (length !== undefined && (!/^[0-9]{1,3}$/.test(length) || prefix > bits)) {
    return `has a wrong prefix length; write /0 to /${bits}`;
  }
  const masked = mask(bytes, prefix);
  const network = networkText(masked, prefix);
  if (!masked.equals(bytes)) return `is not the start of its network; write ${network}`;
  return { family: bits === 32 ? 4 : 6, bytes: masked, prefix, text: network };
}

/** Whether all of the network is this host itself (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3). */
export function isLoopback({ family, bytes, prefix }: Network): boolean {
  if (family === 4) return bytes[0] === 127 && prefix >= 8;
  return prefix === 128 && bytes.subarray(0, 15).every((byte) => byte === 0) && bytes[15] === 1;
}

/** "host:port", IPv6 in brackets. A string is the problem, to follow the value. */
export function parseListenAddress(text: string): ListenAddress | string {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):([0-9]{1,5})$/.exec(text);
  const [, inBrackets, plain, digits] = match ?? [];
  const host = inBrackets ?? plain ?? "";
  const family = inBrackets === undefined ? 4 : 6;
  const valid = family === 4 ? isIPv4(host) : isIPv6(host) && !host.includes("%");
  if (match === null || !valid) {
    return 'is not an address and port; write "0.0.0.0:1812", "192.0.2.1:1812" or "[::]:1812"';
  }
  const port = Number(digits);
  if (port > 65_535) return "has a port above 65535";
  return { family, host, port };
}

function parseAddress(text: string): Buffer | undefined {
  if (isIPv4(text)) return Buffer.from(text.split(".").map(Number));
  // A zone ("%eth0") names an interface of this host, not a client.
  if (!isIPv6(text) || text.includes("%")) return undefined;
  const hexadecimal = text.replace(/[0-9]+(?:\.[0-9]+){3}$/, (tail) => {
    const quad = Buffer.from(tail.split(".").map(Number)).toString("hex");
    return `${quad.slice(0, 4)}:${quad.slice(4)}`;
  });
  const [head = "", tail] = hexadecimal.split("::");
  const groups = head === "" ? [] : head.split(":");
  const ending = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: 8 - groups.length - ending.length }, () => "0");
  const all = [...groups, ...zeros, ...ending];
  return Buffer.from(all.map((group) => group.padStart(4, "0")).join(""), "hex");
}

/** ::ffff:0:0/96 (RFC 4291 §2.5.5.2). */
function isMapped(bytes: Buffer): boolean {
  return bytes.length === 16 && bytes.toString("hex", 0, 12) === `${"0".repeat(20)}ffff`;
}

function mask(bytes: Buffer, prefix: number): Buffer {
  return Buffer.from(
    bytes.map((byte, index) => {
      const kept = Math.min(8, Math.max(0, prefix - index * 8));
      return byte & (0xff << (8 - kept));
    }),
  );
}

function networkText(bytes: Buffer, prefix: number): string {
  const address = textOfAddress(bytes);
  return prefix === bytes.length * 8 ? address : `${address}/${prefix}`;
}
