// Base32 against the examples of RFC 4648 §10, and against everything that isn't base32.

import fc from "fast-check";
import t from "tap";

import { decodeBase32, encodeBase32 } from "../../src/lib/base32.ts";

const EXAMPLES = [
  ["", ""],
  ["f", "MY======"],
  ["fo", "MZXQ===="],
  ["foo", "MZXW6==="],
  ["foob", "MZXW6YQ="],
  ["fooba", "MZXW6YTB"],
  ["foobar", "MZXW6YTBOI======"],
] as const;

t.test("RFC 4648 §10: every example encodes and decodes", async (t) => {
  for (const [text, encoded] of EXAMPLES) {
    t.equal(encodeBase32(Buffer.from(text)), encoded.replaceAll("=", ""));
    t.same(decodeBase32(encoded), Buffer.from(text));
  }
});

t.test("what was encoded decodes to the same bytes, however people type it", async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const text = encodeBase32(bytes);
      const typed = `${text.toLowerCase().replaceAll(/.{4}/g, "$& ")}`;
      return (
        Buffer.from(bytes).equals(decodeBase32(text) ?? Buffer.from("x")) &&
        Buffer.from(bytes).equals(decodeBase32(typed) ?? Buffer.from("x")) &&
        Buffer.from(bytes).equals(decodeBase32(typed.replaceAll(" ", "-")) ?? Buffer.from("x"))
      );
    }),
  );
  t.pass();
});

t.test("O22: what isn't base32 is refused, never cut off", async (t) => {
  const cases: readonly (readonly [string, string])[] = [
    ["a digit outside the alphabet", "MZXW6YT1"],
    ["padding in the middle", "MZ==XW6Y"],
    ["more padding than any encoder writes", "MZXW6YTB======="],
    ["a length that holds no whole byte more", "MZX"],
    ["one letter", "A"],
    ["six letters", "MZXW6Y"],
    ["bits left over", "MZ======"],
    ["letters that look alike", "ＭＺＸＷ６ＹＴＢ"],
    ["a letter that is upper-cased into two", "ßMZXW6YT"],
    ["a line break", "MZXW\n6YTB"],
  ];
  for (const [title, text] of cases) t.equal(decodeBase32(text), undefined, title);
});

t.test("any text decodes to bytes that encode to it again, or to nothing", async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const bytes = decodeBase32(text);
      const plain = text
        .replaceAll(/[ -]/g, "")
        .replace(/={1,6}$/, "")
        .toUpperCase();
      return bytes === undefined || encodeBase32(bytes) === plain;
    }),
  );
  t.pass();
});
