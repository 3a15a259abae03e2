// What the core reports becomes series: one for each client and way to end, and two histograms a door.

import t from "tap";

import { REASONS, type Reason } from "../../../src/core/verdict.ts";
import { createLoginCounts } from "../../../src/doors/admin/login-counts.ts";
import type { Metric } from "../../../src/lib/metric.ts";

const counts = createLoginCounts();
const [attempts, durations] = counts.metrics;

function seriesOf(metric: Metric | undefined): Record<string, number> {
  if (metric === undefined || metric.kind === "histogram") throw new Error("no counter");
  return Object.fromEntries(
    [...metric.read()].map(({ labels, value }) => [Object.values(labels).join(" "), value]),
  );
}

await t.test("nothing has happened: no series", async (t) => {
  t.same(seriesOf(attempts), {});
});

await t.test("each way to end has a series of its own, by door and client", async (t) => {
  counts.decided("radius", "vpn", { outcome: "accept" }, 10, 8);
  counts.decided("radius", "vpn", { outcome: "accept" }, 10, 8);
  counts.decided("radius", "vpn", { outcome: "accept", exempt: "not-enrolled" }, 10, 8);
  counts.decided("radius", "wifi", { outcome: "challenge" }, 10, 8);
  counts.decided("radius", "wifi", { outcome: "reject", reason: "password-incorrect" }, 10, 8);
  const outage = { outcome: "unavailable", reason: "store-unavailable" } as const;
  counts.decided("radius", "wifi", { ...outage, dependency: "store" }, 3_010, 8);
  t.same(seriesOf(attempts), {
    "radius vpn accept ": 2,
    "radius vpn accept not-enrolled": 1,
    "radius wifi challenge ": 1,
    "radius wifi reject password-incorrect": 1,
    "radius wifi unavailable store-unavailable": 1,
  });
});

await t.test("every reason there is can be told from every other", async (t) => {
  const fresh = createLoginCounts();
  const reasons = Object.keys(REASONS) as Reason[];
  for (const reason of reasons) {
    fresh.decided("radius", "vpn", { outcome: "reject", reason }, 1, 1);
  }
  const series = seriesOf(fresh.metrics[0]);
  t.same(
    Object.keys(series),
    reasons.map((reason) => `radius vpn reject ${reason}`),
  );
  t.same(new Set(Object.values(series)), new Set([1]));
});

await t.test("the time at the directory and the rest of it are counted apart", async (t) => {
  if (durations?.kind !== "histogram") throw new Error("no histogram");
  const parts = [...durations.read()];
  t.same(
    parts.map(({ labels }) => labels),
    [
      { door: "radius", part: "directory" },
      { door: "radius", part: "gateway" },
    ],
  );
  const [directory, gateway] = parts.map(({ of }) => of);
  t.equal(directory?.sum.toFixed(3), "0.048");
  t.equal(gateway?.sum.toFixed(3), "3.012");
  t.equal(gateway?.counts[gateway.bounds.indexOf(5)], 1, "three seconds lie below five");
});
