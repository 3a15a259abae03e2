// What a store needs from time to time: old events and nonces out, in slices between which logins pass,
// and an alarm long before the disk is full.

import { statfs } from "node:fs/promises";
import { dirname } from "node:path";

import type { EventDraft, EventType } from "../../core/audit.ts";
import type { Clock } from "../../lib/clock.ts";
import { uuidv7 } from "../../lib/random.ts";
import { eventText } from "./ledger.ts";
import type { WriterThread } from "./writer-thread.ts";

export interface UpkeepOptions {
  readonly path: string;
  readonly retentionMs: number;
  readonly clock: Clock;
  readonly writer: WriterThread;
  readonly alarm: (kind: string, details: Record<string, unknown>) => void;
}

interface DiskSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

const TRIM_EVERY_MS = 600_000;
const DISK_EVERY_MS = 60_000;
// A day of a busy network's events is well below half a gigabyte.
const FREE_BYTES_MIN = 512 * 1024 * 1024;
const FREE_SHARE_MIN = 0.1;

/** Removes what is older than the retention, slice by slice; resolves with the number of events. */
export async function trimEvents(options: UpkeepOptions): Promise<number> {
  const { clock, writer } = options;
  const before = clock.now() - options.retentionMs;
  let removed = 0;
  for (;;) {
    const slice = await writer.write<"trim">({ kind: "trim", before, now: clock.now() });
    removed += slice.removed;
    if (slice.removed === 0) break;
  }
  if (removed > 0) await record(options, "log_purged", { count: removed });
  return removed;
}

/** A look at the disk, to be repeated: one alarm each time its space becomes low. */
export function createDiskWatch(
  options: UpkeepOptions,
  readSpace: () => Promise<DiskSpace>,
): () => Promise<void> {
  let isLow = false;
  return async () => {
    const { freeBytes, totalBytes } = await readSpace();
    const wasLow = isLow;
    isLow = freeBytes < FREE_BYTES_MIN || freeBytes < totalBytes * FREE_SHARE_MIN;
    if (!isLow || wasLow) return;
    options.alarm("disk-space-low", { free_bytes: freeBytes });
    await record(options, "disk_space_low", { details: { free_bytes: freeBytes } });
  };
}

/** Starts both watches; the function returned ends them. */
export function startUpkeep(options: UpkeepOptions): () => void {
  const fail = (error: unknown): void => {
    options.alarm("upkeep-failed", { error: error instanceof Error ? error.message : "unknown" });
  };
  const watchDisk = createDiskWatch(options, async () => {
    const { bavail, blocks, bsize } = await statfs(dirname(options.path));
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  });
  const trim = setInterval(() => void trimEvents(options).catch(fail), TRIM_EVERY_MS);
  const disk = setInterval(() => void watchDisk().catch(fail), DISK_EVERY_MS);
  trim.unref();
  disk.unref();
  void watchDisk().catch(fail);
  return () => {
    clearInterval(trim);
    clearInterval(disk);
  };
}

async function record(
  options: UpkeepOptions,
  eventType: EventType,
  more: Partial<EventDraft>,
): Promise<void> {
  const now = options.clock.now();
  const event: EventDraft = {
    id: uuidv7(now),
    timestamp: new Date(now).toISOString(),
    service: "system",
    event_type: eventType,
    success: true,
    initiated_by: { type: "system" },
    ...more,
  };
  await options.writer.write<"record">({ kind: "record", event: eventText(event) });
}
