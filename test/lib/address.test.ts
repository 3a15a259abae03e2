// Whose machine an address is.

import t from "tap";

import { endUserSource } from "../../src/lib/address.ts";

t.test("a person's machine is an address of IPv4, a /64 of IPv6", (t) => {
  for (const [address, source] of [
    ["192.0.2.7", "192.0.2.7"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:DB8:1:2::", "2001:db8:1:2::/64"],
    ["fe80::1%eth0", "fe80::/64"],
    ["::1", "::/64"],
    ["", undefined],
    ["nonsense", undefined],
  ] as const) {
    t.equal(endUserSource(address), source, address);
  }
  t.end();
});
