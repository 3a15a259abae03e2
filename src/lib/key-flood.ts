// Clients that send records in which nothing is, such as one change of keys after the other (TLS 1.3,
// RFC 8446 §4.6.3): each costs more than a login's octets, and OpenSSL takes any number and tells nobody.
// Invariant: what a connection sent beyond what it said is bounded; what it said counts many times over.

import type { Socket } from "node:net";
import type { Server, TLSSocket } from "node:tls";

/** Some 2,400 changes of keys; an honest client needs one in millions of records. */
const EMPTY_BYTES_MAX = 65_536;
/** A record with one octet of a message in it has 23. */
const BYTES_PER_OCTET = 32;
/** How late it may be noticed. */
const CHECK_MS = 250;

interface Watched {
  readonly secure: TLSSocket;
  readonly handshakeBytes: number;
}

/** `onFlood` has to end that connection. Whoever gives sockets to `server` emits "connection". */
export function watchKeyFloods(server: Server, onFlood: (socket: TLSSocket) => void): void {
  /** Those in a handshake, by place, as it is all that the two sockets of one connection share. */
  const arriving = new Map<string, Socket>();
  const open = new Map<Socket, Watched>();
  let timer: NodeJS.Timeout | undefined;

  function check(): void {
    for (const [plain, { secure, handshakeBytes }] of open) {
      const emptyBytes = plain.bytesRead - handshakeBytes - BYTES_PER_OCTET * secure.bytesRead;
      if (emptyBytes > EMPTY_BYTES_MAX) onFlood(secure);
    }
  }

  function forget(plain: Socket): void {
    open.delete(plain);
    if (open.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  }

  server.on("connection", (plain: Socket) => {
    const place = placeOf(plain);
    arriving.set(place, plain);
    plain.once("close", () => {
      if (arriving.get(place) === plain) arriving.delete(place);
      forget(plain);
    });
  });
  server.on("secureConnection", (secure) => {
    const place = placeOf(secure);
    const plain = arriving.get(place);
    arriving.delete(place);
    if (plain === undefined || plain.destroyed) return;
    open.set(plain, { secure, handshakeBytes: plain.bytesRead });
    timer ??= setInterval(check, CHECK_MS).unref();
  });
}

/** Of one connection at a time: both ends of it. */
export function placeOf(socket: Socket): string {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
