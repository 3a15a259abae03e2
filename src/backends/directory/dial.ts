// One connection to one URL: TCP, then TLS at once or after StartTLS (RFC 4513 §3).
// Invariant: what resolves is encrypted and its certificate carries the URL's host, unless the URL
// says "none"; nothing that came in clear is trusted after StartTLS.

import { connect as connectTcp, isIP, type OnReadOpts, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions, type SecureContext } from "node:tls";

import { auditText } from "../../core/audit.ts";
import { createFramer, type Framer } from "../../wire/ldap/frame.ts";
import { decodeAnswer, encodeStartTls, RESULT_CODE } from "../../wire/ldap/message.ts";
import type { DirectoryUrl } from "./options.ts";
import { sharedReads } from "./reads.ts";

/** An answer to StartTLS has some 50 octets. */
const PLAIN_BYTES_MAX = 4096;
const START_TLS_ID = 1;
/** The first message id that is free on a new connection. */
export const FIRST_MESSAGE_ID = START_TLS_ID + 1;

/**
 * Rejects with the cause, at the latest after `timeoutMs`. The socket has a listener for errors and
 * delivers nothing before somebody listens.
 */
export function dial(
  url: DirectoryUrl,
  secureContext: SecureContext,
  timeoutMs: number,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const onread = sharedReads(() => socket);
    let socket = connect(url, secureContext, onread);
    const timer = setTimeout(() => fail(new Error("no connection in time")), timeoutMs);
    const closed = (): void => fail(new Error("closed while connecting"));

    function fail(error: Error): void {
      clearTimeout(timer);
      socket.destroy();
      reject(readable(error));
    }

    function finish(): void {
      clearTimeout(timer);
      socket.off("close", closed);
      socket.setNoDelay(true);
      resolve(socket);
    }

    function secure(): void {
      socket.off("close", closed);
      socket = connectTls({ socket, ...tlsOptions(url.host, secureContext) });
      socket.on("error", fail).once("close", closed).once("secureConnect", finish);
    }

    socket.on("error", fail).once("close", closed);
    if (url.tls === "implicit") socket.once("secureConnect", finish);
    else if (url.tls === "none") socket.once("connect", finish);
    else socket.once("connect", () => askForTls(socket, secure, fail));
  });
}

function connect(
  { host, port, tls }: DirectoryUrl,
  secureContext: SecureContext,
  onread: OnReadOpts,
): Socket {
  if (tls === "none") return connectTcp({ host, port, onread });
  if (tls === "start-tls") return connectTcp({ host, port });
  // Its types don't know that it takes `onread`, as any socket that it makes itself.
  const options: ConnectionOptions & { readonly onread: OnReadOpts } = {
    ...tlsOptions(host, secureContext),
    port,
    onread,
  };
  return connectTls(options);
}

// OpenSSL's own messages have addresses in memory and lines of its source in them; names in a
// certificate may contain anything.
function readable(error: Error): Error {
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  const reason = "reason" in error && typeof error.reason === "string" ? error.reason : undefined;
  const isOpenSsl = reason !== undefined && error.message.includes(":error:");
  const message = auditText(isOpenSsl ? `TLS: ${reason}` : error.message);
  return Object.assign(new Error(message, { cause: error }), code === undefined ? {} : { code });
}

// No session is offered for reuse: every connection proves its certificate.
function tlsOptions(host: string, secureContext: SecureContext): ConnectionOptions {
  // RFC 6066 §3: an address is no server name. It is compared with the certificate all the same.
  const servername = isIP(host) === 0 ? { servername: host } : {};
  return { host, ...servername, secureContext, rejectUnauthorized: true };
}

function askForTls(socket: Socket, secure: () => void, fail: (error: Error) => void): void {
  const framer = createFramer(PLAIN_BYTES_MAX);
  function listen(chunk: Buffer): void {
    try {
      if (!isTlsGranted(framer, chunk)) return;
      if (socket.readableLength > 0) throw new Error("it sent too much in clear");
      socket.off("data", listen);
      secure();
    } catch (error) {
      socket.off("data", listen);
      fail(error instanceof Error ? error : new Error(String(error)));
    }
  }
  socket.on("data", listen);
  socket.write(encodeStartTls(START_TLS_ID));
}

// RFC 4513 §3.1.3: exactly one answer. Octets behind it would be read as if TLS had protected them.
function isTlsGranted(framer: Framer, chunk: Buffer): boolean {
  const messages: Buffer[] = [];
  framer.push(chunk, (message) => messages.push(message));
  const [message, ...others] = messages;
  if (message === undefined) return false;
  if (others.length > 0 || framer.heldBytes > 0) throw new Error("it sent too much in clear");
  const answer = decodeAnswer(message);
  if (answer.kind !== "extended" || answer.id !== START_TLS_ID) {
    throw new Error("it answered something else than StartTLS");
  }
  if (answer.resultCode !== RESULT_CODE.success) {
    throw new Error(`it refuses StartTLS (result code ${answer.resultCode})`);
  }
  return true;
}
