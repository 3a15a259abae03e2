// Requests that set a password: whose, and which old one they give as proof.
// Invariant: an old password is taken out to be judged before the request goes anywhere, for a
// directory that compares it is one more place to guess at (RFC 3062 §2).

import { isUtf8 } from "node:buffer";

import { Secret } from "../../lib/secret.ts";
import { WireError } from "../../wire/error.ts";
import { decodeUtf8 } from "../../wire/ldap/ber.ts";
import { canonicalRdns } from "../../wire/ldap/dn.ts";
import type { Envelope } from "../../wire/ldap/envelope.ts";
import {
  isAttributeDescription,
  isPasswordAttribute,
  isPasswordRdn,
} from "../../wire/ldap/password-attributes.ts";
import {
  type Change,
  decodeAdd,
  decodeModify,
  decodeOnlyValue,
  decodePasswordModify,
  MODIFICATION,
  type Range,
} from "../../wire/ldap/request.ts";
import { replaceContents } from "../../wire/ldap/rewrite.ts";
import type { PasswordChange } from "./action.ts";

/** A change, and what is needed to pass its request on. */
export interface PasswordChangeRequest {
  readonly change: PasswordChange;
  readonly message: Buffer;
  readonly envelope: Envelope;
  readonly oldPassword: OldPassword | undefined;
}

interface OldPassword extends Range {
  /** Active Directory's unicodePwd: in quotes, UTF-16. */
  readonly isQuoted: boolean;
}

/** A Password Modify. Throws WireError. */
export function readPasswordModify(
  message: Buffer,
  envelope: Envelope,
  value: Range | undefined,
): PasswordChangeRequest {
  const { userIdentity, oldPassword } = decodePasswordModify(message, value);
  const old = oldPassword === undefined ? undefined : { ...oldPassword, isQuoted: false };
  return request(message, envelope, userIdentity, old);
}

/** Undefined: it sets no password. Throws WireError. */
export function readAdd(message: Buffer, envelope: Envelope): PasswordChangeRequest | undefined {
  let setsPassword = false;
  const entry = decodeAdd(message, envelope, (bytes, from, to) => {
    setsPassword = isPassword(bytes, from, to) || setsPassword;
  });
  const name = decodeUtf8(entry, 0);
  // 389 Directory Server makes the values of an RDN values of the entry by itself.
  const [rdn = ""] = canonicalRdns(name);
  if (!setsPassword && !isPasswordRdn(rdn)) return undefined;
  return request(message, envelope, name, undefined);
}

/**
 * Undefined: it sets no password. "odd": it would try more than one old one, or do with passwords
 * what nobody has to. Throws WireError.
 */
export function readModify(
  message: Buffer,
  envelope: Envelope,
): PasswordChangeRequest | "odd" | undefined {
  const changes: Change[] = [];
  const entry = decodeModify(message, envelope, (change) => {
    if (isPassword(message, change.type.from, change.type.to)) changes.push(change);
  });
  if (changes.length === 0) return undefined;
  // Removing a value succeeds only if it is the right one.
  const removed = changes.filter(({ operation }) => operation === MODIFICATION.delete);
  const isCounted = changes.some(({ operation }) => operation === MODIFICATION.increment);
  if (removed.length > 1 || isCounted) return "odd";
  const [old] = removed;
  const value = old && decodeOnlyValue(message, old.values);
  const type = old === undefined ? "" : message.toString("latin1", old.type.from, old.type.to);
  const oldPassword = value && { ...value, isQuoted: UNICODE_PWD.test(type) };
  return request(message, envelope, decodeUtf8(entry, 0), oldPassword);
}

function isPassword(bytes: Buffer, from: number, to: number): boolean {
  if (isPasswordAttribute(bytes, from, to)) return true;
  if (!isAttributeDescription(bytes, from, to)) throw new WireError("bad-attribute", from);
  return false;
}

/** By name and OID, with options. */
const UNICODE_PWD = /^(?:unicodepwd|(?:oid\.)?1\.2\.840\.113556\.1\.4\.90)(?:;|$)/i;

function request(
  message: Buffer,
  envelope: Envelope,
  person: string | undefined,
  oldPassword: OldPassword | undefined,
): PasswordChangeRequest {
  const given =
    oldPassword === undefined ? undefined : Secret.of(readOldPassword(message, oldPassword));
  return { change: { person, oldPassword: given }, message, envelope, oldPassword };
}

function readOldPassword(message: Buffer, { from, to, isQuoted }: OldPassword): Buffer {
  const octets = message.subarray(from, to);
  if (!isQuoted) {
    if (!isUtf8(octets)) throw new WireError("bad-utf8", from);
    return octets;
  }
  const text = octets.toString("utf16le");
  const isWhole = octets.length % 2 === 0 && text.length > 1 && text.isWellFormed();
  if (!isWhole || !text.startsWith('"') || !text.endsWith('"')) {
    throw new WireError("bad-value", from);
  }
  return Buffer.from(text.slice(1, -1), "utf8");
}

/** The request as it may go on, with `oldPassword` in the place of the one that was given. */
export function withOldPassword(
  { message, oldPassword: range, change }: PasswordChangeRequest,
  oldPassword: Secret | undefined,
): Buffer {
  const given = change.oldPassword;
  if (range === undefined || given === undefined || oldPassword === undefined) return message;
  if (oldPassword.equals(given)) return message;
  const octets = oldPassword.reveal();
  const contents = range.isQuoted ? Buffer.from(`"${octets.toString("utf8")}"`, "utf16le") : octets;
  return replaceContents(message, range, contents);
}
