// Requests and answers that go on changed: a Bind for somebody else's spelling, an old password
// without its code, an entry without its passwords, a root DSE that promises only what is kept.
// Invariant: what isn't meant to change stays octet for octet, the message id and the order too.

import { BerReader, BerWriter, contentsOfElement, endOfElement, TAG } from "./ber.ts";
import { CONTROL, type Control, decodeControls, withControls, writeControls } from "./control.ts";
import { type Envelope, finishMessage } from "./envelope.ts";
import { EXTENDED, OPERATION } from "./operation.ts";
import { isPasswordAttribute } from "./password-attributes.ts";
import type { Range } from "./request.ts";

const SIMPLE = 0x80;
const VERSION = 3;

/**
 * A simple Bind with the id and the controls of another one, for this DN and password. `added`: a
 * control that the other one hasn't.
 */
export function rewriteBind(
  message: Buffer,
  { id }: Envelope,
  controls: readonly Control[],
  dn: string,
  password: Uint8Array,
  added?: string,
): Buffer {
  const writer = new BerWriter();
  writeControls(writer, message, controls, added);
  const before = writer.size;
  writer.writeOctets(SIMPLE, password);
  writer.writeText(TAG.octetString, dn);
  writer.writeInteger(TAG.integer, VERSION);
  writer.wrap(OPERATION.bindRequest, before);
  return finishMessage(writer, id);
}

/** An answer without what the password policy says in it, to somebody who hasn't asked. */
export function withoutPasswordPolicy(message: Buffer, envelope: Envelope): Buffer {
  const controls = decodeControls(message, envelope);
  const others = controls.filter(({ oid }) => oid !== CONTROL.passwordPolicy);
  return others.length === controls.length ? message : withControls(message, envelope, others);
}

/**
 * The same elements with `replacement` as the contents of the one whose contents are at `range`;
 * every length around it follows. The range must be the contents of an element of `message`.
 */
export function replaceContents(message: Buffer, range: Range, replacement: Uint8Array): Buffer {
  const writer = new BerWriter();
  rewriteElements(writer, message, 0, message.length, range, replacement);
  return writer.finish();
}

/** All elements from `start` to `end`, the last one first. */
function rewriteElements(
  writer: BerWriter,
  bytes: Buffer,
  start: number,
  end: number,
  range: Range,
  replacement: Uint8Array,
): void {
  let at = start;
  let next = endOfElement(bytes, at, end);
  // The one that holds the range is the first that reaches as far.
  while (next < range.to && next < end) {
    at = next;
    next = endOfElement(bytes, at, end);
  }
  writer.writeRaw(bytes.subarray(next, end));
  const before = writer.size;
  const contentsAt = contentsOfElement(bytes, at);
  if (contentsAt === range.from && next === range.to) writer.writeRaw(replacement);
  else rewriteElements(writer, bytes, contentsAt, next, range, replacement);
  writer.wrap(bytes.readUInt8(at), before);
  writer.writeRaw(bytes.subarray(start, at));
}

/** What is to be done with an entry before it is passed on. */
export type EntryKind = "plain" | "passwords" | "root-dse";

/** Looks at a SearchResultEntry without building anything of it. Throws WireError. */
export function kindOfEntry(message: Buffer, { contentsAt, operationEnd }: Envelope): EntryKind {
  const nameEnd = endOfElement(message, contentsAt, operationEnd);
  // Only the root has an empty name (RFC 4512 §5.1).
  if (nameEnd === contentsOfElement(message, contentsAt)) return "root-dse";
  const end = endOfElement(message, nameEnd, operationEnd);
  let at = contentsOfElement(message, nameEnd);
  while (at < end) {
    const next = endOfElement(message, at, end);
    const typeAt = contentsOfElement(message, at);
    const typeEnd = endOfElement(message, typeAt, next);
    if (isPasswordAttribute(message, contentsOfElement(message, typeAt), typeEnd)) {
      return "passwords";
    }
    at = next;
  }
  return "plain";
}

/** The entry without its password attributes, values and names. Throws WireError. */
export function withoutPasswords(message: Buffer, envelope: Envelope): Buffer {
  return rewriteEntry(message, envelope, (writer, attribute) => {
    if (isPasswordAttribute(message, attribute.typeFrom, attribute.typeTo)) return;
    writer.writeRaw(message.subarray(attribute.from, attribute.to));
  });
}

/** What a root DSE may promise. */
export interface Promises {
  readonly extensions: ReadonlySet<string>;
  readonly controls: ReadonlySet<string>;
  /** Added to the extensions: not every directory behind offers it. */
  readonly startTls: boolean;
}

/** A root DSE for clients that must not be led around us. Throws WireError. */
export function rewriteRootDse(message: Buffer, envelope: Envelope, promises: Promises): Buffer {
  return rewriteEntry(message, envelope, (writer, attribute) => {
    const { from, to, typeFrom, typeTo } = attribute;
    if (isPasswordAttribute(message, typeFrom, typeTo)) return;
    const type = message.toString("latin1", typeFrom, typeTo).toLowerCase();
    // altServer names other servers, which ask for no code.
    if (type === "supportedsaslmechanisms" || type === "altserver") return;
    if (type === "supportedcontrol") {
      writeValues(writer, message, attribute, promises.controls, undefined);
    } else if (type === "supportedextension") {
      const added = promises.startTls ? EXTENDED.startTls : undefined;
      writeValues(writer, message, attribute, promises.extensions, added);
    } else {
      writer.writeRaw(message.subarray(from, to));
    }
  });
}

/** One attribute of an entry: the whole of it, its type, and where its values are. */
interface AttributeAt extends Range {
  readonly typeFrom: number;
  readonly typeTo: number;
  readonly valuesFrom: number;
  readonly valuesTo: number;
}

/** `write` is called for the last attribute first. */
function rewriteEntry(
  message: Buffer,
  envelope: Envelope,
  write: (writer: BerWriter, attribute: AttributeAt) => void,
): Buffer {
  const reader = new BerReader(message, envelope.operationAt, envelope.operationEnd);
  const outer = reader.enter(OPERATION.searchResultEntry);
  const nameFrom = reader.offset;
  reader.skipOctets(TAG.octetString);
  const nameTo = reader.offset;
  const list = reader.enter(TAG.sequence);
  const attributes: AttributeAt[] = [];
  while (!reader.isAtEnd) attributes.push(readAttribute(reader));
  reader.leave(list);
  reader.leave(outer);

  const writer = new BerWriter();
  writer.writeRaw(message.subarray(envelope.operationEnd));
  const before = writer.size;
  for (const attribute of attributes.toReversed()) write(writer, attribute);
  writer.wrap(TAG.sequence, before);
  writer.writeRaw(message.subarray(nameFrom, nameTo));
  writer.wrap(OPERATION.searchResultEntry, before);
  return finishMessage(writer, envelope.id);
}

function readAttribute(reader: BerReader): AttributeAt {
  const from = reader.offset;
  const outer = reader.enter(TAG.sequence);
  const typeFrom = reader.skipOctets(TAG.octetString);
  const typeTo = reader.offset;
  const set = reader.enter(TAG.set);
  const valuesFrom = reader.offset;
  while (!reader.isAtEnd) reader.skipOctets(TAG.octetString);
  const valuesTo = reader.offset;
  reader.leave(set);
  reader.leave(outer);
  return { from, to: reader.offset, typeFrom, typeTo, valuesFrom, valuesTo };
}

/** The values that are `allowed`, and `added`; with typesOnly there are none, and none are made. */
function writeValues(
  writer: BerWriter,
  message: Buffer,
  { typeFrom, typeTo, valuesFrom, valuesTo }: AttributeAt,
  allowed: ReadonlySet<string>,
  added: string | undefined,
): void {
  const reader = new BerReader(message, valuesFrom, valuesTo);
  const values = new Set<string>();
  if (added !== undefined && !reader.isAtEnd) values.add(added);
  while (!reader.isAtEnd) {
    const value = reader.readOctets(TAG.octetString).toString("latin1");
    if (allowed.has(value)) values.add(value);
  }
  // RFC 4511 §4.1.7: an attribute without values isn't sent at all.
  if (values.size === 0 && valuesFrom !== valuesTo) return;
  const before = writer.size;
  for (const value of values) writer.writeText(TAG.octetString, value);
  writer.wrap(TAG.set, before);
  writer.writeOctets(TAG.octetString, message.subarray(typeFrom, typeTo));
  writer.wrap(TAG.sequence, before);
}
