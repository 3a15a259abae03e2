// Everything that is measured, as Prometheus reads it. The client library writes the text and knows
// the process; our own figures are read at the moment somebody asks for them.

import {
  collectDefaultMetrics,
  Gauge,
  type MetricObjectWithValues,
  type MetricValueWithName,
  Registry,
} from "@prometheus-io/client";

import type { Distribution, Metric } from "../../lib/metric.ts";

/** Of what the library knows about the process, what an operator can act on. */
export const PROCESS_METRICS = [
  "process_cpu_seconds_total",
  "process_start_time_seconds",
  "process_resident_memory_bytes",
  "process_open_fds",
  "process_max_fds",
  "nodejs_eventloop_lag_seconds",
  "nodejs_eventloop_lag_p99_seconds",
  "nodejs_eventloop_lag_max_seconds",
  "nodejs_heap_size_used_bytes",
  "nodejs_gc_duration_seconds",
] as const;

export interface Exposition {
  readonly contentType: string;
  text(): Promise<string>;
}

/** Throws for two metrics of one name. */
export function createExposition(metrics: readonly Metric[]): Exposition {
  const registry = new Registry();
  for (const metric of metrics) registry.registerMetric(new Described(metric));
  const known = new Registry();
  collectDefaultMetrics({ register: known });
  for (const name of PROCESS_METRICS) {
    const metric = known.getSingleMetric(name);
    if (metric !== undefined) registry.registerMetric(metric);
  }
  return { contentType: registry.contentType, text: () => registry.metrics() };
}

type Value = MetricValueWithName<string>;

// The library counts by itself; what is counted elsewhere already enters where it asks for values.
class Described extends Gauge<string> {
  readonly #metric: Metric;

  constructor(metric: Metric) {
    const { name, help } = metric;
    super({ name, help, labelNames: [...metric.labels], registers: [] });
    this.#metric = metric;
  }

  override async get(): Promise<MetricObjectWithValues<Value>> {
    const { name, help, kind } = this.#metric;
    const values = [...valuesOf(this.#metric)];
    return { name, help, type: kind, aggregator: "sum", collect: () => undefined, values };
  }
}

function* valuesOf(metric: Metric): Iterable<Value> {
  if (metric.kind !== "histogram") yield* metric.read();
  else for (const distribution of metric.read()) yield* bucketsOf(metric.name, distribution);
}

// Each bucket holds what the ones before it hold.
function* bucketsOf(name: string, { labels, of }: Distribution): Iterable<Value> {
  let value = 0;
  for (const [at, count] of of.counts.entries()) {
    value += count;
    const le = of.bounds[at] ?? "+Inf";
    yield { metricName: `${name}_bucket`, labels: { ...labels, le }, value };
  }
  yield { metricName: `${name}_sum`, labels, value: of.sum };
  yield { metricName: `${name}_count`, labels, value };
}
