// The text that Prometheus reads, judged by its own tool and by a stricter reader.

import t from "tap";

import { createExposition, PROCESS_METRICS } from "../../../src/doors/admin/exposition.ts";
import { Histogram, type Metric, single } from "../../../src/lib/metric.ts";
import { promtool, readScrape } from "../../support/exposition.ts";

const durations = new Histogram([0.1, 1]);
for (const seconds of [0.05, 0.5, 0.6, 7]) durations.observe(seconds);

const METRICS: readonly Metric[] = [
  single("counter", "test_things_total", "Things.", () => 3),
  single("gauge", "test_unknown", "Not known now.", () => undefined),
  {
    kind: "gauge",
    name: "test_up",
    help: 'A text with \\ and "quotes".',
    labels: ["name"],
    read: () => [
      { labels: { name: 'a "quoted" \\ name' }, value: 1 },
      { labels: { name: "two\nlines" }, value: 0 },
    ],
  },
  {
    kind: "histogram",
    name: "test_duration_seconds",
    help: "Durations.",
    labels: ["part"],
    read: () => [{ labels: { part: "all" }, of: durations }],
  },
];

await t.test("promtool and the stricter reader have nothing against the text", async (t) => {
  const text = await createExposition(METRICS).text();
  t.equal(promtool(text, "check", "metrics"), "");
  const { values, types } = readScrape(text);
  t.equal(values.get("test_things_total"), 3);
  t.equal(types.get("test_unknown"), "gauge");
  t.equal(values.has("test_unknown"), false, "no figure is made up");
  t.equal(values.get('test_up{name="a \\"quoted\\" \\\\ name"}'), 1);
  t.equal(values.get('test_up{name="two\\nlines"}'), 0);
  const bucket = (le: string): number | undefined =>
    values.get(`test_duration_seconds_bucket{part="all",le="${le}"}`);
  t.same(["0.1", "1", "+Inf"].map(bucket), [1, 3, 4], "each bucket holds the ones before it");
  t.equal(values.get('test_duration_seconds_sum{part="all"}'), 8.15);
});

await t.test("what is known of the process is there, and only what is documented", async (t) => {
  const { types } = readScrape(await createExposition([]).text());
  t.same([...types.keys()], [...PROCESS_METRICS]);
});

await t.test("figures are read anew each time", async (t) => {
  let value = 1;
  const exposition = createExposition([single("gauge", "test_x", "An x.", () => value)]);
  t.equal(readScrape(await exposition.text()).values.get("test_x"), 1);
  value = 2;
  t.equal(readScrape(await exposition.text()).values.get("test_x"), 2);
});

await t.test("two metrics of one name are a mistake of ours", async (t) => {
  const metric = single("gauge", "test_x", "An x.", () => 1);
  t.throws(() => createExposition([metric, metric]), /already been registered/);
});

await t.test("the stricter reader is strict", async (t) => {
  const head = "# HELP a_total A.\n# TYPE a_total counter\n";
  t.doesNotThrow(() => readScrape(`${head}a_total 1\n`));
  for (const bad of [
    `${head}a_total 1`,
    `${head}a_total 1\na_total 2\n`,
    `${head}a_total -1\n`,
    `${head}b_total 1\n`,
    `${head}a_total{x=y} 1\n`,
    `${head}a_total{x="y",} 1\n`,
    `${head}a_total{x="a"b"} 1\n`,
    `${head}a_total one\n`,
    "a_total 1\n",
    `${head}${head}`,
    '# HELP h H.\n# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 2\n',
    '# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n',
    '# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
  ]) {
    t.throws(() => readScrape(bad), bad);
  }
});
