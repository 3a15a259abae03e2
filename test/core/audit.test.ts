import t from "tap";

import { auditText } from "../../src/core/audit.ts";

const UNSAFE = [
  "\r",
  "\n",
  "\0",
  "\u001b",
  "\u2028",
  "\u2029",
  "\u202e",
  "\u2066",
  "\u200f",
  "\u0085",
  "\u007f",
  "\u00ad",
  "\u061c",
  "\u200b",
  "\u{e0041}",
];

for (const char of UNSAFE) {
  const hex = char.codePointAt(0)?.toString(16) ?? "";
  t.test(`LOG-02: U+${hex.padStart(4, "0")} in a name stays visible on one line`, async (t) => {
    t.equal(auditText(`bob${char}x`), `bob\\u{${hex}}x`);
  });
}

t.test("LOG-02: a name of 4 kB is cut to 256 characters and says so", async (t) => {
  const cut = auditText("a".repeat(4_096));
  t.equal(cut.length, 256);
  t.match(cut, /…$/);
  t.match(
    auditText("😀".repeat(200)),
    /^(😀){127}\\u\{d83d\}…$/u,
    "not through a character unseen",
  );
});

t.test("names of any script stay as they are", async (t) => {
  for (const name of ["zoë", "дмитрий", "山田太郎", "o'brien", "bob@example.org"])
    t.equal(auditText(name), name);
});
