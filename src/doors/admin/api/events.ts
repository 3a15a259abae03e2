// The audit trail under the reference system's query, so that collectors keep working. Invariant: only
// read; an event can neither be changed nor removed through here.

import { z } from "zod";

import type { EventQuery } from "../../../core/administration.ts";
import { SERVICES, type AuditEvent } from "../../../core/audit.ts";
import type { Clock } from "../../../lib/clock.ts";
import { createQueue, type Queue } from "../../../lib/queue.ts";
import type { ApiContext } from "./context.ts";
import { ApiError, route, type Route } from "./route.ts";
import { parseSearchTerm, type EventTest } from "./search-term.ts";
import { moment } from "./shapes.ts";

const LIMIT_DEFAULT = 1_000;
const LIMIT_MAX = 10_000;
/** Of a read of the trail; the rest of the event loop's turn is for logins. */
const SLICE = 1_000;
/** At once, of any number of callers: each may hold LIMIT_MAX events. */
const QUERIES = { runningMax: 2, waitingMax: 16, waitMsMax: 10_000 } as const;
const SERVICE_NAMES = ["all", ...SERVICES] as const;

const body = z.strictObject({
  service: z
    .array(z.enum(SERVICE_NAMES, { error: `is one of ${SERVICE_NAMES.join(", ")}` }))
    .min(1)
    .max(SERVICE_NAMES.length),
  start_time: moment,
  end_time: moment.exactOptional(),
  limit: z.int().min(1).max(LIMIT_MAX).exactOptional(),
  sort: z.enum(["ASC", "DESC"]).exactOptional(),
  search_term: z.unknown().optional(),
  /** As x-search_after of the page before gave it. */
  search_after: z.tuple([z.int().min(0)]).exactOptional(),
});

/** As the store keeps it, with what the reference system's events have besides. */
const eventView = z.looseObject({ id: z.string(), timestamp: z.string(), event_type: z.string() });

const query = route({
  method: "POST",
  path: "/insights/directory/v1/events",
  summary: "Query the audit trail",
  access: "events:read",
  body,
  result: z.array(eventView),
  async handle(context, { body: asked, requestId }) {
    const { limit = LIMIT_DEFAULT, sort = "ASC", search_after: [after] = [] } = asked;
    const since = Date.parse(asked.start_time);
    const until = asked.end_time === undefined ? undefined : Date.parse(asked.end_time);
    if (until !== undefined && until < since) {
      throw new ApiError(400, "body.end_time: lies before start_time");
    }
    const collection = {
      range: { since, ...(until === undefined ? {} : { until }) },
      isForwards: sort === "ASC",
      after,
      limit,
      test: testOf(asked.service, asked.search_term),
    };
    const found = await context.queries.run(false, () => collect(context, collection));
    if (found === "overload") {
      throw new ApiError(503, "too many queries at once: try again", { "retry-after": "5" });
    }
    const last = found.at(-1)?.seq ?? after;
    return {
      headers: {
        "x-result-count": String(found.length),
        "x-limit": String(limit),
        "x-sort": sort,
        "x-request-id": requestId,
        ...(last === undefined ? {} : { "x-search_after": JSON.stringify([last]) }),
      },
      body: found.map((event) => ({ "@version": "1", ...event })),
    };
  },
});

export function createQueries(clock: Clock): Queue {
  return createQueue(clock, QUERIES);
}

function testOf(services: readonly (typeof SERVICE_NAMES)[number][], term: unknown): EventTest {
  const matches = term === undefined ? () => true : parseSearchTerm(term);
  const isAll = services.includes("all");
  return (event) => (isAll || services.includes(event.service)) && matches(event);
}

interface Collection {
  readonly range: Pick<EventQuery, "since" | "until">;
  readonly isForwards: boolean;
  /** The last one that was given before. */
  readonly after: number | undefined;
  readonly limit: number;
  readonly test: EventTest;
}

async function collect(
  { administration }: ApiContext,
  { range, isForwards, after, limit, test }: Collection,
): Promise<AuditEvent[]> {
  const found: AuditEvent[] = [];
  let at = after ?? (isForwards ? 0 : undefined);
  for (;;) {
    const beyond = isForwards ? { afterSeq: at ?? 0 } : at === undefined ? {} : { beforeSeq: at };
    const slice = await administration.events({ ...range, ...beyond, limit: SLICE });
    // Oldest first, whichever way was asked.
    const ordered = isForwards ? slice : slice.toReversed();
    for (const event of ordered) {
      at = event.seq;
      if (test(event)) found.push(event);
      if (found.length === limit) return found;
    }
    if (slice.length < SLICE) return found;
  }
}

export const EVENT_ROUTES: readonly Route[] = [query];
