// The one error of wire/: bytes that can't be read, or values that can't be written.
// Invariant: the code comes from the closed list below and the text never holds a peer's octets.

/** Every reason for refusing bytes, in the spelling of metrics and documents. */
export const WIRE_ERROR_CODES = [
  "too-short",
  "too-long",
  "bad-length",
  "bad-attribute",
  "bad-tag",
  "bad-code",
  "bad-integer",
  "bad-utf8",
  "bad-dn",
  "bad-filter",
  "bad-value",
  "indefinite-length",
  "overrun",
  "trailing-bytes",
  "too-many-attributes",
  "too-deep",
  "duplicate",
] as const;

export type WireErrorCode = (typeof WIRE_ERROR_CODES)[number];

/** `offset` counts octets from the start of the packet, message or text being read or written. */
export class WireError extends Error {
  override readonly name = "WireError";
  readonly code: WireErrorCode;
  readonly offset: number;

  constructor(code: WireErrorCode, offset: number) {
    super(`${code} at octet ${offset}`);
    this.code = code;
    this.offset = offset;
  }
}
