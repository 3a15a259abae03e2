// Doors that ask some people, or nobody, for a code: allowed, and said at each start.

import type { MfaMode } from "../core/verdict.ts";
import type { MfaException } from "./config.ts";
import { type Path, quote, type Report } from "./problem.ts";

interface RawMode {
  readonly mfa: MfaMode;
  readonly mfa_exception?: MfaException | undefined;
}

/** `at` is the client or listener, `today` is YYYY-MM-DD. */
export function warnOfMode(raw: RawMode, at: Path, today: string, report: Report): void {
  if (raw.mfa === "enabled") {
    const message = "people without a token log in with their password alone; use required";
    report.warning([...at, "mfa"], message);
  }
  if (raw.mfa === "disabled") warnOfException(raw.mfa_exception, at, today, report);
}

function warnOfException(
  exception: MfaException | undefined,
  at: Path,
  today: string,
  report: Report,
): void {
  if (exception === undefined) {
    const message = "NOBODY is asked for a code here, and nothing says why; add mfa_exception";
    report.warning([...at, "mfa"], `${message}: { reason: …, until: YYYY-MM-DD }`);
  } else if (exception.until < today) {
    const message = `the exception ended on ${exception.until}; set mfa: required or a new date`;
    report.warning([...at, "mfa_exception", "until"], message);
  } else {
    const message = `nobody is asked for a code here until ${exception.until}`;
    report.warning([...at, "mfa"], `${message}: ${quote(exception.reason)}`);
  }
}
