// Moments and spans of time in mails, and the texts around them.

import { readdirSync, readFileSync } from "node:fs";

import t from "tap";

import { builtIn, BUILT_IN_TEXTS } from "../../../src/backends/mail/built-in.ts";
import { momentText, spanText } from "../../../src/backends/mail/words.ts";
import { MAIL_TEMPLATES } from "../../../src/core/mail.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

t.test("a moment is UTC, and says so", async (t) => {
  t.equal(momentText(Date.UTC(2026, 11, 2, 14, 5)), "Wednesday 2 December 2026, 14:05 UTC");
  t.equal(momentText(Date.UTC(2027, 0, 1, 0, 0)), "Friday 1 January 2027, 00:00 UTC");
});

for (const [ms, text] of [
  [7 * 24 * HOUR_MS, "7 days"],
  [7 * 24 * HOUR_MS - 20 * MINUTE_MS, "7 days"],
  [365 * 24 * HOUR_MS, "365 days"],
  [48 * HOUR_MS, "2 days"],
  [24 * HOUR_MS - MINUTE_MS, "24 hours"],
  [90 * MINUTE_MS, "2 hours"],
  [89 * MINUTE_MS, "89 minutes"],
  [MINUTE_MS, "1 minute"],
  [0, "1 minute"],
] as const) {
  t.test(`${ms} ms are ${text}`, async (t) => t.equal(spanText(ms), text));
}

t.test("T27: every built-in text can be read, and lies in config/mail to begin with", async (t) => {
  const folder = new URL("../../../config/mail/", import.meta.url);
  t.same(readdirSync(folder).toSorted(), MAIL_TEMPLATES.map((name) => `${name}.txt`).toSorted());
  for (const name of MAIL_TEMPLATES) {
    t.ok(builtIn(name).paragraphs.length > 2);
    t.equal(readFileSync(new URL(`${name}.txt`, folder), "utf8"), BUILT_IN_TEXTS[name]);
  }
});
