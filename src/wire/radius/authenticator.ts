// Signs and verifies packets: Message-Authenticator and the Request and Response Authenticators.
// Invariant: digests are compared in constant time on equal lengths, and doubt is "forged".

import { timingSafeEqual } from "node:crypto";
import { ATTRIBUTE, findAll } from "./attributes.ts";
import { CODE } from "./code.ts";
import type { Packet } from "./packet.ts";
import type { SharedSecret } from "./shared-secret.ts";

export type Signature = "absent" | "genuine" | "forged";

export const AUTHENTICATOR_BYTES = 16;

const HEADER_BYTES = 20;
const AUTHENTICATOR_AT = 4;
const ZEROS = Buffer.alloc(AUTHENTICATOR_BYTES);

/**
 * Whether the packet's Message-Authenticator is genuine (RFC 3579 §3.2). For a reply pass the
 * authenticator of the request it answers.
 */
export function checkMessageAuthenticator(
  packet: Packet,
  secret: SharedSecret,
  requestAuthenticator: Buffer = signedOver(packet),
): Signature {
  const [attribute, second] = findAll(packet.attributes, ATTRIBUTE.messageAuthenticator);
  if (attribute === undefined) return "absent";
  // RFC 3579 §3.3: at most one. With two, nobody knows which one another reader would look at.
  if (second !== undefined || attribute.value.length !== AUTHENTICATOR_BYTES) return "forged";
  const { bytes } = packet;
  const at = attribute.value.byteOffset - bytes.byteOffset;
  const expected = secret.hmac([
    bytes.subarray(0, AUTHENTICATOR_AT),
    requestAuthenticator,
    bytes.subarray(HEADER_BYTES, at),
    ZEROS,
    bytes.subarray(at + AUTHENTICATOR_BYTES),
  ]);
  return timingSafeEqual(expected, attribute.value) ? "genuine" : "forged";
}

// An Accounting-Request's own authenticator is a digest of the finished packet (RFC 2866 §3), so
// that its Message-Authenticator is made while sixteen zeros stand there (as in RFC 5176 §3.2).
function signedOver(packet: Packet): Buffer {
  return packet.code === CODE.accountingRequest ? ZEROS : packet.authenticator;
}

/**
 * Writes the Message-Authenticator whose sixteen zeros stand at `at`. The header must hold the
 * request's authenticator already; sign before the Response Authenticator replaces it.
 */
export function signMessageAuthenticator(bytes: Buffer, at: number, secret: SharedSecret): void {
  secret.hmac([bytes]).copy(bytes, at);
}

/**
 * Replaces the authenticator in the header by the MD5 of packet and secret: over the request's
 * authenticator for a reply (RFC 2865 §3), over zeros for an Accounting-Request (RFC 2866 §3).
 */
export function signHeader(bytes: Buffer, secret: SharedSecret): void {
  secret.md5After([bytes]).copy(bytes, AUTHENTICATOR_AT);
}

/** True if the reply was made, for this request, by someone who holds the secret. */
export function verifyReply(
  reply: Packet,
  requestAuthenticator: Buffer,
  secret: SharedSecret,
): boolean {
  const expected = secret.md5After([
    reply.bytes.subarray(0, AUTHENTICATOR_AT),
    requestAuthenticator,
    reply.bytes.subarray(HEADER_BYTES),
  ]);
  return timingSafeEqual(expected, reply.authenticator);
}

/** True if the Accounting-Request was made by someone who holds the secret (RFC 2866 §3). */
export function verifyAccountingRequest(request: Packet, secret: SharedSecret): boolean {
  return request.code === CODE.accountingRequest && verifyReply(request, ZEROS, secret);
}
