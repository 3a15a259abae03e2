// What a server has to know of the requests it doesn't just pass on (RFC 4511 §4.2 to §4.14).
// Invariant: an operation is read to its last octet or refused, so that nobody behind can find
// something in it that wasn't seen here.

import { Secret } from "../../lib/secret.ts";
import { WireError } from "../error.ts";
import { BerReader, TAG } from "./ber.ts";
import type { Envelope } from "./envelope.ts";
import {
  type AttributeVisitor,
  visitAssertion,
  visitFilter,
  visitName,
} from "./filter-attributes.ts";
import { OPERATION } from "./operation.ts";

/** Octets of a message. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

export interface BindRequest {
  readonly version: number;
  /** Octets: whether they are a name is another question than whether they are a request. */
  readonly name: Buffer;
  /** simple; or the SASL mechanism; or something newer or older than both. */
  readonly authentication:
    | { readonly kind: "simple"; readonly password: Secret }
    | { readonly kind: "sasl"; readonly mechanism: string }
    | { readonly kind: "unknown" };
}

const SIMPLE = 0x80;
const SASL = 0xa3;

export function decodeBind(message: Buffer, envelope: Envelope): BindRequest {
  const reader = operationReader(message, envelope);
  const outer = reader.enter(OPERATION.bindRequest);
  const version = reader.readInteger(TAG.integer);
  const name = reader.readOctets(TAG.octetString);
  const authentication = readAuthentication(reader);
  reader.leave(outer);
  return { version, name, authentication };
}

function readAuthentication(reader: BerReader): BindRequest["authentication"] {
  const tag = reader.peekTag();
  if (tag === SIMPLE) return { kind: "simple", password: Secret.of(reader.readOctets(SIMPLE)) };
  if (tag !== SASL) {
    reader.skip();
    return { kind: "unknown" };
  }
  const outer = reader.enter(SASL);
  const mechanism = reader.readOctets(TAG.octetString).toString("latin1");
  if (!reader.isAtEnd) reader.skipOctets(TAG.octetString);
  reader.leave(outer);
  return { kind: "sasl", mechanism };
}

export interface SearchRequest {
  readonly base: Buffer;
  readonly scope: number;
}

/** More names than any application asks for. */
const NAMES_MAX = 4096;
/** Attributes of an Add, changes of a Modify. */
const ATTRIBUTES_MAX = 20_000;

export const BASE_OBJECT = 0;
/** `children` (draft-sermersheim-ldap-subordinate-scope) is the last that anybody knows. */
const SCOPE_MAX = 3;
const DEREF_ALIASES_MAX = 3;

/** `visit` is shown every attribute of the filter. */
export function decodeSearch(
  message: Buffer,
  envelope: Envelope,
  visit: AttributeVisitor,
): SearchRequest {
  const reader = operationReader(message, envelope);
  const outer = reader.enter(OPERATION.searchRequest);
  const base = reader.readOctets(TAG.octetString);
  const scope = readNumber(reader, TAG.enumerated, SCOPE_MAX);
  readNumber(reader, TAG.enumerated, DEREF_ALIASES_MAX);
  readNumber(reader, TAG.integer); // sizeLimit
  readNumber(reader, TAG.integer); // timeLimit
  reader.readBoolean(TAG.boolean); // typesOnly
  visitFilter(reader, visit);
  const list = reader.enter(TAG.sequence);
  for (let names = 0; !reader.isAtEnd; names += 1) {
    bound(names, NAMES_MAX, reader);
    reader.skipOctets(TAG.octetString);
  }
  reader.leave(list);
  reader.leave(outer);
  return { base, scope };
}

function bound(count: number, max: number, reader: BerReader): void {
  if (count === max) throw new WireError("too-many-attributes", reader.offset);
}

function readNumber(reader: BerReader, tag: number, max = Number.POSITIVE_INFINITY): number {
  const at = reader.offset;
  const value = reader.readInteger(tag);
  if (value < 0 || value > max) throw new WireError("bad-value", at);
  return value;
}

export function visitCompare(message: Buffer, envelope: Envelope, visit: AttributeVisitor): void {
  const reader = operationReader(message, envelope);
  const outer = reader.enter(OPERATION.compareRequest);
  reader.skipOctets(TAG.octetString);
  visitAssertion(reader, TAG.sequence, visit);
  reader.leave(outer);
}

/**
 * `visit` is shown the type of every attribute of the new entry; values are values, whatever they
 * are. The entry's name is returned.
 */
export function decodeAdd(message: Buffer, envelope: Envelope, visit: AttributeVisitor): Buffer {
  const reader = operationReader(message, envelope);
  const outer = reader.enter(OPERATION.addRequest);
  const entry = reader.readOctets(TAG.octetString);
  const list = reader.enter(TAG.sequence);
  for (let attributes = 0; !reader.isAtEnd; attributes += 1) {
    bound(attributes, ATTRIBUTES_MAX, reader);
    const attribute = reader.enter(TAG.sequence);
    visitName(reader, TAG.octetString, visit);
    reader.skipOctets(TAG.set);
    reader.leave(attribute);
  }
  reader.leave(list);
  reader.leave(outer);
  return entry;
}

/** RFC 4511 §4.6 and RFC 4525. */
export const MODIFICATION = { add: 0, delete: 1, replace: 2, increment: 3 } as const;

export interface Change {
  readonly operation: number;
  /** Options included. */
  readonly type: Range;
  /** The inside of their set. */
  readonly values: Range;
}

/** `visit` is shown every change. The entry's name is returned. */
export function decodeModify(
  message: Buffer,
  envelope: Envelope,
  visit: (change: Change) => void,
): Buffer {
  const reader = operationReader(message, envelope);
  const outer = reader.enter(OPERATION.modifyRequest);
  const entry = reader.readOctets(TAG.octetString);
  const list = reader.enter(TAG.sequence);
  for (let changes = 0; !reader.isAtEnd; changes += 1) {
    bound(changes, ATTRIBUTES_MAX, reader);
    const change = reader.enter(TAG.sequence);
    const operation = readNumber(reader, TAG.enumerated, MODIFICATION.increment);
    const modification = reader.enter(TAG.sequence);
    const type = readRange(reader, TAG.octetString);
    const values = readRange(reader, TAG.set);
    reader.leave(modification);
    reader.leave(change);
    visit({ operation, type, values });
  }
  reader.leave(list);
  reader.leave(outer);
  return entry;
}

/** The only one of some values; undefined: there is none. Throws WireError: there are more. */
export function decodeOnlyValue(message: Buffer, { from, to }: Range): Range | undefined {
  const reader = new BerReader(message, from, to);
  if (reader.isAtEnd) return undefined;
  const value = readRange(reader, TAG.octetString);
  if (!reader.isAtEnd) throw new WireError("bad-value", reader.offset);
  return value;
}

function readRange(reader: BerReader, tag: number): Range {
  const from = reader.skipOctets(tag);
  return { from, to: reader.offset };
}

const NEW_SUPERIOR = 0x80;

/** The new RDN. Throws WireError, bad-utf8 among others. */
export function decodeModifyDn(message: Buffer, envelope: Envelope): string {
  const reader = operationReader(message, envelope);
  const outer = reader.enter(OPERATION.modifyDnRequest);
  reader.skipOctets(TAG.octetString); // entry
  const newRdn = reader.readText(TAG.octetString);
  reader.readBoolean(TAG.boolean); // deleteoldrdn
  if (reader.peekTag() === NEW_SUPERIOR) reader.skipOctets(NEW_SUPERIOR);
  reader.leave(outer);
  return newRdn;
}

export interface ExtendedRequest {
  readonly oid: string;
  readonly value: Range | undefined;
}

const REQUEST_NAME = 0x80;
const REQUEST_VALUE = 0x81;

export function decodeExtended(message: Buffer, envelope: Envelope): ExtendedRequest {
  const reader = operationReader(message, envelope);
  const outer = reader.enter(OPERATION.extendedRequest);
  const oid = reader.readOctets(REQUEST_NAME).toString("latin1");
  const value = readOptional(reader, REQUEST_VALUE);
  reader.leave(outer);
  return { oid, value };
}

/** RFC 3062 §2. */
export interface PasswordModifyRequest {
  readonly userIdentity: string | undefined;
  readonly oldPassword: Range | undefined;
}

const USER_IDENTITY = 0x80;
const OLD_PASSWORD = 0x81;
const NEW_PASSWORD = 0x82;

/** `value`: of the extended request; without one everything is left to the server. */
export function decodePasswordModify(
  message: Buffer,
  value: Range | undefined,
): PasswordModifyRequest {
  if (value === undefined) return { userIdentity: undefined, oldPassword: undefined };
  const reader = new BerReader(message, value.from, value.to);
  const outer = reader.enter(TAG.sequence);
  const userIdentity =
    reader.peekTag() === USER_IDENTITY ? reader.readText(USER_IDENTITY) : undefined;
  const oldPassword = readOptional(reader, OLD_PASSWORD);
  readOptional(reader, NEW_PASSWORD);
  reader.leave(outer);
  if (!reader.isAtEnd) throw new WireError("trailing-bytes", reader.offset);
  return { userIdentity, oldPassword };
}

function readOptional(reader: BerReader, tag: number): Range | undefined {
  return reader.peekTag() === tag ? readRange(reader, tag) : undefined;
}

/** The message id that an Abandon names. */
export function decodeAbandon(message: Buffer, envelope: Envelope): number {
  return operationReader(message, envelope).readInteger(OPERATION.abandonRequest);
}

function operationReader(message: Buffer, { operationAt, operationEnd }: Envelope): BerReader {
  return new BerReader(message, operationAt, operationEnd);
}
