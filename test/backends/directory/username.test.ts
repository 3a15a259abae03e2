// Names as people type them: only a listed domain is taken off.

import t from "tap";

import { readName } from "../../../src/backends/directory/username.ts";

const domains = new Set(["example.org", "example"]);

const local = (typed: string): string | undefined => {
  const name = readName(typed, domains);
  return name?.kind === "name" ? name.local : name?.kind;
};

t.test("a listed domain is taken off, any other stays", async (t) => {
  const cases: Record<string, string | undefined> = {
    alice: "alice",
    "alice@example.org": "alice",
    "ALICE@EXAMPLE.ORG": "ALICE",
    "EXAMPLE\\alice": "alice",
    "example\\alice@example.org": "alice@example.org",
    "a@b@example.org": "a@b",
    "alice@example.com": "alice@example.com",
    "OTHER\\alice": "OTHER\\alice",
    "@example.org": undefined,
    "EXAMPLE\\": undefined,
    "": undefined,
    "  ": undefined,
  };
  for (const [typed, expected] of Object.entries(cases)) {
    t.equal(local(typed), expected, JSON.stringify(typed));
  }
});

t.test(
  "the whole of name@domain stays known: it may be somebody's userPrincipalName",
  async (t) => {
    for (const typed of ["alice@example.org", "Alice@Example.com", "a@b@c"]) {
      t.match(readName(typed, domains), { kind: "name", principal: typed });
    }
    for (const typed of ["alice", "EXAMPLE\\alice@example.org"]) {
      t.match(readName(typed, domains), { kind: "name", principal: undefined });
    }
  },
);

t.test(
  "a DN has two RDNs at least, whatever its spelling; what only looks like one is a name",
  async (t) => {
    const rdns = ["uid=alice", "dc=example"];
    for (const typed of [
      "uid=alice,dc=example",
      "UID = \\61lice , 0.9.2342.19200300.100.1.25=Example",
    ]) {
      t.match(readName(typed, domains), { kind: "dn", rdns });
    }
    for (const typed of [
      "uid=alice",
      "a=b,c",
      "=a,b=c",
      "<SID=S-1-5-21-1>,dc=example",
      "x@y=z,a=b",
    ]) {
      t.equal(local(typed), typed, typed);
    }
  },
);

t.test("a name no directory should see is refused before one does", async (t) => {
  const cases = ["a\0b", "a\nb", "a\u007f", "a\u0085", "\ud800", "x".repeat(254), "ü".repeat(127)];
  for (const typed of cases) t.equal(readName(typed, domains), undefined, JSON.stringify(typed));
  t.equal(local("x".repeat(253)), "x".repeat(253));
});
