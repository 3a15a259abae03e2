// The YAML itself: what is refused before any key is looked at, and that places are right.

import t from "tap";

import { FILE_BYTES_MAX, parseSource } from "../../src/config/document.ts";
import { describeProblem } from "../../src/config/problem.ts";
import { makeFolder, told, yaml } from "../support/configuration.ts";

function problems(text: string | Uint8Array): string[] {
  const parsed = parseSource("f", typeof text === "string" ? Buffer.from(text) : text);
  return "problems" in parsed ? parsed.problems.map(describeProblem) : [];
}

for (const [what, text, expected] of [
  ["a duplicate key", "a: 1\nb: 2\na: 3\n", 'f:3:1 duplicate key "a": keep one of the two'],
  ["a tab as indentation", "a:\n\tb: 1\n", "f:2:1 a tab can't indent YAML: use spaces"],
  ["an open bracket", "a: [1\n", "f:2:1 not valid YAML: Flow sequence in block collection"],
  ["an open quote", "a: 'x\n", "f:2:1 not valid YAML: Missing closing 'quote"],
  ["a second document", "a: 1\n---\nb: 2\n", "f:2:1 more than one document"],
  ["a tag", "a: !secret x\n", "f:1:4 YAML tags (words beginning with !) have no meaning here"],
  ["an alias without anchor", "a: *x\n", "f:1:4 * begins an alias here: put the value in quotes"],
  ["a reserved character", "a: @x\n", "f:1:4 a value can't begin with this character"],
  ["two keys in a line", "a: b: c\n", "f:1:4 a second key on the same line"],
  ["a mapping as a key", "? { a: 1 }\n: 2\n", "f:1:3 a key must be plain text"],
  ["deep nesting", `${"[".repeat(40)}${"]".repeat(40)}`, "f:1:1 is nested deeper than 32 levels"],
  ["very deep nesting", "[".repeat(100_000), "f:1:"],
] as const) {
  t.test(`C01: ${what} is refused with its place`, (t) => {
    const [line, ...more] = problems(text);
    t.ok(line?.startsWith(expected), `${line}`);
    t.same(more, []);
    t.end();
  });
}

t.test("C01: a byte order mark is skipped and doesn't shift columns", (t) => {
  t.same(problems("\ufeffa: 1\n"), []);
  t.same(problems("\ufeffa: *x\n"), ["f:1:4 * begins an alias here: put the value in quotes"]);
  t.end();
});

t.test("C01: text that isn't UTF-8 is refused", (t) => {
  const remedy = "f:1:1 is not UTF-8 text; save the file as UTF-8";
  t.same(problems(Buffer.from([0xff, 0xfe, 0x61, 0x00])), [remedy]);
  t.same(problems(Buffer.from([0x61, 0x3a, 0x20, 0xe9])), [remedy]);
  t.end();
});

t.test("C01: aliases can't multiply a small file into a large one", (t) => {
  const level = (name: string, of: string) => `${name}: &${name} [${`*${of},`.repeat(9)}]\n`;
  const levels = [level("b", "a"), level("c", "b"), level("d", "c"), level("e", "d")];
  const bomb = `a: &a [1]\n${levels.join("")}`;
  t.match(problems(bomb), [/too many aliases: write the values out$/]);
  t.match(problems(`a: &a 1\nb: [${"*a,".repeat(101)}]\n`), [/too many aliases/]);
  t.same(problems("a: &a [1]\nb: *a\n"), []);
  t.same(problems("a: &a { b: *a }\n"), []);
  t.end();
});

t.test("C01: a file above 1 MB is refused", (t) => {
  const folder = makeFolder();
  t.teardown(() => folder.remove());
  const filling = `# ${"x".repeat(FILE_BYTES_MAX)}\n`;
  t.match(told(folder.load(`${yaml()}${filling}`)), [/is larger than 1048576 bytes/]);
  t.end();
});

t.test("places are those of the value, or of the key that is wrong", (t) => {
  const parsed = parseSource("f", Buffer.from("a:\n  - b: 1\n    c:\n      d: x\n"));
  if ("problems" in parsed) throw new Error("not parsed");
  const place = (path: (string | number)[], at?: "key" | "value") => {
    const { line, column } = parsed.source.place(path, "", at);
    return [line, column];
  };
  t.same(place([]), [1, 1]);
  t.same(place(["a", 0]), [2, 5]);
  t.same(place(["a", 0, "c"], "key"), [3, 5]);
  t.same(place(["a", 0, "c", "d"]), [4, 10]);
  t.same(place(["a", 0, "missing"]), [2, 5]);
  t.same(place(["nowhere", 5, "x"]), [1, 1]);
  t.end();
});
