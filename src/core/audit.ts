// The audit event: exactly one per authentication, built from an allow-list of fields, so that a
// secret has no field to stand in. The store adds `seq`, `prev_hash` and `hash`.

import type { ExemptReason, MfaMode, Reason } from "./verdict.ts";

export const EVENT_TYPES = [
  "radius_auth_attempt",
  "radius_auth_challenge",
  "radius_packet_dropped",
  "radius_probe",
  "ldap_bind",
  "ldap_operation_denied",
  "ldap_start_tls",
  "user_login_attempt",
  "user_logout",
  "totp_start_enrollment",
  "totp_finish_enrollment",
  "totp_delete_enrollment",
  "totp_import",
  "mfa_requirement_set",
  "mfa_requirement_removed",
  "user_mfa_exclusion_extended",
  "user_mfa_exclusion_expired",
  "user_mfa_enrollment_reminder_email",
  "mfa_bypass_granted",
  "mfa_bypass_revoked",
  "mfa_factor_suspended",
  "recovery_codes_generated",
  "recovery_code_used",
  "user_lockout",
  "user_unlocked",
  "user_relinked",
  "admin_login_attempt",
  "admin_logout",
  "admin_lockout",
  "admin_unlocked",
  "admin_create",
  "admin_update",
  "admin_delete",
  "admin_suspended",
  "admin_unsuspend",
  "admin_password_change",
  "admin_totp_finish_enrollment",
  "admin_old_api_key_attempt",
  "api_key_create",
  "api_key_rotate",
  "api_key_revoke",
  "organization_update",
  "client_ip_blocked",
  "password_spray_suspected",
  "directory_unreachable",
  "directory_recovered",
  "service_start",
  "service_stop",
  "config_reload",
  "clock_skew_detected",
  "log_purged",
  "disk_space_low",
  "mail_delivery_failed",
  "encryption_key_rotated",
  "backup_created",
  "backup_restored",
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export const SERVICES = ["radius", "ldap", "directory", "system"] as const;
export type Service = (typeof SERVICES)[number];

/** What a person should look at: signs of a stolen password, of an edited store or directory. */
export const ALARMS = [
  "right-password-wrong-code",
  "identity-changed",
  "ambiguous-user",
  "token-unreadable",
] as const;

/** Field names follow the reference system where it has one; all text is as typed, cut to 256. */
export interface EventDraft {
  /** UUIDv7. */
  readonly id: string;
  /** RFC 3339, UTC, milliseconds. */
  readonly timestamp: string;
  readonly service: Service;
  readonly event_type: EventType;
  readonly success: boolean;
  readonly initiated_by: {
    readonly type: "user" | "admin" | "system" | "client";
    /** `directory/immutable-id`, where the person is known. */
    readonly id?: string;
    readonly username?: string;
    /** Of an administrator: the same as the name. */
    readonly email?: string;
  };
  readonly resource?: { readonly type: string; readonly id: string };
  /** The end user's own address or device where the door knows it. */
  readonly client_ip?: string;
  readonly username?: string;
  readonly reason?: Reason;
  readonly error_message?: string;
  readonly mfa?: boolean;
  readonly mfa_meta?: { readonly type: "none" | "totp" | "recovery_code" | "bypass_code" };
  readonly mfa_mode?: MfaMode;
  readonly mfa_exempt_reason?: ExemptReason;
  /** How an administrator's request proved itself. */
  readonly auth_method?: "session" | "api key";
  readonly auth_type?: string;
  readonly auth_context?: {
    readonly password?: boolean;
    readonly totp?: boolean;
  };
  readonly alarm?: (typeof ALARMS)[number];
  readonly nas?: {
    readonly name: string;
    readonly ip: string;
    readonly identifier?: string;
    readonly port?: string;
    readonly calling_station_id?: string;
    readonly called_station_id?: string;
  };
  /** The listener, and the address of the application that came there. */
  readonly app?: { readonly name: string; readonly ip: string };
  readonly connection_id?: string;
  /** Which request of its connection it was, from 1. */
  readonly operation_number?: number;
  /** Of the person or account, as the directory spells it. */
  readonly dn?: string;
  readonly tls_established?: boolean;
  readonly reply?: "accept" | "reject" | "challenge" | "none";
  readonly reply_attributes?: readonly string[];
  readonly duration_ms?: number;
  readonly request_id?: string;
  readonly changes?: readonly {
    readonly field: string;
    readonly from: unknown;
    readonly to: unknown;
  }[];
  readonly count?: number;
  readonly details?: Readonly<Record<string, string | number | boolean>>;
}

/** An event as the store keeps it. */
export interface AuditEvent extends EventDraft {
  readonly seq: number;
  /** Hex of the previous event's hash: an edit or a gap breaks the chain. */
  readonly prev_hash: string;
  readonly hash: string;
}

const TEXT_CHARS_MAX = 256;
const PLAIN = /^[\x20-\x7e]*$/;
// Control characters, line and paragraph separators, whatever has no width or reorders text on a
// screen, and half characters.
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/**
 * Text from outside as it may stand in an event: one line, nothing invisible, at most 256
 * characters. Unsafe characters become `\u{hex}`.
 */
export function auditText(value: string): string {
  if (value.length <= TEXT_CHARS_MAX && PLAIN.test(value)) return value;
  const cut = value.length > TEXT_CHARS_MAX ? `${value.slice(0, TEXT_CHARS_MAX - 1)}…` : value;
  return cut.replaceAll(UNSAFE, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
}
