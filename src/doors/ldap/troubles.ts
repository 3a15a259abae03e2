// What the door refuses without a login: requests, and connections that come to nothing. Counted, one
// log line and for requests one audit event per listener, address and cause and minute.
// Invariant: a flood of them costs a bounded number of lines, events and bytes of memory.

import { auditText, type EventDraft } from "../../core/audit.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { uuidv7 } from "../../lib/random.ts";
import { createTally, type Tallied } from "../../lib/tally.ts";
import { REFUSALS, type Refusal } from "./rules.ts";

/** Why a connection came to nothing: spelled alike in log, metric and document. */
export const TROUBLES = [
  "too-many-connections",
  "too-many-from-address",
  "too-many-unbound",
  "too-much-unfinished",
  "no-proxy-header",
  "tls-failed",
  "not-ldap",
  "broken-message",
] as const;
export type Trouble = (typeof TROUBLES)[number];

export interface Troubles {
  readonly refusals: Readonly<Record<Refusal, number>>;
  readonly troubles: Readonly<Record<Trouble, number>>;
  /** A request that isn't done; `name` is an attribute or OID in it. */
  refused(refusal: Refusal, where: Where, name: string | undefined): void;
  connection(trouble: Trouble, where: Where, detail: string | undefined): void;
  /** Writes the events of windows that are over; with `all`, of the others too. */
  report(all?: boolean): Promise<void>;
}

export interface Where {
  readonly listener: string;
  readonly address: string;
}

export interface TroublesOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Keeps one event; fails when the store is down. */
  readonly audit: (event: EventDraft) => Promise<void>;
}

const WINDOW_MS = 60_000;
/** About 200 bytes each; beyond these only the counter tells. */
const ENTRIES_MAX = 2_048;

interface Refused extends Where {
  readonly refusal: Refusal;
}

export function createTroubles({ clock, log, audit }: TroublesOptions): Troubles {
  const refusals = zeroCounts(REFUSALS);
  const troubles = zeroCounts(TROUBLES);
  const limits = { windowMs: WINDOW_MS, entriesMax: ENTRIES_MAX };
  const requests = createTally<Refused>(clock, limits);
  const connections = createTally<Trouble>(clock, limits);
  return {
    refusals,
    troubles,
    refused(refusal, where, name) {
      refusals[refusal] += 1;
      const key = `${refusal} ${where.listener} ${where.address}`;
      if (requests.add(key, { refusal, ...where }) !== "first") return;
      const about = name === undefined ? {} : { name: auditText(name) };
      log.warn({ ...where, refusal, ...about }, "a request was refused");
    },
    connection(trouble, where, detail) {
      troubles[trouble] += 1;
      const key = `${trouble} ${where.listener} ${where.address}`;
      if (connections.add(key, trouble) !== "first") return;
      const why = detail === undefined ? {} : { reason: detail };
      log.warn({ ...where, trouble, ...why }, "a connection came to nothing");
    },
    async report(all = false) {
      connections.take(all);
      for (const tallied of requests.take(all)) {
        try {
          await audit(refusalEvent(tallied, clock));
        } catch (error) {
          log.error({ err: error, event_type: "ldap_operation_denied" }, "an event was lost");
        }
      }
    },
  };
}

function zeroCounts<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
}

function refusalEvent(
  { about: { refusal, listener, address }, count, firstSeen, lastSeen }: Tallied<Refused>,
  clock: Clock,
): EventDraft {
  const now = clock.now();
  return {
    id: uuidv7(now),
    timestamp: new Date(now).toISOString(),
    service: "ldap",
    event_type: "ldap_operation_denied",
    success: false,
    initiated_by: { type: "client", id: listener },
    app: { name: listener, ip: address },
    count,
    details: {
      reason: refusal,
      first_seen: new Date(firstSeen).toISOString(),
      last_seen: new Date(lastSeen).toISOString(),
    },
  };
}
