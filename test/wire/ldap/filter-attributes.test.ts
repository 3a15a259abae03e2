import t from "tap";

import { BerReader } from "../../../src/wire/ldap/ber.ts";
import { visitFilter } from "../../../src/wire/ldap/filter-attributes.ts";
import { element, filter, text } from "../../support/ldap-requests.ts";

function namesIn(bytes: Buffer): string[] {
  const names: string[] = [];
  const reader = new BerReader(bytes);
  visitFilter(reader, (_, from, to) => names.push(bytes.toString("latin1", from, to)));
  t.equal(reader.isAtEnd, true, "nothing is left");
  return names;
}

const SEEN: readonly [title: string, bytes: Buffer, names: readonly string[]][] = [
  ["presence", filter.present("cn;lang-de"), ["cn;lang-de"]],
  ["equality", filter.equality("uid", "bob"), ["uid"]],
  ["order", filter.or(filter.greaterOrEqual("a", "1"), filter.lessOrEqual("b", "2")), ["a", "b"]],
  ["approximation", filter.approximate("sn", "x"), ["sn"]],
  ["substrings", filter.substrings("mail", "bob@"), ["mail"]],
  ["substrings without any", element(0xa4, text("cn"), element(0x30)), ["cn"]],
  ["a matching rule", filter.extensible("memberOf", "x"), ["memberOf"]],
  ["a matching rule without a type, as the empty name", filter.extensible(undefined, "x"), [""]],
  [
    "everything inside and, or and not",
    filter.and(
      filter.not(filter.present("a")),
      filter.or(filter.equality("b", "(c=d)"), filter.present("e")),
    ),
    ["a", "b", "e"],
  ],
  ["nothing in an empty and (RFC 4526)", filter.and(), []],
];

for (const [title, bytes, names] of SEEN) {
  t.test(`the attributes of a filter are seen: ${title}`, async (t) => {
    t.same(namesIn(bytes), names);
  });
}

const matching = (...parts: Buffer[]): Buffer => element(0xa9, ...parts);

const REFUSED: readonly [title: string, bytes: Buffer, code: string][] = [
  ["an unknown choice", element(0xaf, text("a")), "bad-filter"],
  ["a primitive and", element(0x80, "a"), "bad-filter"],
  ["nothing", Buffer.alloc(0), "bad-filter"],
  ["a not of two", element(0xa2, filter.present("a"), filter.present("b")), "trailing-bytes"],
  ["a not of none", element(0xa2), "bad-filter"],
  [
    "three strings in an assertion",
    element(0xa3, text("a"), text("b"), text("c")),
    "trailing-bytes",
  ],
  ["a constructed name", element(0xa3, element(0x24, text("a")), text("b")), "bad-tag"],
  [
    "an unknown part of substrings",
    element(0xa4, text("a"), element(0x30, element(0x83, "x"))),
    "bad-filter",
  ],
  [
    "a rule behind the type",
    matching(element(0x82, "cn"), element(0x81, "2.5"), element(0x83, "x")),
    "bad-tag",
  ],
  [
    "two types",
    matching(element(0x82, "cn"), element(0x82, "userPassword"), element(0x83, "x")),
    "bad-tag",
  ],
  ["no value to match", matching(element(0x82, "cn")), "too-short"],
];

for (const [title, bytes, code] of REFUSED) {
  t.test(`a filter with ${title} is refused: ${code}`, async (t) => {
    t.throws(() => visitFilter(new BerReader(bytes), () => undefined), { name: "WireError", code });
  });
}

t.test("filters are read 100 deep and no deeper", async (t) => {
  const nested = (depth: number): Buffer => {
    let inner = filter.present("a");
    for (let level = 0; level < depth; level += 1) inner = filter.not(inner);
    return inner;
  };
  t.same(namesIn(nested(100)), ["a"]);
  t.throws(() => namesIn(nested(101)), { name: "WireError", code: "too-deep" });
  t.throws(() => namesIn(nested(50_000)), { name: "WireError", code: "too-deep" });
});
