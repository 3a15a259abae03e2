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
  const { administration } = context;
  const { signal } = call;
  // Asked first, so that an event between the two questions is told once, not never.
  const newest = await newestSeq(context);
  const past = limit === 0 ? [] : await administration.events({ ...filter, limit }, signal);
  for (const event of past) await call.item({ ...event });
  if (!follow) return { events: past.length };
  let afterSeq = Math.max(newest, past.at(-1)?.seq ?? 0);
  while (!signal.aborted) {
    const upTo = await newestSeq(context);
    if (upTo > afterSeq) {
      const query: EventQuery = { ...filter, afterSeq, limit: EVENTS_MAX };
      const fresh = await administration.events(query, signal);
      for (const event of fresh) await call.item({ ...event });
      const last = fresh.at(-1)?.seq ?? 0;
      // What didn't match isn't looked at again; what there was no room for is.
      afterSeq = fresh.length < EVENTS_MAX ? Math.max(upTo, last) : last;
    }
    // Aborting is how following ends; the loop sees it.
    await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
  throw new OperationError("unavailable", "the gateway stops, so nothing more will come");
};

async function newestSeq(context: ControlContext): Promise<number> {
  const [newest] = await context.administration.events({ limit: 1 });
  return newest?.seq ?? 0;
}

export const verifyEvents: Handler<typeof eventsVerify> = (context, _args, { signal }) =>
  context.administration.verifyEvents(signal);
