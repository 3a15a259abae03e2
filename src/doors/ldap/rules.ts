// What a listener lets its clients do, and every way in which a request is refused.
// Invariant: what isn't on a list of allowed things is refused.

import type { OperationName } from "../../wire/ldap/operation.ts";

/** The part of a listener's configuration that sessions go by. */
export interface ListenerRules {
  /** none: passwords may come in the clear (the configuration allows that on loopback only). */
  readonly tls: "implicit" | "start_tls" | "none";
  /** Abandon, Unbind, Bind and StartTLS aren't on it: they are part of every session. */
  readonly operations: ReadonlySet<OperationName>;
  readonly referrals: "drop" | "pass";
}

export interface SessionLimits {
  /** Requests without their final answer, at a time. */
  readonly outstandingMax: number;
  /** Of one message, before and after a bind. */
  readonly unboundMessageBytesMax: number;
  readonly boundMessageBytesMax: number;
  /** What came behind a Bind and waits until it is answered. */
  readonly waitingBytesMax: number;
}

/** Why a request isn't done: spelled alike in code, metric and document. */
export const REFUSALS = [
  "operation-not-allowed",
  "unknown-extended-operation",
  "unknown-critical-control",
  "proxied-authorisation",
  "password-attribute",
  "not-bound",
  "not-authenticated",
  "confidentiality-required",
  "unsupported-auth-method",
  "unsupported-version",
  "empty-password",
  "empty-name",
  "malformed-name",
  "malformed-request",
  "duplicate-message-id",
  "too-many-operations",
  "too-many-attributes",
  "tls-already-on",
  "tls-while-busy",
  "referral",
  /** Too many binds, of everybody, wait for their turn. */
  "overload",
] as const;

export type Refusal = (typeof REFUSALS)[number];

/** Why a session is ended with a Notice of Disconnection. */
export const ENDINGS = [
  /** Bytes that can't be followed (the framer's WireError, too). */
  "broken-message",
  /** The first bytes weren't LDAP at all: closed without a word. */
  "not-ldap",
  /** An administrator's lock, disable or reset. */
  "revoked",
  "stopping",
  "idle",
  /** A message that was begun and not finished in time. */
  "unfinished-message",
  /** More behind a Bind, or in messages that were only begun, than is kept. */
  "overload",
  "upstream-lost",
] as const;

export type SessionEnding = (typeof ENDINGS)[number];
