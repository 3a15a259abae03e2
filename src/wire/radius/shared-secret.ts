// A RADIUS shared secret and the three keyed digests the protocol makes with it.
// Invariant: neither the secret nor HMAC's states, which are worth as much, can be read or printed.

import type { Secret } from "../../lib/secret.ts";
import { absorbBlock, finish, md5, type Md5State } from "./md5.ts";

const BLOCK_BYTES = 64;

export class SharedSecret {
  readonly #secret: Secret;
  readonly #inner: Md5State;
  readonly #outer: Md5State;

  /** Computes HMAC's two pads once, which halves the cost of every Message-Authenticator. */
  constructor(secret: Secret) {
    this.#secret = secret;
    // RFC 2104 §2: a key longer than a block is hashed first, a shorter one padded with zeros.
    const bytes = secret.reveal();
    const key = Buffer.alloc(BLOCK_BYTES);
    (bytes.length > BLOCK_BYTES ? md5([bytes]) : bytes).copy(key);
    this.#inner = absorbBlock(key.map((octet) => octet ^ 0x36));
    this.#outer = absorbBlock(key.map((octet) => octet ^ 0x5c));
  }

  /** HMAC-MD5 (RFC 2104) of the parts: Message-Authenticator. 16 octets. */
  hmac(parts: readonly Uint8Array[]): Buffer {
    const inner = finish(this.#inner, BLOCK_BYTES, parts);
    return finish(this.#outer, BLOCK_BYTES, [inner]);
  }

  /** MD5(secret + value): User-Password (RFC 2865 §5.2). 16 octets. */
  md5Before(value: Uint8Array): Buffer {
    return md5([this.#secret.reveal(), value]);
  }

  /** MD5(parts + secret): the authenticators of replies and accounting. 16 octets. */
  md5After(parts: readonly Uint8Array[]): Buffer {
    return md5([...parts, this.#secret.reveal()]);
  }
}
