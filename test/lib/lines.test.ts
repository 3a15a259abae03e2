// Lines are the same whether the stream comes whole, in pieces or byte by byte.

import fc from "fast-check";
import t from "tap";

import { createLineSplitter, type Line } from "../../src/lib/lines.ts";

function split(chunks: readonly Buffer[], bytesMax: number): Line[] {
  const splitter = createLineSplitter(bytesMax);
  return [...chunks.flatMap((chunk) => splitter.push(chunk)), ...splitter.end()];
}

function bytesOf(whole: Buffer): Buffer[] {
  return Array.from({ length: whole.length }, (_, at) => whole.subarray(at, at + 1));
}

t.test("a stream byte by byte gives the lines of the stream as a whole", async (t) => {
  const text = fc.array(
    fc.constantFrom("a", "é", "\n", "\r\n", "\u{1f512}", " ", "long ".repeat(5)),
  );
  fc.assert(
    fc.property(text, (parts) => {
      const whole = Buffer.from(parts.join(""));
      const once = JSON.stringify(split([whole], 16));
      return once === JSON.stringify(split(bytesOf(whole), 16));
    }),
  );
  t.pass();
});

t.test("line feeds end lines, with or without a carriage return", async (t) => {
  const texts = split([Buffer.from("a\r\nb\n\nc")], 10).map((line) =>
    line.kind === "line" ? line.text : line.kind,
  );
  t.same(texts, ["a", "b", "", "c"]);
});

t.test("a line that is too long is told once, and the next one is read", async (t) => {
  const whole = Buffer.from(`${"x".repeat(11)}\nok\n${"y".repeat(10)}\n`);
  for (const chunks of [[whole], bytesOf(whole)]) {
    t.same(split(chunks, 10), [
      { kind: "too-long" },
      { kind: "line", text: "ok" },
      { kind: "line", text: "y".repeat(10) },
    ]);
  }
});

t.test("an empty stream has no lines", async (t) => {
  t.same(split([], 10), []);
  t.same(split([Buffer.alloc(0)], 10), []);
});
