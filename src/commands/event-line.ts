// An audit event as a sentence: "alice was refused at vpn: mfa-code-incorrect".

import { auditText } from "../core/audit.ts";
import type { AuditEventView } from "../doors/control/views.ts";

/** One line without its line break; nothing in it can steer a terminal. */
export function eventLine(event: AuditEventView): string {
  const alarm = event.alarm === undefined ? "" : `  ALARM ${event.alarm}`;
  return auditText(`${event.timestamp}  ${sentence(event)}${alarm}`);
}

function sentence(event: AuditEventView): string {
  const who = event.username ?? event.initiated_by.username ?? "someone";
  const door = event.nas ?? event.app;
  const where = door === undefined ? "" : ` at ${door.name}`;
  const why = event.reason === undefined ? "" : `: ${event.reason}`;
  const times = event.count === undefined || event.count === 1 ? "" : ` (${event.count} times)`;
  switch (event.event_type) {
    case "radius_auth_attempt":
    case "ldap_bind":
      return `${who} was ${event.success ? "let in" : "refused"}${where}${why}`;
    case "radius_auth_challenge":
      return `${who} was asked for a code${where}`;
    case "radius_packet_dropped":
      return `packet dropped${where}${why}${times}`;
    default:
      return `${generic(event)}${where}${why}${times}`;
  }
}

function generic(event: AuditEventView): string {
  const what = event.event_type.replaceAll("_", " ");
  const whom = event.username === undefined ? "" : ` ${event.username}`;
  const { type, username } = event.initiated_by;
  const by = type === "admin" && username !== undefined ? ` by ${username}` : "";
  return `${what}${whom}${by}`;
}
