// Which server is used when: failures count at once, recoveries only after a while.

import t from "tap";

import { createHealth, type Health } from "../../../src/backends/directory/health.ts";
import { fakeClock, type FakeClock } from "../../support/clock.ts";
import { directoryOptions, plainUrl, type Reported } from "../../support/directory.ts";

const one = plainUrl({ host: "127.0.0.1", port: 1 });
const two = plainUrl({ host: "127.0.0.1", port: 2 });

interface Kit {
  readonly health: Health;
  readonly clock: FakeClock;
  readonly reported: Reported;
}

function create(urls = [one, two]): Kit {
  const clock = fakeClock();
  const { options, reported } = directoryOptions(urls, { clock });
  return { health: createHealth(options), clock, reported };
}

/** How many passed checks it takes until the server is used again. */
function checksToRise(health: Health): number {
  for (let passed = 1; passed < 1_000; passed += 1) {
    health.checked(one, undefined);
    if (health.hasOther(two)) return passed;
  }
  return Infinity;
}

t.test("the order of preference, with those that fail behind", async (t) => {
  const { health } = create();
  t.same(health.candidates(), [one, two]);
  health.unreachable(one, "gone");
  t.same(health.candidates(), [two, one]);
  t.equal(health.problem, undefined);
  health.unreachable(two, "gone too");
  t.same(health.candidates(), [one, two]);
  t.match(health.problem, /:1: gone; .*:2: gone too/);
});

t.test("D17: each fall in a short time asks for twice as many checks", async (t) => {
  const { health, clock, reported } = create();
  const needed: number[] = [];
  for (let falls = 0; falls < 7; falls += 1) {
    health.hangs(one);
    needed.push(checksToRise(health));
  }
  t.same(needed, [3, 6, 12, 24, 48, 48, 48]);
  clock.advance(600_000);
  health.hangs(one);
  t.equal(checksToRise(health), 3, "after ten good minutes all is forgotten");
  t.same(reported.down, [], "the other one was there all the time");
});

t.test("a failed check in between begins anew", async (t) => {
  const { health } = create();
  health.unreachable(one, "gone");
  health.checked(one, undefined);
  health.checked(one, undefined);
  health.checked(one, "gone again");
  t.equal(checksToRise(health), 3);
});

t.test("one failed check is no outage, two in a row are", async (t) => {
  const { health, reported } = create();
  health.checked(one, "lost");
  health.checked(one, undefined);
  health.checked(one, "lost");
  t.same(reported.servers, []);
  health.checked(one, "lost");
  t.equal(reported.servers.length, 1);
});

t.test("where nobody else answers, the first answer is enough", async (t) => {
  const { health, reported } = create([one]);
  health.unreachable(one, "gone");
  health.unreachable(one, "still gone");
  t.equal(reported.down.length, 1, "reported once");
  health.answered(one);
  t.equal(health.problem, undefined);
  health.hangs(one);
  health.checked(one, undefined);
  t.equal(reported.recovered, 2);
});

t.test("a server that takes no more connections than it has is no outage", async (t) => {
  const { health } = create([one]);
  const dropped: boolean[] = [];
  health.watch({ isConnectedTo: () => true, drop: (_, isBusyToo) => dropped.push(isBusyToo) });
  health.unreachable(one, "too many connections");
  t.equal(health.problem, undefined);
  health.hangs(one);
  t.same(dropped, [false], "and where there is no other, those that wait go on waiting");
});

t.test("D15: a refusal of our own account is an outage until it is taken again", async (t) => {
  const { health, clock, reported } = create([one]);
  health.refused(one, "locked", "other");
  t.match(health.problem, /locked$/);
  t.equal(health.isLeftAlone(), true);
  t.same(health.candidates(), []);
  clock.advance(5_000);
  t.equal(health.isLeftAlone(), false);
  health.answered(one);
  t.match(health.problem, /locked$/, "answers to others are no answer to us");
  health.admitted(one);
  t.equal(health.problem, undefined);
  t.same([reported.down.length, reported.recovered], [1, 1]);
});

t.test("D15: one server refuses us: the other one is asked, and goes on", async (t) => {
  const { health, clock, reported } = create();
  health.refused(one, "wrong", "wrong-password");
  t.same(health.candidates(), [two]);
  health.admitted(two);
  for (const seconds of [30, 120, 480, 600, 600]) {
    t.equal(health.isLeftAlone(one), true);
    clock.advance(seconds * 1_000 - 1);
    t.same(health.candidates(), [two]);
    clock.advance(1);
    t.same(health.candidates(), [two, one]);
    health.refused(one, "wrong", "wrong-password");
  }
  health.unreachable(two, "gone");
  t.match(health.problem, /:1: wrong; .*:2: gone$/);
  t.same([reported.down.length, reported.servers.length], [1, 2]);
});

t.test("D15: two attempts at once are one refusal", async (t) => {
  const { health } = create();
  health.refused(one, "wrong", "wrong-password");
  health.refused(one, "wrong", "wrong-password");
  t.same(health.candidates(), [two]);
});

t.test("D15: wrong passwords are few, however many servers there are", async (t) => {
  for (const count of [1, 2, 3, 16]) {
    const urls = Array.from({ length: count }, (_, index) =>
      plainUrl({ host: "127.0.0.1", port: index + 1 }),
    );
    const { health, clock } = create(urls);
    const asked = new Map<unknown, number>();
    for (let seconds = 0; seconds < 1_800; seconds += 10) {
      // As a pool does it: one after the other, until there is none left.
      for (let [url] = health.candidates(); url !== undefined; [url] = health.candidates()) {
        health.refused(url, "wrong", "wrong-password");
        asked.set(url, (asked.get(url) ?? 0) + 1);
      }
      clock.advance(10_000);
    }
    const total = [...asked.values()].reduce((sum, times) => sum + times, 0);
    t.ok(total >= 3 && total <= 5, `${total} in half an hour at ${count} servers`);
    t.equal(asked.size, Math.min(count, total), "each has its turn");
  }
});
