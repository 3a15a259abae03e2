// One password field, two factors: where the password ends and the code begins. Invariant: one
// reading only, decided by the demand and the token, never by what happens to match.

import { Secret } from "../lib/secret.ts";
import { BYPASS_CODE_CHARS, isBypassForm } from "./bypass.ts";
import { isRecoveryForm, RECOVERY_CODE_CHARS } from "./recovery.ts";

const DIGITS_ALONE = /^[0-9]{6,8}$/;

export interface Split {
  readonly password: Secret;
  readonly code: Secret | undefined;
  readonly codeKind: CodeKind;
}

/** absent: no well-formed code at the end. */
export type CodeKind = "totp" | "recovery" | "bypass" | "absent";

/** Which codes may stand at the end of this person's field. */
export interface CodeForms {
  /** Of the person's token, which has recovery codes beside it; undefined without one. */
  readonly digits: number | undefined;
  readonly bypass: boolean;
}

/**
 * Nothing at all, or a separator and a code without a password: refused before any lookup, for
 * everyone (RFC 4513 §5.1.2: an empty password must never reach a directory).
 */
export function isEmptyPassword(credentials: Secret, separator: string): boolean {
  const text = toText(credentials);
  if (text.length === 0) return true;
  if (separator === "" || !text.startsWith(separator)) return false;
  const rest = text.slice(separator.length);
  return DIGITS_ALONE.test(rest) || isBypassForm(rest) || isRecoveryForm(rest);
}

/**
 * Splits at the last separator when exactly a well-formed code follows it; with the separator ""
 * the last characters are the code if they have its form. Otherwise the whole field is the password.
 */
export function splitCredentials(credentials: Secret, separator: string, forms: CodeForms): Split {
  const text = toText(credentials);
  const at = separator === "" ? tailStart(text, forms) : text.lastIndexOf(separator);
  // Some codes hold "-" but the separator never does (configuration), so "last" is exact.
  if (at >= 0) {
    const suffix = text.slice(at + separator.length);
    const codeKind = codeKindOf(suffix, forms);
    if (codeKind !== "absent") {
      return { password: fromText(text.slice(0, at)), code: Secret.of(suffix), codeKind };
    }
  }
  return { password: credentials, code: undefined, codeKind: "absent" };
}

const ON_PAPER = [
  { form: /^[a-z2-7]{25}$/i, group: /.{5}(?=.)/g },
  { form: /^[a-z2-7]{16}$/i, group: /.{4}(?=.)/g },
] as const;

/**
 * A code that is typed alone, in the spelling that is stored: people who copy a recovery or bypass code
 * from paper write capitals, spaces, or no dashes. Behind a password only the one spelling is a code.
 */
export function asWritten(code: Secret): Secret {
  const letters = toText(code).replaceAll(/[ -]/g, "");
  const paper = ON_PAPER.find(({ form }) => form.test(letters));
  return paper === undefined
    ? code
    : fromText(letters.toLowerCase().replaceAll(paper.group, "$&-"));
}

/** What a code typed alone, in answer to a challenge, is. */
export function readAnswer(credentials: Secret, forms: CodeForms): CodeKind {
  return codeKindOf(toText(credentials), forms);
}

function tailStart(text: string, forms: CodeForms): number {
  if (forms.bypass && isBypassForm(text.slice(-BYPASS_CODE_CHARS))) {
    return text.length - BYPASS_CODE_CHARS;
  }
  if (forms.digits === undefined) return -1;
  if (isRecoveryForm(text.slice(-RECOVERY_CODE_CHARS))) return text.length - RECOVERY_CODE_CHARS;
  return text.length - forms.digits;
}

function codeKindOf(suffix: string, forms: CodeForms): CodeKind {
  if (forms.digits !== undefined) {
    if (suffix.length === forms.digits && isAsciiDigits(suffix)) return "totp";
    if (isRecoveryForm(suffix)) return "recovery";
  }
  return forms.bypass && isBypassForm(suffix) ? "bypass" : "absent";
}

// Not \d with a flag somebody may add: full-width and other digits are not codes.
function isAsciiDigits(text: string): boolean {
  return /^[0-9]+$/.test(text);
}

// latin1 maps every byte to one character and back, so passwords of any bytes survive the split.
function toText(secret: Secret): string {
  return secret.reveal().toString("latin1");
}

function fromText(text: string): Secret {
  return Secret.of(Buffer.from(text, "latin1"));
}
