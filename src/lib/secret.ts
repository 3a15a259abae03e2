// A value that must never be printed: passwords, shared secrets, one-time codes, keys.
// Invariant: every way Node has of turning an object into text yields "[secret]"; only `reveal`
// gives the value, so that a grep for it lists every place that touches one.

import { timingSafeEqual } from "node:crypto";
import { inspect } from "node:util";

const HIDDEN = "[secret]";

export class Secret {
  readonly #bytes: Buffer;

  private constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Wraps UTF-8 text or bytes (bytes are kept, not copied). */
  static of(value: string | Uint8Array): Secret {
    if (typeof value === "string") return new Secret(Buffer.from(value, "utf8"));
    return new Secret(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
  }

  get byteLength(): number {
    return this.#bytes.length;
  }

  /** The bytes themselves. Callers neither keep nor log them. */
  reveal(): Buffer {
    return this.#bytes;
  }

  /** Constant-time comparison; the lengths may leak. */
  equals(other: Secret): boolean {
    return this.#bytes.length === other.#bytes.length && timingSafeEqual(this.#bytes, other.#bytes);
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  [inspect.custom](): string {
    return HIDDEN;
  }
}
