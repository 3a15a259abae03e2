// The lines of an import file: username,secret[,algorithm[,digits[,period]]].
// Invariant: a line is taken as it stands or refused with a reason that never contains the secret.

import { decodeBase32, encodeBase32 } from "../lib/base32.ts";
import { parseCsvLine } from "../lib/csv.ts";
import type { TokenRow } from "../doors/control/views.ts";

export type TokenLine =
  | { readonly kind: "row"; readonly row: TokenRow }
  | { readonly kind: "bad"; readonly problem: string }
  /** Empty, or the header. */
  | { readonly kind: "nothing" };

const COLUMNS = ["username", "secret", "algorithm", "digits", "period"] as const;
const SECRET_BYTES_MIN = 16;
const SECRET_BYTES_MAX = 64;
const USERNAME_CHARS_MAX = 256;
// Bytes that aren't UTF-8 arrive as U+FFFD.
const NOT_IN_A_NAME = /[\p{Cc}\ufffd]/u;
const BYTE_ORDER_MARK = "\ufeff";

/** `text` is one line without its line break, `line` its number in the file, from 1. */
export function parseTokenLine(text: string, line: number): TokenLine {
  const content = line === 1 && text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
  if (content.trim() === "") return { kind: "nothing" };
  const csv = parseCsvLine(content);
  if (csv.kind === "malformed") return bad(csv.problem);
  const { fields } = csv;
  if (line === 1 && isHeader(fields)) return { kind: "nothing" };
  if (fields.length < 2) return bad("two columns are needed at least: username,secret");
  if (fields.length > COLUMNS.length) return bad(`${fields.length} columns; five is the most`);
  const [username = "", secret = "", algorithm = "", digits = "", period = ""] = fields;
  return rowOf({ line, username, secret, algorithm, digits, period });
}

function isHeader(fields: readonly string[]): boolean {
  return fields.every((field, index) => field.trim().toLowerCase() === COLUMNS[index]);
}

type Texts = { readonly [Column in (typeof COLUMNS)[number]]: string };

function rowOf(texts: Texts & { readonly line: number }): TokenLine {
  const { line, username } = texts;
  if (username.trim() === "") return bad("no user name");
  if (username.length > USERNAME_CHARS_MAX) return bad("the user name is too long");
  if (NOT_IN_A_NAME.test(username)) return bad("the user name has characters no name can have");
  const secret = readSecret(texts.secret);
  if ("problem" in secret) return bad(secret.problem);
  const algorithm = readAlgorithm(texts.algorithm);
  if (algorithm === undefined) return bad("the algorithm must be SHA1, SHA256 or SHA512");
  const digits = readDigits(texts.digits);
  if (digits === undefined) return bad("digits must be 6, 7 or 8");
  const periodSeconds = readPeriod(texts.period);
  if (periodSeconds === undefined) return bad("the period must be 30 or 60");
  return {
    kind: "row",
    row: { line, username, secret: secret.base32, algorithm, digits, periodSeconds },
  };
}

function readSecret(text: string): { base32: string } | { problem: string } {
  if (text.trim() === "") return { problem: "no secret" };
  const bytes = decodeBase32(text);
  if (bytes === undefined) return { problem: "the secret is not base32 (A-Z and 2-7)" };
  if (bytes.length >= SECRET_BYTES_MIN && bytes.length <= SECRET_BYTES_MAX) {
    return { base32: encodeBase32(bytes) };
  }
  const length = `${bytes.length} ${bytes.length === 1 ? "byte" : "bytes"}`;
  return { problem: `the secret has ${length}; 16 to 64 are allowed` };
}

/** Empty: SHA1, as authenticator apps assume. */
export function readAlgorithm(text: string): TokenRow["algorithm"] | undefined {
  switch (text.trim().toLowerCase().replace("-", "")) {
    case "":
    case "sha1":
      return "sha1";
    case "sha256":
      return "sha256";
    case "sha512":
      return "sha512";
    default:
      return undefined;
  }
}

/** Empty: 6. */
export function readDigits(text: string): TokenRow["digits"] | undefined {
  switch (text.trim()) {
    case "":
    case "6":
      return 6;
    case "7":
      return 7;
    case "8":
      return 8;
    default:
      return undefined;
  }
}

/** Seconds; empty: 30. */
export function readPeriod(text: string): TokenRow["periodSeconds"] | undefined {
  switch (text.trim()) {
    case "":
    case "30":
      return 30;
    case "60":
      return 60;
    default:
      return undefined;
  }
}

function bad(problem: string): TokenLine {
  return { kind: "bad", problem };
}
