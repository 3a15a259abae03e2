// Controls of requests: which there are, what the ones with something inside look at, and the same
// request with fewer of them (RFC 4511 §4.1.11).
// Invariant: what is kept stays octet for octet, and so does the operation.

import { WireError } from "../error.ts";
import { BerReader, BerWriter, TAG } from "./ber.ts";
import { type Envelope, finishMessage } from "./envelope.ts";
import { FILTER_TAG } from "./filter.ts";
import { type AttributeVisitor, visitFilter, visitName } from "./filter-attributes.ts";
import { CONTROLS } from "./operation.ts";

export const CONTROL = {
  /** RFC 2696. */
  pagedResults: "1.2.840.113556.1.4.319",
  /** RFC 2891, and the view of a list that needs it. */
  sort: "1.2.840.113556.1.4.473",
  virtualListView: "2.16.840.1.113730.3.4.9",
  /** RFC 3296. */
  manageDsaIt: "2.16.840.1.113730.3.4.2",
  /** RFC 3672. */
  subentries: "1.3.6.1.4.1.4203.1.10.1",
  /** RFC 3829. */
  authorizationIdentity: "2.16.840.1.113730.3.4.16",
  /** RFC 3876. */
  matchedValues: "1.2.826.0.1.3344810.2.3",
  /** RFC 4370, and the draft before it. */
  proxiedAuthorization: "2.16.840.1.113730.3.4.18",
  proxiedAuthorizationDraft: "2.16.840.1.113730.3.4.12",
  /** RFC 4527. */
  preRead: "1.3.6.1.1.13.1",
  postRead: "1.3.6.1.1.13.2",
  /** RFC 4528. */
  assertion: "1.3.6.1.1.12",
  /** RFC 6171. */
  dontUseCopy: "1.3.6.1.1.22",
  /** draft-behera-ldap-password-policy-10 §6.1. */
  passwordPolicy: "1.3.6.1.4.1.42.2.27.8.5.1",
  /** draft-wahl-ldap-session-03: who asks on whose behalf, for the directory's log. */
  sessionTracking: "1.3.6.1.4.1.21008.108.63.1",
  /** MS-ADTS §3.1.1.3.4.1: those that change what is shown, or how an update is done. */
  treeDelete: "1.2.840.113556.1.4.805",
  showDeleted: "1.2.840.113556.1.4.417",
  extendedDn: "1.2.840.113556.1.4.529",
  securityDescriptorFlags: "1.2.840.113556.1.4.801",
  domainScope: "1.2.840.113556.1.4.1339",
  searchOptions: "1.2.840.113556.1.4.1340",
  permissiveModify: "1.2.840.113556.1.4.1413",
  attributeScopedQuery: "1.2.840.113556.1.4.1504",
  showRecycled: "1.2.840.113556.1.4.2064",
} as const;

export interface Control {
  readonly oid: string;
  readonly isCritical: boolean;
  readonly value: Buffer | undefined;
  /** The whole element in the message. */
  readonly from: number;
  readonly to: number;
}

/** More than any client sends. */
const CONTROLS_MAX = 32;

export function decodeControls(message: Buffer, envelope: Envelope): Control[] {
  if (!envelope.hasControls) return [];
  const reader = new BerReader(message, envelope.operationEnd);
  const controls: Control[] = [];
  reader.enter(CONTROLS);
  while (!reader.isAtEnd) {
    if (controls.length === CONTROLS_MAX) {
      throw new WireError("too-many-attributes", reader.offset);
    }
    const from = reader.offset;
    const outer = reader.enter(TAG.sequence);
    const oid = reader.readOctets(TAG.octetString).toString("latin1");
    const isCritical = reader.peekTag() === TAG.boolean && reader.readBoolean(TAG.boolean);
    const value = reader.isAtEnd ? undefined : reader.readOctets(TAG.octetString);
    reader.leave(outer);
    controls.push({ oid, isCritical, value, from, to: reader.offset });
  }
  return controls;
}

/** The same message with these of its controls only. */
export function withControls(
  message: Buffer,
  { id, operationAt, operationEnd }: Envelope,
  controls: readonly Control[],
): Buffer {
  const writer = new BerWriter();
  writeControls(writer, message, controls);
  writer.writeRaw(message.subarray(operationAt, operationEnd));
  return finishMessage(writer, id);
}

/** Nothing at all for none: an empty list says no more. `added`: one more, not critical. */
export function writeControls(
  writer: BerWriter,
  message: Buffer,
  controls: readonly Control[],
  added?: string,
): void {
  if (controls.length === 0 && added === undefined) return;
  const before = writer.size;
  if (added !== undefined) {
    writer.writeText(TAG.octetString, added);
    writer.wrap(TAG.sequence, before);
  }
  for (const { from, to } of controls.toReversed()) writer.writeRaw(message.subarray(from, to));
  writer.wrap(CONTROLS, before);
}

/**
 * Shows `visit` every attribute that the value of `control` filters by, sorts by or asks for, as far
 * as the control is one of those with any. What stands for more than one attribute ("*", "+",
 * "@class", an empty list of a read) is shown as an empty name. Throws WireError.
 */
export function visitControl({ oid, value }: Control, visit: AttributeVisitor): void {
  const visitValue = VALUES.get(oid);
  if (visitValue === undefined) return;
  if (value === undefined) throw new WireError("bad-value", 0);
  const reader = new BerReader(value);
  visitValue(reader, visit);
  if (!reader.isAtEnd) throw new WireError("trailing-bytes", reader.offset);
}

const VALUES: ReadonlyMap<string, (reader: BerReader, visit: AttributeVisitor) => void> = new Map([
  [CONTROL.assertion, visitFilter],
  [CONTROL.matchedValues, visitValuesFilter],
  [CONTROL.sort, visitSortKeys],
  [CONTROL.preRead, visitSelection],
  [CONTROL.postRead, visitSelection],
]);

/** Of filters, keys or names in one value. */
const ITEMS_MAX = 1000;

function visitItems(reader: BerReader, visitItem: () => void): void {
  const outer = reader.enter(TAG.sequence);
  for (let items = 0; !reader.isAtEnd; items += 1) {
    if (items === ITEMS_MAX) throw new WireError("too-many-attributes", reader.offset);
    visitItem();
  }
  reader.leave(outer);
}

/** RFC 3876 §2: SEQUENCE OF SimpleFilterItem, which are filters without and, or and not. */
function visitValuesFilter(reader: BerReader, visit: AttributeVisitor): void {
  visitItems(reader, () => {
    if (COMPOSED.has(reader.peekTag())) throw new WireError("bad-filter", reader.offset);
    visitFilter(reader, visit);
  });
}

const COMPOSED: ReadonlySet<number> = new Set([FILTER_TAG.and, FILTER_TAG.or, FILTER_TAG.not]);

const ORDERING_RULE = 0x80;
const REVERSE_ORDER = 0x81;

/** RFC 2891 §1.1: an order shows more of a value with every entry that is added. */
function visitSortKeys(reader: BerReader, visit: AttributeVisitor): void {
  visitItems(reader, () => {
    const key = reader.enter(TAG.sequence);
    visitName(reader, TAG.octetString, visit);
    if (reader.peekTag() === ORDERING_RULE) reader.skipOctets(ORDERING_RULE);
    if (reader.peekTag() === REVERSE_ORDER) reader.readBoolean(REVERSE_ORDER);
    reader.leave(key);
  });
}

/** RFC 4527 §3.1 and RFC 4511 §4.5.1.8; "1.1" alone asks for nothing. */
function visitSelection(reader: BerReader, visit: AttributeVisitor): void {
  let isEverything = true;
  visitItems(reader, () => {
    isEverything = false;
    const from = reader.skipOctets(TAG.octetString);
    const isSeveral = SEVERAL.has(reader.bytes[from] ?? 0);
    visit(reader.bytes, from, isSeveral ? from : reader.offset);
  });
  if (isEverything) visit(reader.bytes, 0, 0);
}

const SEVERAL: ReadonlySet<number> = new Set(Buffer.from("*+@", "latin1"));
