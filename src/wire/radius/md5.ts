// MD5 (RFC 1321) for the many very short messages of RADIUS. Measured by bench/md5.ts: the call to
// node:crypto costs more than the hash, so that at 100 octets this MD5 is twice as fast and HMAC
// (with SharedSecret's stored pads) nearly four times; they meet at about 1,000 octets.
// Invariant: one synchronous call at a time owns the scratch memory, and wipes it after use.

/** The four chaining words after a whole number of 64-octet blocks. */
export type Md5State = readonly [a: number, b: number, c: number, d: number];

const BLOCK_BYTES = 64;
const DIGEST_BYTES = 16;
const START: Md5State = [0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476];

// RFC 1321 §3.4: element i is the integer part of 4294967296 times abs(sin(i)), i in radians.
const SINES = new DataView(new ArrayBuffer(4 * 64));
for (let i = 0; i < 64; i++) {
  SINES.setInt32(4 * i, Math.floor(2 ** 32 * Math.abs(Math.sin(i + 1))) | 0, true);
}

// The longest packet, a secret and the padding; grown in the rare case that this isn't enough.
let scratch = Buffer.alloc(4096 + 512);
let words = new DataView(scratch.buffer, scratch.byteOffset, scratch.length);

/** The 16-octet MD5 of the parts, one after the other. */
export function md5(parts: readonly Uint8Array[]): Buffer {
  return finish(START, 0, parts);
}

/** The state after one 64-octet block, for `finish`: HMAC's precomputed pads. */
export function absorbBlock(block: Uint8Array): Md5State {
  if (block.length !== BLOCK_BYTES) throw new RangeError("an MD5 block has 64 octets");
  scratch.set(block);
  const state = compress(START, 0);
  scratch.fill(0, 0, BLOCK_BYTES);
  return state;
}

/** The digest of a message whose first `absorbedBytes` octets already went into `state`. */
export function finish(
  state: Md5State,
  absorbedBytes: number,
  parts: readonly Uint8Array[],
): Buffer {
  const end = gather(parts);
  // RFC 1321 §3.1-3.2: a one bit, zeros up to 56 modulo 64, then the length in bits.
  const padded = end + BLOCK_BYTES - ((end + 8) % BLOCK_BYTES) + 8;
  scratch.fill(0, end, padded);
  scratch[end] = 0x80;
  const bits = 8 * (absorbedBytes + end);
  words.setUint32(padded - 8, bits >>> 0, true);
  words.setUint32(padded - 4, Math.floor(bits / 2 ** 32), true);
  let chained = state;
  for (let at = 0; at < padded; at += BLOCK_BYTES) chained = compress(chained, at);
  scratch.fill(0, 0, padded);
  const digest = Buffer.allocUnsafe(DIGEST_BYTES);
  digest.writeInt32LE(chained[0], 0);
  digest.writeInt32LE(chained[1], 4);
  digest.writeInt32LE(chained[2], 8);
  digest.writeInt32LE(chained[3], 12);
  return digest;
}

/** Copies the parts to the front of the scratch memory; their total length. */
function gather(parts: readonly Uint8Array[]): number {
  let total = 0;
  for (const part of parts) total += part.length;
  if (total + 2 * BLOCK_BYTES > scratch.length) {
    scratch = Buffer.alloc(2 * (total + 2 * BLOCK_BYTES));
    words = new DataView(scratch.buffer, scratch.byteOffset, scratch.length);
  }
  let at = 0;
  for (const part of parts) {
    scratch.set(part, at);
    at += part.length;
  }
  return total;
}

/** RFC 1321 §3.4, the four rounds over the block at `at` in the scratch memory. */
function compress(state: Md5State, at: number): Md5State {
  let a = state[0];
  let b = state[1];
  let c = state[2];
  let d = state[3];
  for (let i = 0; i < 16; i += 4) {
    a = step((b & c) | (~b & d), a, b, word(at, i), i, 7);
    d = step((a & b) | (~a & c), d, a, word(at, i + 1), i + 1, 12);
    c = step((d & a) | (~d & b), c, d, word(at, i + 2), i + 2, 17);
    b = step((c & d) | (~c & a), b, c, word(at, i + 3), i + 3, 22);
  }
  for (let i = 16; i < 32; i += 4) {
    a = step((b & d) | (c & ~d), a, b, word(at, 5 * i + 1), i, 5);
    d = step((a & c) | (b & ~c), d, a, word(at, 5 * i + 6), i + 1, 9);
    c = step((d & b) | (a & ~b), c, d, word(at, 5 * i + 11), i + 2, 14);
    b = step((c & a) | (d & ~a), b, c, word(at, 5 * i), i + 3, 20);
  }
  for (let i = 32; i < 48; i += 4) {
    a = step(b ^ c ^ d, a, b, word(at, 3 * i + 5), i, 4);
    d = step(a ^ b ^ c, d, a, word(at, 3 * i + 8), i + 1, 11);
    c = step(d ^ a ^ b, c, d, word(at, 3 * i + 11), i + 2, 16);
    b = step(c ^ d ^ a, b, c, word(at, 3 * i + 14), i + 3, 23);
  }
  for (let i = 48; i < 64; i += 4) {
    a = step(c ^ (b | ~d), a, b, word(at, 7 * i), i, 6);
    d = step(b ^ (a | ~c), d, a, word(at, 7 * i + 7), i + 1, 10);
    c = step(a ^ (d | ~b), c, d, word(at, 7 * i + 14), i + 2, 15);
    b = step(d ^ (c | ~a), b, c, word(at, 7 * i + 21), i + 3, 21);
  }
  return [(state[0] + a) | 0, (state[1] + b) | 0, (state[2] + c) | 0, (state[3] + d) | 0];
}

function step(mixed: number, a: number, b: number, word: number, i: number, shift: number): number {
  const sum = (a + mixed + word + SINES.getInt32(4 * i, true)) | 0;
  return (((sum << shift) | (sum >>> (32 - shift))) + b) | 0;
}

function word(at: number, index: number): number {
  return words.getInt32(at + 4 * (index & 15), true);
}
