// What people are told by mail, and what has to be remembered until they were. Invariant: no mail holds
// a secret, a code or anything that would let somebody in.

import type { EventDraft } from "./audit.ts";

/** Of an enrolment period: each is sent once for one end of it. */
export const MAIL_TEMPLATES = [
  "enrolment-begins",
  "enrolment-reminder",
  "enrolment-ended",
] as const;
export type MailTemplate = (typeof MAIL_TEMPLATES)[number];

/** What a template may name. */
export const MAIL_PLACES = ["username", "issuer", "deadline", "time_left", "portal"] as const;
export type MailPlace = (typeof MAIL_PLACES)[number];

/** Why a mail was given up. */
export const MAIL_PROBLEMS = [
  "person-not-found",
  "no-address",
  "unusable-address",
  "recipient-refused",
  "directory-unavailable",
  "not-taken",
  "interrupted",
] as const;
export type MailProblem = (typeof MAIL_PROBLEMS)[number];

/** How long before the end the reminder is due. */
export const REMINDER_MS = 86_400_000;
/** How long a mail is tried, from the first time on. */
export const MAIL_TRIED_MS = 3 * 86_400_000;

export interface MailPerson {
  /** Name of the directory. */
  readonly directory: string;
  /** The immutable id. */
  readonly id: string;
  readonly username: string;
}

/** A mail that somebody has begun to send. */
export interface TakenMail {
  readonly id: number;
  readonly template: MailTemplate;
  readonly person: MailPerson;
  /** End of the enrolment period, ms UTC. */
  readonly until: number;
  /** With this one. */
  readonly attempts: number;
  /** When it was tried first, ms UTC; 0: not yet. */
  readonly firstTriedAt: number;
  /** How often it was begun without anybody knowing how that ended; this time included. */
  readonly unsettled: number;
}

/** The mails that wait, one of each template for a person at most. Durable, like all of the store. */
export interface Outbox {
  /** The ids of some that are due, those that have waited longest first. */
  dueMails(limit: number): Promise<readonly number[]>;
  /**
   * Notes that this one is being sent, before it is: should nobody say how that ended, it is due
   * again at `retryAt` (ms UTC). Undefined: it has lost its reason, and is gone.
   */
  takeMail(id: number, retryAt: number): Promise<TakenMail | undefined>;
  /** It was handed over, or given up, which the event says; it is gone. */
  settleMail(id: number, event: EventDraft | undefined): Promise<void>;
  /** It was not handed over, as far as anybody said: due again at `retryAt` (ms UTC). */
  postponeMail(id: number, retryAt: number): Promise<void>;
  /** Nothing can be handed over now: some of those that are due count as tried. */
  holdMails(): Promise<void>;
  /** Some that are due and were tried first before `triedBefore` (ms UTC). */
  overdueMails(triedBefore: number, limit: number): Promise<readonly TakenMail[]>;
  mailsWaiting(): number;
}
