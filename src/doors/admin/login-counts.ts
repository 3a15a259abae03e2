// How logins ended and how long they took, through every door. Counting one is a handful of additions:
// it happens on the way of each login, reading when somebody collects.
// Invariant: one number per configured client and way to end, whatever arrives.

import { SERVICES, type Service } from "../../core/audit.ts";
import type { LoginObserver } from "../../core/observer.ts";
import { EXEMPT_REASONS, REASONS, type Verdict } from "../../core/verdict.ts";
import { Histogram, type Distribution, type Metric, type Sample } from "../../lib/metric.ts";

export const OUTCOMES = ["accept", "challenge", "reject", "unavailable"] as const;
/** Why: a code that was right or is still to come has none. */
const WHYS = ["", ...EXEMPT_REASONS, ...Object.keys(REASONS)] as const;
const WHY_AT: ReadonlyMap<string, number> = new Map(WHYS.map((why, at) => [why, at]));
const OUTCOME_AT: Readonly<Record<Verdict["outcome"], number>> = {
  accept: 0,
  challenge: WHYS.length,
  reject: 2 * WHYS.length,
  unavailable: 3 * WHYS.length,
};

/** Seconds: a cached answer, a busy directory, the longest `timeout` of one. */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

interface DoorCounts {
  /** By client, then as OUTCOME_AT and WHY_AT say. */
  readonly clients: Map<string, number[]>;
  readonly directory: Histogram;
  readonly gateway: Histogram;
}

export interface LoginCounts extends LoginObserver {
  readonly metrics: readonly Metric[];
}

export function createLoginCounts(): LoginCounts {
  const doors = new Map<Service, DoorCounts>();
  return {
    decided(service, client, verdict, totalMs, directoryMs) {
      let door = doors.get(service);
      if (door === undefined) doors.set(service, (door = newDoor()));
      let counts = door.clients.get(client);
      if (counts === undefined) door.clients.set(client, (counts = newCounts()));
      const at = OUTCOME_AT[verdict.outcome] + (WHY_AT.get(whyOf(verdict)) ?? 0);
      counts[at] = (counts[at] ?? 0) + 1;
      door.directory.observe(directoryMs / 1_000);
      door.gateway.observe((totalMs - directoryMs) / 1_000);
    },
    metrics: [
      {
        kind: "counter",
        name: "gatehouse_auth_attempts_total",
        help: "Logins decided. reason: why refused, or why accepted without a code.",
        labels: ["door", "client", "outcome", "reason"],
        read: () => attempts(doors),
      },
      {
        kind: "histogram",
        name: "gatehouse_auth_duration_seconds",
        help: "Time of a login until it was decided and recorded, at the directory and besides.",
        labels: ["door", "part"],
        read: () => durations(doors),
      },
    ],
  };
}

function newDoor(): DoorCounts {
  const directory = new Histogram(BOUNDS);
  return { clients: new Map(), directory, gateway: new Histogram(BOUNDS) };
}

function newCounts(): number[] {
  return Array.from({ length: OUTCOMES.length * WHYS.length }, () => 0);
}

function whyOf(verdict: Verdict): string {
  if (verdict.outcome === "accept") return verdict.exempt ?? "";
  return verdict.outcome === "challenge" ? "" : verdict.reason;
}

function* attempts(doors: ReadonlyMap<Service, DoorCounts>): Iterable<Sample> {
  for (const [door, { clients }] of doors) {
    for (const [client, counts] of clients) {
      for (const [at, value] of counts.entries()) {
        if (value === 0) continue;
        const outcome = OUTCOMES[Math.floor(at / WHYS.length)] ?? "";
        yield { labels: { door, client, outcome, reason: WHYS[at % WHYS.length] ?? "" }, value };
      }
    }
  }
}

function* durations(doors: ReadonlyMap<Service, DoorCounts>): Iterable<Distribution> {
  for (const door of SERVICES) {
    const counts = doors.get(door);
    if (counts === undefined) continue;
    for (const part of ["directory", "gateway"] as const) {
      yield { labels: { door, part }, of: counts[part] };
    }
  }
}
