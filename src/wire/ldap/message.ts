// The messages a client of a directory sends and receives (RFC 4511 §4).
// Invariant: an answer is read whole or refused; nothing of it is guessed.

import { WireError } from "../error.ts";
import { BerReader, BerWriter, TAG } from "./ber.ts";
import { finishMessage } from "./envelope.ts";
import { writeFilter, type Filter } from "./filter.ts";
import { CONTROLS, EXTENDED, OPERATION } from "./operation.ts";

/** RFC 4511 appendix A and RFC 4370 §4; those that are told apart or sent. */
export const RESULT_CODE = {
  success: 0,
  operationsError: 1,
  protocolError: 2,
  sizeLimitExceeded: 4,
  authMethodNotSupported: 7,
  strongerAuthRequired: 8,
  referral: 10,
  adminLimitExceeded: 11,
  unavailableCriticalExtension: 12,
  confidentialityRequired: 13,
  noSuchObject: 32,
  invalidDnSyntax: 34,
  invalidCredentials: 49,
  insufficientAccessRights: 50,
  busy: 51,
  unavailable: 52,
  unwillingToPerform: 53,
  authorizationDenied: 123,
} as const;

/** Largest message id: RFC 4511 §4.1.1.1. */
export const MESSAGE_ID_MAX = 0x7fffffff;

/** draft-behera-ldap-password-policy-10 §6. */
const PASSWORD_POLICY = "1.3.6.1.4.1.42.2.27.8.5.1";
/** 389 Directory Server: the password was right and is too old, or was reset. */
const PASSWORD_EXPIRED = "2.16.840.1.113730.3.4.4";

/** RFC 2696 §2. */
const PAGED_RESULTS = "1.2.840.113556.1.4.319";

/** What goes on the wire for "tell me about the password policy"; not critical. */
const PASSWORD_POLICY_CONTROLS = controlsOf(PASSWORD_POLICY);

type Scope = "base-object" | "whole-subtree";
const SCOPE = { "base-object": 0, "whole-subtree": 2 } as const;

export interface SearchRequest {
  readonly base: string;
  readonly scope: Scope;
  /** Entries at most; 0: as many as there are. */
  readonly sizeLimit: number;
  readonly timeLimitSeconds: number;
  readonly filter: Filter;
  /** For the filter's placeholder, UTF-8. */
  readonly username: Buffer;
  readonly attributes: readonly string[];
  /** RFC 2696: a page of the answer at a time; undefined: all at once. */
  readonly page?: Page | undefined;
}

interface Page {
  /** Entries at most. */
  readonly size: number;
  /** Of the page before; empty for the first. */
  readonly cookie: Buffer;
}

/** A simple bind, version 3 (RFC 4511 §4.2), asking for the password policy's response. */
export function encodeBind(id: number, dn: string, password: Uint8Array): Buffer {
  const writer = new BerWriter();
  writer.writeRaw(PASSWORD_POLICY_CONTROLS);
  const before = writer.size;
  writer.writeOctets(0x80, password);
  writer.writeText(TAG.octetString, dn);
  writer.writeInteger(TAG.integer, 3);
  writer.wrap(OPERATION.bindRequest, before);
  return finishMessage(writer, id);
}

/** What makes a connection nobody's again (RFC 4513 §5.1.1). */
export function encodeAnonymousBind(id: number): Buffer {
  const writer = new BerWriter();
  writer.writeText(0x80, "");
  writer.writeText(TAG.octetString, "");
  writer.writeInteger(TAG.integer, 3);
  writer.wrap(OPERATION.bindRequest, 0);
  return finishMessage(writer, id);
}

export function encodeSearch(id: number, request: SearchRequest): Buffer {
  const writer = new BerWriter();
  if (request.page !== undefined) writePage(writer, request.page);
  const before = writer.size;
  for (const attribute of request.attributes.toReversed()) {
    writer.writeText(TAG.octetString, attribute);
  }
  writer.wrap(TAG.sequence, before);
  writeFilter(writer, request.filter, request.username);
  writer.writeBoolean(TAG.boolean, false);
  writer.writeInteger(TAG.integer, request.timeLimitSeconds);
  writer.writeInteger(TAG.integer, request.sizeLimit);
  // neverDerefAliases: an alias would lead to an entry that wasn't asked for.
  writer.writeInteger(TAG.enumerated, 0);
  writer.writeInteger(TAG.enumerated, SCOPE[request.scope]);
  writer.writeText(TAG.octetString, request.base);
  writer.wrap(OPERATION.searchRequest, before);
  return finishMessage(writer, id);
}

// Critical: a directory that can't do it must not answer with the first few people for all.
function writePage(writer: BerWriter, { size, cookie }: Page): void {
  const value = new BerWriter();
  value.writeOctets(TAG.octetString, cookie);
  value.writeInteger(TAG.integer, size);
  value.wrap(TAG.sequence, 0);
  writer.writeOctets(TAG.octetString, value.finish());
  writer.writeBoolean(TAG.boolean, true);
  writer.writeText(TAG.octetString, PAGED_RESULTS);
  writer.wrap(TAG.sequence, 0);
  writer.wrap(CONTROLS, 0);
}

export function encodeStartTls(id: number): Buffer {
  const writer = new BerWriter();
  writer.writeText(0x80, EXTENDED.startTls);
  writer.wrap(OPERATION.extendedRequest, 0);
  return finishMessage(writer, id);
}

/** RFC 4511 §4.11: there is no answer to it. */
export function encodeAbandon(id: number, target: number): Buffer {
  const writer = new BerWriter();
  writer.writeInteger(OPERATION.abandonRequest, target);
  return finishMessage(writer, id);
}

export function encodeUnbind(id: number): Buffer {
  const writer = new BerWriter();
  writer.wrap(OPERATION.unbindRequest, 0);
  return finishMessage(writer, id);
}

function controlsOf(oid: string): Buffer {
  const writer = new BerWriter();
  writer.writeText(TAG.octetString, oid);
  writer.wrap(TAG.sequence, 0);
  writer.wrap(CONTROLS, 0);
  return writer.finish();
}

export type Answer = Result | Entry | { readonly kind: "reference"; readonly id: number };

export interface Result {
  readonly kind: "bind" | "search" | "extended";
  readonly id: number;
  readonly resultCode: number;
  readonly diagnosticMessage: string;
  readonly policy: PasswordPolicy | undefined;
  /** Leads to the next page; empty: that was the last; undefined: it wasn't a page. */
  readonly pageCookie: Buffer | undefined;
}

/** What the response controls of a bind say. */
export interface PasswordPolicy {
  /** PasswordPolicyResponseValue.error, or "expired" from a control that says only that. */
  readonly error: number | undefined;
  /** Logins that are left with an expired password. */
  readonly graceLogins: number | undefined;
}

/** `error` of an expired password. */
export const PASSWORD_EXPIRED_ERROR = 0;

export interface Entry {
  readonly kind: "entry";
  readonly id: number;
  readonly dn: string;
  readonly attributes: readonly EntryAttribute[];
}

interface EntryAttribute {
  /** As the directory spells it, options included. */
  readonly name: string;
  readonly values: readonly Buffer[];
}

/** More than any entry that is asked for by name of its attributes. */
const ATTRIBUTES_MAX = 1000;
const CONTROLS_MAX = 100;

/** One whole message from a directory. Throws WireError: the connection is to be closed. */
export function decodeAnswer(message: Buffer): Answer {
  const reader = new BerReader(message);
  reader.enter(TAG.sequence);
  const id = reader.readInteger(TAG.integer);
  if (id < 0) throw new WireError("bad-integer", 2);
  switch (reader.peekTag()) {
    case OPERATION.bindResponse:
      return decodeResult("bind", id, reader);
    case OPERATION.searchResultDone:
      return decodeResult("search", id, reader);
    case OPERATION.extendedResponse:
      return decodeResult("extended", id, reader);
    case OPERATION.searchResultEntry:
      return decodeEntry(id, reader);
    case OPERATION.searchResultReference:
      reader.skip();
      return { kind: "reference", id };
    default:
      throw new WireError("bad-tag", reader.offset);
  }
}

function decodeResult(kind: Result["kind"], id: number, reader: BerReader): Result {
  const outer = reader.enter(reader.peekTag());
  const resultCode = reader.readInteger(TAG.enumerated);
  reader.readOctets(TAG.octetString); // matchedDN
  // Only compared and shown: a wrong octet in a text must not make a refusal an outage.
  const diagnosticMessage = reader.readOctets(TAG.octetString).toString("utf8");
  reader.leaveEarly(outer); // referral, SASL credentials, extended response: never used
  const told = reader.peekTag() === CONTROLS ? decodeControls(reader) : NOTHING_TOLD;
  return { kind, id, resultCode, diagnosticMessage, ...told };
}

function decodeEntry(id: number, reader: BerReader): Entry {
  const outer = reader.enter(OPERATION.searchResultEntry);
  const dn = reader.readText(TAG.octetString);
  const list = reader.enter(TAG.sequence);
  const attributes: EntryAttribute[] = [];
  while (!reader.isAtEnd) {
    if (attributes.length === ATTRIBUTES_MAX) {
      throw new WireError("too-many-attributes", reader.offset);
    }
    const attribute = reader.enter(TAG.sequence);
    const name = reader.readText(TAG.octetString);
    const set = reader.enter(TAG.set);
    const values: Buffer[] = [];
    while (!reader.isAtEnd) values.push(reader.readOctets(TAG.octetString));
    reader.leave(set);
    reader.leave(attribute);
    attributes.push({ name, values });
  }
  reader.leave(list);
  reader.leave(outer);
  return { kind: "entry", id, dn, attributes };
}

type Told = Pick<Result, "policy" | "pageCookie">;
const NOTHING_TOLD: Told = { policy: undefined, pageCookie: undefined };

function decodeControls(reader: BerReader): Told {
  const outer = reader.enter(CONTROLS);
  let policy: PasswordPolicy | undefined;
  let pageCookie: Buffer | undefined;
  let isTold = false;
  for (let count = 0; !reader.isAtEnd; count += 1) {
    if (count === CONTROLS_MAX) throw new WireError("too-many-attributes", reader.offset);
    const control = reader.enter(TAG.sequence);
    const oid = reader.readText(TAG.octetString);
    if (reader.peekTag() === TAG.boolean) reader.readBoolean(TAG.boolean);
    const value = reader.isAtEnd ? undefined : reader.readOctets(TAG.octetString);
    reader.leave(control);
    if (oid === PASSWORD_POLICY && value !== undefined) {
      // Two could contradict each other.
      if (isTold) throw new WireError("duplicate", reader.offset);
      isTold = true;
      policy = decodePolicy(value);
    } else if (oid === PASSWORD_EXPIRED && policy === undefined) {
      policy = { error: PASSWORD_EXPIRED_ERROR, graceLogins: undefined };
    } else if (oid === PAGED_RESULTS && value !== undefined) {
      if (pageCookie !== undefined) throw new WireError("duplicate", reader.offset);
      pageCookie = decodeCookie(value);
    }
  }
  reader.leave(outer);
  return { policy, pageCookie };
}

// SEQUENCE { size INTEGER, cookie OCTET STRING }; the size is a guess and never used.
function decodeCookie(value: Buffer): Buffer {
  const reader = new BerReader(value);
  const outer = reader.enter(TAG.sequence);
  reader.readInteger(TAG.integer);
  const cookie = reader.readOctets(TAG.octetString);
  reader.leave(outer);
  if (!reader.isAtEnd) throw new WireError("trailing-bytes", reader.offset);
  return cookie;
}

// SEQUENCE { warning [0] CHOICE { timeBeforeExpiration [0], graceAuthNsRemaining [1] } OPTIONAL,
//            error [1] ENUMERATED OPTIONAL }
function decodePolicy(value: Buffer): PasswordPolicy {
  const reader = new BerReader(value);
  const outer = reader.enter(TAG.sequence);
  let graceLogins: number | undefined;
  if (reader.peekTag() === 0xa0) {
    const warning = reader.enter(0xa0);
    if (reader.peekTag() === 0x81) graceLogins = reader.readInteger(0x81);
    else reader.readInteger(0x80);
    reader.leave(warning);
  }
  const error = reader.peekTag() === 0x81 ? reader.readInteger(0x81) : undefined;
  reader.leave(outer);
  if (!reader.isAtEnd) throw new WireError("trailing-bytes", reader.offset);
  return { error, graceLogins };
}
