// Events of the gateway itself: start, stop, outages, the clock. Never in the way of a login: one that
// can't be written is logged, and the gateway goes on.

import type { EventDraft, EventType } from "../core/audit.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { uuidv7 } from "../lib/random.ts";

export type SystemEvent = (
  type: EventType,
  more?: Pick<EventDraft, "resource" | "details" | "count"> & { readonly success?: boolean },
) => void;

/** The draft of an event that nobody's login caused. */
export function systemEvent(
  clock: Clock,
  type: EventType,
  more: Partial<EventDraft> = {},
): EventDraft {
  const now = clock.now();
  return {
    id: uuidv7(now),
    timestamp: new Date(now).toISOString(),
    service: "system",
    event_type: type,
    success: true,
    initiated_by: { type: "system" },
    ...more,
  };
}

export function createSystemEvents(
  record: (event: EventDraft) => Promise<void>,
  clock: Clock,
  log: Log,
): SystemEvent {
  return (type, more = {}) => {
    record(systemEvent(clock, type, more)).catch((error: unknown) => {
      log.error({ err: error, event_type: type }, "a system event could not be written");
    });
  };
}
