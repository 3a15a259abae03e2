// How connections to a directory are read: into one buffer for all, from which each piece is copied.
// Node would make 64 KiB for every read and give back what was too much: a tenth of a login's time.
// Invariant: nobody keeps a part of the shared buffer.

import type { OnReadOpts, Socket } from "node:net";

const READ_BYTES = 65_536;

// Whoever reads does so at once, in the callback: one is enough.
const SHARED = new Uint8Array(READ_BYTES);

/** For `net.connect` and `tls.connect`: the socket that they return emits "data" as any other. */
export function sharedReads(socket: () => Socket): OnReadOpts {
  return {
    buffer: SHARED,
    callback(bytes, buffer) {
      const chunk = Buffer.from(buffer.subarray(0, bytes));
      // A directory speaks when it was asked, and whoever asks listens.
      if (!socket().emit("data", chunk)) socket().destroy(new Error("it spoke out of turn"));
      return true;
    },
  };
}
