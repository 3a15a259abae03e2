// TLS for connections that are open already: at once, behind a PROXY header, or after StartTLS.
// Invariants: nothing thrown in here ends the process (no callback of ours runs in a handshake);
// with client_ca nobody gets through without a certificate that it signed.

import { constants } from "node:crypto";
import type { Socket } from "node:net";
import { createServer, type TLSSocket } from "node:tls";

import { auditText } from "../../core/audit.ts";
import { placeOf, watchKeyFloods } from "../../lib/key-flood.ts";
import type { ListenerTls } from "./listener.ts";

/** Called once. Words for the log where there is no TLS; undefined: the other side just left. */
type Secured = (socket: TLSSocket | string | undefined) => void;

export interface Tls {
  /** The handshake as the server, on a socket that nobody reads. `onFlood`: see lib/key-flood.ts. */
  begin(socket: Socket, then: Secured, onFlood: () => void): void;
}

/** Throws for a certificate or key that can't be used. */
export function createTls(settings: ListenerTls, handshakeMs: number): Tls {
  const { certificate, key, clientCa } = settings;
  const pending = new Map<string, Secured>();
  const floods = new Map<string, () => void>();
  // It never listens: sockets are given to it.
  const server = createServer({
    cert: certificate,
    key: key.reveal(),
    minVersion: "TLSv1.2",
    handshakeTimeout: handshakeMs,
    // RFC 9325 §3.5: nobody needs to renegotiate, and each time costs a handshake.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ...(clientCa === undefined
      ? {}
      : { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
  });

  function settle(place: string, outcome: TLSSocket | string | undefined): void {
    const then = pending.get(place);
    pending.delete(place);
    then?.(outcome);
  }

  server.on("secureConnection", (socket) => settle(placeOf(socket), socket));
  watchKeyFloods(server, (socket) => {
    floods.get(placeOf(socket))?.();
    socket.destroy();
  });
  server.on("tlsClientError", (error, socket) => {
    settle(placeOf(socket), wordsFor(error));
    // After a time-out it would stay open.
    socket.destroy();
  });
  return {
    begin(socket, then, onFlood) {
      const place = placeOf(socket);
      pending.set(place, then);
      floods.set(place, onFlood);
      socket.on("error", () => undefined);
      socket.once("close", () => {
        floods.delete(place);
        settle(place, undefined);
      });
      server.emit("connection", socket);
    },
  };
}

// OpenSSL's own messages have addresses in memory and lines of its source in them.
function wordsFor(error: Error): string {
  const reason = "reason" in error && typeof error.reason === "string" ? error.reason : undefined;
  return auditText(reason ?? error.message);
}
