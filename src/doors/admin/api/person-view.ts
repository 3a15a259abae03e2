// A person as the API shows one, in the reference system's names. Invariant: fields are listed one by
// one; no secret has one, and what the directory says is shown only to whoever may see it.

import { z } from "zod";

import type { Permission } from "../../../core/permissions.ts";
import type { Listed } from "../../../core/roster.ts";
import { isoTextOr } from "./shapes.ts";

export const personView = z.strictObject({
  id: z.string(),
  _id: z.string(),
  username: z.string(),
  /** The name where it is an address; the store knows no other. */
  email: z.string(),
  totp_enabled: z.boolean(),
  enable_user_portal_multifactor: z.boolean(),
  mfa: z.strictObject({
    configured: z.boolean(),
    /** The period in which the factor may be missing. */
    exclusion: z.boolean(),
    exclusionUntil: z.string().nullable(),
  }),
  /** The column "MFA: TOTP". */
  enrolment: z.enum(["enrolled", "pending", "in-period", "period-expired", "not-required"]),
  account_locked: z.boolean(),
  locked_until: z.string().nullable(),
  /** By an administrator, until one unlocks. */
  suspended: z.boolean(),
  /** A hundred wrong codes with a right password: until a reset. */
  totp_suspended: z.boolean(),
  last_used: z.string().nullable(),
  password_failures: z.int(),
  code_failures: z.int(),
  bypass_until: z.string().nullable(),
  externally_managed: z.literal(true),
  external_source_type: z.string(),
  /** With the permission people:details. */
  external_dn: z.string().optional(),
  external_id: z.string().optional(),
});

export function viewOf(
  { account, dn, person }: Listed,
  permissions: ReadonlySet<Permission>,
  nowMs: number,
): z.infer<typeof personView> {
  const id = idText(account);
  const { username, token, requirementUntil, lockedUntil } = person;
  const hasDetails = permissions.has("people:details");
  return {
    id,
    _id: id,
    username,
    email: username.includes("@") ? username : "",
    totp_enabled: token !== undefined,
    enable_user_portal_multifactor: requirementUntil !== undefined,
    mfa: {
      configured: token !== undefined,
      exclusion: (requirementUntil ?? 0) > nowMs,
      exclusionUntil: isoTextOr(requirementUntil),
    },
    enrolment: person.enrolment,
    account_locked: lockedUntil !== undefined,
    locked_until: typeof lockedUntil === "number" ? isoTextOr(lockedUntil) : null,
    suspended: lockedUntil === "administrator",
    totp_suspended: token?.suspended === true,
    last_used: isoTextOr(token?.lastUsedAt),
    password_failures: person.passwordFailures,
    code_failures: person.codeFailures,
    bypass_until: isoTextOr(person.bypassUntil),
    externally_managed: true,
    external_source_type: person.directory,
    ...(hasDetails && dn !== "" ? { external_dn: dn } : {}),
    ...(hasDetails && person.id !== undefined ? { external_id: person.id } : {}),
  };
}

/** As the reference system's ids look: 24 hex digits. */
function idText(account: number): string {
  return account.toString(16).padStart(24, "0");
}

export const personParams = z.strictObject({
  // 13 digits are 52 bits, within what a number holds exactly.
  id: z.string().regex(/^0{11}[0-9a-f]{13}$/, "is no person's id"),
});

export function accountOf(id: string): number {
  return Number.parseInt(id, 16);
}
