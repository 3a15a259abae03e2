// What the audit trail says of mails: the reminder that went out, and any that was given up. No address
// stands in it: the directory has it.

import type { EventDraft } from "../../core/audit.ts";
import { auditText } from "../../core/audit.ts";
import type { MailProblem, TakenMail } from "../../core/mail.ts";
import type { Clock } from "../../lib/clock.ts";
import { uuidv7 } from "../../lib/random.ts";

/** Undefined: the event of what caused the mail says enough. */
export function sentEvent(mail: TakenMail, clock: Clock): EventDraft | undefined {
  if (mail.template !== "enrolment-reminder") return undefined;
  return {
    ...draft(mail, clock),
    service: "directory",
    event_type: "user_mfa_enrollment_reminder_email",
    success: true,
    details: { due: new Date(mail.until).toISOString() },
  };
}

export function failedEvent(mail: TakenMail, problem: MailProblem, clock: Clock): EventDraft {
  return {
    ...draft(mail, clock),
    service: "system",
    event_type: "mail_delivery_failed",
    success: false,
    details: { template: mail.template, problem, attempts: mail.attempts },
  };
}

function draft({ person }: TakenMail, clock: Clock) {
  const now = clock.now();
  return {
    id: uuidv7(now),
    timestamp: new Date(now).toISOString(),
    initiated_by: { type: "system" },
    resource: { type: "user", id: `${person.directory}/${person.id}` },
    username: auditText(person.username),
  } as const;
}
