// What is said at most once a minute.

import t from "tap";

import { createSeldom } from "../../src/lib/seldom.ts";
import { fakeClock } from "../support/clock.ts";

t.test("a thing is said at once, then once a window, with what was withheld", async (t) => {
  const clock = fakeClock();
  const seldom = createSeldom(clock, 1_000);
  const said: number[] = [];
  const happen = (): void => seldom((withheld) => said.push(withheld));
  happen();
  t.same(said, [0]);
  for (let i = 0; i < 3; i += 1) happen();
  clock.advance(999);
  happen();
  t.same(said, [0]);
  clock.advance(1);
  happen();
  happen();
  t.same(said, [0, 4]);
  clock.advance(1_000);
  happen();
  t.same(said, [0, 4, 1]);
});
