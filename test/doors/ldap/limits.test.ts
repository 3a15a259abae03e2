// Who counts as one source of connections.

import t from "tap";

import { createPlaces, LIMITS } from "../../../src/doors/ldap/limits.ts";

t.test("one address of IPv4, one /64 of IPv6: whoever has one of its addresses has all", (t) => {
  const places = createPlaces({ ...LIMITS, connectionsPerAddressMax: 1 });
  const take = (address: string): string => places.take(address);
  t.equal(take("192.0.2.1"), "taken");
  t.equal(take("192.0.2.2"), "taken");
  t.equal(take("192.0.2.1"), "too-many-from-address");
  t.equal(take("2001:db8:0:1::1"), "taken");
  t.equal(take("2001:db8:0:1:ffff::2"), "too-many-from-address");
  t.equal(take("2001:db8:0:2::1"), "taken");
  places.leave("2001:db8:0:1::1", false);
  t.equal(take("2001:db8:0:1:ffff::2"), "taken");
  t.end();
});
