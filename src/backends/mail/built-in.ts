// The texts that are sent where administrators have none of their own. config/mail/ has them as files,
// to begin with.

import { MAIL_PLACES, type MailTemplate } from "../../core/mail.ts";
import { parseTemplate, type TextTemplate } from "../../lib/text-template.ts";

export const BUILT_IN_TEXTS: Readonly<Record<MailTemplate, string>> = {
  "enrolment-begins": `Subject: {issuer}: set up your second factor by {deadline}

Hello {username},

from now on a password alone is no longer enough when you log in at
{issuer}: a code from an app on your phone comes with it.

You have {time_left} to set it up, until
{deadline}.
Until then your password works as before. After that you can't log in
without a code.

Sign in here with the password you know and follow the three steps:
{portal}

Whenever you log in later, type your password, a comma and the code that
the app shows, in one go:
password,123456
Some applications ask for the code after the password instead.

Nobody will ever ask you for your password or a code by mail or on the
telephone. If anything looks wrong to you, ask your help desk.
`,
  "enrolment-reminder": `Subject: {issuer}: {time_left} left to set up your second factor

Hello {username},

you haven't set up your second factor for {issuer} yet. You have
{time_left} left, until
{deadline}.
After that you can't log in until the help desk has helped you.

Sign in here with the password you know and follow the three steps:
{portal}

If you need more time, or have no phone to set it up on, ask your help
desk before then.
`,
  "enrolment-ended": `Subject: {issuer}: the time to set up your second factor is over

Hello {username},

the time to set up your second factor for {issuer} ended on
{deadline},
and you haven't done it. You can't log in where a code is asked for.

Please turn to your help desk: they can give you more time.
`,
};

/** Of texts of our own, one that can't be read is our own mistake. */
export function builtIn(template: MailTemplate): TextTemplate {
  const parsed = parseTemplate(BUILT_IN_TEXTS[template], MAIL_PLACES);
  if (typeof parsed === "string") throw new Error(`the built-in ${template} ${parsed}`);
  return parsed;
}
