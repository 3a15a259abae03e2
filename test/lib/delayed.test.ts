// Replies that wait: nothing early, nothing lost, bounded.

import t from "tap";

import { createDelayed } from "../../src/lib/delayed.ts";
import { systemClock } from "../../src/lib/clock.ts";

t.test("RAD-25: what is due first leaves first, and never early", async (t) => {
  const sent: string[] = [];
  const { promise: empty, resolve } = Promise.withResolvers<void>();
  const delayed = createDelayed(systemClock, 10, resolve);
  const start = systemClock.monotonic();
  const add = (name: string, afterMs: number): boolean =>
    delayed.add(start + afterMs, () => {
      t.ok(systemClock.monotonic() >= start + afterMs, `${name} isn't early`);
      sent.push(name);
    });
  for (const [name, afterMs] of [
    ["third", 60],
    ["first", 20],
    ["second", 40],
    ["past", -50],
  ] as const) {
    t.ok(add(name, afterMs));
  }
  t.equal(delayed.size, 4);
  await empty;
  t.same(sent, ["past", "first", "second", "third"]);
  t.equal(delayed.size, 0);
});

t.test("a full one takes nothing more; a stopped one sends nothing", async (t) => {
  const delayed = createDelayed(systemClock, 1, () => t.fail("nothing leaves"));
  t.ok(delayed.add(systemClock.monotonic() + 20, () => t.fail("sent")));
  t.notOk(delayed.add(systemClock.monotonic() + 20, () => t.fail("sent")));
  delayed.stop();
  t.equal(delayed.size, 0);
});
