// An audit event as a sentence: "alice was refused at vpn: mfa-code-incorrect".

import { auditText } from "../core/audit.ts";
import type { AuditEventView } from "../doors/control/views.ts";
import { countWords } from "./words.ts";

const MAY_FAIL: ReadonlySet<string> = new Set([
  "config_reload",
  "admin_login_attempt",
  "organization_update",
]);

/** One line without its line break; nothing in it can steer a terminal. */
export function eventLine(event: AuditEventView): string {
  const alarm = event.alarm === undefined ? "" : `  ALARM ${auditText(event.alarm)}`;
  return `${auditText(event.timestamp)}  ${sentence(event)}${alarm}`;
}

function sentence(event: AuditEventView): string {
  const who = auditText(event.username ?? event.initiated_by.username ?? "someone");
  const door = event.nas ?? event.app;
  const where = door === undefined ? "" : ` at ${auditText(door.name)}`;
  const isAdmin = event.event_type === "admin_login_attempt";
  const because = isAdmin ? event.error_message : (event.reason ?? event.details?.["reason"]);
  const why = because === undefined ? "" : `: ${auditText(String(because))}`;
  switch (event.event_type) {
    case "radius_auth_attempt":
    case "ldap_bind":
    case "user_login_attempt":
      if (event.reply === "none") return `${who} could not be checked${where}${why}`;
      return `${who} was ${event.success ? "let in" : "refused"}${where}${why}`;
    case "radius_auth_challenge":
      return `${who} was asked for a code${where}`;
    case "radius_packet_dropped":
      return `packet dropped${where}${why}${source(event)}${times(event)}`;
    case "recovery_code_used":
      return `${who} used a recovery code: ${String(event.details?.["remaining"])} left`;
    default:
      return `${generic(event)}${where}${why}${times(event)}`;
  }
}

// A stranger has no other name than the address.
function source({ nas }: AuditEventView): string {
  const ip = nas?.["ip"];
  return typeof ip === "string" ? ` from ${auditText(ip)}` : "";
}

function times({ event_type: type, count }: AuditEventView): string {
  if (count === undefined) return "";
  if (type === "totp_import") return `: ${countWords(count)} tokens`;
  if (type === "log_purged") return `: ${countWords(count)} events`;
  return count === 1 ? "" : ` (${countWords(count)} times)`;
}

function generic(event: AuditEventView): string {
  const what = event.event_type.replaceAll("_", " ");
  const { resource } = event;
  const about = resource?.type === "directory" ? resource.id : event.username;
  const whom = about === undefined ? "" : ` ${auditText(about)}`;
  const { type, username } = event.initiated_by;
  const by = type === "admin" && username !== undefined ? ` by ${auditText(username)}` : "";
  // An outage says so by its name.
  const isFailed = !event.success && MAY_FAIL.has(event.event_type);
  return `${what}${isFailed ? " failed" : ""}${whom}${by}`;
}
