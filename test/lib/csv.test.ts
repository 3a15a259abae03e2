// One line of RFC 4180, as written by spreadsheets and by hand.

import fc from "fast-check";
import t from "tap";

import { parseCsvLine } from "../../src/lib/csv.ts";

const quoted = (field: string): string => `"${field.replaceAll('"', '""')}"`;

t.test("RFC 4180 §2: whatever is written quoted is read as it was", async (t) => {
  const field = fc.string({ unit: "binary" }).map((text) => text.replaceAll(/[\r\n]/g, ""));
  fc.assert(
    fc.property(fc.array(field, { minLength: 1 }), (fields) => {
      const parsed = parseCsvLine(fields.map(quoted).join(","));
      return parsed.kind === "fields" && JSON.stringify(parsed.fields) === JSON.stringify(fields);
    }),
  );
  t.pass();
});

t.test("any line is fields or malformed", async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('"', ",", "a", " ") }), (line) => {
      const parsed = parseCsvLine(line);
      return parsed.kind === "malformed" || parsed.fields.length > 0;
    }),
  );
  t.pass();
});

t.test("fields are split at commas outside quotes", async (t) => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["", [""]],
    [",", ["", ""]],
    ["a,b", ["a", "b"]],
    ["a,", ["a", ""]],
    ['"a,b",c', ["a,b", "c"]],
    ['"",""', ["", ""]],
    ['"say ""hi"""', ['say "hi"']],
    [" a , b ", [" a ", " b "]],
  ];
  for (const [line, fields] of cases) t.same(parseCsvLine(line), { kind: "fields", fields }, line);
});

t.test("a quote where none may stand spoils its line", async (t) => {
  for (const line of ['"a', 'a"b', '"a"b', 'a,"', 'a," b"x', '"""', 'a, "b"']) {
    t.equal(parseCsvLine(line).kind, "malformed", line);
  }
});

t.test("a long line of quotes is refused in no time", async (t) => {
  t.equal(parseCsvLine(`"${'""'.repeat(50_000)}`).kind, "malformed");
});
