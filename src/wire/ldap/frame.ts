// Cuts a stream into LDAP messages, wherever its chunks end (RFC 4511 §5.2).
// Invariant: holds at most one unfinished message, and none longer than the limit.

import { WireError } from "../error.ts";
import { lengthOctets, readLength, TAG } from "./ber.ts";

export interface Framer {
  /**
   * Gives each whole message to `take`; its buffer is never written to again. Throws WireError when
   * what comes can't be a message: the stream can't be followed any further.
   */
  push(chunk: Buffer, take: (message: Buffer) => void): void;
  /** Octets of an unfinished message. */
  readonly heldBytes: number;
  /** From the next message on; what is announced as longer is refused before it is there. */
  messageBytesMax: number;
}

const NOTHING = Buffer.alloc(0);

export function createFramer(bytesMax: number): Framer {
  let messageBytesMax = bytesMax;
  let held = NOTHING;
  let heldBytes = 0;

  // Doubling: a message that comes octet by octet costs no more than one that comes at once.
  function append(chunk: Buffer): void {
    const needed = heldBytes + chunk.length;
    if (needed > held.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, 2 * held.length));
      held.copy(grown, 0, 0, heldBytes);
      held = grown;
    }
    chunk.copy(held, heldBytes);
    heldBytes = needed;
  }

  return {
    get heldBytes() {
      return heldBytes;
    },
    get messageBytesMax() {
      return messageBytesMax;
    },
    set messageBytesMax(value) {
      messageBytesMax = value;
    },
    push(chunk, take) {
      if (heldBytes > 0) append(chunk);
      const bytes = heldBytes > 0 ? held.subarray(0, heldBytes) : chunk;
      let at = 0;
      while (at < bytes.length) {
        const size = messageSize(bytes, at);
        if (size !== undefined && size > messageBytesMax) throw new WireError("too-long", at);
        if (size === undefined || size > bytes.length - at) break;
        take(bytes.subarray(at, at + size));
        at += size;
      }
      if (at === 0 && heldBytes > 0) return;
      // Copied: the rest of a chunk must not keep the whole chunk alive.
      held = at === bytes.length ? NOTHING : Buffer.from(bytes.subarray(at));
      heldBytes = held.length;
    },
  };
}

/** Header and contents together; undefined while the header is unfinished. */
function messageSize(bytes: Buffer, at: number): number | undefined {
  if (bytes.readUInt8(at) !== TAG.sequence) throw new WireError("bad-tag", at);
  const length = readLength(bytes, at + 1, bytes.length);
  if (length === undefined) return undefined;
  return 1 + lengthOctets(bytes, at + 1) + length;
}
