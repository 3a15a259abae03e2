// HTTP clients for tests: a well-behaved one over node:https, and one that writes what it is told to.

import { request as plainRequest, type IncomingHttpHeaders, type RequestOptions } from "node:http";
import { request as secureRequest } from "node:https";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { connect as connectTls } from "node:tls";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface AskOptions extends RequestOptions {
  /** PEM; the server's certificate is always verified. */
  readonly ca?: string;
  readonly content?: string;
}

/** One request on a connection of its own, unless an agent says otherwise. */
export async function ask(url: string, options: AskOptions = {}): Promise<Answer> {
  const { content, ...rest } = options;
  const request = url.startsWith("https:") ? secureRequest : plainRequest;
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent: false, ...rest }, (response) => {
      text(response).then((body) => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
      }, reject);
    });
    sent.on("error", reject);
    sent.end(content);
  });
}

export interface Exchange {
  readonly received: string;
  /** Until the other side closed. */
  readonly ms: number;
}

export interface TellOptions {
  /** PEM: inside TLS. */
  readonly ca?: string;
  readonly localAddress?: string;
  /** One octet each that many ms instead of all at once. */
  readonly dripMs?: number;
}

/** Sends these octets, then nothing, and waits for the other side to close. */
export async function tell(
  port: number,
  octets: string | Buffer,
  { ca, localAddress, dripMs }: TellOptions = {},
): Promise<Exchange> {
  const startedAt = performance.now();
  const place = { host: "127.0.0.1", port, ...(localAddress ? { localAddress } : {}) };
  const socket = ca === undefined ? connect(place) : connectTls({ ...place, ca });
  let received = "";
  let drip: NodeJS.Timeout | undefined;
  socket.on("data", (chunk: Buffer) => (received += chunk.toString("latin1")));
  // What it is told is often its reason to hang up.
  socket.on("error", () => undefined);
  const bytes = Buffer.from(octets);
  socket.once(ca === undefined ? "connect" : "secureConnect", () => {
    if (dripMs === undefined) {
      socket.write(bytes);
      return;
    }
    let at = 0;
    drip = setInterval(() => socket.write(bytes.subarray(at, (at += 1))), dripMs);
  });
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
  clearInterval(drip);
  return { received, ms: performance.now() - startedAt };
}
