// What has to be known of a message that is only passed on: its id, its operation, where they end
// (RFC 4511 §4.1.1). Invariant: the message is exactly one LDAPMessage, whatever is inside the
// operation and the controls.

import { WireError } from "../error.ts";
import { type BerWriter, contentsOfElement, endOfElement, TAG } from "./ber.ts";
import { CONTROLS } from "./operation.ts";

export interface Envelope {
  /** 0 … 2^31 - 1; 0 is no request's. */
  readonly id: number;
  /** Of the operation, one of OPERATION or something unknown. */
  readonly tag: number;
  /** Where the operation's element begins, its contents begin, and it ends. */
  readonly operationAt: number;
  readonly contentsAt: number;
  readonly operationEnd: number;
  readonly hasControls: boolean;
}

const ID_OCTETS_MAX = 4;

/** Throws WireError: the stream can't be trusted any further. */
export function peekEnvelope(message: Buffer): Envelope {
  if (message.length === 0) throw new WireError("too-short", 0);
  if (message[0] !== TAG.sequence) throw new WireError("bad-tag", 0);
  const end = endOfElement(message, 0, message.length);
  if (end !== message.length) throw new WireError("trailing-bytes", end);
  const idAt = contentsOfElement(message, 0);
  const operationAt = endOfElement(message, idAt, end);
  const id = readId(message, idAt, operationAt);
  const operationEnd = endOfElement(message, operationAt, end);
  const hasControls = operationEnd !== end;
  if (hasControls) {
    if (message[operationEnd] !== CONTROLS) throw new WireError("bad-tag", operationEnd);
    const controlsEnd = endOfElement(message, operationEnd, end);
    if (controlsEnd !== end) throw new WireError("trailing-bytes", controlsEnd);
  }
  return {
    id,
    tag: message[operationAt] ?? 0,
    operationAt,
    contentsAt: contentsOfElement(message, operationAt),
    operationEnd,
    hasControls,
  };
}

function readId(message: Buffer, at: number, end: number): number {
  if (message[at] !== TAG.integer) throw new WireError("bad-tag", at);
  const from = contentsOfElement(message, at);
  const octets = end - from;
  if (octets === 0 || octets > ID_OCTETS_MAX) throw new WireError("bad-integer", at);
  const id = message.readIntBE(from, octets);
  if (id < 0) throw new WireError("bad-integer", at);
  return id;
}

/** What stands in front of everything written so far, and the whole. */
export function finishMessage(writer: BerWriter, id: number): Buffer {
  writer.writeInteger(TAG.integer, id);
  writer.wrap(TAG.sequence, 0);
  return writer.finish();
}
