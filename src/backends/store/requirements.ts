// Demands for a factor, and the ends of their enrolment periods, in the writer's hands. Invariants: a
// change tells what was before and what is now; that a period ran out is told once.

import type { DatabaseSync } from "node:sqlite";

import type { EventDraft } from "../../core/audit.ts";
import {
  changeRequirement,
  REQUIRED_OF,
  type Requirement,
  type RequirementChange,
} from "../../core/requirement.ts";
import { uuidv7 } from "../../lib/random.ts";
import { eventText, readEvent, type EventText, type Ledger } from "./ledger.ts";
import type { PeriodMails } from "./outbox.ts";

export interface Requirements {
  change(
    account: number,
    change: RequirementChange,
    event: EventText,
    now: number,
  ): "changed" | "unchanged";
  /** Looks at some periods that are over by `now`; 0: there are none. */
  close(now: number): { closed: number; expired: number };
}

// A slice: some milliseconds of the writer's time, so that logins pass in between.
const CLOSE_ROWS = 200;

/** `mails`: told of each change, in its transaction. */
export function createRequirements(
  database: DatabaseSync,
  ledger: Ledger,
  mails: PeriodMails,
): Requirements {
  const find = database.prepare(
    "SELECT requirement_until, requirement_of FROM accounts WHERE id = ?",
  );
  const set = database.prepare(
    `UPDATE accounts SET requirement_until = ?, requirement_of = ?, period_state = ? WHERE id = ?`,
  );
  const due = database.prepare(
    `SELECT a.id, a.directory, a.immutable_id, a.username, a.requirement_until,
       EXISTS (SELECT 1 FROM tokens t WHERE t.account = a.id) AS enrolled
     FROM accounts a WHERE a.period_state = 'open' AND a.requirement_until <= ?
     ORDER BY a.requirement_until LIMIT ${CLOSE_ROWS}`,
  );
  const settle = database.prepare("UPDATE accounts SET period_state = ? WHERE id = ?");

  return {
    change(account, change, event, now) {
      const row = find.get(account) ?? {};
      const before = readRequirement(row["requirement_until"], row["requirement_of"]);
      const after = changeRequirement(before, change);
      if (after === before) return "unchanged";
      const state = after === undefined ? null : "open";
      set.run(after?.until ?? null, after?.of ?? null, state, account);
      const changes = [{ field: "until", from: textOf(before), to: textOf(after) }];
      ledger.append(eventText({ ...readEvent(event), changes }));
      mails.announce(account, after?.until, now);
      return "changed";
    },
    close(now) {
      const rows = due.all(now);
      let expired = 0;
      for (const row of rows) {
        const isEnrolled = Number(row["enrolled"]) !== 0;
        settle.run(isEnrolled ? "met" : "expired", Number(row["id"]));
        if (isEnrolled) continue;
        expired += 1;
        ledger.append(eventText(expiredEvent(row, now)));
        mails.tellEnd(Number(row["id"]), Number(row["requirement_until"]), now);
      }
      return { closed: rows.length, expired };
    },
  };
}

/** As the columns have it; undefined without a demand. */
export function readRequirement(until: unknown, of: unknown): Requirement | undefined {
  if (typeof until !== "number") return undefined;
  const known = REQUIRED_OF.find((each) => each === of);
  if (known === undefined) throw new Error("a factor is demanded of nobody knows whom");
  return { until, of: known };
}

function textOf(requirement: Requirement | undefined): string | null {
  return requirement === undefined ? null : new Date(requirement.until).toISOString();
}

function expiredEvent(row: Readonly<Record<string, unknown>>, now: number): EventDraft {
  const { directory, immutable_id: id, username, requirement_until: until } = row;
  return {
    id: uuidv7(now),
    timestamp: new Date(now).toISOString(),
    service: "directory",
    event_type: "user_mfa_exclusion_expired",
    success: true,
    initiated_by: { type: "system" },
    resource: { type: "user", id: `${String(directory)}/${String(id ?? username)}` },
    username: String(username),
    details: { until: new Date(Number(until)).toISOString() },
  };
}
