// How the portal speaks: plainly, and never about somebody's fault.

import t from "tap";

import { en } from "../../../src/web/texts/en.ts";

function* texts(value: unknown): Generator<string> {
  if (typeof value === "string") yield value;
  else if (typeof value === "function") yield String(value(2, 6, 30));
  else if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) yield* texts(inner);
  }
}

t.test("no text is empty, blames, shouts or holds markup", async (t) => {
  const all = [...texts(en)];
  t.ok(all.length > 80);
  for (const text of all) {
    t.match(text, /\S/);
    t.notMatch(text, /oops|invalid|illegal|!|[<>]/i, text);
  }
});

t.test("one day is one day", async (t) => {
  t.equal(en.enrol.daysLeft(1), "Set up your second factor: 1 day left");
  t.equal(en.recovery.left(1), "1 code left");
});
