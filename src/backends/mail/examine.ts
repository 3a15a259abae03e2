// Whether the mail server would take mail from here: reached, encrypted, logged in to. Nothing is sent.

import type { Finding } from "../../core/finding.ts";
import { openSmtp, type SmtpSettings } from "./smtp.ts";

const SAID = {
  implicit: "answers, over TLS",
  "start-tls": "answers, with STARTTLS",
  none: "answers, in clear",
} as const;

/** Never rejects. */
export async function examineMail(settings: SmtpSettings): Promise<Finding> {
  const subject = `mail ${settings.server.url}`;
  const connection = openSmtp(settings);
  const problem = await connection.verify();
  connection.close();
  if (problem === undefined) {
    const login = settings.login === undefined ? "" : `, and ${settings.login.user} may log in`;
    return { state: "right", subject, said: `${SAID[settings.server.tls]}${login}` };
  }
  // Nobody's login depends on it.
  const remedy = "until it works mails wait, three days each; see mail in the configuration";
  return { state: "doubtful", subject, said: problem, remedy };
}
