// An administrator's login: password and code, both always, with one answer for whatever was wrong.
// Invariants: the attempt is counted before anything is compared, unknown names cost as much as known
// ones, and nobody is accepted whose code somebody else has used.

import type { Clock } from "../lib/clock.ts";
import type { PasswordHasher, PasswordTools } from "../lib/password-hash.ts";
import { uuidv7 } from "../lib/random.ts";
import type { Secret } from "../lib/secret.ts";
import {
  ADMIN_TOKEN,
  type AdminAttempt,
  type AdminBegun,
  type Administrator,
  type Administrators,
} from "./administrators.ts";
import { auditText, type EventDraft } from "./audit.ts";
import { checkCode, type CodeWindow } from "./totp.ts";

/** What was typed. Undefined: it had not the form of one, so it can't be right. */
interface AdminClaim {
  readonly username: string;
  readonly password: Secret | undefined;
  /** Six digits. */
  readonly code: Secret | undefined;
}

/** Where the attempt came from, for its event. */
interface AdminOrigin {
  readonly clientIp: string;
  readonly requestId: string;
}

export type AdminVerdict =
  | { readonly kind: "accepted"; readonly administrator: Administrator }
  | { readonly kind: "refused" }
  /** Too many at once: nothing was compared, nothing counted. */
  | { readonly kind: "busy" };

/** Why, for the audit trail alone. */
export const ADMIN_FAILURES = [
  "user not found",
  "password incorrect",
  "mfa code incorrect",
  "mfa code replayed",
  "account locked",
  "account suspended",
] as const;
type AdminFailure = (typeof ADMIN_FAILURES)[number];

const REFUSED_AT_ONCE = {
  unknown: "user not found",
  locked: "account locked",
  suspended: "account suspended",
} as const;

export interface AdminLoginOptions {
  readonly administrators: Pick<Administrators, "beginLogin" | "acceptLogin" | "refuseLogin">;
  readonly record: (event: EventDraft) => Promise<void>;
  readonly passwords: PasswordHasher;
  readonly window: () => CodeWindow;
  readonly clock: Clock;
}

export type AdminLogin = (claim: AdminClaim, origin: AdminOrigin) => Promise<AdminVerdict>;

export function createAdminLogin(options: AdminLoginOptions): AdminLogin {
  const { administrators, record, passwords, clock } = options;

  async function decide(
    { username, password, code }: AdminClaim,
    origin: AdminOrigin,
    tools: PasswordTools,
  ): Promise<AdminVerdict> {
    const begun = await administrators.beginLogin(username);
    const isRight = await verifyPassword(tools, password, begun);
    const now = clock.now();
    if (begun.kind === "refused") {
      await record(loginEvent(now, origin, username, REFUSED_AT_ONCE[begun.why]));
      return { kind: "refused" };
    }
    const { administrator } = begun;
    const checked = isRight ? check(begun, code, now) : "password incorrect";
    if (typeof checked === "number") {
      const event = loginEvent(now, origin, username, undefined, administrator);
      const claimed = await administrators.acceptLogin(administrator.id, checked, event);
      if (claimed === "accepted") return { kind: "accepted", administrator };
    }
    const failure = typeof checked === "number" ? "mfa code replayed" : checked;
    await administrators.refuseLogin(
      administrator.id,
      loginEvent(now, origin, username, failure, administrator),
      begun.isLast ? lockoutEvent(now, origin, administrator) : undefined,
    );
    return { kind: "refused" };
  }

  /** The step to claim, or what is wrong. */
  function check(
    { secret, lastStep }: AdminAttempt,
    code: Secret | undefined,
    now: number,
  ): number | AdminFailure {
    if (secret === undefined || code === undefined) return "mfa code incorrect";
    const token = { ...ADMIN_TOKEN, lastStep, driftSteps: 0 };
    const checked = checkCode(token, secret, code, now, options.window());
    if (checked.kind === "right") return checked.step;
    return checked.kind === "replayed" ? "mfa code replayed" : "mfa code incorrect";
  }

  return async (claim, origin) => {
    const verdict = await passwords.inTurn((tools) => decide(claim, origin, tools));
    return verdict === "overload" ? { kind: "busy" } : verdict;
  };
}

async function verifyPassword(
  tools: PasswordTools,
  password: Secret | undefined,
  begun: AdminBegun,
): Promise<boolean> {
  if (password === undefined) return false;
  return tools.verify(password, begun.kind === "begun" ? begun.passwordHash : undefined);
}

/** The reference system's fields; `failure`: undefined for a login that succeeded. */
function loginEvent(
  now: number,
  { clientIp, requestId }: AdminOrigin,
  username: string,
  failure: AdminFailure | undefined,
  administrator?: Administrator,
): EventDraft {
  const name = auditText(administrator?.username ?? username);
  return {
    id: uuidv7(now),
    timestamp: new Date(now).toISOString(),
    service: "directory",
    event_type: "admin_login_attempt",
    success: failure === undefined,
    initiated_by: {
      type: "admin",
      ...(administrator === undefined ? {} : { id: String(administrator.id) }),
      username: name,
      email: name,
    },
    client_ip: clientIp,
    mfa: true,
    mfa_meta: { type: "totp" },
    auth_method: "session",
    request_id: requestId,
    ...(failure === undefined ? {} : { error_message: failure }),
  };
}

function lockoutEvent(
  now: number,
  { clientIp, requestId }: AdminOrigin,
  { id, username }: Administrator,
): EventDraft {
  return {
    id: uuidv7(now),
    timestamp: new Date(now).toISOString(),
    service: "directory",
    event_type: "admin_lockout",
    success: true,
    initiated_by: { type: "system" },
    resource: { type: "admin", id: String(id) },
    username: auditText(username),
    client_ip: clientIp,
    request_id: requestId,
  };
}
