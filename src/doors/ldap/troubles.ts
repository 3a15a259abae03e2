// What the door tells besides logins: requests that it refuses, connections that come to nothing, TLS
// that begins on request. Counted, one log line or audit event per listener, address, cause and minute.
// Invariant: a flood of them costs a bounded number of lines, events and bytes of memory.

import { auditText, type EventDraft, type EventType } from "../../core/audit.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { uuidv7 } from "../../lib/random.ts";
import { createTally, type Tallied } from "../../lib/tally.ts";
import { EXTENDED } from "../../wire/ldap/operation.ts";
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
  /** How a StartTLS that was granted ended. */
  startTls(ended: StartTlsEnd, where: Where): void;
  /** Writes the events of windows that are over; with `all`, of the others too. */
  report(all?: boolean): Promise<void>;
}

export interface Where {
  readonly listener: string;
  readonly address: string;
}

export type StartTlsEnd =
  | { readonly isSecure: true; readonly version: string; readonly cipher: string }
  | { readonly isSecure: false; readonly reason: string };

export interface TroublesOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Keeps one event; fails when the store is down. */
  readonly audit: (event: EventDraft) => Promise<void>;
}

const WINDOW_MS = 60_000;
/** About 200 bytes each; beyond these only the counter tells. */
const ENTRIES_MAX = 2_048;

/** What an event says besides when and how often. */
interface News extends Where {
  readonly eventType: EventType;
  readonly success: boolean;
  readonly details: NonNullable<EventDraft["details"]>;
}

export function createTroubles({ clock, log, audit }: TroublesOptions): Troubles {
  const refusals = zeroCounts(REFUSALS);
  const troubles = zeroCounts(TROUBLES);
  const limits = { windowMs: WINDOW_MS, entriesMax: ENTRIES_MAX };
  const news = createTally<News>(clock, limits);
  const connections = createTally<Trouble>(clock, limits);
  return {
    refusals,
    troubles,
    refused(refusal, where, name) {
      refusals[refusal] += 1;
      const key = `${refusal} ${where.listener} ${where.address}`;
      const told = { eventType: "ldap_operation_denied", success: false } as const;
      const details = { reason: refusal };
      if (news.add(key, { ...told, details, ...where }) !== "first") return;
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
    startTls(ended, where) {
      const { isSecure: success } = ended;
      const details = success
        ? { tls_version: ended.version, cipher: ended.cipher }
        : { reason: ended.reason };
      const key = `start-tls ${Object.values(details).join(" ")} ${where.listener} ${where.address}`;
      news.add(key, {
        eventType: "ldap_start_tls",
        success,
        details: { oid: EXTENDED.startTls, ...details },
        ...where,
      });
    },
    async report(all = false) {
      connections.take(all);
      for (const tallied of news.take(all)) {
        try {
          await audit(eventOf(tallied, clock));
        } catch (error) {
          log.error({ err: error, event_type: tallied.about.eventType }, "an event was lost");
        }
      }
    },
  };
}

function zeroCounts<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
}

function eventOf(
  { about: { eventType, success, details, ...where }, count, firstSeen, lastSeen }: Tallied<News>,
  clock: Clock,
): EventDraft {
  const { listener, address } = where;
  const now = clock.now();
  return {
    id: uuidv7(now),
    timestamp: new Date(now).toISOString(),
    service: "ldap",
    event_type: eventType,
    success,
    initiated_by: { type: "client", id: listener },
    app: { name: listener, ip: address },
    count,
    details: {
      ...details,
      first_seen: new Date(firstSeen).toISOString(),
      last_seen: new Date(lastSeen).toISOString(),
    },
  };
}
