// JSON from strangers: what is taken, and what two readers could read differently.

import fc from "fast-check";
import t from "tap";

import { parseStrictJson } from "../../src/lib/strict-json.ts";

const parse = (text: string): unknown => parseStrictJson(Buffer.from(text));

t.test(
  "A02: ambiguous, deep and poisoned documents are refused without repeating them",
  async (t) => {
    const bad: readonly (readonly [string, RegExp])[] = [
      ['{"a":1,"a":2}', /twice/],
      ['{"a":1,"\\u0061":2}', /twice/],
      ['[{"b":{"x":1,"y":[],"x":2}}]', /twice/],
      ['{"__proto__":{"x":1}}', /isn't taken/],
      ['{"a":{"constructor":1}}', /isn't taken/],
      ['{"\\u005f_proto__":1}', /isn't taken/],
      ["[".repeat(17) + "]".repeat(17), /nested/],
      ["[".repeat(30_000) + "]".repeat(30_000), /nested/],
      ["{secret", /^not JSON$/],
      ["", /not JSON/],
      ['{"a":1}x', /not JSON/],
      ['{"a":"\\ud800"}', /half of a character/],
      ['{"a":["\\udc00\\ud800"]}', /half of a character/],
      ['{"\\ud83d":1}', /half of a character/],
    ];
    for (const [text, message] of bad) t.throws(() => parse(text), { message }, text.slice(0, 40));
  },
);

t.test("octets that are no UTF-8 are no JSON: two texts would be read as one", async (t) => {
  for (const octets of ["ff", "c3", "eda080", "c080"]) {
    const bytes = Buffer.from(`22${octets}22`, "hex");
    t.throws(() => parseStrictJson(bytes), { message: "not JSON" }, octets);
  }
  t.equal(parse('"ü 😀 \\ud83d\\ude00"'), "ü 😀 😀");
  t.throws(() => parse("\ufeff{}"), { message: "not JSON" }, "RFC 8259 §8.1: no byte order mark");
});

t.test("names repeat in different objects, and structure in strings is text", async (t) => {
  const good = '[{"a":"{\\"a\\":1,"},{"a":"\\\\"},{"b":{"a":[1,{"a":":"}]}}]';
  t.same(parse(good), JSON.parse(good));
  t.equal(parse("[".repeat(16) + "]".repeat(16)) instanceof Array, true);
});

t.test("whatever JSON.stringify writes is read back", async () => {
  const names = fc.string().filter((name) => !/^(__proto__|constructor|prototype)$/.test(name));
  const values = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.string(),
      fc.double(),
      fc.array(tie("value")),
      tie("object"),
    ),
    object: fc.dictionary(names, tie("value"), { noNullPrototype: true }),
  }));
  fc.assert(
    fc.property(values.object, (value) => {
      const text = JSON.stringify(value);
      return JSON.stringify(parse(text)) === text;
    }),
  );
});
