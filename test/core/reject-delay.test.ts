// When refusals leave, of whatever door.

import t from "tap";

import { rejectAt } from "../../src/core/reject-delay.ts";

t.test("RAD-25: a refusal leaves at the delay or in whole quarter seconds after it", async (t) => {
  const cases: [elapsed: number, delay: number, expected: number][] = [
    [0, 1_000, 1_000],
    [999.9, 1_000, 1_000],
    [1_000.1, 1_000, 1_250],
    [2_600, 1_000, 2_750],
    [5, 10_000, 10_000],
    [0, 1_100, 1_250],
  ];
  for (const [elapsed, delay, expected] of cases) {
    const after = rejectAt(5_000, 5_000 + elapsed, delay) - 5_000;
    t.ok(after >= expected && after <= expected + 50, `${after} for ${elapsed}`);
  }
});
