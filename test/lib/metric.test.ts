// Figures that are counted in one place and read in another.

import t from "tap";

import { Histogram, single } from "../../src/lib/metric.ts";

t.test("a histogram counts a value at the first bound that isn't below it", async (t) => {
  const histogram = new Histogram([1, 2, 5]);
  for (const value of [0, 1, 1.5, 2, 4, 6, 100]) histogram.observe(value);
  t.same(histogram.counts, [2, 2, 1, 2]);
  t.equal(histogram.sum, 114.5);
});

t.test("what isn't known now has no sample, zero has one", async (t) => {
  const figures: (number | undefined)[] = [undefined, 0];
  const metric = single("gauge", "x", "An x.", () => figures.shift());
  t.same([...metric.read()], []);
  t.same([...metric.read()], [{ labels: {}, value: 0 }]);
});
