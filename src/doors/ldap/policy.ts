// What may be done with a request that isn't a Bind: passed on, answered here, asked about, refused.
// Invariants: nothing goes on that compares with, shows or sets a password attribute unless it is
// allowed to; before a Bind nothing is answered but what everybody may know.

import { isUtf8 } from "node:buffer";

import { WireError, type WireErrorCode } from "../../wire/error.ts";
import { canonicalRdns } from "../../wire/ldap/dn.ts";
import { type Envelope, peekEnvelope } from "../../wire/ldap/envelope.ts";
import type { AttributeVisitor } from "../../wire/ldap/filter-attributes.ts";
import { EXTENDED, OPERATION, type OperationName } from "../../wire/ldap/operation.ts";
import {
  isAttributeDescription,
  isPasswordAttribute,
  isPasswordRdn,
} from "../../wire/ldap/password-attributes.ts";
import {
  BASE_OBJECT,
  decodeExtended,
  decodeModifyDn,
  decodeSearch,
  type Range,
  type SearchRequest,
  visitCompare,
} from "../../wire/ldap/request.ts";
import type { Promises } from "../../wire/ldap/rewrite.ts";
import { ALLOWED_CONTROLS, judgeControls, keepControls, leavesState } from "./controls.ts";
import {
  type PasswordChangeRequest,
  readAdd,
  readModify,
  readPasswordModify,
} from "./password-change.ts";
import type { ListenerRules, Refusal } from "./rules.ts";

export interface Situation {
  readonly rules: ListenerRules;
  readonly isTls: boolean;
  readonly isBound: boolean;
}

export type Judgement =
  /** `leavesState`: nobody else may have the connection afterwards. */
  | { readonly kind: "forward"; readonly message: Buffer; readonly leavesState?: boolean }
  | { readonly kind: "refuse"; readonly refusal: Refusal }
  | { readonly kind: "change-password"; readonly request: PasswordChangeRequest }
  /** Nobody is bound: there is no need to ask the directory who. */
  | { readonly kind: "who-am-i" }
  | { readonly kind: "start-tls" };

const NAMES: ReadonlyMap<number, OperationName> = new Map([
  [OPERATION.searchRequest, "search"],
  [OPERATION.compareRequest, "compare"],
  [OPERATION.addRequest, "add"],
  [OPERATION.modifyRequest, "modify"],
  [OPERATION.deleteRequest, "delete"],
  [OPERATION.modifyDnRequest, "modrdn"],
]);

// These leave the message whole: only what the operation says is wrong (RFC 4511 §4.1.1: the answer
// is the operation's own, with protocolError, and the session goes on).
const WRONG_INSIDE: ReadonlySet<WireErrorCode> = new Set([
  "bad-value",
  "bad-filter",
  "bad-attribute",
  "bad-utf8",
  "bad-dn",
  "too-deep",
  "too-long",
  "too-many-attributes",
]);

/** Throws WireError when the message can't be taken apart: the session has to end. */
export function judge(message: Buffer, envelope: Envelope, situation: Situation): Judgement {
  try {
    const controls = judgeControls(message, envelope);
    if (controls.kind === "refuse") return controls;
    const kept = keepControls(message, envelope, controls);
    // Offsets change with the length of what is left.
    const keptEnvelope = kept === message ? envelope : peekEnvelope(kept);
    const judgement = judgeOperation(kept, keptEnvelope, situation);
    if (judgement.kind !== "forward" || !leavesState(controls.controls)) return judgement;
    return { ...judgement, leavesState: true };
  } catch (error) {
    if (!(error instanceof WireError) || !WRONG_INSIDE.has(error.code)) throw error;
    if (error.code === "too-many-attributes") return refuse("too-many-attributes");
    return refuse(error.code === "bad-dn" ? "malformed-name" : "malformed-request");
  }
}

function judgeOperation(message: Buffer, envelope: Envelope, situation: Situation): Judgement {
  if (envelope.tag === OPERATION.extendedRequest) {
    return judgeExtended(message, envelope, situation);
  }
  const name = NAMES.get(envelope.tag);
  if (name === undefined) throw new WireError("bad-tag", envelope.operationAt);
  if (!situation.rules.operations.has(name)) return refuse("operation-not-allowed");
  if (name === "search") return judgeSearch(message, envelope, situation);
  if (!situation.isBound) return refuse("not-bound");
  switch (name) {
    case "compare":
      return judgeCompare(message, envelope);
    case "add":
      return judgeChange(message, readAdd(message, envelope), situation);
    case "modify":
      return judgeChange(message, readModify(message, envelope), situation);
    case "modrdn":
      return judgeModifyDn(message, envelope);
    default:
      return { kind: "forward", message };
  }
}

function judgeSearch(message: Buffer, envelope: Envelope, { isBound }: Situation): Judgement {
  const seen = new AttributesSeen();
  const request = decodeSearch(message, envelope, seen.visit);
  if (!isBound && !isPublic(request)) return refuse("not-bound");
  if (seen.hasPassword) return refuse("password-attribute");
  return { kind: "forward", message };
}

function judgeCompare(message: Buffer, envelope: Envelope): Judgement {
  const seen = new AttributesSeen();
  visitCompare(message, envelope, seen.visit);
  return seen.hasPassword ? refuse("password-attribute") : { kind: "forward", message };
}

/** `request`: undefined if it sets no password. */
function judgeChange(
  message: Buffer,
  request: PasswordChangeRequest | "odd" | undefined,
  { rules }: Situation,
): Judgement {
  if (request === undefined) return { kind: "forward", message };
  if (request === "odd" || !rules.operations.has("password_modify")) {
    return refuse("password-attribute");
  }
  return { kind: "change-password", request };
}

function judgeModifyDn(message: Buffer, envelope: Envelope): Judgement {
  // The values of an RDN become values of the entry (RFC 4511 §4.9).
  const [newRdn = ""] = canonicalRdns(decodeModifyDn(message, envelope));
  return isPasswordRdn(newRdn) ? refuse("password-attribute") : { kind: "forward", message };
}

function judgeExtended(message: Buffer, envelope: Envelope, situation: Situation): Judgement {
  const { rules, isTls, isBound } = situation;
  const { oid, value } = decodeExtended(message, envelope);
  switch (oid) {
    case EXTENDED.startTls:
      // Where it isn't offered it is as unknown as any other (RFC 4511 §4.14.2). It has no value.
      if (rules.tls === "none") return refuse("unknown-extended-operation");
      return value === undefined ? { kind: "start-tls" } : refuse("malformed-request");
    case EXTENDED.whoAmI:
      if (!rules.operations.has("whoami")) return refuse("operation-not-allowed");
      return isBound ? { kind: "forward", message } : { kind: "who-am-i" };
    case EXTENDED.cancel:
      if (!rules.operations.has("cancel")) return refuse("operation-not-allowed");
      return isBound ? { kind: "forward", message } : refuse("not-bound");
    case EXTENDED.passwordModify:
      if (rules.tls !== "none" && !isTls) return refuse("confidentiality-required");
      if (!rules.operations.has("password_modify")) return refuse("operation-not-allowed");
      if (!isBound) return refuse("not-authenticated");
      return judgePasswordModify(message, envelope, value);
    default:
      return refuse("unknown-extended-operation");
  }
}

// The value is an OCTET STRING of its own: what is wrong in it leaves the message whole.
function judgePasswordModify(
  message: Buffer,
  envelope: Envelope,
  value: Range | undefined,
): Judgement {
  try {
    return { kind: "change-password", request: readPasswordModify(message, envelope, value) };
  } catch (error) {
    if (error instanceof WireError) return refuse("malformed-request");
    throw error;
  }
}

function refuse(refusal: Refusal): Judgement {
  return { kind: "refuse", refusal };
}

/** Looks at the attributes that a request compares with. */
class AttributesSeen {
  hasPassword = false;
  /** An empty name stands for every attribute. */
  readonly visit: AttributeVisitor = (bytes, from, to) => {
    if (from === to || isPasswordAttribute(bytes, from, to)) this.hasPassword = true;
    else if (!isAttributeDescription(bytes, from, to)) throw new WireError("bad-attribute", from);
  };
}

/** The root DSE and the schema: what they hold every client has to know before it can bind. */
function isPublic({ base, scope }: SearchRequest): boolean {
  if (scope !== BASE_OBJECT) return false;
  if (base.length === 0) return true;
  if (base.length > PUBLIC_NAME_BYTES_MAX || !isUtf8(base)) return false;
  const name = base.toString("utf8").toLowerCase();
  return SUBSCHEMA.test(name);
}

const PUBLIC_NAME_BYTES_MAX = 300;
/** OpenLDAP · 389 Directory Server · Active Directory. */
const SUBSCHEMA =
  /^cn ?= ?(?:subschema|schema|aggregate, ?cn=schema, ?cn=configuration(?:, ?dc=[a-z0-9-]+)+)$/;

/** What a root DSE may say of a listener and of a session as it stands. */
export function promisesOf({ rules, isTls }: Omit<Situation, "isBound">): Promises {
  const { operations } = rules;
  const extensions = new Set<string>();
  if (operations.has("whoami")) extensions.add(EXTENDED.whoAmI);
  if (operations.has("cancel")) extensions.add(EXTENDED.cancel);
  if (operations.has("password_modify")) extensions.add(EXTENDED.passwordModify);
  return { extensions, controls: ALLOWED_CONTROLS, startTls: rules.tls === "start_tls" && !isTls };
}
