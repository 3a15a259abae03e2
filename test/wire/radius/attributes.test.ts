// Reading attribute values: an invalid one is absent, the packet lives (RFC 6929 §2.8).

import t from "tap";
import {
  ATTRIBUTE,
  find,
  findAll,
  findVendor,
  readInteger,
  readIpv4,
  readIpv6,
  readText,
  readVendorSpecific,
} from "../../../src/wire/radius/attributes.ts";
import { decode } from "../../../src/wire/radius/packet.ts";
import { readBadInputs } from "../../support/radius-vectors.ts";

const hex = (digits: string): Buffer => Buffer.from(digits, "hex");
const catalogue = new Map(readBadInputs().map(({ id, packets }) => [id, packets[0] ?? ""]));

t.test("RAD-23: text is read exactly as sent or not at all", async (t) => {
  const cases: [Buffer, string | undefined][] = [
    [Buffer.from("bob"), "bob"],
    [Buffer.from("bob\0x"), "bob\0x"],
    [Buffer.from("bob\r\n"), "bob\r\n"],
    [hex("efbbbf61"), "\ufeffa"],
    [Buffer.from("Jörg 🔑"), "Jörg 🔑"],
    [Buffer.of(), undefined],
    [hex("fffe80"), undefined],
    [hex("c0af"), undefined],
    [hex("eda080"), undefined],
    [hex("62e2"), undefined],
  ];
  for (const [value, text] of cases) t.equal(readText(value), text, value.toString("hex"));
});

t.test("R25 RAD-11: a number or address of another size reads as absent", async (t) => {
  t.equal(readInteger(hex("ffffffff")), 4294967295);
  t.equal(readIpv4(hex("7f000001")), "127.0.0.1");
  t.equal(readIpv6(hex("20010db8000000000000000000000001")), "2001:db8:0:0:0:0:0:1");
  for (const size of [0, 1, 3, 5, 15, 17]) {
    t.equal(readInteger(Buffer.alloc(size)), undefined);
    t.equal(readIpv4(Buffer.alloc(size)), undefined);
    t.equal(readIpv6(Buffer.alloc(size)), undefined);
  }
  const { attributes } = decode(hex(catalogue.get("R25") ?? ""));
  t.equal(readIpv4(find(attributes, ATTRIBUTE.nasIpAddress)?.value ?? hex("00000000")), undefined);
});

t.test("RAD-21: find gives the first, findAll every one in order", async (t) => {
  const attributes = ["a", "b", "c"].map((text, index) => ({
    type: index === 1 ? 2 : 1,
    value: Buffer.from(text),
  }));
  t.equal(find(attributes, 1)?.value.toString(), "a");
  t.equal(find(attributes, 3), undefined);
  t.same(
    findAll(attributes, 1).map(({ value }) => value.toString()),
    ["a", "c"],
  );
  t.same(findAll(attributes, 3), []);
});

t.test("R85 R86: a Vendor-Specific that doesn't add up holds nothing", async (t) => {
  const cases: [string, number][] = [
    ["", 0],
    ["000000", 0],
    ["00000009", 0],
    ["0000000901", 0],
    ["000000090100", 0],
    ["000000090101", 0],
    ["000000090102", 1],
    ["00000009010361", 1],
    ["0000000901ff61", 0],
    ["0000000901036102", 0],
    ["00000009010361020462ff", 2],
  ];
  for (const [digits, count] of cases)
    t.equal(readVendorSpecific(hex(digits)).length, count, digits);
  for (const id of ["R85", "R86"]) {
    const { attributes } = decode(hex(catalogue.get(id) ?? ""));
    t.ok(find(attributes, ATTRIBUTE.vendorSpecific));
    t.same(findVendor(attributes, 9, 1), []);
  }
});

t.test("a vendor's attributes are found across several Vendor-Specifics", async (t) => {
  const vendorSpecific = (digits: string) => ({ type: 26, value: hex(digits) });
  const attributes = [
    vendorSpecific("00000009010361"),
    vendorSpecific("00000137010362"),
    vendorSpecific("00000009020363010364"),
  ];
  t.same(
    findVendor(attributes, 9, 1).map(({ value }) => value.toString()),
    ["a", "d"],
  );
});

t.test("R23 R87 R88: unknown and extended attributes pass by as octets", async (t) => {
  for (const [id, type] of [
    ["R23", 250],
    ["R87", 241],
    ["R88", 245],
  ] as const) {
    const { attributes } = decode(hex(catalogue.get(id) ?? ""));
    t.ok(find(attributes, type), id);
    t.equal(readText(find(attributes, ATTRIBUTE.userName)?.value ?? Buffer.of()), "bob", id);
  }
});
