// The header of the PROXY protocol, by hand: haproxy's proxy-protocol.txt §2.2.

const SIGNATURE = Buffer.from("0d0a0d0a000d0a515549540a", "hex");

/** Version 2, TCP over IPv4; the command 0x20 is LOCAL: from the balancer itself. */
export function proxyHeader(source: string, command = 0x21): Buffer {
  const addresses = Buffer.concat([
    Buffer.from(source.split(".").map(Number)),
    Buffer.from([127, 0, 0, 1, 0x9c, 0x40, 0x02, 0x7c]),
  ]);
  const fixed = Buffer.from([command, 0x11, 0, addresses.length]);
  return Buffer.concat([SIGNATURE, fixed, addresses]);
}

/** Who sends it in tests, as a listener has it. */
export const BALANCER = { bytes: Buffer.from([127, 0, 0, 1]), prefix: 32 };
