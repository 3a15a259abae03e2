// What the door tells about packets it stays silent to, and about a NAS's health checks: counters,
// one log line and one audit event per client and reason and window.
// Invariant: a flood of bad packets costs a bounded number of lines, events and bytes of memory.

import { auditText, type EventDraft } from "../../core/audit.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { uuidv7 } from "../../lib/random.ts";
import { normaliseUsername } from "../../lib/username.ts";
import type { KnownClient } from "./clients.ts";
import {
  type Drop,
  DROP_REASONS,
  dropMessage,
  type DropReason,
  UNREPORTED,
} from "./drop-reasons.ts";
import { createTally, type Tallied } from "../../lib/tally.ts";

export interface DropsOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Keeps one event; fails when the store is down. */
  readonly audit: (event: EventDraft) => Promise<void>;
}

export interface Drops {
  readonly counts: Readonly<Record<DropReason, number>>;
  drop(reason: DropReason, client: KnownClient | undefined, address: string): Drop;
  /** A health check by one of the client's probe users. */
  probe(client: KnownClient, username: string, address: string): void;
  /** Writes the events of windows that are over; with `all`, of the others too. */
  report(all?: boolean): Promise<void>;
}

const DROP_WINDOW_MS = 60_000;
const PROBE_WINDOW_MS = 60 * 60_000;
const CLIENT_ENTRIES_MAX = 512;
// Source addresses can be forged at will: beyond these only the counter tells.
const STRANGER_ENTRIES_MAX = 16;
const PROBE_ENTRIES_MAX = 512;

interface Dropped {
  readonly reason: DropReason;
  readonly client: string | undefined;
  readonly address: string;
}

interface Probed {
  readonly client: string;
  readonly username: string;
  readonly address: string;
}

export function createDrops({ clock, log, audit }: DropsOptions): Drops {
  const counts = zeroCounts();
  const fromClients = createTally<Dropped>(clock, {
    windowMs: DROP_WINDOW_MS,
    entriesMax: CLIENT_ENTRIES_MAX,
  });
  const fromStrangers = createTally<Dropped>(clock, {
    windowMs: DROP_WINDOW_MS,
    entriesMax: STRANGER_ENTRIES_MAX,
  });
  const probes = createTally<Probed>(clock, {
    windowMs: PROBE_WINDOW_MS,
    entriesMax: PROBE_ENTRIES_MAX,
  });
  return {
    counts,
    drop(reason, client, address) {
      counts[reason] += 1;
      if (UNREPORTED.has(reason)) return { drop: reason };
      const name = client?.settings.name;
      const tally = name === undefined ? fromStrangers : fromClients;
      const about = { reason, client: name, address };
      if (tally.add(`${reason} ${name ?? address}`, about) === "first") {
        log.warn({ client: name, source: address, reason }, dropMessage(reason, name));
      }
      return { drop: reason };
    },
    probe(client, username, address) {
      const { name } = client.settings;
      probes.add(`${name} ${normaliseUsername(username)}`, { client: name, username, address });
    },
    async report(all = false) {
      const events = [
        ...[...fromClients.take(all), ...fromStrangers.take(all)].map((tallied) =>
          dropEvent(tallied, clock),
        ),
        ...probes.take(all).map((tallied) => probeEvent(tallied, clock)),
      ];
      for (const event of events) {
        try {
          await audit(event);
        } catch (error) {
          log.error({ err: error, event_type: event.event_type }, "an event was lost");
        }
      }
    },
  };
}

function zeroCounts(): Record<DropReason, number> {
  const reasons = Object.keys(DROP_REASONS);
  return Object.fromEntries(reasons.map((reason) => [reason, 0])) as Record<DropReason, number>;
}

function dropEvent({ about, ...seen }: Tallied<Dropped>, clock: Clock): EventDraft {
  const { reason, client, address } = about;
  return {
    ...clientEvent(client, address, seen, clock),
    event_type: "radius_packet_dropped",
    reply: "none",
    details: { reason, ...seenDetails(seen) },
  };
}

function probeEvent({ about, ...seen }: Tallied<Probed>, clock: Clock): EventDraft {
  const { client, address, username } = about;
  return {
    ...clientEvent(client, address, seen, clock),
    event_type: "radius_probe",
    username: auditText(username),
    reason: "probe-user",
    reply: "reject",
    details: seenDetails(seen),
  };
}

type Seen = Omit<Tallied<unknown>, "about">;

function clientEvent(
  client: string | undefined,
  address: string,
  { count }: Seen,
  clock: Clock,
): Omit<EventDraft, "event_type"> {
  const now = clock.now();
  return {
    id: uuidv7(now),
    timestamp: new Date(now).toISOString(),
    service: "radius",
    success: false,
    initiated_by: { type: "client", ...(client === undefined ? {} : { id: client }) },
    nas: { name: client ?? "unknown", ip: address },
    count,
  };
}

function seenDetails({ firstSeen, lastSeen }: Seen): { first_seen: string; last_seen: string } {
  return {
    first_seen: new Date(firstSeen).toISOString(),
    last_seen: new Date(lastSeen).toISOString(),
  };
}
