// The words for people whose factor is missing, where their reply has room for some.

import type { HelpText } from "../core/verdict.ts";
import type { Clock } from "../lib/clock.ts";
import { en } from "../web/texts/en.ts";
import { daysLeft } from "../web/time.ts";
import type { Running } from "./running.ts";

/** By the configuration of the moment. Nothing without a portal: there is nowhere to go. */
export function createHelpText(running: Pick<Running, "config">, clock: Clock): HelpText {
  return function helpText(help, isAccept) {
    const { admin, enrolment } = running.config;
    const isSaid = enrolment.help === "always" || (enrolment.help === "accepts" && isAccept);
    if (!isSaid || admin?.publicUrl === undefined) return undefined;
    if (help.kind === "period-expired") return en.help.expired(admin.publicUrl);
    return en.help.inPeriod(daysLeft(help.until, clock.now()), admin.publicUrl);
  };
}
