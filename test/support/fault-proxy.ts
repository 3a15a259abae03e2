// A TCP proxy in front of a real server that does what networks do: delays, stalls, resets, closes
// one way, sends rubbish, or shows another certificate. What it does to the server's answers can be
// changed at any time and holds for open connections too.

import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, Server as TlsServer } from "node:tls";

import { freePort } from "./ports.ts";

/** Each happens once `afterBytes` of answers went through on a connection; 0 by default. */
export type Fault = { readonly afterBytes?: number } & (
  | { readonly kind: "delay"; readonly ms: number }
  /** Nothing more goes either way; the connection stays. */
  | { readonly kind: "stall" }
  | { readonly kind: "reset" }
  /** It ends its own side and goes on listening. */
  | { readonly kind: "half-close" }
  | { readonly kind: "garbage" }
);

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

export interface FaultProxy {
  readonly host: "127.0.0.1";
  readonly port: number;
  /** Connections accepted so far. */
  readonly accepted: number;
  /** Those open now. */
  readonly open: number;
  /** Undefined: everything goes through. */
  set(fault: Fault | undefined): void;
  /** New connections see this one. Only with a certificate from the start. */
  setCertificate(certificate: Certificate): void;
  /** Takes no connections and ends the open ones, until `resume`. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
}

/** With a certificate it takes TLS and speaks plainly to `target`. */
export async function startFaultProxy(
  target: { readonly host: string; readonly port: number },
  certificate?: Certificate,
): Promise<FaultProxy> {
  const port = await freePort();
  const pairs = new Set<readonly [Socket, Socket]>();
  let fault: Fault | undefined;
  let accepted = 0;

  function serve(client: Socket): void {
    accepted += 1;
    const server = connect({ host: target.host, port: target.port, noDelay: true });
    const pair = [client, server] as const;
    pairs.add(pair);
    let passed = 0;
    let isRubbish = false;
    client.on("data", (chunk: Buffer) => {
      if (fault?.kind !== "stall" || passed < (fault.afterBytes ?? 0)) server.write(chunk);
    });
    server.on("data", (chunk: Buffer) => {
      const now = fault;
      passed += chunk.length;
      if (now === undefined || passed <= (now.afterBytes ?? 0)) return void client.write(chunk);
      // What comes before the fault still arrives.
      const before = chunk.subarray(
        0,
        Math.max(0, chunk.length - (passed - (now.afterBytes ?? 0))),
      );
      if (now.kind === "delay") setTimeout(() => client.write(chunk), now.ms);
      if (now.kind === "stall") client.write(before);
      if (now.kind === "half-close") client.end(before);
      if (now.kind === "garbage" && !isRubbish) {
        isRubbish = true;
        client.write(Buffer.concat([before, Buffer.alloc(2_000, 0x9f)]));
      }
      if (now.kind === "reset") client.resetAndDestroy();
    });
    const end = (): void => {
      pairs.delete(pair);
      server.destroy();
      client.destroy();
    };
    client.on("end", () => server.end());
    server.on("end", () => client.end());
    for (const socket of pair) socket.on("error", end).on("close", end);
  }

  const server: Server | TlsServer =
    certificate === undefined
      ? createServer({ allowHalfOpen: true, noDelay: true }, serve)
      : createTlsServer({ ...certificate, noDelay: true }, serve);
  server.on("tlsClientError", () => undefined);
  // Those in the middle of a handshake too.
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });

  async function resume(): Promise<void> {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  }
  async function pause(): Promise<void> {
    for (const socket of sockets) socket.destroy();
    if (!server.listening) return;
    server.close();
    await once(server, "close");
  }

  await resume();
  return {
    host: "127.0.0.1",
    port,
    get accepted() {
      return accepted;
    },
    get open() {
      return pairs.size;
    },
    set(next) {
      fault = next;
    },
    setCertificate(next) {
      if (!(server instanceof TlsServer)) throw new Error("it has no certificate");
      server.setSecureContext({ ...next });
    },
    pause,
    resume,
    stop: pause,
  };
}
