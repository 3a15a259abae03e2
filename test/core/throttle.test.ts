import t from "tap";

import { createSourceThrottle } from "../../src/core/throttle.ts";
import { fakeClock } from "../support/clock.ts";

t.test(
  "H87: many different people failing from one address block it for a while, and only it",
  async (t) => {
    const clock = fakeClock();
    const throttle = createSourceThrottle(clock);
    const trips = Array.from({ length: 20 }, (_, i) => throttle.failed("10.0.0.1", `user${i}`));
    t.same(trips.indexOf(true), 19, "the twentieth person trips it, once");
    t.equal(throttle.isBlocked("10.0.0.1"), true);
    t.equal(throttle.isBlocked("10.0.0.2"), false);
    clock.advance(10 * 60_000 + 1);
    t.equal(throttle.isBlocked("10.0.0.1"), false);
  },
);

t.test("one person failing often never blocks an address: that is the lockout's job", async (t) => {
  const throttle = createSourceThrottle(fakeClock());
  for (let i = 0; i < 1_000; i += 1) throttle.failed("10.0.0.1", "alice");
  t.equal(throttle.isBlocked("10.0.0.1"), false);
});

t.test("a flood of failures through one address is said once in ten minutes", async (t) => {
  const clock = fakeClock();
  const throttle = createSourceThrottle(clock);
  const trips = (): number =>
    Array.from({ length: 500 }, (_, i) => throttle.failed("vpn", `user${i}`)).filter(Boolean)
      .length;
  t.equal(trips(), 1);
  clock.advance(10 * 60_000 - 1);
  t.equal(trips(), 0);
  clock.advance(1);
  t.equal(trips(), 1, "if it goes on, again");
});

t.test("failures older than the window are forgotten", async (t) => {
  const clock = fakeClock();
  const throttle = createSourceThrottle(clock);
  for (let i = 0; i < 19; i += 1) throttle.failed("10.0.0.1", `user${i}`);
  clock.advance(10 * 60_000 + 1);
  t.equal(throttle.failed("10.0.0.1", "user19"), false);
});
