// Filters: RFC 4515's own examples, and names that try to be more than a value.

import t from "tap";

import { BerReader, BerWriter } from "../../../src/wire/ldap/ber.ts";
import { parseFilter, withAnyName, writeFilter } from "../../../src/wire/ldap/filter.ts";

function encode(text: string, username = ""): string {
  const writer = new BerWriter();
  writeFilter(writer, parseFilter(text), Buffer.from(username, "utf8"));
  return writer.finish().toString("hex");
}

const hex = (text: string): string => Buffer.from(text, "utf8").toString("hex");

t.test("every kind of filter has its encoding", async (t) => {
  const cases: Record<string, string> = {
    "(cn=ab)": `a308 0402${hex("cn")} 0402${hex("ab")}`,
    "(cn~=ab)": `a808 0402${hex("cn")} 0402${hex("ab")}`,
    "(cn>=ab)": `a508 0402${hex("cn")} 0402${hex("ab")}`,
    "(cn<=ab)": `a608 0402${hex("cn")} 0402${hex("ab")}`,
    "(cn=*)": `8702${hex("cn")}`,
    "(cn=)": `a306 0402${hex("cn")} 0400`,
    "(!(cn=*))": `a204 8702${hex("cn")}`,
    "(&(cn=*)(sn=*))": `a008 8702${hex("cn")} 8702${hex("sn")}`,
    "(| (cn=*) (sn=*) )": `a108 8702${hex("cn")} 8702${hex("sn")}`,
    "(&)": "a000",
    "(cn=a*b*c)": `a40f 0402${hex("cn")} 3009 8001${hex("a")} 8101${hex("b")} 8201${hex("c")}`,
    "(cn=*b*)": `a409 0402${hex("cn")} 3003 8101${hex("b")}`,
    "(cn=a*)": `a409 0402${hex("cn")} 3003 8001${hex("a")}`,
    "(cn:dn:2.4.6.8.10:=ab)": `a917 810a${hex("2.4.6.8.10")} 8202${hex("cn")} 8302${hex("ab")} 8401ff`,
    "(:1.2:=a)": `a908 8103${hex("1.2")} 8301${hex("a")}`,
    "(cn=\\2a\\28\\29\\5c\\00)": `a30b 0402${hex("cn")} 0405 2a28295c00`,
    "(o=ü)": `a307 0401${hex("o")} 0402${hex("ü")}`,
  };
  for (const [text, expected] of Object.entries(cases)) {
    t.equal(encode(text), expected.replaceAll(" ", ""), text);
  }
});

t.test("LDAP-21: a name is one value, whatever it contains", async (t) => {
  const names = [
    "*",
    "*)(uid=*",
    "a)(|(uid=*",
    "\\2a",
    "(",
    ")",
    "a\\",
    "{username}",
    "\u0000",
    "ü",
  ];
  for (const name of names) {
    const reader = new BerReader(
      Buffer.from(encode("(&(objectClass=person)(uid={username}))", name), "hex"),
    );
    reader.enter(0xa0);
    reader.skip();
    const equality = reader.enter(0xa3);
    t.equal(reader.readText(0x04), "uid");
    t.equal(reader.readText(0x04), name);
    reader.leave(equality);
    t.ok(reader.isAtEnd, "nothing follows it");
  }
});

t.test("a name may stand in the middle of a value, several times", async (t) => {
  t.equal(encode("(mail={username}@{username}.org)", "al"), encode("(mail=al@al.org)"));
  t.equal(encode("(mail={username}@*)", "a*"), encode("(mail=a\\2a@*)"));
});

t.test("what isn't a filter is refused", async (t) => {
  const cases = [
    "",
    "cn=a",
    "(cn=a",
    "(cn=a))",
    "(cn=a)(sn=b)",
    "()",
    "(cn)",
    "(=a)",
    "(cn=a(b)",
    "(cn=\\2)",
    "(cn=\\zz)",
    "(cn=a\0)",
    "(c n=a)",
    "({username}=a)",
    "(cn=a**b)",
    "(!)",
    "(!(a=b)(c=d))",
    "(:=a)",
    "(:dn:=a)",
    "(&(a=b)",
    "(cn;=a)",
  ];
  for (const text of cases)
    t.throws(() => parseFilter(text), { name: "WireError" }, JSON.stringify(text));
});

t.test("filters nested too deep are refused, not followed", async (t) => {
  const nested = (depth: number): string => `${"(!".repeat(depth)}(a=b)${")".repeat(depth)}`;
  t.ok(parseFilter(nested(50)));
  t.throws(() => parseFilter(nested(51)), { code: "too-deep" });
  t.throws(() => parseFilter("(&".repeat(8_000)), { code: "too-deep" });
  t.throws(() => parseFilter("(".repeat(100_000)), { code: "too-long" });
});

t.test("for everybody, what holds the name becomes a question for any name", async (t) => {
  const cases: [filter: string, everybody: string][] = [
    ["(uid={username})", "(uid=*)"],
    ["(&(objectClass=person)(uid={username}))", "(&(objectClass=person)(uid=*))"],
    ["(|(uid={username})(mail={username}@*))", "(|(uid=*)(mail=*))"],
    ["(!(uid={username}))", "(!(uid=*))"],
    ["(:caseIgnoreMatch:={username})", "(objectClass=*)"],
    ["(&(uid=*)(cn=a*)(uid~={username}))", "(&(uid=*)(cn=a*)(uid=*))"],
  ];
  for (const [filter, expected] of cases) {
    t.same(withAnyName(parseFilter(filter)), parseFilter(expected), filter);
  }
});
