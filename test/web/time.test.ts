// Moments and durations in words.

import t from "tap";

import { agoText, daysLeft, timeHtml } from "../../src/web/time.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const NOW = Date.UTC(2027, 0, 15, 8);

t.test("how long ago, in the largest unit that is full", async (t) => {
  for (const [ms, words] of [
    [0, "this minute"],
    [59_999, "this minute"],
    [MINUTE_MS, "1 minute ago"],
    [59 * MINUTE_MS, "59 minutes ago"],
    [60 * MINUTE_MS, "1 hour ago"],
    [DAY_MS, "yesterday"],
    [40 * DAY_MS, "40 days ago"],
  ] as const) {
    t.equal(agoText("en", NOW - ms, NOW), words);
  }
});

t.test("the exact time stands behind it, for programs and for people", async (t) => {
  t.equal(
    timeHtml("en", NOW - DAY_MS, NOW).toString(),
    '<time datetime="2027-01-14T08:00:00.000Z" title="2027-01-14 08:00:00 UTC">yesterday</time>',
  );
});

t.test("E03: a day that has begun is a day; when it is over there is none", async (t) => {
  t.equal(daysLeft(NOW + 6 * DAY_MS, NOW), 6);
  t.equal(daysLeft(NOW + 1, NOW), 1);
  t.equal(daysLeft(NOW, NOW), 0);
  t.equal(daysLeft(NOW - DAY_MS, NOW), 0);
});
