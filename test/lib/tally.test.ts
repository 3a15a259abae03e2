// Counting what comes in floods.

import t from "tap";

import { createTally } from "../../src/lib/tally.ts";
import { fakeClock } from "../support/clock.ts";

t.test("a tally is bounded and takes out only what has ended", async (t) => {
  const clock = fakeClock();
  const tally = createTally<string>(clock, { windowMs: 100, entriesMax: 2 });
  t.equal(tally.add("a", "A"), "first");
  clock.advance(60);
  t.equal(tally.add("b", "B"), "first");
  t.equal(tally.add("c", "C"), "no-room");
  t.equal(tally.add("a", "A"), "again");
  clock.advance(40);
  t.match(tally.take(), [{ about: "A", count: 2 }]);
  t.equal(tally.add("c", "C"), "first");
  t.match(tally.take(true), [{ about: "B", count: 1 }, { about: "C" }]);
});
