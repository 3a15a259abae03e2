// One buffer for the reads of all connections, on real sockets.

import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

import t, { type Test } from "tap";

import { sharedReads } from "../../../src/backends/directory/reads.ts";

async function serve(t: Test, greeting: (count: number) => string): Promise<() => Socket> {
  let count = 0;
  const server = createServer((socket) => {
    socket.on("error", () => undefined).end(greeting((count += 1)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const address = server.address() as AddressInfo;
  return () => {
    const socket: Socket = connect({ port: address.port, onread: sharedReads(() => socket) });
    return socket;
  };
}

await t.test("what one connection brought stays as it was when others are read", async (t) => {
  const open = await serve(t, (count) => String(count).repeat(1000));
  const kept: Buffer[] = [];
  for (let time = 0; time < 3; time += 1) {
    const socket = open().on("data", (chunk: Buffer) => kept.push(chunk));
    await once(socket, "end");
  }
  t.equal(Buffer.concat(kept).toString(), "1".repeat(1000) + "2".repeat(1000) + "3".repeat(1000));
});

await t.test("who speaks while nobody listens is left", async (t) => {
  const open = await serve(t, () => "hello");
  const [error] = await once(open(), "error").catch((error: unknown) => [error]);
  t.match(error, { message: "it spoke out of turn" });
});
