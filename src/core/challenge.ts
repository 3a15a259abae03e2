// State, the thread between a challenge and its answer: what the first half established, sealed.
// Invariants: at most 253 bytes, no password in it, bound to client, name and policy, claimed once.

import { createCipheriv, createDecipheriv, createHash } from "node:crypto";

import { randomBytes } from "../lib/random.ts";
import type { Secret } from "../lib/secret.ts";
import type { MfaMode } from "./verdict.ts";

const VERSION = 1;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const NONCE_BYTES = 16;
const DIGEST_BYTES = 16;
const HEAD_BYTES = 1 + NONCE_BYTES + 6 + 6 + 4;
/** Groups a State can remember; more reply rules than this are a configuration error. */
export const REPLY_GROUPS_MAX = 512;

/** What both halves must agree on; another client, name or policy opens nothing. */
export interface ChallengeScope {
  readonly client: string;
  readonly username: string;
  readonly directory: string;
  readonly mfa: MfaMode;
  readonly allowGroups: readonly string[];
  readonly replyGroups: readonly string[];
}

export interface Challenge {
  /** Hex of 128 random bits, claimed in the store when the answer arrives. */
  readonly nonce: string;
  /** ms UTC. */
  readonly expiresAt: number;
  readonly account: number;
  readonly generation: number;
  /** Of scope.replyGroups, those the person is in. */
  readonly groups: ReadonlySet<string>;
}

/** Seals with AES-256-GCM under `key` (32 bytes); the scope is authenticated, not carried. */
export function sealChallenge(key: Secret, challenge: Challenge, scope: ChallengeScope): Buffer {
  const plain = Buffer.alloc(HEAD_BYTES + Math.ceil(scope.replyGroups.length / 8));
  plain.writeUInt8(VERSION, 0);
  plain.write(challenge.nonce, 1, NONCE_BYTES, "hex");
  plain.writeUIntBE(challenge.expiresAt, 17, 6);
  plain.writeUIntBE(challenge.account, 23, 6);
  plain.writeUInt32BE(challenge.generation, 29);
  for (const [index, group] of scope.replyGroups.entries()) {
    const at = HEAD_BYTES + (index >> 3);
    if (challenge.groups.has(group)) plain[at] = plain.readUInt8(at) | (1 << (index & 7));
  }
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key.reveal(), iv).setAAD(digest(scope));
  return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** Undefined for anything that isn't a State of ours for this scope. Expiry is the caller's. */
export function openChallenge(
  key: Secret,
  state: Buffer,
  scope: ChallengeScope,
): Challenge | undefined {
  const plainBytes = HEAD_BYTES + Math.ceil(scope.replyGroups.length / 8);
  if (state.length !== IV_BYTES + plainBytes + TAG_BYTES) return undefined;
  const plain = decrypt(key, state, digest(scope));
  if (plain === undefined || plain[0] !== VERSION) return undefined;
  const isMember = (index: number): boolean =>
    (plain.readUInt8(HEAD_BYTES + (index >> 3)) & (1 << (index & 7))) !== 0;
  return {
    nonce: plain.toString("hex", 1, 1 + NONCE_BYTES),
    expiresAt: plain.readUIntBE(17, 6),
    account: plain.readUIntBE(23, 6),
    generation: plain.readUInt32BE(29),
    groups: new Set(scope.replyGroups.filter((_, index) => isMember(index))),
  };
}

export function newNonce(): string {
  return randomBytes(NONCE_BYTES).toString("hex");
}

function decrypt(key: Secret, state: Buffer, scopeDigest: Buffer): Buffer | undefined {
  const decipher = createDecipheriv("aes-256-gcm", key.reveal(), state.subarray(0, IV_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(scopeDigest).setAuthTag(state.subarray(state.length - TAG_BYTES));
  try {
    const body = decipher.update(state.subarray(IV_BYTES, state.length - TAG_BYTES));
    return Buffer.concat([body, decipher.final()]);
  } catch {
    // Forged, foreign or of another scope: to the caller they are all the same.
    return undefined;
  }
}

// JSON keeps the fields apart: no two scopes give the same text.
function digest(scope: ChallengeScope): Buffer {
  const { client, username, directory, mfa, allowGroups, replyGroups } = scope;
  const text = JSON.stringify([client, username, directory, mfa, allowGroups, replyGroups]);
  return createHash("sha256").update(text).digest().subarray(0, DIGEST_BYTES);
}
