// The ends of enrolment periods, looked at slice by slice; a store that fails is asked again.

import t from "tap";

import { watchPeriods } from "../../src/gateway/period-watch.ts";
import { memoryLog } from "../support/radius-door.ts";

type Slice = { readonly closed: number; readonly expired: number };

/** Answers with one slice after the other, then that nothing is left. */
function storeOf(slices: (Slice | Error)[]) {
  let asked = 0;
  return {
    asked: () => asked,
    async closePeriods(): Promise<Slice> {
      asked += 1;
      const next = slices.shift() ?? { closed: 0, expired: 0 };
      if (next instanceof Error) throw next;
      return next;
    },
  };
}

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

t.test("everything that is over at the start is looked at, and told in one line", async (t) => {
  const log = memoryLog();
  const slices = [
    { closed: 200, expired: 200 },
    { closed: 3, expired: 1 },
  ];
  const store = storeOf(slices);
  const stop = watchPeriods(store, log);
  await turns();
  stop();
  t.equal(store.asked(), 3);
  t.match(log.lines, [{ fields: { people: 201 }, message: /ended without enrolment/ }]);
});

t.test("where nothing ended, nothing is said; a store that fails ends the look", async (t) => {
  const log = memoryLog();
  const store = storeOf([new Error("the disk is full"), { closed: 1, expired: 1 }]);
  const stop = watchPeriods(store, log);
  await turns();
  stop();
  t.equal(store.asked(), 1, "the next look goes on");
  t.same(log.lines, []);
});

t.test("once it is stopped no slice is begun", async (t) => {
  const store = storeOf(Array.from({ length: 9 }, () => ({ closed: 200, expired: 0 })));
  watchPeriods(store, memoryLog())();
  await turns();
  t.equal(store.asked(), 1);
});
