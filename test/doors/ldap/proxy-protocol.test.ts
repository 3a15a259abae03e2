// The balancer's header: whole, in pieces, wrong in every way.

import t from "tap";

import { readProxyHeader } from "../../../src/doors/ldap/proxy-protocol.ts";

const SIGNATURE = "0d0a0d0a000d0a515549540a";
const header = (rest: string): Buffer => Buffer.from(SIGNATURE + rest, "hex");

const RIGHT: [title: string, rest: string, source: string | undefined, bytes: number][] = [
  ["IPv4", "2111000cc00002077f000001c350027c", "192.0.2.7", 28],
  [
    "IPv6",
    "21210024" +
      "20010db8000000000000000000000007" +
      "00000000000000000000000000000001" +
      "c350027c",
    "2001:db8::7",
    52,
  ],
  [
    "IPv4 in IPv6 clothes, as haproxy sends it from a socket for both",
    "21210024" +
      "00000000000000000000ffffc0000207" +
      "00000000000000000000ffff7f000001" +
      "c350027c",
    "192.0.2.7",
    52,
  ],
  [
    "with extensions behind the addresses",
    "2111000fc00002077f000001c350027c040000",
    "192.0.2.7",
    31,
  ],
  ["the balancer's own connection", "20000000", undefined, 16],
  ["the same, with addresses that don't count", "2011000cc00002077f000001c350027c", undefined, 28],
];

for (const [title, rest, source, bytes] of RIGHT) {
  t.test(`${title}: read whole, whatever comes behind it, and not before it is there`, (t) => {
    const whole = header(rest);
    t.same(readProxyHeader(whole), { kind: "whole", bytes, source });
    t.same(readProxyHeader(Buffer.concat([whole, Buffer.from("0\x0c")])), {
      kind: "whole",
      bytes,
      source,
    });
    for (let end = 0; end < whole.length; end += 1) {
      t.same(readProxyHeader(whole.subarray(0, end)), { kind: "unfinished" }, `${end} octets`);
    }
    t.end();
  });
}

const WRONG: [title: string, bytes: Buffer][] = [
  ["version 1", Buffer.from("PROXY TCP4 192.0.2.7 127.0.0.1 50000 636\r\n")],
  ["LDAP", Buffer.from("300c0201016007020103040080", "hex")],
  ["TLS", Buffer.from("160301", "hex")],
  ["another version", header("3111000cc00002077f000001c350027c")],
  ["an unknown command", header("2211000cc00002077f000001c350027c")],
  ["UDP", header("2112000cc00002077f000001c350027c")],
  ["a unix socket", header("213100d8" + "00".repeat(216))],
  ["unspecified, so that nobody knows who it is", header("21000000")],
  ["addresses that are cut off", header("21110008c00002077f000001")],
  ["longer than anything useful", header("2111ffff")],
];

for (const [title, bytes] of WRONG) {
  t.test(`${title} is wrong`, (t) => {
    t.same(readProxyHeader(bytes), { kind: "wrong" });
    t.end();
  });
}

t.test("one wrong octet of the signature is enough", (t) => {
  for (let at = 0; at < 12; at += 1) {
    const bytes = header("20000000");
    bytes[at] = bytes.readUInt8(at) ^ 1;
    t.same(readProxyHeader(bytes.subarray(0, at + 1)), { kind: "wrong" }, `${at}`);
  }
  t.end();
});
