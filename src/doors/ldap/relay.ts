// What of a directory's answer reaches the client: most of it as it is, entries without passwords, a
// root DSE that promises what is kept, references to other servers where the listener passes them.
// Invariant: an answer that isn't one to the operation with its id is never passed on.

import type { Envelope } from "../../wire/ldap/envelope.ts";
import { EXTENDED, OPERATION, responseTo } from "../../wire/ldap/operation.ts";
import { peekResponseName, peekResult } from "../../wire/ldap/response.ts";
import { kindOfEntry, rewriteRootDse, withoutPasswords } from "../../wire/ldap/rewrite.ts";
import { promisesOf, type Situation } from "./policy.ts";
import { refusalReply } from "./reply.ts";
import type { Refusal } from "./rules.ts";

export interface Relayed {
  /** Undefined: the client doesn't get this one. */
  readonly bytes: Buffer | undefined;
  /** The operation is finished. */
  readonly isFinal: boolean;
  /** What was held back, for counters and the audit. */
  readonly refusal?: Refusal;
}

const DROPPED: Relayed = { bytes: undefined, isFinal: false };

/** Undefined: it isn't an answer to a request of this tag. Throws WireError. */
export function relay(
  message: Buffer,
  envelope: Envelope,
  requestTag: number,
  situation: Situation,
): Relayed | undefined {
  const { tag } = envelope;
  if (tag === responseTo(requestTag)) return relayResult(message, envelope, requestTag, situation);
  if (tag === OPERATION.intermediateResponse) return { bytes: message, isFinal: false };
  if (requestTag !== OPERATION.searchRequest) return undefined;
  if (tag === OPERATION.searchResultEntry) return relayEntry(message, envelope, situation);
  if (tag !== OPERATION.searchResultReference) return undefined;
  return situation.rules.referrals === "pass" ? { bytes: message, isFinal: false } : DROPPED;
}

function relayEntry(message: Buffer, envelope: Envelope, situation: Situation): Relayed {
  switch (kindOfEntry(message, envelope)) {
    case "plain":
      return { bytes: message, isFinal: false };
    case "root-dse":
      return {
        bytes: rewriteRootDse(message, envelope, promisesOf(situation)),
        isFinal: false,
      };
    case "passwords":
      return {
        bytes: withoutPasswords(message, envelope),
        isFinal: false,
        refusal: "password-attribute",
      };
  }
}

function relayResult(
  message: Buffer,
  envelope: Envelope,
  requestTag: number,
  { rules }: Situation,
): Relayed {
  if (rules.referrals === "pass" || !peekResult(message, envelope).hasReferral) {
    return { bytes: message, isFinal: true };
  }
  const bytes = refusalReply(envelope.id, requestTag, "referral");
  return { bytes, isFinal: true, refusal: "referral" };
}

/**
 * RFC 4511 §4.4: a message with the id 0 that says nothing about the connection. Throws WireError.
 */
export function isHarmless(message: Buffer, envelope: Envelope): boolean {
  if (envelope.tag !== OPERATION.extendedResponse) return false;
  return peekResponseName(message, envelope) !== EXTENDED.noticeOfDisconnection;
}
