// The answers a server gives itself, and what it has to see of those it passes on (RFC 4511 §4.1.9,
// §4.2.2, §4.4.1, §4.12). Invariant: every answer is of the kind its request asks for.

import { BerReader, BerWriter, TAG } from "./ber.ts";
import { type Envelope, finishMessage } from "./envelope.ts";
import { EXTENDED, OPERATION, responseTo } from "./operation.ts";

const RESPONSE_NAME = 0x8a;

/** `requestTag`: of a request that is answered. */
export function encodeResult(
  id: number,
  requestTag: number,
  resultCode: number,
  diagnosticMessage: string,
): Buffer {
  const tag = responseTo(requestTag);
  if (tag === undefined) throw new Error("this request has no answer");
  const writer = new BerWriter();
  writeResult(writer, resultCode, diagnosticMessage);
  writer.wrap(tag, 0);
  return finishMessage(writer, id);
}

/** An ExtendedResponse with a name, as StartTLS asks for (RFC 4511 §4.14.2). */
export function encodeExtendedResult(
  id: number,
  oid: string,
  resultCode: number,
  diagnosticMessage: string,
): Buffer {
  const writer = new BerWriter();
  writer.writeText(RESPONSE_NAME, oid);
  writeResult(writer, resultCode, diagnosticMessage);
  writer.wrap(OPERATION.extendedResponse, 0);
  return finishMessage(writer, id);
}

const RESPONSE_VALUE = 0x8b;

/** RFC 4532 §2.2: a success with the empty authzId is "nobody". */
export function encodeAnonymousIdentity(id: number): Buffer {
  const writer = new BerWriter();
  writer.writeText(RESPONSE_VALUE, "");
  writeResult(writer, 0, "");
  writer.wrap(OPERATION.extendedResponse, 0);
  return finishMessage(writer, id);
}

/** RFC 4511 §4.4.1: id 0, and the connection ends behind it. */
export function encodeNoticeOfDisconnection(resultCode: number, diagnosticMessage: string): Buffer {
  return encodeExtendedResult(0, EXTENDED.noticeOfDisconnection, resultCode, diagnosticMessage);
}

/** Last octet first. */
function writeResult(writer: BerWriter, resultCode: number, diagnosticMessage: string): void {
  writer.writeText(TAG.octetString, diagnosticMessage);
  writer.writeText(TAG.octetString, ""); // matchedDN
  writer.writeInteger(TAG.enumerated, resultCode);
}

export interface ResultPeek {
  readonly resultCode: number;
  /** It names other servers (RFC 4511 §4.1.10). */
  readonly hasReferral: boolean;
}

const REFERRAL = 0xa3;

/** Of any final response. Throws WireError. */
export function peekResult(message: Buffer, { contentsAt, operationEnd }: Envelope): ResultPeek {
  const reader = new BerReader(message, contentsAt, operationEnd);
  const resultCode = skipResult(reader);
  return { resultCode, hasReferral: reader.peekTag() === REFERRAL };
}

/** Of an ExtendedResponse; undefined: it has no name. Throws WireError. */
export function peekResponseName(
  message: Buffer,
  { contentsAt, operationEnd }: Envelope,
): string | undefined {
  const reader = new BerReader(message, contentsAt, operationEnd);
  skipResult(reader);
  if (reader.peekTag() === REFERRAL) reader.skip();
  if (reader.peekTag() !== RESPONSE_NAME) return undefined;
  return reader.readOctets(RESPONSE_NAME).toString("latin1");
}

function skipResult(reader: BerReader): number {
  const resultCode = reader.readInteger(TAG.enumerated);
  reader.skipOctets(TAG.octetString); // matchedDN
  reader.skipOctets(TAG.octetString); // diagnosticMessage
  return resultCode;
}
