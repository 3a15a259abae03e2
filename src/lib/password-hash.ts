// Passwords that are kept: argon2id (RFC 9106) in the PHC string format. Invariant: only so many are
// computed at once, because each takes 19 MiB and a tenth of a second; whoever finds the line full is
// told so, and nothing is computed for them.

import { argon2, timingSafeEqual } from "node:crypto";

import type { Clock } from "./clock.ts";
import { createQueue } from "./queue.ts";
import { randomBytes } from "./random.ts";
import type { Secret } from "./secret.ts";

// OWASP's figures for a login page: 19 MiB, two passes, one lane.
const COST = { memory: 19_456, passes: 2, parallelism: 1 } as const;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([\w+/]+)\$([\w+/]+)$/;

// libuv has four threads for all; logins' name look-ups need some too.
const RUNNING_MAX = 2;
const WAITING_MAX = 16;
const WAIT_MS_MAX = 3_000;

/** Only inside a turn is anything computed. */
export interface PasswordTools {
  hash(password: Secret): Promise<string>;
  /** `undefined` in the place of a hash costs the same and is never right. */
  verify(password: Secret, hash: string | undefined): Promise<boolean>;
}

export interface PasswordHasher {
  inTurn<T>(work: (tools: PasswordTools) => Promise<T>): Promise<T | "overload">;
}

export function createPasswordHasher(clock: Clock): PasswordHasher {
  const queue = createQueue(clock, {
    runningMax: RUNNING_MAX,
    waitingMax: WAITING_MAX,
    waitMsMax: WAIT_MS_MAX,
  });
  return { inTurn: (work) => queue.run(false, () => work({ hash, verify })) };
}

async function hash(password: Secret): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const digest = await derive(password, { ...COST, salt, bytes: HASH_BYTES });
  const { memory, passes, parallelism } = COST;
  const cost = `m=${memory},t=${passes},p=${parallelism}`;
  return `$argon2id$v=19$${cost}$${unpadded(salt)}$${unpadded(digest)}`;
}

async function verify(password: Secret, stored: string | undefined): Promise<boolean> {
  const [, memory, passes, parallelism, salt = "", digest = ""] = PHC.exec(stored ?? "") ?? [];
  const expected = Buffer.from(digest, "base64");
  if (expected.length !== HASH_BYTES) {
    await derive(password, { ...COST, salt: Buffer.alloc(SALT_BYTES), bytes: HASH_BYTES });
    return false;
  }
  const given = await derive(password, {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    salt: Buffer.from(salt, "base64"),
    bytes: expected.length,
  });
  return timingSafeEqual(given, expected);
}

interface Derivation {
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
  readonly salt: Buffer;
  readonly bytes: number;
}

function derive(password: Secret, { salt, bytes, ...cost }: Derivation): Promise<Buffer> {
  const parameters = { ...cost, message: password.reveal(), nonce: salt, tagLength: bytes };
  return new Promise((resolve, reject) => {
    argon2("argon2id", parameters, (error, derived) => {
      if (error === null) resolve(derived);
      else reject(error);
    });
  });
}

/** PHC strings leave the padding of base64 out. */
function unpadded(bytes: Buffer): string {
  return bytes.toString("base64").replaceAll("=", "");
}
