// Base32 (RFC 4648 §6), as keys of one-time-code generators are written.
// Invariant: decoding gives every bit that was written or nothing; nothing is cut off silently.

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const VALUES: ReadonlyMap<string, number> = new Map(
  [...ALPHABET].map((letter, value) => [letter, value]),
);
// People type keys in groups, and generators pad them: both are dropped before decoding.
const GROUPING = /[ -]/g;
const PADDING = /={1,6}$/;

/** Upper case, without padding. */
export function encodeBase32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET.charAt((held >>> bits) & 31);
    }
    held &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + ALPHABET.charAt((held << (5 - bits)) & 31);
}

/**
 * Either case; spaces, hyphens and padding at the end are dropped. Undefined for any other
 * character, a length no encoder produces, or bits left over that aren't zero (RFC 4648 §3.5).
 */
export function decodeBase32(text: string): Buffer | undefined {
  const letters = text.replaceAll(GROUPING, "").replace(PADDING, "").toUpperCase();
  const bytes = Buffer.alloc(Math.floor((letters.length * 5) / 8));
  let at = 0;
  let bits = 0;
  let held = 0;
  for (const letter of letters) {
    const value = VALUES.get(letter);
    if (value === undefined) return undefined;
    held = (held << 5) | value;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = held >>> bits;
    held &= (1 << bits) - 1;
  }
  return bits < 5 && held === 0 ? bytes : undefined;
}
