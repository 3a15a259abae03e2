// What the API needs of the gateway, and who is asking. Invariant: a principal is made in one place
// (principal.ts), from a live session or a working key, and holds only what it may do now.

import type { Administration } from "../../../core/administration.ts";
import type { AdminLogin } from "../../../core/admin-login.ts";
import type { Administrator, Administrators, ApiKey } from "../../../core/administrators.ts";
import { auditText, type EventDraft, type EventType } from "../../../core/audit.ts";
import type { Permission } from "../../../core/permissions.ts";
import type { Directory } from "../../../core/ports.ts";
import type { Roster } from "../../../core/roster.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { PasswordHasher } from "../../../lib/password-hash.ts";
import type { Queue } from "../../../lib/queue.ts";
import { uuidv7 } from "../../../lib/random.ts";
import type { Secret } from "../../../lib/secret.ts";
import type { Session, Sessions } from "./sessions.ts";
import type { SetUp } from "./set-up.ts";

/** A RADIUS client as it may be shown: never its secret. */
export interface ShownClient {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly mfa: string;
  readonly code: string;
  readonly directory: string | undefined;
}

export interface ApiContext {
  readonly administration: Administration;
  readonly administrators: Administrators;
  readonly roster: Roster;
  readonly directories: () => readonly Directory[];
  readonly clients: () => readonly ShownClient[];
  readonly record: (event: EventDraft) => Promise<void>;
  readonly login: AdminLogin;
  readonly passwords: PasswordHasher;
  readonly sessions: Sessions;
  readonly setUp: SetUp;
  /** Through which the audit trail is queried: a page of it is megabytes. */
  readonly queries: Queue;
  /** totp.issuer. */
  readonly issuer: () => string;
  /** enrolment.period, ms. */
  readonly periodMs: () => number;
  readonly bypassKey: Secret;
  /** admin.public_url: the one origin that browsers may ask from. */
  readonly origin: string;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
}

export type Principal = {
  readonly administrator: Administrator;
  readonly permissions: ReadonlySet<Permission>;
} & (
  | { readonly by: "session"; readonly session: Session }
  | { readonly by: "key"; readonly key: ApiKey }
);

/** Where a request came from: the socket's word, never a header's. */
export interface Caller {
  readonly clientIp: string;
  readonly requestId: string;
  readonly principal: Principal | undefined;
}

/** What an event is about. */
export interface Subject {
  readonly type: "user" | "admin" | "api_key" | "organization";
  readonly id: string;
  readonly username?: string;
}

/** The event of a change that an administrator makes. */
export function changeEvent(
  { clock }: Pick<ApiContext, "clock">,
  { clientIp, requestId, principal }: Caller,
  eventType: EventType,
  subject: Subject,
  extra: Pick<EventDraft, "changes" | "details"> = {},
): EventDraft {
  const now = clock.now();
  return {
    id: uuidv7(now),
    timestamp: new Date(now).toISOString(),
    service: "directory",
    event_type: eventType,
    success: true,
    initiated_by: principal === undefined ? { type: "system" } : initiator(principal),
    resource: { type: subject.type, id: auditText(subject.id) },
    ...(subject.username === undefined ? {} : { username: auditText(subject.username) }),
    client_ip: clientIp,
    ...(principal === undefined
      ? {}
      : { auth_method: principal.by === "key" ? "api key" : "session" }),
    request_id: requestId,
    ...extra,
  };
}

function initiator({ administrator }: Pick<Principal, "administrator">): {
  type: "admin";
  id: string;
  username: string;
  email: string;
} {
  const name = auditText(administrator.username);
  return { type: "admin", id: String(administrator.id), username: name, email: name };
}
