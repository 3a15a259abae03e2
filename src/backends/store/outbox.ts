// The mails that wait, in the writer's hands and as the reader sees them. Invariants: a mail is made by
// the change that causes it, in its transaction; whether it still has a reason is decided when it is
// taken; nobody has more than one of each template.

import type { DatabaseSync } from "node:sqlite";

import {
  MAIL_TEMPLATES,
  MAIL_TRIED_MS,
  REMINDER_MS,
  type Outbox,
  type TakenMail,
} from "../../core/mail.ts";
import type { Clock } from "../../lib/clock.ts";
import { eventText, type Ledger } from "./ledger.ts";
import type { Snapshot } from "./snapshot.ts";
import type { WriterThread } from "./writer-thread.ts";
import type { Answers, Write } from "./writes.ts";

type WriteOf<K extends Write["kind"]> = Extract<Write, { kind: K }>;
type MailWrite = "take-mail" | "settle-mail" | "postpone-mail" | "hold-mails";

type OutboxChanges = {
  readonly [K in MailWrite]: (write: WriteOf<K>) => Answers[K];
};

export interface PeriodMails {
  /** The enrolment period of this person ends at `until` from now on; undefined: there is none. */
  announce(account: number, until: number | undefined, now: number): void;
  /** It has ended, and the person hasn't enrolled. */
  tellEnd(account: number, until: number, now: number): void;
}

// A slice: some milliseconds of the writer's time, so that logins pass in between.
const HELD_ROWS = 2_000;
// No mail is put off for longer: what is due later was put off before the clock went back.
const PUT_OFF_MS_MAX = 3_600_000;

const MAIL = `
  SELECT m.id, m.account, m.template, m.until, m.attempts, m.unsettled, m.tried_at,
    a.directory, a.immutable_id, a.username, a.requirement_until,
    EXISTS (SELECT 1 FROM tokens t WHERE t.account = a.id) AS enrolled
  FROM mails m JOIN accounts a ON a.id = m.account`;

interface OutboxWriter {
  readonly ofPeriods: PeriodMails;
  readonly changes: OutboxChanges;
}

export function createOutboxWriter(database: DatabaseSync, ledger: Ledger): OutboxWriter {
  return { ofPeriods: createPeriodMails(database), changes: createOutboxChanges(database, ledger) };
}

function createPeriodMails(database: DatabaseSync): PeriodMails {
  const insert = database.prepare(
    "INSERT OR REPLACE INTO mails (account, template, until, due_at) VALUES (?, ?, ?, ?)",
  );
  const withdraw = database.prepare("DELETE FROM mails WHERE account = ?");
  return {
    announce(account, until, now) {
      withdraw.run(account);
      if (until === undefined) return;
      insert.run(account, "enrolment-begins", until, now);
      // A period of a day begins with what a reminder would say.
      if (until - REMINDER_MS > now) {
        insert.run(account, "enrolment-reminder", until, until - REMINDER_MS);
      }
    },
    tellEnd(account, until, now) {
      insert.run(account, "enrolment-ended", until, now);
    },
  };
}

function createOutboxChanges(database: DatabaseSync, ledger: Ledger): OutboxChanges {
  const find = database.prepare(`${MAIL} WHERE m.id = ?`);
  const remove = database.prepare("DELETE FROM mails WHERE id = ?");
  const take = database.prepare(
    `UPDATE mails SET attempts = attempts + 1, unsettled = unsettled + 1, due_at = ?,
       tried_at = coalesce(tried_at, ?) WHERE id = ?`,
  );
  // As if it had never been tried, since it should not have been.
  const putOff = database.prepare("UPDATE mails SET due_at = ?, tried_at = NULL WHERE id = ?");
  const postpone = database.prepare(
    "UPDATE mails SET due_at = ?, unsettled = unsettled - 1 WHERE id = ?",
  );
  const hold = database.prepare(
    `UPDATE mails SET tried_at = ? WHERE id IN
       (SELECT id FROM mails WHERE due_at <= ? AND tried_at IS NULL LIMIT ${HELD_ROWS})`,
  );

  return {
    "take-mail"({ id, now, retryAt }) {
      const row = find.get(id);
      if (row === undefined) return undefined;
      const mail = readMail(row);
      if (mail === undefined || !hasReason(row, mail, now)) {
        remove.run(id);
        return undefined;
      }
      // The clock went back: nobody is told of an end that is still to come.
      if (mail.template === "enrolment-ended" && mail.until > now) {
        putOff.run(mail.until, id);
        return undefined;
      }
      take.run(retryAt, now, id);
      const firstTriedAt = mail.firstTriedAt || now;
      const counted = { attempts: mail.attempts + 1, unsettled: mail.unsettled + 1 };
      return { ...mail, ...counted, firstTriedAt };
    },
    "settle-mail"({ id, event }) {
      if (Number(remove.run(id).changes) > 0 && event !== undefined) ledger.append(event);
      return true;
    },
    "postpone-mail"({ id, retryAt }) {
      postpone.run(retryAt, id);
      return true;
    },
    "hold-mails"({ now }) {
      hold.run(now, now);
      return true;
    },
  };
}

type MailRow = Readonly<Record<string, unknown>>;

/** Undefined: nobody could be told, or a newer program had something else to say. */
function readMail(row: MailRow): TakenMail | undefined {
  const template = MAIL_TEMPLATES.find((each) => each === row["template"]);
  const { immutable_id: immutableId } = row;
  if (template === undefined || typeof immutableId !== "string") return undefined;
  return {
    id: Number(row["id"]),
    template,
    person: {
      directory: String(row["directory"]),
      id: immutableId,
      username: String(row["username"]),
    },
    until: Number(row["until"]),
    attempts: Number(row["attempts"]),
    firstTriedAt: Number(row["tried_at"] ?? 0),
    unsettled: Number(row["unsettled"]),
  };
}

function hasReason(
  row: MailRow,
  { template, until, firstTriedAt }: TakenMail,
  now: number,
): boolean {
  if (Number(row["enrolled"]) !== 0 || row["requirement_until"] !== until) return false;
  if (template !== "enrolment-ended") return now < until;
  // Whatever was kept while there was no mail: an end that is long past is no news.
  return firstTriedAt > 0 || now < until + MAIL_TRIED_MS;
}

export function createOutbox(
  reader: DatabaseSync,
  snapshot: Snapshot,
  writer: WriterThread,
  clock: Clock,
): Outbox {
  const due = reader.prepare("SELECT id FROM mails WHERE due_at <= ? ORDER BY due_at, id LIMIT ?");
  const stranded = reader.prepare(
    "SELECT id FROM mails WHERE tried_at IS NOT NULL AND due_at > ? LIMIT ?",
  );
  const overdue = reader.prepare(
    `${MAIL} WHERE m.tried_at < ? AND m.due_at <= ? ORDER BY m.tried_at LIMIT ?`,
  );
  const count = reader.prepare("SELECT count(*) AS n FROM mails WHERE due_at <= ?");

  return {
    dueMails: async (limit) =>
      snapshot.read(() => {
        const now = clock.now();
        const rows = [...due.all(now, limit), ...stranded.all(now + PUT_OFF_MS_MAX, limit)];
        return rows.map((row) => Number(row["id"]));
      }),
    takeMail: (id, retryAt) =>
      writer.write<"take-mail">({ kind: "take-mail", id, now: clock.now(), retryAt }),
    async settleMail(id, event) {
      const text = event === undefined ? undefined : eventText(event);
      await writer.write<"settle-mail">({ kind: "settle-mail", id, event: text });
    },
    async postponeMail(id, retryAt) {
      await writer.write<"postpone-mail">({ kind: "postpone-mail", id, retryAt });
    },
    async holdMails() {
      await writer.write<"hold-mails">({ kind: "hold-mails", now: clock.now() });
    },
    overdueMails: async (triedBefore, limit) =>
      snapshot.read(() =>
        overdue.all(triedBefore, clock.now(), limit).flatMap((row) => readMail(row) ?? []),
      ),
    mailsWaiting: () => snapshot.read(() => Number(count.get(clock.now())?.["n"] ?? 0)),
  };
}
