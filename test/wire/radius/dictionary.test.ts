// Attributes by name: what can be set in an Accept, what is refused and how it is told.

import t from "tap";
import { VALUE_BYTES_MAX } from "../../../src/wire/radius/attributes.ts";
import {
  attributeName,
  encodeAttribute,
  encodeVlan,
  findAsText,
  findDefinition,
} from "../../../src/wire/radius/dictionary.ts";
import {
  ACCEPT_ATTRIBUTES,
  NAMED_VALUES,
  OTHER_ATTRIBUTES,
} from "../../../src/wire/radius/registry.ts";
import { VENDORS } from "../../../src/wire/radius/vendors.ts";

/** "type:octets in hexadecimal", or the problem. */
function encoded(name: string, value: string | number): string {
  const result = encodeAttribute(name, value);
  if ("problem" in result) return result.problem;
  return `${result.attribute.type}:${result.attribute.value.toString("hex")}`;
}

const hexText = (text: string): string => Buffer.from(text).toString("hex");

t.test("an attribute is encoded by its type", async (t) => {
  const cases: [string, string | number, string][] = [
    ["Filter-Id", "admin", `11:${hexText("admin")}`],
    ["Filter-Id", 12, `11:${hexText("12")}`],
    ["filter-ID", "Jörg", `11:${hexText("Jörg")}`],
    ["Session-Timeout", 3600, "27:00000e10"],
    ["Session-Timeout", "3600", "27:00000e10"],
    ["Session-Timeout", 4294967295, "27:ffffffff"],
    ["Service-Type", "Administrative", "6:00000006"],
    ["Service-Type", "administrative-user", "6:00000006"],
    ["Class", "staff", `25:${hexText("staff")}`],
    ["Class", "0x00ff", "25:00ff"],
    ["Framed-IP-Address", "192.0.2.7", "8:c0000207"],
    ["Framed-IPv6-Address", "2001:db8::1", "168:20010db8000000000000000000000001"],
    ["Framed-IPv6-Address", "::", `168:${"00".repeat(16)}`],
    ["Framed-IPv6-Address", "1:2:3:4:5:6:7:8", "168:00010002000300040005000600070008"],
    ["Framed-IPv6-Address", "64:ff9b::192.0.2.1", "168:0064ff9b0000000000000000c0000201"],
    ["Delegated-IPv6-Prefix", "2001:db8:8000::/33", "123:002120010db880"],
    ["Delegated-IPv6-Prefix", "::/0", "123:0000"],
    ["Framed-Interface-Id", "0:0:0:1", "96:0000000000000001"],
    ["Tunnel-Type", "VLAN", "64:0000000d"],
    ["Tunnel-Private-Group-ID", "20", "81:3230"],
    // RFC 2868 §3.1 and §3.6: the tag replaces a number's first octet and stands before a text.
    ["Tunnel-Type:1", "VLAN", "64:0100000d"],
    ["tunnel-medium-type:31", "IEEE-802", "65:1f000006"],
    ["Tunnel-Private-Group-Id:1", "20", "81:013230"],
    ["Tunnel-Private-Group-Id:0", "20", "81:3230"],
    ["Cisco-AVPair", "shell:priv-lvl=15", `26:000000090113${hexText("shell:priv-lvl=15")}`],
    ["Fortinet-Group-Name", "vpn", `26:000030440105${hexText("vpn")}`],
    ["Mikrotik-Host-IP", "192.0.2.7", "26:00003a8c0a06c0000207"],
    ["MS-MPPE-Encryption-Policy", 1, "26:00000137070600000001"],
    ["PaloAlto-Admin-Role", "a", "26:00006375010361"],
    ["Aruba-User-Role", "a", "26:000039e7010361"],
    ["Juniper-Local-User-Name", "a", "26:00000a4c010361"],
    ["Ruckus-VLAN-ID", 20, "26:000061dd090600000014"],
  ];
  for (const [name, value, expected] of cases) t.equal(encoded(name, value), expected);
});

t.test("a value that doesn't fit its type is told in words", async (t) => {
  const cases: [string, string | number, RegExp][] = [
    ["Session-Timeout", "1h", /^Session-Timeout must be a whole number from 0 to 4294967295$/],
    ["Session-Timeout", -1, /whole number/],
    ["Session-Timeout", 1.5, /whole number/],
    ["Session-Timeout", Number.NaN, /whole number/],
    ["Session-Timeout", 4294967296, /whole number/],
    ["Tunnel-Preference", 16777216, /from 0 to 16777215/],
    ["Service-Type", "toString", /or one of Login, /],
    ["Filter-Id", "", /must be text, not empty/],
    ["Filter-Id", "\ud800", /must be text/],
    ["Filter-Id", "x".repeat(254), /is 254 octets long, at most 253 fit/],
    ["Cisco-AVPair", "x".repeat(248), /is 248 octets long, at most 247 fit/],
    ["Class", "0x0", /hexadecimal/],
    ["Framed-IP-Address", "192.0.2", /must be an IPv4 address/],
    ["Framed-IP-Address", 1, /must be an IPv4 address/],
    ["Framed-IPv6-Address", "fe80::1%eth0", /must be an IPv6 address/],
    ["Framed-IPv6-Prefix", "2001:db8::1/32", /must be an IPv6 prefix/],
    ["Framed-IPv6-Prefix", "2001:db8::/129", /must be an IPv6 prefix/],
    ["Framed-IPv6-Prefix", "2001:db8::/32/1", /must be an IPv6 prefix/],
    ["Framed-Interface-Id", "0:0:1", /must be an interface id/],
    ["Tunnel-Private-Group-Id", "\u0001", /control character/],
    ["Tunnel-Private-Group-Id:1", "x".repeat(253), /is 254 octets long, at most 253 fit/],
    ["Tunnel-Type:32", "VLAN", /^the tag of Tunnel-Type must be 0 to 31$/],
    ["Filter-Id:1", "x", /^Filter-Id takes no tag$/],
    ["Cisco-AVPair:1", "x", /^Cisco-AVPair takes no tag$/],
    [
      "Tunnel-Types:1",
      "VLAN",
      /^"Tunnel-Types" is not an attribute known here; did you mean Tunnel-Type\?$/,
    ],
  ];
  for (const [name, value, expected] of cases) t.match(encoded(name, value), expected);
});

t.test("the longest values still fit a packet", async (t) => {
  for (const [name, size] of [
    ["Filter-Id", 253],
    ["Cisco-AVPair", 247],
  ] as const) {
    const result = encodeAttribute(name, "x".repeat(size));
    t.equal("attribute" in result && result.attribute.value.length, VALUE_BYTES_MAX);
  }
});

t.test("what the gateway or the NAS speaks for itself can't be set", async (t) => {
  for (const name of [
    "User-Name",
    "User-Password",
    "CHAP-Password",
    "State",
    "Proxy-State",
    "Vendor-Specific",
    "EAP-Message",
    "Message-Authenticator",
    "Tunnel-Password",
    "Calling-Station-Id",
    "Acct-Status-Type",
  ]) {
    t.equal(encoded(name, "1"), `${name} can't be set in an Accept`);
  }
});

t.test("an unknown attribute is told with the nearest name that can be set", async (t) => {
  const cases: [string, string][] = [
    ["Filter_Id", "Filter-Id"],
    ["Session-Timout", "Session-Timeout"],
    ["Cisco-AV-Pair", "Cisco-AVPair"],
    ["Fortinet-GroupName", "Fortinet-Group-Name"],
  ];
  for (const [name, nearest] of cases) {
    t.equal(encoded(name, 1), `"${name}" is not an attribute known here; did you mean ${nearest}?`);
  }
  t.equal(encoded("xyz", 1), '"xyz" is not an attribute known here');
  t.equal(encoded("__proto__", 1), '"__proto__" is not an attribute known here');
  t.notMatch(encoded("x".repeat(10_000), 1), /did you mean/);
});

t.test("a VLAN is three attributes, by id or name", async (t) => {
  const trio = (group: string) => ({
    attributes: [
      { type: 64, value: Buffer.from([0, 0, 0, 13]) },
      { type: 65, value: Buffer.from([0, 0, 0, 6]) },
      { type: 81, value: Buffer.from(group) },
    ],
  });
  t.same(encodeVlan(20), trio("20"));
  t.same(encodeVlan("4094"), trio("4094"));
  t.same(encodeVlan("guests"), trio("guests"));
  t.same(encodeVlan(20, 1), {
    attributes: [
      { type: 64, value: Buffer.from([1, 0, 0, 13]) },
      { type: 65, value: Buffer.from([1, 0, 0, 6]) },
      { type: 81, value: Buffer.from("\u000120") },
    ],
  });
  for (const vlan of [0, 4095, -1, 1.5, Number.NaN, "0", "4095", ""]) {
    t.ok("problem" in encodeVlan(vlan), String(vlan));
  }
});

t.test("every name and every number stands in the tables once", async (t) => {
  const standard = [...ACCEPT_ATTRIBUTES, ...OTHER_ATTRIBUTES];
  const vendors = VENDORS.flatMap(({ attributes }) => attributes);
  const names = [...standard, ...vendors].map(([name]) => name.toLowerCase());
  t.equal(new Set(names).size, names.length);
  t.equal(new Set(standard.map(([, type]) => type)).size, standard.length);
  t.equal(new Set(VENDORS.map(({ vendorId }) => vendorId)).size, VENDORS.length);
  for (const { vendor, attributes } of VENDORS) {
    const types = attributes.map(([, type]) => type);
    t.equal(new Set(types).size, types.length, vendor);
    t.ok(types.every((type) => type >= 1 && type <= 255));
  }
});

t.test("named values belong to attributes that take numbers", async (t) => {
  for (const name of Object.keys(NAMED_VALUES)) {
    t.match(findDefinition(name)?.valueType, /integer$/, name);
  }
});

t.test("numbers have the names of the registry", async (t) => {
  t.equal(attributeName(11), "Filter-Id");
  t.equal(attributeName(80), "Message-Authenticator");
  t.equal(attributeName(250), "attribute 250");
});

t.test("a named attribute of a packet reads as text, the first valid value", async (t) => {
  const read = (name: string, ...values: Buffer[]): string | undefined => {
    const definition = findDefinition(name);
    if (definition === undefined) throw new Error(name);
    return findAsText(
      values.map((value) => ({ type: definition.vendorId ? 26 : definition.type, value })),
      definition,
    );
  };
  const cisco = Buffer.concat([Buffer.from("000000090108", "hex"), Buffer.from("ip:src")]);
  t.equal(read("Calling-Station-Id", Buffer.from("00-11-22")), "00-11-22");
  t.equal(read("Calling-Station-Id", Buffer.from([0xff]), Buffer.from("b")), "b");
  t.equal(read("Calling-Station-Id"), undefined);
  t.equal(read("Tunnel-Client-Endpoint", Buffer.from("\u0001192.0.2.7")), "192.0.2.7");
  t.equal(read("Tunnel-Client-Endpoint", Buffer.from("192.0.2.7")), "192.0.2.7");
  t.equal(read("Tunnel-Client-Endpoint", Buffer.of()), undefined);
  t.equal(read("NAS-Port", Buffer.from([0, 0, 1, 0])), "256");
  t.equal(read("NAS-Port", Buffer.from([1])), undefined);
  t.equal(read("NAS-IP-Address", Buffer.from([192, 0, 2, 7])), "192.0.2.7");
  t.equal(read("NAS-IPv6-Address", Buffer.alloc(16)), "0:0:0:0:0:0:0:0");
  t.equal(read("Class", Buffer.from([1, 2])), "0102");
  t.equal(read("Class", Buffer.of()), undefined);
  t.equal(read("Cisco-AVPair", cisco), "ip:src");
  t.equal(read("Fortinet-Group-Name", cisco), undefined);
});
