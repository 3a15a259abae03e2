// A mail as it is handed over: text, with the headers that keep robots from answering it. Invariant: an
// address goes on the envelope whole or not at all; nothing is read from a file or fetched.

import type { MailPlace, MailTemplate, TakenMail } from "../../core/mail.ts";
import { domainOf, type Mailbox } from "../../lib/mail-address.ts";
import { renderTemplate, type TextTemplate } from "../../lib/text-template.ts";
import { builtIn } from "./built-in.ts";
import { momentText, spanText } from "./words.ts";

export interface Wording {
  readonly from: Mailbox;
  readonly templates: Readonly<Partial<Record<MailTemplate, TextTemplate>>>;
  readonly issuer: string;
  /** Origin of the portal; undefined: there is none. */
  readonly portal: string | undefined;
}

export interface Message {
  readonly from: Mailbox;
  /** A checked address. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly messageId: string;
  readonly date: Date;
}

/** `to` is a checked address. */
export function compose(mail: TakenMail, to: string, wording: Wording, now: number): Message {
  const { from, templates, issuer, portal } = wording;
  const values: Readonly<Record<MailPlace, string | undefined>> = {
    username: mail.person.username,
    issuer,
    deadline: momentText(mail.until),
    time_left: spanText(mail.until - now),
    portal,
  };
  const rendered = renderTemplate(templates[mail.template] ?? builtIn(mail.template), values);
  // The same each time it is tried: whoever gets it twice has software that can see that.
  const messageId = `<${mail.template}.${mail.id}.${mail.until}@${domainOf(from)}>`;
  return { from, to, ...rendered, messageId, date: new Date(now) };
}
