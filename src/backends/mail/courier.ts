// Takes the mails that are due to the mail server, one after the other, and tries again what it can't
// get rid of. Invariants: nothing but the queue waits for it, so no login and no command ever does; that
// a mail is begun is noted before it is, so that a crash sends it once more at most.

import {
  MAIL_TRIED_MS,
  type MailPerson,
  type MailProblem,
  type Outbox,
  type TakenMail,
} from "../../core/mail.ts";
import { DependencyDown } from "../../core/ports.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { isMailAddress } from "../../lib/mail-address.ts";
import { failedEvent, sentEvent } from "./events.ts";
import { compose, type Wording } from "./message.ts";
import { openSmtp, type SendOutcome, type SmtpConnection, type SmtpSettings } from "./smtp.ts";

export interface CourierOptions {
  readonly outbox: Outbox;
  /** As they are now; undefined: no mail is sent, and what waits goes on waiting. */
  readonly settings: () => CourierSettings | undefined;
  /** Throws DependencyDown when the directory can't say. */
  readonly addressOf: (person: MailPerson) => Promise<AddressAnswer>;
  readonly clock: Clock;
  readonly log: Log;
}

export type CourierSettings = SmtpSettings & Wording;

/** What the directory says of a person. */
export type AddressAnswer =
  | { readonly kind: "found"; readonly address: string }
  | { readonly kind: Extract<MailProblem, "no-address" | "person-not-found"> };

export interface Courier {
  /** Sends what is due, unless it is at it or the server is left in peace. Never rejects. */
  look(): Promise<void>;
  /** Resolves soon: the mail under way may be finished, or is tried again after a start. */
  stop(): Promise<void>;
}

type Attempt =
  | Extract<SendOutcome, { kind: "sent" | "server-down" }>
  | {
      readonly kind: "failed";
      readonly problem: MailProblem;
      readonly isFinal: boolean;
      readonly reason?: string;
    };

const SLICE = 50;
// A minute, two, four … an hour: a server that greylists wants some minutes (RFC 6647 §2).
const PUT_OFF_MS = 60_000;
const PUT_OFF_MS_MAX = 3_600_000;
// A server that fails, seconds at first, minutes in the end.
const PAUSE_MS = 5_000;
const PAUSE_MS_MAX = 300_000;
/** This time, and once that nobody knows the end of. */
const UNSETTLED_MAX = 2;
const STOP_MS = 2_000;

export function createCourier(options: CourierOptions): Courier {
  const { clock, log, outbox } = options;
  const abort = new AbortController();
  const pause = createPause(clock);
  let isStopping = false;
  let underWay: Promise<void> | undefined;

  async function deliverAll(settings: CourierSettings): Promise<void> {
    let ids = await outbox.dueMails(SLICE);
    if (ids.length === 0) return;
    const connection = openSmtp(settings, abort.signal);
    try {
      for (; ids.length > 0; ids = await outbox.dueMails(SLICE)) {
        for (const id of ids) {
          if (isStopping || !(await deliver(id, settings, connection))) return;
        }
      }
    } finally {
      connection.close();
    }
  }

  /** False: the server takes no mail now. */
  async function deliver(
    id: number,
    settings: CourierSettings,
    connection: SmtpConnection,
  ): Promise<boolean> {
    const mail = await outbox.takeMail(id, clock.now() + PUT_OFF_MS);
    if (mail === undefined) return true;
    const server = settings.server.url;
    const ended: Attempt =
      mail.unsettled > UNSETTLED_MAX
        ? { kind: "failed", problem: "interrupted", isFinal: true }
        : await attempt(mail, settings, connection);
    if (ended.kind === "server-down") {
      await outbox.postponeMail(id, clock.now());
      if (isStopping) return false;
      if (pause.lengthen(settings)) log.warn({ server, reason: ended.reason }, "mail server fails");
      await holdBack();
      return false;
    }
    if (ended.kind === "failed") await fail(mail, ended);
    else {
      await outbox.settleMail(id, sentEvent(mail, clock));
      log.info({ mail: mail.template, username: mail.person.username }, "mail sent");
      if (pause.end()) log.info({ server }, "mail server takes mail again");
    }
    return true;
  }

  async function attempt(
    mail: TakenMail,
    settings: CourierSettings,
    connection: SmtpConnection,
  ): Promise<Attempt> {
    const to = await findAddress(mail.person);
    if (to.kind === "failed") return to;
    const outcome = await connection.send(compose(mail, to.address, settings, clock.now()));
    if (outcome.kind === "sent" || outcome.kind === "server-down") return outcome;
    const { kind: problem, reason } = outcome;
    return { kind: "failed", problem, isFinal: problem === "recipient-refused", reason };
  }

  async function findAddress(
    person: MailPerson,
  ): Promise<Extract<Attempt, { kind: "failed" }> | { kind: "found"; address: string }> {
    try {
      const answer = await options.addressOf(person);
      if (answer.kind !== "found") return { kind: "failed", problem: answer.kind, isFinal: true };
      if (isMailAddress(answer.address)) return answer;
      return { kind: "failed", problem: "unusable-address", isFinal: true };
    } catch (error) {
      if (!(error instanceof DependencyDown)) throw error;
      const { message: reason } = error;
      return { kind: "failed", problem: "directory-unavailable", isFinal: false, reason };
    }
  }

  async function fail(
    mail: TakenMail,
    { problem, isFinal, reason }: Extract<Attempt, { kind: "failed" }>,
  ): Promise<void> {
    const now = clock.now();
    const about = { mail: mail.template, username: mail.person.username, problem, reason };
    if (isFinal || now - mail.firstTriedAt >= MAIL_TRIED_MS) {
      log.warn(about, "mail given up");
      await outbox.settleMail(mail.id, failedEvent(mail, problem, clock));
      return;
    }
    log.info(about, "mail put off");
    const putOff = Math.min(PUT_OFF_MS * 2 ** (mail.attempts - 1), PUT_OFF_MS_MAX);
    await outbox.postponeMail(mail.id, now + putOff);
  }

  // All that is due waits for the same server: the time of each runs, not only that of the first.
  async function holdBack(): Promise<void> {
    await outbox.holdMails();
    const before = clock.now() - MAIL_TRIED_MS;
    for (;;) {
      const mails = await outbox.overdueMails(before, SLICE);
      for (const mail of mails)
        await fail(mail, { kind: "failed", problem: "not-taken", isFinal: true });
      if (mails.length < SLICE) return;
    }
  }

  async function lookOnce(): Promise<void> {
    const settings = options.settings();
    if (settings === undefined || isStopping || pause.isOn(settings)) return;
    try {
      await deliverAll(settings);
    } catch (error) {
      // What was under way is due again by itself.
      log.warn({ err: error }, "mails have to wait");
    }
  }

  return {
    look() {
      underWay ??= lookOnce().finally(() => {
        underWay = undefined;
      });
      return underWay;
    },
    async stop() {
      isStopping = true;
      const timer = setTimeout(() => abort.abort(), STOP_MS);
      await underWay;
      clearTimeout(timer);
    },
  };
}

/** How long a server that fails is left in peace; longer each time, until the settings are others. */
function createPause(clock: Clock) {
  let failing: CourierSettings["server"] | undefined;
  let lengthMs = 0;
  let endsAt = 0;
  return {
    isOn: ({ server }: CourierSettings): boolean =>
      server === failing && clock.monotonic() < endsAt,
    /** True: it begins. */
    lengthen({ server }: CourierSettings): boolean {
      const isFirst = lengthMs === 0 || server !== failing;
      failing = server;
      lengthMs = isFirst ? PAUSE_MS : Math.min(lengthMs * 2, PAUSE_MS_MAX);
      endsAt = clock.monotonic() + lengthMs;
      return isFirst;
    },
    /** True: there was one. */
    end(): boolean {
      const wasOn = failing !== undefined;
      failing = undefined;
      lengthMs = 0;
      return wasOn;
    },
  };
}
