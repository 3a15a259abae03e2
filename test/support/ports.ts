// Ports for servers that tests start, and when such a server takes connections.

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

/** Free at this moment, on loopback. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}

// Most servers tell nobody when they listen: the only sign is a connection that succeeds.
export async function untilListening(
  port: number,
  child: ChildProcess,
  logPath: string,
): Promise<void> {
  while (child.exitCode === null && child.signalCode === null) {
    const socket = connect({ host: "127.0.0.1", port });
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    await wait(10);
  }
  throw new Error(`the server ended at once:\n${readFileSync(logPath, "utf8")}`);
}
