// User-Password between its hidden form and the password (RFC 2865 §5.2).
// Invariant: what is revealed is the whole password as typed; only padding at its end is removed.

import { Secret } from "../../lib/secret.ts";
import { WireError } from "../error.ts";
import type { SharedSecret } from "./shared-secret.ts";

const BLOCK_BYTES = 16;
const HIDDEN_BYTES_MAX = 128;

/** Hides up to 128 octets under the request's authenticator; longer: WireError "too-long". */
export function hide(password: Secret, authenticator: Buffer, secret: SharedSecret): Buffer {
  if (password.byteLength > HIDDEN_BYTES_MAX) throw new WireError("too-long", HIDDEN_BYTES_MAX);
  const blocks = Math.max(1, Math.ceil(password.byteLength / BLOCK_BYTES));
  const hidden = Buffer.alloc(blocks * BLOCK_BYTES);
  password.reveal().copy(hidden);
  let chained = authenticator;
  for (let at = 0; at < hidden.length; at += BLOCK_BYTES) {
    const block = hidden.subarray(at, at + BLOCK_BYTES);
    mix(block, secret.md5Before(chained), block);
    chained = block;
  }
  return hidden;
}

/**
 * The password in a hidden value; undefined unless it has 16, 32 … 128 octets. With another secret
 * than the client's it is noise, not an error: only a Message-Authenticator can tell.
 */
export function reveal(
  hidden: Buffer,
  authenticator: Buffer,
  secret: SharedSecret,
): Secret | undefined {
  const { length } = hidden;
  if (length === 0 || length > HIDDEN_BYTES_MAX || length % BLOCK_BYTES !== 0) return undefined;
  const plain = Buffer.alloc(length);
  let chained = authenticator;
  for (let at = 0; at < length; at += BLOCK_BYTES) {
    const block = hidden.subarray(at, at + BLOCK_BYTES);
    mix(block, secret.md5Before(chained), plain.subarray(at, at + BLOCK_BYTES));
    chained = block;
  }
  let end = length;
  while (end > 0 && plain.readUInt8(end - 1) === 0) end -= 1;
  return Secret.of(plain.subarray(0, end));
}

/** `into` = `block` xor `pad`, sixteen octets each. */
function mix(block: Buffer, pad: Buffer, into: Buffer): void {
  for (let at = 0; at < BLOCK_BYTES; at += 4) {
    into.writeInt32BE(block.readInt32BE(at) ^ pad.readInt32BE(at), at);
  }
}
