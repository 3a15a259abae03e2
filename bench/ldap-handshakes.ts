// Handshakes without end: connects, shakes hands, closes, and connects again. Prints one JSON line.
//
// node bench/ldap-handshakes.ts PORT CA SECONDS CONNECTIONS RESUMED VERSION
//
// RESUMED 1: each with the session of the one before. VERSION: of TLS, such as TLSv1.3.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type SecureVersion } from "node:tls";

export interface HandshakesResult {
  readonly handshakes: number;
  readonly perSecond: number;
  /** How many of them were resumed. */
  readonly resumed: number;
  readonly failed: number;
}

const VERSIONS: readonly SecureVersion[] = ["TLSv1.2", "TLSv1.3"];

const [, , port, caFile = "", seconds, connections, isResuming, versionText] = process.argv;
const version = VERSIONS.find((known) => known === versionText) ?? "TLSv1.3";
const options = {
  host: "127.0.0.1",
  port: Number(port),
  ca: readFileSync(caFile),
  minVersion: version,
  maxVersion: version,
};
let isOver = false;
let handshakes = 0;
let resumed = 0;
let failed = 0;

async function work(): Promise<void> {
  let session: Buffer | undefined;
  while (!isOver) {
    const socket = connect({ ...options, ...(session === undefined ? {} : { session }) });
    socket.on("error", () => undefined);
    const closed = once(socket, "close");
    let isDone = false;
    const finish = (): void => {
      if (isDone) return;
      isDone = true;
      handshakes += 1;
      resumed += Number(socket.isSessionReused());
      socket.destroy();
    };
    // TLS 1.3: the server sends it behind the handshake (RFC 8446 §4.6.1).
    socket.once("session", (fresh: Buffer) => {
      if (isResuming === "1") session = fresh;
      finish();
    });
    // A session that is resumed brings no new one.
    socket.once("secureConnect", () => socket.isSessionReused() && finish());
    await closed;
    if (!isDone) failed += 1;
  }
}

const startedAt = performance.now();
setTimeout(() => (isOver = true), Number(seconds) * 1000);
await Promise.all(Array.from({ length: Number(connections) }, work));
const perSecond = handshakes / ((performance.now() - startedAt) / 1000);
const result: HandshakesResult = { handshakes, perSecond, resumed, failed };
console.log(JSON.stringify(result));
