import t from "tap";

import { inTurn } from "../../src/lib/in-turn.ts";

/** Runs that end when the test says so. */
function openRuns() {
  const ends: PromiseWithResolvers<number>[] = [];
  const ask = inTurn(() => {
    const end = Promise.withResolvers<number>();
    ends.push(end);
    return end.promise;
  });
  return { ends, ask };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

t.test("a run begins when the one before has ended, and those who wait share one", async (t) => {
  const { ends, ask } = openRuns();
  const first = ask();
  await turn();
  const second = ask();
  const third = ask();
  await turn();
  t.equal(ends.length, 1, "one runs, one waits");
  ends[0]?.resolve(1);
  t.equal(await first, 1);
  await turn();
  t.equal(ends.length, 2);
  ends[1]?.resolve(2);
  t.same([await second, await third], [2, 2]);
  const fourth = ask();
  await turn();
  ends[2]?.resolve(3);
  t.equal(await fourth, 3, "and a new call is a new run");
});

t.test("a run that fails is told to those who asked, and the next one goes ahead", async (t) => {
  const { ends, ask } = openRuns();
  const first = ask();
  await turn();
  const second = ask();
  ends[0]?.reject(new Error("no"));
  await t.rejects(first, /no/);
  await turn();
  ends[1]?.resolve(2);
  t.equal(await second, 2);
});
