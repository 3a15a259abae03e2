// DNs: one canonical form per name, an error for what isn't a name.

import t from "tap";

import { canonicalDn, canonicalRdns, escapeDnValue, isWithin } from "../../../src/wire/ldap/dn.ts";

t.test("LDAP-20: every spelling of a name has the same canonical form", async (t) => {
  const spellings = [
    "uid=alice,ou=people,dc=example,dc=org",
    "UID=ALICE,OU=People,DC=Example,DC=Org",
    " uid = alice , ou = people , dc = example , dc = org ",
    "uid=\\61\\6c\\69\\63\\65,ou=people,dc=example,dc=org",
    "uid=\\61lic\\65,ou=people,dc=example,dc=org",
    "uid=#0405616c696365,ou=people,dc=example,dc=org",
    "uid=#0c05616c696365,ou=people,dc=example,dc=org",
    "0.9.2342.19200300.100.1.1=alice,2.5.4.11=people,dc=example,dc=org",
    "OID.0.9.2342.19200300.100.1.1=alice,organizationalUnitName=people,dc=example,domainComponent=org",
    "userid=alice,ou=people,dc=example,dc=org",
  ];
  for (const spelling of spellings) t.equal(canonicalDn(spelling), spellings[0], spelling);
});

t.test(
  "LDAP-20: the order within an RDN, inner spaces and Unicode forms don't count",
  async (t) => {
    t.equal(canonicalDn("uid=a+cn=B,dc=org"), canonicalDn("CN=b + UID=A,dc=org"));
    t.equal(canonicalDn("cn=James   Smith"), canonicalDn("cn=james smith"));
    t.equal(canonicalDn("cn=J\\c3\\bcrgen"), canonicalDn("cn=JÜRGEN"));
    t.equal(canonicalDn("cn=Ju\u0308rgen"), canonicalDn("cn=jürgen"));
  },
);

t.test("names that differ have different canonical forms", async (t) => {
  const names = [
    "cn=a,cn=b",
    "cn=a\\,cn=b",
    "cn=a+cn=b",
    "cn=a\\+cn\\=b",
    "cn=b,cn=a",
    "cn=a",
    "cn=\\#6161",
    "cn=#0101ff",
    "cn=#020161",
    "cn=a\\\\",
    "",
  ];
  t.equal(new Set(names.map(canonicalDn)).size, names.length);
});

t.test("the canonical form is its own canonical form", async (t) => {
  for (const name of [
    "cn=a\\,b\\+c\\\\\\#d\\=e,dc=x",
    "cn=#020161",
    "uid=x+cn=y,o=z",
    "cn=\\ a ",
  ]) {
    t.equal(canonicalDn(canonicalDn(name)), canonicalDn(name), name);
  }
});

t.test("what isn't a name is refused", async (t) => {
  const cases = [
    "alice",
    "=alice",
    "uid=alice,",
    ",uid=alice",
    "uid=a,,dc=b",
    "uid=a;dc=b",
    'cn="a"',
    "cn=a<b",
    "cn=a\\",
    "cn=a\\x",
    "cn=a\\4",
    "cn=#",
    "cn=#4",
    "cn=#zz",
    "cn=#0405",
    "cn=#040161ff",
    "u id=a",
    "uid=a\0",
    "uid=a\\00b",
    "uid=#0403610062",
    "uid=\\ff",
    "uid=#0401ff",
    "1.=a",
    "uid=a+",
  ];
  for (const text of cases)
    t.throws(() => canonicalDn(text), { name: "WireError" }, JSON.stringify(text));
  t.throws(() => canonicalDn(`cn=${"a".repeat(8_192)}`), { code: "too-long" });
});

t.test("D09: a name is within a base only if it ends with all of its RDNs", async (t) => {
  const base = canonicalRdns("dc=example,dc=org");
  const cases: Record<string, boolean> = {
    "uid=a,dc=example,dc=org": true,
    "dc=example,dc=org": true,
    "dc=org": false,
    "": false,
    "uid=a,dc=example,dc=com": false,
    "uid=a\\,dc=example,dc=org": false,
    "uid=x\\,dc=example\\,dc=org": false,
    "uid=a,dc=notexample,dc=org": false,
    "uid=a,dc=example,dc=org,dc=evil": false,
  };
  for (const [dn, expected] of Object.entries(cases)) {
    t.equal(isWithin(canonicalRdns(dn), base), expected, dn);
  }
});

t.test("LDAP-21: an escaped value stays one value, whatever it is", async (t) => {
  for (const value of [
    "a,dc=evil",
    "a+uid=root",
    "#0401",
    " a ",
    "a\\",
    'a"b',
    "a=b;c<d>e",
    "ü",
    "\\2c",
  ]) {
    const rdns = canonicalRdns(`uid=${escapeDnValue(value)},dc=example`);
    t.equal(rdns.length, 2, value);
    t.equal(rdns[1], "dc=example", value);
    t.notOk(rdns[0]?.replaceAll(/\\./g, "").includes("+"), value);
  }
});
