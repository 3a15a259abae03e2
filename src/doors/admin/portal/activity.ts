// What happened to somebody lately, from the audit trail, as sentences. Invariant: only events about
// that very person, known by the immutable id and never by a name alone.

import type { AuditEvent } from "../../../core/audit.ts";
import type { EventView } from "../../../web/portal/account.ts";
import type { Texts } from "../../../web/texts/en.ts";
import { keyOf, type SignedIn } from "./context.ts";

const SHOWN = 10;
/** Of a name; some are other people's of that name, or say nothing to a person. */
const READ = 100;

export async function recentActivity(visit: SignedIn): Promise<EventView[]> {
  const { context, session, frame } = visit;
  const { username } = session.identity;
  const events = await context.administration.events({ username, limit: READ });
  const me = keyOf(session.identity);
  return events
    .filter(({ initiated_by: by, resource }) => by.id === me || resource?.id === me)
    .flatMap((event) => {
      const text = sentence(frame.texts.events, event);
      return text === undefined ? [] : [{ at: Date.parse(event.timestamp), text }];
    })
    .slice(-SHOWN)
    .toReversed();
}

function sentence(texts: Texts["events"], event: AuditEvent): string | undefined {
  const by = event.initiated_by.type;
  switch (event.event_type) {
    case "radius_auth_attempt":
    case "ldap_bind":
    case "user_login_attempt":
      return withSource(texts, loginSentence(texts, event), event);
    case "totp_finish_enrollment":
      return by === "admin" ? texts.enrolledBy : withSource(texts, texts.enrolled, event);
    case "totp_delete_enrollment":
      return texts.removed;
    case "user_lockout":
      return texts.locked;
    case "user_unlocked":
      return texts.unlocked;
    case "mfa_requirement_set":
      return texts.required;
    case "user_mfa_exclusion_extended":
      return texts.extended;
    case "mfa_bypass_granted":
      return texts.bypass;
    case "recovery_codes_generated":
      return texts.recoveryCodes;
    case "recovery_code_used":
      return texts.recoveryCodeUsed;
    default:
      return undefined;
  }
}

function loginSentence(texts: Texts["events"], event: AuditEvent): string {
  const isHere = event.event_type === "user_login_attempt";
  const door = event.nas ?? event.app;
  const place = isHere ? texts.thisPortal : (door?.name ?? event.service.toUpperCase());
  if (event.reply === "none") return texts.unchecked(place);
  return event.success ? texts.signedIn(place) : texts.refused(place, why(texts.why, event));
}

function withSource(texts: Texts["events"], text: string, event: AuditEvent): string {
  return event.client_ip === undefined ? text : `${text}, ${texts.from(event.client_ip)}`;
}

// By the reference wording, of which there are fewer than reasons: people need no more.
function why(texts: Texts["events"]["why"], { error_message: message }: AuditEvent): string {
  switch (message) {
    case "password incorrect":
      return texts.password;
    case "password expired":
      return texts.expired;
    case "mfa code missing":
    case "mfa code incorrect":
    case "mfa code replayed":
      return texts.code;
    case "account locked":
      return texts.locked;
    case "mfa required, user not enrolled":
    case "mfa enrollment period expired":
      return texts.notSetUp;
    default:
      return texts.other;
  }
}
