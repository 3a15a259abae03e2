// Secrets at rest: AES-256-GCM under a key derived from the master key. Invariant: what is sealed for
// one account and generation opens for no other, and every sealed value names the key it needs.

import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";

import { deriveKey } from "../../lib/derive.ts";
import { randomBytes } from "../../lib/random.ts";
import { Secret } from "../../lib/secret.ts";

const KEY_ID_BYTES = 8;
const IV_BYTES = 12;
const TAG_BYTES = 16;

export interface SealKey {
  /** Hex; tells keys apart without saying anything about them. */
  readonly id: string;
  readonly key: Secret;
}

export function sealKeyOf(masterKey: Secret): SealKey {
  const id = createHmac("sha256", masterKey.reveal()).update("gatehouse key id").digest();
  return { id: id.toString("hex", 0, KEY_ID_BYTES), key: deriveKey(masterKey, "seal") };
}

/** What a token's secret is bound to: moved to another row it doesn't open. */
export function tokenPurpose(account: number, generation: number): string {
  return `token ${account} ${generation}`;
}

/** The same for an administrator's, which opens no person's account. */
export function administratorPurpose(id: number): string {
  return `administrator ${id}`;
}

/** What the audit trail's own key is bound to; it outlives a rotation of the master key. */
export const TRAIL_PURPOSE = "trail";

/** key id (8) | iv (12) | ciphertext | tag (16). */
export function seal(sealKey: SealKey, secret: Secret, purpose: string): Buffer {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv("aes-256-gcm", sealKey.key.reveal(), iv);
  cipher.setAAD(Buffer.from(purpose, "utf8"));
  const body = cipher.update(secret.reveal());
  const id = Buffer.from(sealKey.id, "hex");
  return Buffer.concat([id, iv, body, cipher.final(), cipher.getAuthTag()]);
}

/** Undefined when the key isn't among `keys`, or anything was changed or moved. */
export function open(
  keys: readonly SealKey[],
  sealed: Uint8Array,
  purpose: string,
): Secret | undefined {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  if (bytes.length < KEY_ID_BYTES + IV_BYTES + TAG_BYTES) return undefined;
  const id = bytes.toString("hex", 0, KEY_ID_BYTES);
  const sealKey = keys.find((candidate) => candidate.id === id);
  if (sealKey === undefined) return undefined;
  const iv = bytes.subarray(KEY_ID_BYTES, KEY_ID_BYTES + IV_BYTES);
  const decipher = createDecipheriv("aes-256-gcm", sealKey.key.reveal(), iv, {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(Buffer.from(purpose, "utf8"));
  decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
  try {
    const body = decipher.update(bytes.subarray(KEY_ID_BYTES + IV_BYTES, bytes.length - TAG_BYTES));
    return Secret.of(Buffer.concat([body, decipher.final()]));
  } catch {
    return undefined;
  }
}
