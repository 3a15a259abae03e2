// JSON from strangers: what is taken, and what two readers could read differently.

import fc from "fast-check";
import t from "tap";

import { parseStrictJson } from "../../src/lib/strict-json.ts";

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
    ];
    for (const [text, message] of bad)
      t.throws(() => parseStrictJson(text), { message }, text.slice(0, 40));
  },
);

t.test("names repeat in different objects, and structure in strings is text", async (t) => {
  const good = '[{"a":"{\\"a\\":1,"},{"a":"\\\\"},{"b":{"a":[1,{"a":":"}]}}]';
  t.same(parseStrictJson(good), JSON.parse(good));
  t.equal(parseStrictJson("[".repeat(16) + "]".repeat(16)) instanceof Array, true);
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
      return JSON.stringify(parseStrictJson(text)) === text;
    }),
  );
});
