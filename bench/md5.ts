// Compares wire/radius/md5.ts with node:crypto on RADIUS-sized messages. Run: node bench/md5.ts
// Each row is the best of five rounds, so that a busy machine spoils as little as possible.

import { createHash, createHmac, hash } from "node:crypto";
import { Secret } from "../src/lib/secret.ts";
import { md5 } from "../src/wire/radius/md5.ts";
import { SharedSecret } from "../src/wire/radius/shared-secret.ts";

const ROUNDS = 5;
const CALLS = 100_000;

const key = Buffer.from("a shared secret of 32 octets ....");
const secret = new SharedSecret(Secret.of(key));

for (const size of [32, 100, 300, 1000, 4096]) {
  const message = Buffer.alloc(size, 0x61);
  report(size, "MD5, crypto.hash", () => hash("md5", message, "buffer"));
  report(size, "MD5, createHash", () => createHash("md5").update(message).digest());
  report(size, "MD5, ours", () => md5([message]));
  report(size, "HMAC, createHmac", () => createHmac("md5", key).update(message).digest());
  report(size, "HMAC, ours", () => secret.hmac([message]));
}

function report(size: number, name: string, work: () => Buffer): void {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) best = Math.min(best, measure(work));
  const nanoseconds = Math.round((best * 1e6) / CALLS);
  console.log(`${String(size).padStart(5)} octets  ${name.padEnd(18)} ${nanoseconds} ns`);
}

function measure(work: () => Buffer): number {
  const start = performance.now();
  for (let call = 0; call < CALLS; call++) work();
  return performance.now() - start;
}
