// Listens on loopback, passes everything on to a server and back, and keeps what the server said.

import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface Recorder {
  readonly port: number;
  /** Of one connection after another, in the order in which they came. */
  octets(): Buffer;
  stop(): Promise<void>;
}

export async function startRecorder(target: number): Promise<Recorder> {
  const said: Buffer[][] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect({ host: "127.0.0.1", port: target });
    const chunks: Buffer[] = [];
    said.push(chunks);
    upstream.on("data", (chunk: Buffer) => chunks.push(chunk));
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
    }
    client.pipe(upstream).pipe(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return {
    port: address.port,
    octets: () => Buffer.concat(said.flat()),
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
