// The audit trail at an operator's hand: query, follow, verify the chain.

import { setTimeout as delay } from "node:timers/promises";

import type { EventQuery } from "../../core/administration.ts";
import type { Handler } from "./bind.ts";
import type { ControlContext } from "./context.ts";
import { EVENTS_MAX, type eventsQuery, type eventsVerify } from "./operations.ts";
import { OperationError } from "./protocol.ts";

// A person doesn't notice a quarter of a second, and four indexed reads a second cost nothing.
const POLL_MS = 250;

export const queryEvents: Handler<typeof eventsQuery> = async (context, args, call) => {
  const { follow, limit, ...filter } = args;
  // Asked first, so that an event between the two questions is told once, not never.
  const newest = await newestSeq(context);
  const past = limit === 0 ? [] : await context.administration.events({ ...filter, limit });
  for (const event of past) await call.item({ ...event });
  if (!follow) return { events: past.length };
  let afterSeq = past.at(-1)?.seq ?? newest;
  while (!call.signal.aborted) {
    const query: EventQuery = { ...filter, afterSeq, limit: EVENTS_MAX };
    const fresh = await context.administration.events(query);
    for (const event of fresh) await call.item({ ...event });
    afterSeq = fresh.at(-1)?.seq ?? afterSeq;
    // Aborting is how following ends; the loop sees it.
    await delay(POLL_MS, undefined, { signal: call.signal }).catch(() => undefined);
  }
  throw new OperationError("unavailable", "the gateway stops, so nothing more will come");
};

async function newestSeq(context: ControlContext): Promise<number> {
  const [newest] = await context.administration.events({ limit: 1 });
  return newest?.seq ?? 0;
}

export const verifyEvents: Handler<typeof eventsVerify> = (context) =>
  context.administration.verifyEvents();
