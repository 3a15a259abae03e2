// Texts with named places: what may stand in one, and that a value stays a value.

import fc from "fast-check";
import t from "tap";

import { parseTemplate, renderTemplate, type TextTemplate } from "../../src/lib/text-template.ts";

const PLACES = ["name", "link"];

function template(text: string): TextTemplate {
  const parsed = parseTemplate(text, PLACES);
  if (typeof parsed === "string") throw new Error(parsed);
  return parsed;
}

const LETTER = template("Subject: For {name}\n\nHello {name},\n\nsee\n{link}\n\nBye {name}\n");

t.test("every place is filled, as often as it stands there", async (t) => {
  t.same(renderTemplate(LETTER, { name: "alice", link: "https://x" }), {
    subject: "For alice",
    text: "Hello alice,\n\nsee\nhttps://x\n\nBye alice\n",
  });
});

t.test("a paragraph with a place for which there is no value is left out", async (t) => {
  const rendered = renderTemplate(LETTER, { name: "alice", link: undefined });
  t.equal(rendered.text, "Hello alice,\n\nBye alice\n");
  t.equal(renderTemplate(LETTER, { name: "alice" }).text, rendered.text);
});

t.test("a value is never read as a place, a line or a header", async (t) => {
  const values = { name: "{link}\r\nBcc: eve@example.org\n\n\u2028x\u202E", link: "$&" };
  const { subject, text } = renderTemplate(LETTER, values);
  t.equal(subject, "For {link}��Bcc: eve@example.org���x�");
  t.equal(text.split("\n").length, LETTER_LINES);
  t.match(text, "\n$&\n");
});
const LETTER_LINES = renderTemplate(LETTER, { name: "a", link: "b" }).text.split("\n").length;

t.test("whatever the values are, the subject is one line and the text has its own", async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (name, link) => {
      const { subject, text } = renderTemplate(LETTER, { name, link });
      return !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(subject) && text.split("\n").length === LETTER_LINES;
    }),
  );
  t.pass();
});

t.test("a value that never ends is cut", async (t) => {
  const { subject } = renderTemplate(LETTER, { name: "x".repeat(10_000) });
  t.equal(subject.length, 200);
});

t.test("line ends and a mark at the beginning are whatever the editor makes them", async (t) => {
  t.same(template("\uFEFFSubject: a\r\n\r\nb\r\nc\r\n\r\n\r\nd\r\n"), {
    subject: "a",
    paragraphs: ["b\nc", "d"],
  });
});

for (const [what, text, problem] of [
  ["without a subject", "Hello\n\nyou\n", /must begin with "Subject: …"/],
  ["with an empty subject", "Subject: \n\nyou\n", /must begin with/],
  ["without a text", "Subject: a\n\n\n", /must begin with/],
  ["without an empty line", "Subject: a\nb\n", /must begin with/],
  ["with another header", "Subject: a\nBcc: eve@example.org\n\nb\n", /must begin with/],
  ["with an unknown place", "Subject: a\n\n{secret}\n", /has \{secret\}.* \{name\}, \{link\}/],
  ["with a control character", "Subject: a\n\nb\0\n", /invisible character in line 3/],
  ["with a line without end", `Subject: a\n\n${"x".repeat(901)}`, /more than 900 .* line 3/],
  ["without end", `Subject: a\n\n${"x\n".repeat(9_000)}`, /longer than/],
] as const) {
  t.test(`a template ${what} is refused`, async (t) => {
    const parsed = parseTemplate(text, PLACES);
    t.match(typeof parsed === "string" ? parsed : "taken", problem);
  });
}
