// Names as people type them: only a listed domain is taken off.

import t from "tap";

import { localName } from "../../../src/backends/directory/username.ts";

const domains = new Set(["example.org", "example"]);

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
    "uid=alice,ou=people": "uid=alice,ou=people",
  };
  for (const [typed, local] of Object.entries(cases)) {
    t.equal(localName(typed, domains), local, JSON.stringify(typed));
  }
});

t.test("a name no directory should see is refused before one does", async (t) => {
  const cases = ["a\0b", "a\nb", "a\u007f", "a\u0085", "\ud800", "x".repeat(254), "ü".repeat(127)];
  for (const typed of cases) t.equal(localName(typed, domains), undefined, JSON.stringify(typed));
  t.equal(localName("x".repeat(253), domains), "x".repeat(253));
});
