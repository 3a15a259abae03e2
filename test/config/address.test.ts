// Networks, listening addresses and durations as they are written.

import fc from "fast-check";
import { BlockList } from "node:net";
import t from "tap";

import { isLoopback, parseListenAddress, parseNetwork } from "../../src/config/address.ts";
import { addressText } from "../../src/lib/listen.ts";
import { durationText, parseDuration } from "../../src/config/duration.ts";

t.test("a network has one form, however it is written", (t) => {
  for (const [written, text, prefix] of [
    ["192.0.2.7", "192.0.2.7", 32],
    ["192.0.2.0/24", "192.0.2.0/24", 24],
    ["0.0.0.0/0", "0.0.0.0/0", 0],
    ["2001:DB8::/32", "2001:db8::/32", 32],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1", 128],
    ["0:0:0:0:0:0:0:1", "::1", 128],
    ["1::", "1::", 128],
    ["64:ff9b::192.0.2.1", "64:ff9b::c000:201", 128],
    ["::/0", "::/0", 0],
  ] as const) {
    t.match(parseNetwork(written), { text, prefix }, written);
  }
  t.end();
});

t.test("what is not a network is refused with what to write", (t) => {
  for (const [written, expected] of [
    ["", "is not an IP address"],
    ["vpn.example.org", "is not an IP address"],
    ["192.0.2.1/24", "is not the start of its network; write 192.0.2.0/24"],
    ["2001:db8::1/64", "is not the start of its network; write 2001:db8::/64"],
    ["192.0.2.0/33", "has a wrong prefix length; write /0 to /32"],
    ["::/129", "has a wrong prefix length; write /0 to /128"],
    ["192.0.2.0/", "has a wrong prefix length"],
    ["192.0.2.0/24/24", "is not an IP address"],
    ["192.0.2.010", "is not an IP address"],
    ["fe80::1%eth0", "is not an IP address"],
    ["::ffff:192.0.2.1", "is an IPv4 address in IPv6 clothes"],
  ] as const) {
    const problem = parseNetwork(written);
    t.ok(typeof problem === "string" && problem.startsWith(expected), written);
  }
  t.end();
});

t.test("the bytes of an IPv6 address are those Node's own parser sees", (t) => {
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      const network = parseNetwork(text);
      if (typeof network === "string") return network.includes("IPv4");
      const list = new BlockList();
      list.addAddress(network.text, "ipv6");
      const again = parseNetwork(network.text);
      return list.check(text, "ipv6") && typeof again !== "string" && again.text === network.text;
    }),
  );
  t.end();
});

t.test("loopback is 127.0.0.0/8 and ::1, and nothing around them", (t) => {
  const loopback = (text: string) => {
    const network = parseNetwork(text);
    return typeof network !== "string" && isLoopback(network);
  };
  for (const text of ["127.0.0.1", "127.0.0.0/8", "127.9.9.9", "::1"]) t.ok(loopback(text), text);
  for (const text of ["126.0.0.0/7", "128.0.0.1", "::", "::/127", "0.0.0.0/0", "1::1"]) {
    t.notOk(loopback(text), text);
  }
  t.end();
});

t.test("a listening address is an IP address and a port", (t) => {
  for (const text of ["0.0.0.0:1812", "[::]:1812", "127.0.0.1:0", "[::1]:65535"]) {
    const listen = parseListenAddress(text);
    t.equal(typeof listen === "string" ? listen : addressText(listen), text);
  }
  for (const text of ["1812", ":1812", "::1:1812", "localhost:1812", "[::1%lo]:1", "1.2.3.4"]) {
    t.match(parseListenAddress(text), "is not an address and port", text);
  }
  t.equal(parseListenAddress("0.0.0.0:65536"), "has a port above 65535");
  t.end();
});

t.test("durations have a unit, except nothing at all", (t) => {
  for (const [text, ms] of [
    ["0", 0],
    ["0s", 0],
    ["250ms", 250],
    ["30s", 30_000],
    ["10m", 600_000],
    ["1h", 3_600_000],
    ["7d", 604_800_000],
    ["5", undefined],
    ["-1s", undefined],
    ["1.5h", undefined],
    ["1w", undefined],
    ["1h30m", undefined],
    ["9999999999s", undefined],
    [" 1s", undefined],
  ] as const) {
    t.equal(parseDuration(text), ms, text);
  }
  t.same([0, 250, 90_000, 600_000, 172_800_000].map(durationText), [
    "0",
    "250ms",
    "90s",
    "10m",
    "2d",
  ]);
  t.end();
});
