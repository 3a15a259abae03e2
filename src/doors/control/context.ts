// What the operations need of the gateway, and what one call of an operation carries.

import { auditText, type EventDraft, type EventType } from "../../core/audit.ts";
import type { Administration } from "../../core/administration.ts";
import type { Administrators } from "../../core/administrators.ts";
import type { Directory, Identity, LookupResult } from "../../core/ports.ts";
import type { Clock } from "../../lib/clock.ts";
import type { PasswordHasher } from "../../lib/password-hash.ts";
import { uuidv7 } from "../../lib/random.ts";
import type { Secret } from "../../lib/secret.ts";
import type { HealthReport } from "./views.ts";

/** The parts of a running gateway. */
export interface Gateway {
  health(): Promise<HealthReport>;
  /** One line for each thing that took effect or needs a restart. A bad file throws. */
  reload(): Promise<readonly string[]>;
  /** Undefined: no client has that name. */
  tryLogin(client: string, login: LoginToTry): Promise<TriedLogin | undefined>;
}

interface LoginToTry {
  readonly username: string;
  readonly password: Secret;
  /** Of the challenge that is answered. */
  readonly state: Buffer | undefined;
}

interface TriedLogin {
  readonly reply: "accept" | "challenge" | "reject" | "silence";
  readonly reason: string | undefined;
  readonly attributes: readonly { readonly name: string; readonly value: string }[];
  readonly state: Buffer | undefined;
}

/** A directory as operators ask it. */
export interface KnownDirectory extends Directory {
  /** The entry of that DN, whether or not people like it may log in: a service account's. */
  findEntry(dn: string): Promise<LookupResult>;
  /** Everybody who could log in, in pages. */
  everybody(): AsyncIterable<readonly Identity[]>;
}

export interface ControlContext {
  readonly administration: Administration;
  readonly administrators: Administrators;
  /** Of administrators' passwords. */
  readonly passwords: PasswordHasher;
  readonly directories: readonly KnownDirectory[];
  /** totp.issuer: what authenticator apps show. */
  readonly issuer: string;
  /** enrolment.period: how long people have where nobody says otherwise, whole days in ms. */
  readonly periodMs: number;
  /** A service account that some listener asks for no code. */
  isExempt(identity: Identity): boolean;
  /** Keys the hashes of bypass codes. */
  readonly bypassKey: Secret;
  readonly clock: Clock;
  /** Undefined when a command has opened the store because no gateway runs. */
  readonly gateway: Gateway | undefined;
}

export interface Call<Item> {
  /** The operating system's user, as the caller says. */
  readonly operator: string;
  /** Aborted when the caller has gone. */
  readonly signal: AbortSignal;
  progress(done: number, total: number): void;
  /** Resolves when the caller can take more. */
  item(item: Item): Promise<void>;
}

/** The person an event is about. */
export interface Subject {
  readonly directory: string;
  readonly id: string | undefined;
  readonly username: string;
}

/** The event of a change that an operator makes. */
export function adminEvent(
  context: ControlContext,
  call: Pick<Call<never>, "operator">,
  eventType: EventType,
  subject?: Subject,
  extra: Pick<EventDraft, "details" | "changes"> = {},
): EventDraft {
  const now = context.clock.now();
  return {
    id: uuidv7(now),
    timestamp: new Date(now).toISOString(),
    service: subject === undefined ? "system" : "directory",
    event_type: eventType,
    success: true,
    initiated_by: { type: "admin", username: auditText(call.operator) },
    ...(subject === undefined ? {} : about(subject)),
    ...extra,
    // Node can't ask the kernel who is at the other end: mode 0600 proves access, not a name.
    details: { ...extra.details, door: "control", operator_name: "claimed" },
  };
}

function about(subject: Subject): Pick<EventDraft, "resource" | "username"> {
  const { directory, id, username } = subject;
  return {
    resource: { type: "user", id: `${directory}/${id ?? auditText(username)}` },
    username: auditText(username),
  };
}
