// What a decision can be, and every reason for a refusal. Both are closed lists: a reason is spelled
// alike in code, audit event, metric and document (test/docs.test.ts compares them).

/** How strict a door is about the second factor (product.md, "MFA mode x enrolment state"). */
export const MFA_MODES = ["disabled", "enabled", "required", "always"] as const;
export type MfaMode = (typeof MFA_MODES)[number];

/** Where the code comes from: appended to the password, in answer to a challenge, or either. */
export const CODE_MODES = ["auto", "append", "challenge"] as const;
export type CodeMode = (typeof CODE_MODES)[number];

/** Reason -> the `error_message` of the audit event (the reference system's closed list). */
export const REASONS = {
  "user-not-found": "user not found",
  "ambiguous-user": "user not found",
  "identity-changed": "user not found",
  "malformed-username": "user not found",
  "source-blocked": "client ip blocked",
  "account-locked": "account locked",
  "too-many-attempts": "account locked",
  "lockout-shield": "account locked",
  "not-in-group": "not authorized for resource",
  "probe-user": "not authorized for resource",
  "call-check": "not authorized for resource",
  "empty-password": "password incorrect",
  "password-incorrect": "password incorrect",
  "password-expired": "password expired",
  "must-change-password": "password expired",
  "directory-locked": "account locked",
  "directory-disabled": "account disabled upstream",
  "account-expired": "account disabled upstream",
  "logon-hours": "account disabled upstream",
  "logon-workstation": "account disabled upstream",
  "stronger-auth-required": "unsupported auth type",
  "directory-refused": "account disabled upstream",
  "secret-mismatch": "password incorrect",
  "mfa-code-missing": "mfa code missing",
  "mfa-code-malformed": "mfa code incorrect",
  "mfa-code-incorrect": "mfa code incorrect",
  "mfa-code-replayed": "mfa code replayed",
  "mfa-not-enrolled": "mfa required, user not enrolled",
  "mfa-period-expired": "mfa enrollment period expired",
  "mfa-suspended": "account locked",
  "token-changed": "mfa code incorrect",
  "token-unreadable": "internal error",
  "repeated-attempt": "password incorrect",
  "state-invalid": "mfa code incorrect",
  "unsupported-auth-type": "unsupported auth type",
  "malformed-credentials": "unsupported auth type",
  "directory-unavailable": "upstream unavailable",
  "store-unavailable": "upstream unavailable",
  "clock-unreliable": "upstream unavailable",
  "client-gone": "upstream unavailable",
  "service-account-address": "service account not allowed here",
  "internal-error": "internal error",
} as const;

export type Reason = keyof typeof REASONS;

/** Why an accept needed no code; absent when a code was verified. */
export const EXEMPT_REASONS = [
  "mode-disabled",
  "not-enrolled",
  "enrolment-period",
  "service-account",
  "rebind-window",
] as const;
export type ExemptReason = (typeof EXEMPT_REASONS)[number];

/** What a directory refuses for although the password may be right. */
export type DirectoryRefusal = Extract<
  Reason,
  | "password-expired"
  | "must-change-password"
  | "directory-locked"
  | "directory-disabled"
  | "account-expired"
  | "logon-hours"
  | "logon-workstation"
  | "stronger-auth-required"
  | "directory-refused"
>;

/** Reasons that are somebody's outage, never the person's fault. */
export type OutageReason = Extract<
  Reason,
  | "directory-unavailable"
  | "store-unavailable"
  | "clock-unreliable"
  | "client-gone"
  | "internal-error"
>;

export type Verdict =
  | { readonly outcome: "accept"; readonly exempt?: ExemptReason }
  | { readonly outcome: "challenge" }
  | { readonly outcome: "reject"; readonly reason: Reason }
  | { readonly outcome: "unavailable"; readonly reason: OutageReason; readonly dependency: string };

/** What a person who gave the right password may be told of the factor that is still missing. */
export type Help =
  /** It is demanded; until then (ms UTC) it may be missing. */
  | { readonly kind: "in-period"; readonly until: number }
  /** It had to be there by now. */
  | { readonly kind: "period-expired" };

/** The words for it, in a reply that accepts or refuses; undefined: nothing is said there. */
export type HelpText = (help: Help, isAccept: boolean) => string | undefined;
