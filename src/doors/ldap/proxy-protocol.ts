// The PROXY protocol, version 2: the header with which a balancer tells whose connection it passes on
// (haproxy's proxy-protocol.txt §2.2). Invariant: bounded, and nothing behind it is touched.

import { textOfAddress } from "../../lib/address.ts";

/** "\r\n\r\n\0\r\nQUIT\n": nothing that LDAP or TLS could begin with. */
const SIGNATURE = Buffer.from("0d0a0d0a000d0a515549540a", "hex");
const FIXED_BYTES = 16;
/** Addresses take 12 or 36 octets; the rest are extensions, certificates among them. */
const VARIABLE_BYTES_MAX = 4096;
const LOCAL = 0x20;
const PROXY = 0x21;
const TCP_4 = 0x11;
const TCP_6 = 0x21;

export type ProxyHeader =
  | { readonly kind: "unfinished" }
  | { readonly kind: "wrong" }
  | {
      readonly kind: "whole";
      readonly bytes: number;
      /** Undefined: the balancer itself, to see whether we are there. */
      readonly source: string | undefined;
    };

/** What stands at the start of a connection. Only what a TCP connection can be is taken. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  const begins = Math.min(bytes.length, SIGNATURE.length);
  if (!bytes.subarray(0, begins).equals(SIGNATURE.subarray(0, begins))) return { kind: "wrong" };
  if (bytes.length < FIXED_BYTES) return { kind: "unfinished" };
  const command = bytes.readUInt8(12);
  const family = bytes.readUInt8(13);
  const variable = bytes.readUInt16BE(14);
  if (variable > VARIABLE_BYTES_MAX) return { kind: "wrong" };
  const end = FIXED_BYTES + variable;
  if (bytes.length < end) return { kind: "unfinished" };
  if (command === LOCAL) return { kind: "whole", bytes: end, source: undefined };
  const octets = family === TCP_4 ? 4 : 16;
  const isKnown = command === PROXY && (family === TCP_4 || family === TCP_6);
  // Two addresses and two ports.
  if (!isKnown || variable < 2 * octets + 4) return { kind: "wrong" };
  const source = textOfAddress(bytes.subarray(FIXED_BYTES, FIXED_BYTES + octets));
  return { kind: "whole", bytes: end, source };
}
