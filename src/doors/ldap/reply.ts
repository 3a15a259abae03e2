// From a refusal, a verdict or an ending to the result code and the words on the wire.
// Invariant: whatever stands between a name and a success (unknown, wrong password, wrong code,
// locked, not enrolled) is one code with one text, and no text of a directory is among them.

import type { Verdict } from "../../core/verdict.ts";
import { RESULT_CODE } from "../../wire/ldap/message.ts";
import { encodeNoticeOfDisconnection, encodeResult } from "../../wire/ldap/response.ts";
import type { Action, BindOutcome, PasswordChangeOutcome } from "./action.ts";
import type { Refusal, SessionEnding } from "./rules.ts";

interface Words {
  readonly resultCode: number;
  readonly text: string;
}

const INVALID_CREDENTIALS: Words = { resultCode: RESULT_CODE.invalidCredentials, text: "" };
const UNAVAILABLE: Words = {
  resultCode: RESULT_CODE.unavailable,
  text: "the directory can't be asked now",
};

const REFUSALS: Readonly<Record<Refusal, Words>> = {
  "operation-not-allowed": {
    resultCode: RESULT_CODE.unwillingToPerform,
    text: "this listener doesn't allow the operation",
  },
  "unknown-extended-operation": {
    resultCode: RESULT_CODE.protocolError,
    text: "unsupported extended operation",
  },
  "unknown-critical-control": {
    resultCode: RESULT_CODE.unavailableCriticalExtension,
    text: "unsupported critical control",
  },
  "proxied-authorisation": {
    resultCode: RESULT_CODE.authorizationDenied,
    text: "nobody may act as somebody else",
  },
  "password-attribute": {
    resultCode: RESULT_CODE.unwillingToPerform,
    text: "password attributes can't be used here",
  },
  "not-bound": { resultCode: RESULT_CODE.insufficientAccessRights, text: "bind first" },
  // RFC 3062 §2.
  "not-authenticated": { resultCode: RESULT_CODE.strongerAuthRequired, text: "bind first" },
  "confidentiality-required": {
    resultCode: RESULT_CODE.confidentialityRequired,
    text: "TLS is required",
  },
  "unsupported-auth-method": {
    resultCode: RESULT_CODE.authMethodNotSupported,
    text: "only simple binds are supported",
  },
  "unsupported-version": {
    resultCode: RESULT_CODE.protocolError,
    text: "only LDAP version 3 is supported",
  },
  // RFC 4513 §5.1.2.
  "empty-password": {
    resultCode: RESULT_CODE.unwillingToPerform,
    text: "a bind with a name needs a password",
  },
  "empty-name": INVALID_CREDENTIALS,
  "malformed-name": { resultCode: RESULT_CODE.invalidDnSyntax, text: "invalid name" },
  "malformed-request": { resultCode: RESULT_CODE.protocolError, text: "malformed request" },
  "duplicate-message-id": {
    resultCode: RESULT_CODE.protocolError,
    text: "the message id is in use",
  },
  "too-many-operations": {
    resultCode: RESULT_CODE.busy,
    text: "too many operations at a time",
  },
  "too-many-attributes": {
    resultCode: RESULT_CODE.adminLimitExceeded,
    text: "too many attributes are asked for",
  },
  // RFC 4511 §4.14.1.
  "tls-already-on": { resultCode: RESULT_CODE.operationsError, text: "TLS is already on" },
  "tls-while-busy": {
    resultCode: RESULT_CODE.operationsError,
    text: "operations are outstanding",
  },
  referral: {
    resultCode: RESULT_CODE.unwillingToPerform,
    text: "the directory refers to another server",
  },
  overload: { resultCode: RESULT_CODE.busy, text: "too much to do: try again" },
};

/** `requestTag`: of a request that is answered. */
export function refusalReply(id: number, requestTag: number, refusal: Refusal): Buffer {
  return reply(id, requestTag, REFUSALS[refusal]);
}

/** That answer, and the word about it; `name`: who it was about, as the client wrote it. */
export function refuse(
  id: number,
  requestTag: number,
  refusal: Refusal,
  name?: string,
): readonly Action[] {
  return [
    { kind: "refused", refusal, ...(name !== undefined && { name }) },
    { kind: "to-client", bytes: refusalReply(id, requestTag, refusal) },
  ];
}

/**
 * The answer to a Bind or to a change of a password that isn't accepted. `help`: for the person, who is
 * refused although the password is right.
 */
export function outcomeReply(
  id: number,
  requestTag: number,
  outcome: Exclude<BindOutcome, "accepted">,
  help?: string,
): Buffer {
  switch (outcome) {
    case "refused":
      return reply(id, requestTag, {
        ...INVALID_CREDENTIALS,
        text: help ?? INVALID_CREDENTIALS.text,
      });
    case "empty-password":
      return reply(id, requestTag, REFUSALS["empty-password"]);
    case "busy":
      return reply(id, requestTag, REFUSALS.overload);
    case "unavailable":
      return unavailableReply(id, requestTag);
  }
}

export function unavailableReply(id: number, requestTag: number): Buffer {
  return reply(id, requestTag, UNAVAILABLE);
}

function reply(id: number, requestTag: number, { resultCode, text }: Words): Buffer {
  return encodeResult(id, requestTag, resultCode, text);
}

/** What the core decided about a Bind, in the terms of a session. */
export function bindOutcome(verdict: Verdict): BindOutcome {
  switch (verdict.outcome) {
    case "accept":
      return "accepted";
    case "unavailable":
      return "unavailable";
    case "reject":
      // RFC 4513 §5.1.2: a separator and a code are no password either.
      return verdict.reason === "empty-password" ? "empty-password" : "refused";
    default:
      return "refused";
  }
}

/** The same for the old password of a change. */
export function changeOutcome(verdict: Verdict): PasswordChangeOutcome["kind"] {
  const outcome = bindOutcome(verdict);
  return outcome === "empty-password" ? "refused" : outcome;
}

/**
 * RFC 4511 §4.4.1. Undefined: nothing is said, since the other side doesn't speak LDAP, or waits for
 * nothing. OpenLDAP's library takes the code of a notice for the result of the next request, which
 * nobody tries again; of a connection that was closed it says so, and pools open another.
 */
export function endingNotice(ending: SessionEnding, isAwaited: boolean): Buffer | undefined {
  const words = ENDINGS[ending];
  if (words === undefined || !(isAwaited || BREACHES.has(ending))) return undefined;
  return encodeNoticeOfDisconnection(words.resultCode, words.text);
}

/** The client broke the protocol, and is told in any case. */
const BREACHES: ReadonlySet<SessionEnding> = new Set([
  "broken-message",
  "unfinished-message",
  "overload",
]);
const ENDINGS: Readonly<Record<SessionEnding, Words | undefined>> = {
  "broken-message": { resultCode: RESULT_CODE.protocolError, text: "this isn't a message" },
  "not-ldap": undefined,
  revoked: { resultCode: RESULT_CODE.strongerAuthRequired, text: "bind again" },
  stopping: { resultCode: RESULT_CODE.unavailable, text: "the server is stopping" },
  // Nobody who waits for an answer is idle.
  idle: undefined,
  "unfinished-message": {
    resultCode: RESULT_CODE.protocolError,
    text: "a message wasn't finished in time",
  },
  overload: { resultCode: RESULT_CODE.busy, text: "too much at a time" },
  "upstream-lost": UNAVAILABLE,
};
