// What the store can tell about its work. Whether it is up is asked of the store as a whole.

import { DependencyDown } from "../../core/ports.ts";
import { type Metric, single } from "../../lib/metric.ts";
import type { WriterThread } from "./writer-thread.ts";

export function storeMetrics(
  writer: Pick<WriterThread, "load">,
  trailLength: () => number,
  mailsWaiting: () => number,
): Metric[] {
  return [
    single(
      "gauge",
      "gatehouse_store_queue_waiting",
      "Writes that aren't committed yet.",
      () => writer.load.waiting,
    ),
    single(
      "counter",
      "gatehouse_store_writes_total",
      "Writes committed.",
      () => writer.load.written,
    ),
    single(
      "counter",
      "gatehouse_store_failed_writes_total",
      "Writes that failed; nobody was let in by one.",
      () => writer.load.failed,
    ),
    single(
      "counter",
      "gatehouse_store_batches_total",
      "Batches of writes, each one commit.",
      () => writer.load.batches,
    ),
    single("counter", "gatehouse_audit_events_total", "Events in the trail, ever.", () =>
      readable(trailLength),
    ),
    single(
      "gauge",
      "gatehouse_mails_waiting",
      "Mails that are due and haven't been handed over.",
      () => readable(mailsWaiting),
    ),
  ];
}

function readable(read: () => number): number | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof DependencyDown) return undefined;
    throw error;
  }
}
