// The only source of random bytes: the operating system's generator, through node:crypto. Drawn in
// blocks, because each call costs a few system calls. Invariant: no byte is handed out twice.

import { randomFillSync, randomInt as systemInt } from "node:crypto";

const block = Buffer.alloc(4_096);
let used = block.length;

/** `size` bytes that are the caller's alone. */
export function randomBytes(size: number): Buffer {
  if (size > block.length) return randomFillSync(Buffer.alloc(size));
  if (size > block.length - used) {
    randomFillSync(block);
    used = 0;
  }
  const bytes = Buffer.from(block.subarray(used, used + size));
  // What was handed out must not be found here later.
  block.fill(0, used, used + size);
  used += size;
  return bytes;
}

/** A whole number, 0 <= n < limit, without modulo bias. */
export function randomInt(limit: number): number {
  return systemInt(limit);
}

/**
 * A UUIDv7 (RFC 9562 §5.7): sortable by `nowMs`, 74 random bits.
 */
export function uuidv7(nowMs: number): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(nowMs, 0, 6);
  bytes[6] = (bytes.readUInt8(6) & 0x0f) | 0x70;
  bytes[8] = (bytes.readUInt8(8) & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
