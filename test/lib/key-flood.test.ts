// Who sends records in which nothing is, and who only sends little at a time.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { connect, createServer as createTlsServer } from "node:tls";

import t, { type Test } from "tap";

import { generateCertificates } from "../../certs/certificates.ts";
import { watchKeyFloods } from "../../src/lib/key-flood.ts";
import { floodServer } from "../support/key-updates.ts";

/** Takes TLS and ends floods; what it has seen of both kinds. */
async function listen(t: Test) {
  const folder = t.testdir();
  await generateCertificates(folder);
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  const secure = createTlsServer({ key: read("server.key"), cert: read("server.pem") });
  const seen = { floods: 0, octets: 0 };
  watchKeyFloods(secure, (socket) => {
    seen.floods += 1;
    socket.destroy();
  });
  secure.on("secureConnection", (socket) => {
    socket.on("error", () => undefined).on("data", ({ length }) => (seen.octets += length));
  });
  const server = createServer((socket) => secure.emit("connection", socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return { port: address.port, ca: read("ca.pem"), seen };
}

t.test("T04: changes of keys without end are ended", async (t) => {
  const { port, ca, seen } = await listen(t);
  t.not(await floodServer(port, ca, Infinity), Infinity);
  t.same(seen, { floods: 1, octets: 0 });
});

t.test("a few changes of keys are nobody's trouble", async (t) => {
  const { port, ca, seen } = await listen(t);
  t.equal(await floodServer(port, ca, 2_000, "and then a word"), 2_000);
  while (seen.octets === 0) await new Promise((resolve) => setImmediate(resolve));
  t.same(seen, { floods: 0, octets: 15 });
});

t.test("many small records are a slow client, not a flood", async (t) => {
  const { port, ca, seen } = await listen(t);
  const client = connect({ port, host: "127.0.0.1", ca, servername: "localhost" });
  await once(client, "secureConnect");
  const octets = 10_000;
  for (let sent = 0; sent < octets; sent += 1) {
    // Only then it is a record of its own.
    await new Promise<void>((resolve) => client.write("x", () => resolve()));
  }
  while (seen.octets < octets) await new Promise((resolve) => setImmediate(resolve));
  // Twice as long as it takes to notice.
  await new Promise((resolve) => setTimeout(resolve, 500));
  t.same(seen, { floods: 0, octets });
  t.notOk(client.destroyed);
  client.destroy();
});
